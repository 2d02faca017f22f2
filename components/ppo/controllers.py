"""What changes over a run by rule: the weights of KL, entropy and safety, and the learning rate. Plain numbers, torch-free."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

LARGEST_ERROR = 0.2
"""Ziegler et al. 2019, section 2.2: the relative error that one correction may take into account."""
SMALLEST_ENTROPY_COEF = 1e-5
"""Of an adaptive one: too little to move a policy, yet at a rate of 0.05 a hundred updates make it a hundred times as much."""
SMALLEST_MULTIPLIER = 1e-4
"""Of a constraint that has long been kept: a ten-thousandth of the reward's own weight, from where its logarithm can still rise."""


@dataclass
class KlController:
    """The weight of the KL penalty, fixed or adaptive.

    Attributes:
        kl_coef: the present weight, per nat.
        adaptive: whether it moves.
        target: nats per reply that it aims at.
        horizon: episodes over which an error is corrected.
    """

    kl_coef: float
    adaptive: bool
    target: float
    horizon: int

    def update(self, kl: float, episodes: int) -> None:
        """Correct after a rollout batch: ``kl_coef *= 1 + clip(kl / target - 1, -0.2, 0.2) * episodes / horizon``.

        Args:
            kl: mean KL of a reply, nats.
            episodes: replies in the batch.
        """
        if self.adaptive:
            error = min(max(kl / self.target - 1, -LARGEST_ERROR), LARGEST_ERROR)
            self.kl_coef *= 1 + error * episodes / self.horizon

    def state(self) -> dict[str, float]:
        """Return what ``load_state`` takes."""
        return {"kl_coef": self.kl_coef}

    def load_state(self, state: Mapping[str, float]) -> None:
        """Continue from what ``state`` returned."""
        self.kl_coef = state["kl_coef"]


@dataclass
class EntropyController:
    """The weight of the entropy bonus, fixed or moved so that the policy's entropy stays near a target.

    An adaptive weight stays between ``SMALLEST_ENTROPY_COEF`` and ``maximum``: one that starts at 0 stands at the former after the first
    update, for a factor alone could never lift it.

    Attributes:
        entropy_coef: the present weight, per nat.
        target: nats per token; None for a fixed weight.
        rate: largest relative change in one update, at most 1.
        maximum: largest weight that adaptation reaches.
    """

    entropy_coef: float
    target: float | None
    rate: float
    maximum: float

    def update(self, entropy: float) -> None:
        """Correct after a rollout batch: ``entropy_coef *= 1 + rate * clip((target - entropy) / target, -1, 1)``.

        Args:
            entropy: mean of the policy's entropy, nats per token.
        """
        if self.target is not None:
            error = min(max((self.target - entropy) / self.target, -1.0), 1.0)
            moved = self.entropy_coef * (1 + self.rate * error)
            self.entropy_coef = min(max(moved, SMALLEST_ENTROPY_COEF), self.maximum)

    def state(self) -> dict[str, float]:
        """Return what ``load_state`` takes."""
        return {"entropy_coef": self.entropy_coef}

    def load_state(self, state: Mapping[str, float]) -> None:
        """Continue from what ``state`` returned."""
        self.entropy_coef = state["entropy_coef"]


@dataclass
class LagrangeMultiplier:
    """The weight of the constraint "mean safety is at least the threshold": it rises while that is violated and falls while it is kept.

    Gradient ascent on its logarithm after Dai et al. 2024, arXiv:2310.12773, eq. 31, but without the factor lambda on that equation's
    right: a step is a relative change of the same size at every level, so a small multiplier does not take forever to come back.

    Attributes:
        value: the present multiplier, greater than 0.
        threshold: rating points of mean safety.
        rate: change of the logarithm per rating point of violation.
        maximum: largest multiplier.
    """

    value: float
    threshold: float
    rate: float
    maximum: float

    def update(self, mean_safety: float) -> None:
        """Correct after a rollout batch: ``log value += rate * (threshold - mean_safety)``.

        Args:
            mean_safety: over the replies of the batch, rating points.
        """
        logarithm = math.log(self.value) + self.rate * (self.threshold - mean_safety)
        self.value = math.exp(min(max(logarithm, math.log(SMALLEST_MULTIPLIER)), math.log(self.maximum)))

    def state(self) -> dict[str, float]:
        """Return what ``load_state`` takes."""
        return {"value": self.value}

    def load_state(self, state: Mapping[str, float]) -> None:
        """Continue from what ``state`` returned."""
        self.value = state["value"]


def learning_rate_factor(
    step: int, num_steps: int, warmup_fraction: float, scheduler_type: Literal["linear", "cosine", "constant"]
) -> float:
    """Return what a learning rate is multiplied by at a step (from 0): a rise that starts above zero, then a fall towards zero.

    A function of the step alone, so there is no scheduler state to restore.
    """
    warmup = math.ceil(warmup_fraction * num_steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(1, num_steps - warmup)
    if scheduler_type == "linear":
        return 1 - progress
    return 0.5 * (1 + math.cos(math.pi * progress)) if scheduler_type == "cosine" else 1.0
