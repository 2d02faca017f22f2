"""What changes over a run by rule: the KL coefficient and the learning rate. Plain numbers, torch-free."""

import math
from dataclasses import dataclass
from typing import Literal

LARGEST_ERROR = 0.2
"""Ziegler et al. 2019, section 2.2: the relative error that one correction may take into account."""


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
