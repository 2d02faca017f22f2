"""Membership inference: how well scores tell people in train from people in test. Pure numbers: no model, no file.

m: members; k: non-members; R: resamples. A higher score means a member. The area under the ROC curve is the chance that a random member
scores above a random non-member, ties half. Conversations of one person depend on each other, so the bootstrap resamples people.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

Array = NDArray[numpy.float64]
FALSE_ALARMS = 0.01
"""Rate of non-members called members, at which the rate of members found is read."""


@dataclass(frozen=True)
class Side:
    """Scores of one side and whose they are.

    Attributes:
        scores: one per conversation, shape (m,).
        people: person of each conversation.
    """

    scores: Array
    people: Sequence[str]

    @property
    def num_people(self) -> int:
        """Different people."""
        return len(set(self.people))

    def resampled(self, resamples: int, rng: numpy.random.Generator) -> Array:
        """Return how often each conversation is drawn when people are resampled, shape (R, m)."""
        _, owners = numpy.unique(numpy.array(self.people, dtype=object).astype(str), return_inverse=True)
        count = int(owners.max()) + 1
        draws = rng.multinomial(count, numpy.full(count, 1 / count), size=resamples)
        weights: Array = draws[:, owners].astype(float)
        return weights


@dataclass(frozen=True)
class Attack:
    """How well one score attacks.

    Attributes:
        auc: area under the ROC curve.
        auc_bounds: one-sided 95 % bounds, below and above.
        tpr: members found at 1 % false alarms.
        tpr_bounds: the same.
    """

    auc: float
    auc_bounds: tuple[float, float]
    tpr: float
    tpr_bounds: tuple[float, float]


def attack(members: Side, others: Side, *, resamples: int, seed: int) -> Attack:
    """Measure an attack with bootstrap bounds over people."""
    rng = numpy.random.default_rng(seed)
    weights, other_weights = members.resampled(resamples, rng), others.resampled(resamples, rng)
    above = _above(members.scores, others.scores)
    areas = numpy.einsum("rk,rk->r", weights @ above, other_weights) / (weights.sum(axis=1) * other_weights.sum(axis=1))
    rates = numpy.array([found_at(members.scores, others.scores, w, v) for w, v in zip(weights, other_weights, strict=True)])
    return Attack(
        auc=float(above.mean()),
        auc_bounds=_bounds(areas),
        tpr=found_at(members.scores, others.scores, numpy.ones(len(members.scores)), numpy.ones(len(others.scores))),
        tpr_bounds=_bounds(rates),
    )


def found_at(members: Array, others: Array, weights: Array, other_weights: Array, false_alarms: float = FALSE_ALARMS) -> float:
    """Return the share of members that score above the lowest threshold with at most ``false_alarms`` of the non-members above it."""
    order = numpy.argsort(-others, kind="stable")
    shares = numpy.cumsum(other_weights[order]) / other_weights.sum()
    allowed = int(numpy.searchsorted(shares, false_alarms, side="right"))  # so many of the highest may be called members
    if allowed >= len(order):
        return 1.0
    threshold = others[order[allowed]]
    return float(weights[members > threshold].sum() / weights.sum())


def roc(members: Array, others: Array) -> list[tuple[float, float]]:
    """Return the ROC curve as points (false alarms, members found), from (0, 0) to (1, 1)."""
    thresholds = numpy.unique(numpy.concatenate([members, others]))[::-1]
    points = [(0.0, 0.0)]
    points += [(float((others >= level).mean()), float((members >= level).mean())) for level in thresholds]
    return points


def mean_loss(losses: Array) -> float:
    """Return the mean loss, nats per token."""
    return float(losses.mean())


def min_k(losses: Array, fraction: float) -> float:
    """Return the mean loss of the least likely tokens (Min-K%), at least one."""
    count = max(1, round(fraction * len(losses)))
    return float(numpy.sort(losses)[-count:].mean())


def _above(members: Array, others: Array) -> Array:
    difference = members[:, None] - others[None, :]
    comparison: Array = (difference > 0).astype(float) + 0.5 * (difference == 0)
    return comparison


def _bounds(replicates: Array) -> tuple[float, float]:
    low, high = numpy.quantile(replicates, [0.05, 0.95])
    return float(low), float(high)
