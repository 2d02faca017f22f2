"""The order of training examples: shuffled, those of like length together, the same for a seed and an epoch wherever training starts.

Both samplers of transformers draw from torch's global generator, so a resumed run sees another order than an uninterrupted one.
"""

from collections.abc import Iterator, Sequence

import torch

_GROUP_BATCHES = 50
"""Batches that are sorted by length together: enough for little padding, few enough for a new mixture each epoch (as in transformers)."""


class LengthGroupedSampler(torch.utils.data.Sampler[int]):
    """Indices in batches of similar length, in an order that depends on seed and epoch alone."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        """Take the length of each example and the number of examples in one optimizer step."""
        self._lengths, self._batch_size, self._seed, self._epoch = list(lengths), batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration is for, counted from 0."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        shuffled = torch.randperm(len(self._lengths), generator=generator).tolist()
        size = _GROUP_BATCHES * self._batch_size
        grouped: list[int] = []
        for start in range(0, len(shuffled), size):
            grouped += sorted(shuffled[start : start + size], key=lambda index: self._lengths[index], reverse=True)
        batches = [grouped[start : start + self._batch_size] for start in range(0, len(grouped), self._batch_size)]
        whole = [batch for batch in batches if len(batch) == self._batch_size]
        rest = [batch for batch in batches if len(batch) < self._batch_size]  # at most one, last: batches must stay aligned
        order = torch.randperm(len(whole), generator=generator).tolist()
        for batch in [*(whole[index] for index in order), *rest]:
            yield from batch
