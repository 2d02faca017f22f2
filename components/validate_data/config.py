"""Settings of the validate_data stage."""

from typing import Literal

from pydantic import Field

from components.shared.config import StageConfig

ReviewCode = Literal[
    "LANGUAGE_MISMATCH",
    "OTHER_LANGUAGE",
    "CODE_SWITCHING",
    "NEAR_DUPLICATE",
    "UNSAFE_CRISIS_REPLY",
    "TOXIC_REPLY",
    "DIAGNOSIS",
    "MEDICATION_ADVICE",
    "IDENTIFIER_IN_META",
]


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
    languages: tuple[Literal["en", "ru", "uz"], ...] = ("en", "ru", "uz")
    """Languages that rows may be in; Uzbek in Latin or Cyrillic letters. Rows in none of them are OTHER_LANGUAGE."""
    default_language: str = ""
    """Language that rows declare when they have no ``meta.language``, such as ``uz``; empty: such rows declare none."""
    quarantine_codes: tuple[ReviewCode, ...] = ("UNSAFE_CRISIS_REPLY",)
    """Review codes that refuse a row; the others are listed for review and the row is used. A model must not learn to pass over a crisis;
    the lexical sign was wrong in about 1 of 1,000 ESConv dialogues."""
    near_duplicate_similarity: float = Field(default=0.7, gt=0.0, le=1.0)
    """Jaccard similarity of word triples, estimated by MinHash, from which one is a NEAR_DUPLICATE; as in split."""
    near_duplicate_min_words: int = Field(default=20, ge=1)
    """Dialogues with fewer words are not compared: short ones are alike by rights."""
    max_review_fraction: float = Field(default=0.02, ge=0.0, le=1.0)
    """Warn when more than this share of rows shows insults, diagnoses or medication advice by the assistant, each."""
    labels: tuple[str, ...] = ("strategy", "emotion", "emotion_type", "position", "chosen_position", "order")
    """Keys of ``meta`` that hold labels: constant ones are warned about, shares of the others are watched for drift."""
    baseline_profile: str = ""
    """URI of the ``profile.json`` of an earlier run (in its ``checks`` artifact) to measure drift against; empty: none."""
    max_drift: float = Field(default=0.25, gt=0.0)
    """Population stability index above which a measure's drift is a warning; 0.25 is the usual mark of a major shift (Siddiqi 2006)."""
    critical_drift: float | None = Field(default=None, gt=0.0)
    """Population stability index above which drift stops the run; unset: never."""
