"""Poisson sampling: at each step every unit is in with the same probability, independently of the others.

The accountant's amplification by sampling holds for exactly this, not for shuffled batches. Which units a step sees, and its noise, follow
from a secret and the step's number alone, so a killed and resumed run draws what an uninterrupted one would have drawn. The secret is 256
bits from the operating system; torch's generators take less of it (32 bits on a CPU, 64 on a GPU), which is why each step is seeded anew:
who wants to undo the noise of an adapter has to guess every step's seed at once.
"""

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import torch

_SECRET = "dp_secret"


class PoissonSampler(torch.utils.data.Sampler[list[int]]):
    """Batches of indices, one a step; a batch can be empty."""

    def __init__(self, num_units: int, sample_rate: float, steps_per_epoch: int, secret: str) -> None:
        """Take the number of units, the probability that one is in a step, the steps in an epoch, and what all draws follow from."""
        self._num_units, self._rate, self._steps, self._secret, self._epoch = num_units, sample_rate, steps_per_epoch, secret, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration is for, counted from 0."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self._epoch * self._steps, (self._epoch + 1) * self._steps):
            yield self.draw(step)

    def draw(self, step: int) -> list[int]:
        """Return the units of a step, counted from 0 over all epochs."""
        generator = torch.Generator().manual_seed(step_seed(self._secret, "sampling", step))
        drawn = torch.rand(self._num_units, generator=generator, dtype=torch.float64)
        return (drawn < self._rate).nonzero().flatten().tolist()


def step_seed(secret: str, purpose: Literal["sampling", "noise"], step: int) -> int:
    """Return the seed (63 bits) of one step's draw for one purpose."""
    return int.from_bytes(hashlib.sha256(f"{secret}/{purpose}/{step}".encode()).digest()[:8], "big") >> 1


def kept_secret(folder: Path, seed: int | None) -> str:
    """Return what sampling and noise follow from: the given seed, or a secret that lies in the checkpoint folder as long as that does.

    Args:
        folder: for checkpoints.
        seed: for tests; None draws the secret.
    """
    if seed is not None:
        return str(seed)
    path = folder / _SECRET
    if not path.is_file():
        temporary = folder / f"{_SECRET}.new"
        temporary.touch(mode=0o600)
        temporary.write_text(secrets.token_hex(32), encoding="ascii")
        temporary.replace(path)
    return path.read_text(encoding="ascii")
