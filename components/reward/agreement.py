"""How well scores agree with human preferences, and whether they merely count words. Plain numbers in, plain numbers out.

n: pairs. A reward model that likes long replies can have a good accuracy and still be worthless, because PPO will write longer replies; so
the length rule ("the longer reply is better") is measured beside it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """A share of successes with its Wilson 95 % interval (Wilson 1927); not a number, from 0 to 1, where n is 0."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class ScoredPairs:
    """Scores and reply lengths (tokens) of the chosen and the rejected replies, each of length n."""

    chosen: Sequence[float]
    rejected: Sequence[float]
    chosen_lengths: Sequence[int]
    rejected_lengths: Sequence[int]


def wilson(successes: float, n: int) -> Share:
    """Return a share and its interval; ties may count as half a success."""
    if n == 0:
        return Share(math.nan, 0.0, 1.0, 0)
    share = successes / n
    centre = (share + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
    half = _Z95 / (1 + _Z95**2 / n) * math.sqrt(share * (1 - share) / n + _Z95**2 / (4 * n * n))
    return Share(share, max(0.0, centre - half), min(1.0, centre + half), n)


def accuracy(pairs: ScoredPairs) -> Share:
    """Return the share of pairs whose chosen reply has the higher score; equal scores are half right."""
    return wilson(_wins(pairs.chosen, pairs.rejected), len(pairs.chosen))


def accuracy_against_length(pairs: ScoredPairs) -> Share:
    """Return the accuracy on the pairs whose chosen reply is the shorter one: there, counting words is always wrong."""
    kept = [index for index in range(len(pairs.chosen)) if pairs.chosen_lengths[index] < pairs.rejected_lengths[index]]
    return wilson(_wins([pairs.chosen[index] for index in kept], [pairs.rejected[index] for index in kept]), len(kept))


def length_rule_accuracy(pairs: ScoredPairs) -> Share:
    """Return the accuracy of the rule that the longer reply is better; equal lengths are half right."""
    return wilson(_wins(pairs.chosen_lengths, pairs.rejected_lengths), len(pairs.chosen))


def length_correlation(pairs: ScoredPairs) -> float:
    """Return Spearman's correlation of score and length over all replies."""
    return spearman([*pairs.chosen, *pairs.rejected], [*pairs.chosen_lengths, *pairs.rejected_lengths])


def calibration_error(pairs: ScoredPairs, num_bins: int = 10) -> float:
    """Return the expected calibration error of ``sigmoid(|r_w - r_l|)`` as the probability that the model's choice is right.

    Pairs fall into ``num_bins`` bins of equal width by that probability (from 0.5 to 1); the error is the mean over pairs of the distance
    between their bin's mean probability and its share of right choices (Guo et al. 2017, arXiv:1706.04599, eq. 5).
    """
    gaps = numpy.asarray(pairs.chosen, dtype=float) - numpy.asarray(pairs.rejected, dtype=float)
    confidence = 1 / (1 + numpy.exp(-numpy.abs(gaps)))
    right = numpy.where(gaps == 0, 0.5, (gaps > 0).astype(float))
    bins = numpy.minimum(((confidence - 0.5) * 2 * num_bins).astype(int), num_bins - 1)
    total = sum(abs(float((confidence - right)[bins == index].sum())) for index in range(num_bins))
    return total / len(gaps)


def spearman(left: Sequence[float], right: Sequence[float]) -> float:
    """Return Spearman's rank correlation, ties with their mean rank; 0 where one side is constant (nothing to order)."""
    first, second = _ranks(left), _ranks(right)
    first, second = first - first.mean(), second - second.mean()
    scale = math.sqrt(float((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / scale if scale > 0 else 0.0


def _ranks(values: Sequence[float]) -> NDArray[numpy.float64]:
    _, inverse, counts = numpy.unique(numpy.asarray(values, dtype=float), return_inverse=True, return_counts=True)
    last = counts.cumsum().astype(float)
    ranks: NDArray[numpy.float64] = (last - (counts - 1) / 2)[inverse]
    return ranks


def _wins(chosen: Sequence[float], rejected: Sequence[float]) -> float:
    return sum(1.0 if winner > loser else 0.5 if winner == loser else 0.0 for winner, loser in zip(chosen, rejected, strict=True))
