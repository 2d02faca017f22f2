"""Training examples: conversations cut into windows, labels only where the assistant speaks."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import datasets

from components.shared import chat
from components.shared.errors import ContractError
from components.shared.progress import track
from components.shared.records import Conversation

IGNORED = -100
"""The label that cross-entropy skips, as torch and transformers define it."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Examples:
    """Windows with labels and what was counted on the way."""

    windows: list[chat.Encoded]
    conversations: list[int]
    """For each window, which of the split's conversations it is part of."""
    people: list[str]
    """For each window, whose conversation it is."""
    num_conversations: int
    num_lost_replies: int
    """Replies in no window: before the first user turn, or behind a user turn that alone fills the window."""
    num_split: int
    """Conversations longer than a window."""
    num_cut: int
    """Windows whose single exchange was too long and lost its end."""

    @property
    def num_tokens(self) -> int:
        """Tokens that the model reads in one epoch."""
        return sum(len(window) for window in self.windows)

    @property
    def num_loss_tokens(self) -> int:
        """Tokens that the loss counts in one epoch (the first token of a window is never predicted, and never the assistant's)."""
        return sum(sum(window.assistant_mask) for window in self.windows)

    def dataset(self, *, by_length: bool = False) -> datasets.Dataset:
        """Return the columns that TRL's collator reads; ``by_length`` sorts, so that batches in order need little padding."""
        windows = sorted(self.windows, key=len) if by_length else self.windows
        rows = [{"input_ids": window.input_ids, "labels": labels_of(window)} for window in windows]
        return datasets.Dataset.from_list(rows)


def build(tokenizer: Any, conversations: Iterable[Conversation], max_length: int, split: str) -> Examples:
    """Cut conversations into windows.

    Args:
        tokenizer: of the base model.
        conversations: of one split.
        max_length: longest window, tokens.
        split: its name, for progress and errors.

    Raises:
        ContractError: no conversation has a reply to learn from.
    """
    rows = list(conversations)
    windows: list[chat.Encoded] = []
    sources: list[int] = []
    people: list[str] = []
    num_replies = num_split = num_cut = 0
    for index, row in enumerate(track(rows, f"tokenize {split}", len(rows))):
        pieces = chat.windows(tokenizer, row.messages, max_length)
        num_replies += sum(message.role == "assistant" for message in row.messages)
        num_split += len(pieces) > 1
        num_cut += sum(_is_cut(tokenizer, piece) for piece in pieces)
        windows.extend(pieces)
        sources.extend([index] * len(pieces))
        people.extend([row.person_id] * len(pieces))
    if not windows:
        raise ContractError(f"{split}: none of {len(rows)} conversations has a reply to learn from; check the data and the split")
    num_lost = num_replies - sum(_count_replies(window) for window in windows)
    examples = Examples(windows, sources, people, len(rows), num_lost, num_split, num_cut)
    _logger.info("%s: %d conversations, %d windows, %d tokens", split, len(rows), len(windows), examples.num_tokens)
    return examples


def labels_of(window: chat.Encoded) -> list[int]:
    """Return the window's token ids where the assistant speaks and ``IGNORED`` elsewhere."""
    return [token if spoken else IGNORED for token, spoken in zip(window.input_ids, window.assistant_mask, strict=True)]


def _count_replies(window: chat.Encoded) -> int:
    return sum(later > earlier for earlier, later in pairwise(window.assistant_mask))


def _is_cut(tokenizer: Any, window: chat.Encoded) -> bool:
    """A whole window's last assistant token ends its turn; a cut one's does not."""
    last = max(position for position, spoken in enumerate(window.assistant_mask) if spoken)
    return window.input_ids[last] not in chat.end_of_turn_ids(tokenizer)
