"""Settings of the validate_data stage."""

from pydantic import Field

from components.shared.config import StageConfig


class ValidateDataConfig(StageConfig):
    """What a usable row is, and how many unusable ones a run may have."""

    max_invalid_fraction: float = Field(default=0.05, ge=0.0, le=1.0)
    """Largest share of refused rows, 0-1, per file; above it the stage fails. One in twenty is noise, more is a wrong export."""
    min_turns: int = Field(default=2, ge=2)
    """Fewest messages of a conversation, after trimming: one exchange."""
    max_turns: int = Field(default=200, ge=2)
    """Most messages of a conversation or prompt; longer ones are logs or several sessions in one row."""
    max_turn_characters: int = Field(default=20_000, ge=1)
    """Longest message in characters (about 5,000 tokens); a longer one is a pasted document, not a turn."""
    max_row_bytes: int = Field(default=8 << 20, ge=1024)
    """Longest line of a JSONL file or cell of a CSV file, in bytes; a guard for memory."""
    trim_to_reply: bool = True
    """Cut assistant turns before the first user turn and user turns after the last reply (chat templates want a user turn first).
    Off: such rows are refused. Trimmed rows are counted and listed in the quarantine artifact."""
    person_id_field: str = Field(default="person_id", min_length=1)
    """Dotted path of the field that says whose row it is, such as ``meta.prompt_id``. A row without it falls back to ``person_id``,
    then to its own id, which is counted and reported."""
    keep_meta: tuple[str, ...] = ("topic",)
    """Keys of ``meta`` whose strings are kept whatever they look like. Elsewhere only numbers, flags and one-word labels are kept,
    because free text in ``meta`` (a situation, a comment) is as personal as a message."""
    max_rating: float = Field(default=5.0, gt=0)
    """Largest value of a rating in ``meta.ratings``; the smallest is 0."""
    max_length_rule_accuracy: float = Field(default=0.75, ge=0.5, le=1.0)
    """Warn when "the longer reply is the chosen one" is right more often than this share of pairs: a reward model would learn length."""
