"""Texts as windows of word pieces, and the encoder's states gathered per word.

Shapes: B windows, T word pieces, W words (padded), S width of the encoder's states.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Encoding

from components.anonymize.neural.encoder import FrozenEncoder
from components.anonymize.neural.features import Word

PIECES = 160
"""Word pieces in a window; attention over more buys nothing for names and costs time."""

CONTEXT = 24
"""Word pieces at each cut edge of a window that are only read: the neighbouring window decides about them."""

_PIECES_PER_WORD = 24
_PIECES_PER_BATCH = 3072


@dataclass(frozen=True)
class Window:
    """A run of words of one text."""

    text: int
    """Number of the text."""
    first: int
    """Number of the first word in its text."""
    ids: list[int]
    owners: list[int]
    """For each word piece the word that it belongs to, counted from the first of the window."""
    keep: tuple[int, int]
    """Words, counted from the first of the window, about which this window decides."""

    @property
    def size(self) -> int:
        """Number of words."""
        return self.owners[-1] + 1


def split(encoder: FrozenEncoder, texts: Sequence[str]) -> tuple[list[list[Word]], list[Window]]:
    """Split texts into words and windows; every word is kept by exactly one window."""
    words: list[list[Word]] = []
    windows: list[Window] = []
    for number, encoding in enumerate(encoder.pieces(texts)):
        found, ids = _words(encoding)
        words.append(found)
        windows += _windows(number, ids)
    return words, windows


def _words(encoding: Encoding) -> tuple[list[Word], list[list[int]]]:
    words: list[Word] = []
    ids: list[list[int]] = []
    previous = None
    for piece, owner, (start, end) in zip(encoding.ids, encoding.word_ids, encoding.offsets, strict=True):
        if start == end:
            continue
        if owner != previous or not words:
            words.append(Word(start, end))
            ids.append([piece])
            previous = owner
        else:
            words[-1] = Word(words[-1].start, max(end, words[-1].end))
            if len(ids[-1]) < _PIECES_PER_WORD:
                ids[-1].append(piece)
    return words, ids


def _windows(text: int, ids: list[list[int]]) -> Iterator[Window]:
    first = 0
    keep_from = 0
    while keep_from < len(ids):
        last = first
        taken = 0
        while last < len(ids) and taken + len(ids[last]) <= PIECES:
            taken += len(ids[last])
            last += 1
        keep_to = last if last == len(ids) else _step_back(ids, last)
        owners = [word - first for word in range(first, last) for _ in ids[word]]
        yield Window(text, first, [piece for word in ids[first:last] for piece in word], owners, (keep_from - first, keep_to - first))
        keep_from, first = keep_to, _step_back(ids, keep_to)


def _step_back(ids: list[list[int]], word: int) -> int:
    """Return the word that begins CONTEXT pieces before another."""
    pieces = 0
    while word > 0 and pieces + len(ids[word - 1]) <= CONTEXT:
        word -= 1
        pieces += len(ids[word])
    return word


def batches(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """Group windows of like length, the shortest first, so that little padding is computed."""
    batch: list[Window] = []
    for window in sorted(windows, key=lambda window: len(window.ids)):
        if batch and len(window.ids) * (len(batch) + 1) > _PIECES_PER_BATCH:
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def word_states(encoder: FrozenEncoder, batch: Sequence[Window]) -> torch.Tensor:
    """Average the encoder's states over the pieces of each word.

    Returns:
        Shape (B, W, S), zero beyond a window's words.
    """
    states = encoder.encode([window.ids for window in batch])
    width = max(window.size for window in batch)
    rows = torch.tensor([row * width + owner for row, window in enumerate(batch) for owner in window.owners])
    flat = torch.cat([states[row, : len(window.ids)] for row, window in enumerate(batch)])
    total = torch.zeros(len(batch) * width, states.shape[-1]).index_add_(0, rows, flat)
    counts = torch.bincount(rows, minlength=len(batch) * width).clamp(min=1)
    return (total / counts[:, None]).view(len(batch), width, -1)
