"""Mean and standard deviation of everything seen so far, in batches of any size (needs torch)."""

import math
from collections.abc import Mapping

import torch

from components.shared.errors import ContractError


class RunningMoments:
    """Mean and population standard deviation of a stream of numbers, in double precision.

    Batches are joined by the formula of Chan, Golub and LeVeque (1979, Updating Formulae and a Pairwise Algorithm for Computing Sample
    Variances), so the result is that of one pass over all values, however they were batched.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean = 0.0
        self._squared_deviations = 0.0

    def update(self, values: torch.Tensor) -> None:
        """Take in a batch.

        Args:
            values: of any shape and real type; an empty batch changes nothing.

        Raises:
            ContractError: a value is nan or infinite, which no later value could mend.
        """
        batch = values.detach().to("cpu", torch.float64).flatten()
        if len(batch) == 0:
            return
        bad = int((~batch.isfinite()).sum())
        if bad:
            raise ContractError(f"{bad} of {len(batch)} scores are nan or infinite; wanted finite ones: check the reward model or function")
        # Deviations from a value of the batch, not from zero: equal values then have a deviation of exactly zero.
        origin = batch[0]
        mean = float(origin + (batch - origin).mean())
        squared_deviations = float((batch - mean).square().sum())
        distance, share = mean - self._mean, len(batch) / (self.count + len(batch))
        self._squared_deviations += squared_deviations + distance**2 * self.count * share
        self._mean += distance * share
        self.count += len(batch)

    @property
    def mean(self) -> float:
        """Of all values; 0 before the first."""
        return self._mean

    @property
    def std(self) -> float:
        """Population standard deviation of all values; 1 until there are two different ones, so that dividing by it is always possible."""
        return math.sqrt(self._squared_deviations / self.count) if self._squared_deviations > 0 else 1.0

    def state(self) -> dict[str, float]:
        """Return what ``load_state`` takes."""
        return {"count": float(self.count), "mean": self._mean, "squared_deviations": self._squared_deviations}

    def load_state(self, state: Mapping[str, float]) -> None:
        """Continue from what ``state`` returned."""
        self.count = int(state["count"])
        self._mean, self._squared_deviations = state["mean"], state["squared_deviations"]
