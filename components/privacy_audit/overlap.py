"""How much of a generation stands word for word in what one person was told in training.

A run of tokens that replies to two or more people share is a stock phrase and says nothing about anybody; it does not count. Runs are
compared by 64-bit hashes.

n: tokens of a run.
"""

from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

Hashes = NDArray[numpy.uint64]
_BASE = 0x9E3779B97F4A7C15


class PersonalRuns:
    """Runs of n tokens that stand in the replies to exactly one person of train, and to nobody of test."""

    def __init__(self, train: Sequence[tuple[str, Sequence[int]]], test: Sequence[tuple[str, Sequence[int]]], length: int) -> None:
        """Index replies.

        Args:
            train: person and reply tokens.
            test: the same of people who were not trained on.
            length: n.
        """
        self.length = length
        numbers: dict[str, int] = {}
        hashes, owners, trained = [], [], []
        for replies, member in ((train, True), (test, False)):
            for person, ids in replies:
                found = run_hashes(ids, length)
                hashes.append(found)
                owners.append(numpy.full(len(found), numbers.setdefault(person, len(numbers)), dtype=numpy.int64))
                trained.append(numpy.full(len(found), member))
        if not hashes:
            self._known = numpy.empty(0, dtype=numpy.uint64)
            return
        pairs = numpy.stack([numpy.concatenate(hashes), numpy.concatenate(owners).astype(numpy.uint64)], axis=1)
        distinct, first = numpy.unique(pairs, axis=0, return_index=True)
        values, starts, counts = numpy.unique(distinct[:, 0], return_index=True, return_counts=True)
        single = (counts == 1) & numpy.concatenate(trained)[first[starts]]
        self._known = values[single]

    def contains(self, ids: Sequence[int]) -> bool:
        """Say whether a generation holds a personal run."""
        return bool(numpy.isin(run_hashes(ids, self.length), self._known).any())

    def is_personal(self, ids: Sequence[int]) -> bool:
        """Say whether exactly these n tokens are a personal run."""
        return len(ids) == self.length and self.contains(ids)


def longest_run(generations: Sequence[Sequence[int]], train: Sequence[tuple[str, Sequence[int]]]) -> int:
    """Return the longest run that any generation shares with any training reply, stock phrases included, tokens."""
    low, high = 0, max((len(ids) for ids in generations), default=0)
    while low < high:  # a run of n holds one of n - 1: bisect
        middle = (low + high + 1) // 2
        known = [run_hashes(ids, middle) for _, ids in train]
        ours = [run_hashes(ids, middle) for ids in generations]
        shared = known and ours and numpy.isin(numpy.concatenate(ours), numpy.concatenate(known)).any()
        low, high = (middle, high) if shared else (low, middle - 1)
    return low


def run_hashes(ids: Sequence[int], length: int) -> Hashes:
    """Return the hash of each run of ``length`` tokens, in their order; empty when there are fewer tokens."""
    if len(ids) < length:
        return numpy.empty(0, dtype=numpy.uint64)
    powers = numpy.array([pow(_BASE, place, 2**64) for place in range(length)], dtype=numpy.uint64)
    tokens = numpy.asarray(ids, dtype=numpy.uint64) + numpy.uint64(1)
    tokens = tokens * numpy.uint64(0xBF58476D1CE4E5B9)
    tokens ^= tokens >> numpy.uint64(31)
    windows = numpy.lib.stride_tricks.sliding_window_view(tokens, length)
    hashes: Hashes = (windows * powers).sum(axis=1, dtype=numpy.uint64)
    return hashes
