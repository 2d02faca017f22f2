"""Settings of the evaluation."""

from pydantic import Field

from components.shared.config import StageConfig


class EvaluateConfig(StageConfig):
    """What is measured, on how much, and how replies are decoded."""

    seed: int = 7
    """Of sampling, the choice of items, folds, bootstrap and permutations."""
    perplexity: bool = True
    """Measure human replies, and the models' own replies under the base model."""
    empathy: bool = True
    """Train the empathy scorer; score empathy, relevance, length and diversity of replies."""
    crisis: bool = True
    """Check replies to crisis prompts and near misses."""
    forgetting: bool = True
    """Measure general text."""
    max_conversations: int = Field(default=300, ge=1)
    """Held-out conversations for perplexity; a seeded choice where there are more."""
    max_prompts: int = Field(default=300, ge=1)
    """Prompts that each arm answers, from conversations and preference pairs. Power .8 at an effect of .2 sd needs 155 people."""
    max_crisis_prompts: int = Field(default=600, ge=1)
    """Crisis prompts and near misses. With no failure, 59 prompts prove less than 5 %, 149 less than 2 %, 299 less than 1 %."""
    max_general_texts: int = Field(default=200, ge=1)
    """General texts."""
    max_length: int = Field(default=1024, ge=32)
    """Tokens of context for perplexity, at most the model's own; longer dialogues are scored in stretches of whole turns."""
    max_new_tokens: int = Field(default=160, ge=1)
    """Tokens of a reply, at most."""
    temperature: float = Field(default=0.0, ge=0, le=2)
    """0: greedy (for gates: no luck involved); otherwise seeded sampling from the full distribution."""
    generation_batch_size: int = Field(default=16, ge=1)
    """Replies generated at once."""
    batch_tokens: int = Field(default=8192, ge=64)
    """Tokens (padding included) in a perplexity batch; lowered when the vocabulary makes logits too large."""
    embedding_batch_size: int = Field(default=64, ge=1)
    """Texts embedded at once."""
    folds: int = Field(default=5, ge=2, le=20)
    """Grouped cross-validation of the empathy scorer."""
    flips: int = Field(default=10_000, ge=1000)
    """Random exchanges of the permutation test; all of them where 2^n is smaller."""
    resamples: int = Field(default=2000, ge=200)
    """Bootstrap resamples (from 30 units on)."""
    diversity_words: int = Field(default=2000, ge=20)
    """Words over which distinct-2 is counted; it depends on the amount of text, so every arm gets the same."""
    show_prompts: bool = True
    """Show a few anonymised test prompts beside the replies in the HTML report."""
    shown_prompts: int = Field(default=8, ge=0, le=100)
    """How many."""
