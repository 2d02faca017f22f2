"""Intervals and paired tests over units (people, prompts, texts). Pure numbers: no model, no file.

n: units; F: flips; R: resamples. Every estimate is a ratio of sums over units, ``sum(numerators) / sum(denominators)``: with unit
denominators it is the mean over units, with token counts the token-weighted mean over a corpus.

Paired sign-flip permutation: under no difference each unit's two arms are exchangeable. Its type I error held at .04-.05 from n = 12 on,
where the percentile bootstrap had .07; so intervals are BCa bootstrap (Efron 1987) from 30 units on and Student's t below.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[numpy.float64]
BOOTSTRAP_MIN_UNITS = 30
_TOLERANCE = 1e-12  # relative: two sums of the same numbers in another order are equal


@dataclass(frozen=True)
class UnitSums:
    """One arm of one metric.

    Attributes:
        numerators: per unit, shape (n,).
        denominators: per unit, positive, shape (n,).
    """

    numerators: Array
    denominators: Array

    @property
    def mean(self) -> float:
        """The ratio of sums."""
        return float(self.numerators.sum() / self.denominators.sum())


@dataclass(frozen=True)
class Interval:
    """Two-sided at ``confidence``, and the one-sided bounds at the same error as a whole (ends of the interval at twice the error)."""

    low: float
    high: float
    lower_bound: float
    upper_bound: float


@dataclass(frozen=True)
class PermutationTest:
    """P-values of the paired permutation test of no difference."""

    two_sided: float
    greater: float
    less: float


def ratio_interval(sums: UnitSums, *, resamples: int, seed: int, confidence: float = 0.95) -> Interval | None:
    """Return the interval of one arm's ratio; None for fewer than two units."""
    zero = UnitSums(numpy.zeros_like(sums.numerators), numpy.ones_like(sums.denominators))
    return difference_interval(sums, zero, resamples=resamples, seed=seed, confidence=confidence)


def difference_interval(candidate: UnitSums, baseline: UnitSums, *, resamples: int, seed: int, confidence: float = 0.95) -> Interval | None:
    """Return the interval of the difference of two ratios, units resampled in pairs; None for fewer than two units.

    Args:
        candidate: shape (n,) each.
        baseline: the same units in the same order.
        resamples: R.
        seed: of the bootstrap.
        confidence: of the two-sided interval.
    """
    n = len(candidate.numerators)
    if n < 2:
        return None
    error = 1 - confidence
    quantiles = numpy.array([error / 2, 1 - error / 2, error, 1 - error])
    if n < BOOTSTRAP_MIN_UNITS:
        ends = _student_ends(candidate, baseline, quantiles)
    else:
        ends = _bca_ends(candidate, baseline, quantiles, resamples, seed)
    low, high, lower_bound, upper_bound = (float(end) for end in ends)
    return Interval(low, high, lower_bound, upper_bound)


def permutation_test(candidate: UnitSums, baseline: UnitSums, *, flips: int, seed: int) -> PermutationTest:
    """Test whether two arms differ by exchanging them within units: all 2^n exchanges where they are few, else ``flips`` random ones.

    With unit denominators this is the sign-flip test on the differences. Random flips count the observed one too, so p is never zero.
    """
    n = len(candidate.numerators)
    exact = n < 63 and 2**n <= flips
    if exact:
        swaps = ((numpy.arange(2**n)[:, None] >> numpy.arange(n)) & 1).astype(float)
    else:
        swaps = numpy.random.default_rng(seed).integers(0, 2, size=(flips, n)).astype(float)
    first = _swapped(candidate, baseline, swaps)
    second = _swapped(baseline, candidate, swaps)
    permuted, observed = first - second, candidate.mean - baseline.mean
    slack = _TOLERANCE * max(1.0, abs(candidate.mean), abs(baseline.mean))
    extra = 0 if exact else 1

    def share(hits: NDArray[numpy.bool_]) -> float:
        return (int(hits.sum()) + extra) / (len(permuted) + extra)

    return PermutationTest(
        two_sided=share(numpy.abs(permuted) >= abs(observed) - slack),
        greater=share(permuted >= observed - slack),
        less=share(permuted <= observed + slack),
    )


def clopper_pearson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Return the exact interval of a rate (Clopper and Pearson 1934).

    Raises:
        ValueError: there are no trials, or more successes than trials.
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} trials: wanted 0 <= successes <= trials and at least one trial")
    error = 1 - confidence

    def lower(level: float) -> float:
        return 0.0 if successes == 0 else float(stats.beta.ppf(level, successes, n - successes + 1))

    def upper(level: float) -> float:
        return 1.0 if successes == n else float(stats.beta.ppf(1 - level, successes + 1, n - successes))

    return Interval(lower(error / 2), upper(error / 2), lower(error), upper(error))


def newcombe(candidate: Sequence[bool], baseline: Sequence[bool], confidence: float = 0.95) -> Interval:
    """Return the interval of a difference of paired rates (Newcombe 1998, method 10).

    Unlike a bootstrap it does not shrink to a point when no failure was seen.
    """
    both = sum(c and b for c, b in zip(candidate, baseline, strict=True))
    only_candidate, only_baseline = sum(candidate) - both, sum(baseline) - both
    n = len(candidate)
    neither = n - both - only_candidate - only_baseline
    error = 1 - confidence
    low, high = _newcombe_ends(both, only_candidate, only_baseline, neither, float(stats.norm.ppf(1 - error / 2)))
    lower_bound, upper_bound = _newcombe_ends(both, only_candidate, only_baseline, neither, float(stats.norm.ppf(1 - error)))
    return Interval(low, high, lower_bound, upper_bound)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return Holm's step-down adjusted p-values: reject where the adjusted value is at most alpha (Holm 1979)."""
    adjusted: dict[str, float] = {}
    running = 0.0
    for rank, (name, p_value) in enumerate(sorted(p_values.items(), key=lambda entry: entry[1])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_value))
        adjusted[name] = running
    return adjusted


def _student_ends(candidate: UnitSums, baseline: UnitSums, quantiles: Array) -> Array:
    # The delta method: a ratio's error is the mean of its residuals over the mean denominator. For plain means this is the t interval.
    residuals = _residuals(candidate) - _residuals(baseline)
    n = len(residuals)
    standard_error = float(residuals.std(ddof=1)) / n**0.5
    ends: Array = candidate.mean - baseline.mean + stats.t.ppf(quantiles, n - 1) * standard_error
    return ends


def _residuals(sums: UnitSums) -> Array:
    residuals: Array = (sums.numerators - sums.mean * sums.denominators) / sums.denominators.mean()
    return residuals


def _bca_ends(candidate: UnitSums, baseline: UnitSums, quantiles: Array, resamples: int, seed: int) -> Array:
    n = len(candidate.numerators)
    observed = candidate.mean - baseline.mean
    counts = numpy.random.default_rng(seed).multinomial(n, numpy.full(n, 1 / n), size=resamples).astype(float)
    replicates = _weighted(candidate, counts) - _weighted(baseline, counts)
    slack = _TOLERANCE * max(1.0, abs(observed))
    if float(replicates.max() - replicates.min()) <= slack:
        return numpy.full(len(quantiles), observed)
    below = (numpy.sum(replicates < observed - slack) + 0.5 * numpy.sum(numpy.abs(replicates - observed) <= slack)) / resamples
    bias = stats.norm.ppf(numpy.clip(below, 1 / (resamples + 1), resamples / (resamples + 1)))
    without = _weighted(candidate, 1 - numpy.eye(n)) - _weighted(baseline, 1 - numpy.eye(n))
    deviations = without.mean() - without
    spread = float((deviations**2).sum())
    acceleration = float((deviations**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    z = bias + stats.norm.ppf(quantiles)
    ends: Array = numpy.quantile(replicates, stats.norm.cdf(bias + z / (1 - acceleration * z)))
    return ends


def _weighted(sums: UnitSums, weights: Array) -> Array:
    ratios: Array = (weights @ sums.numerators) / (weights @ sums.denominators)
    return ratios


def _swapped(first: UnitSums, second: UnitSums, swaps: Array) -> Array:
    numerators = first.numerators.sum() + swaps @ (second.numerators - first.numerators)
    denominators = first.denominators.sum() + swaps @ (second.denominators - first.denominators)
    ratios: Array = numerators / denominators
    return ratios


def _newcombe_ends(both: int, only_candidate: int, only_baseline: int, neither: int, z: float) -> tuple[float, float]:
    n = both + only_candidate + only_baseline + neither
    p1, p2 = (both + only_candidate) / n, (both + only_baseline) / n
    low1, high1 = _wilson(p1, n, z)
    low2, high2 = _wilson(p2, n, z)
    product = (both + only_candidate) * (only_baseline + neither) * (both + only_baseline) * (only_candidate + neither)
    covariance = both * neither - only_candidate * only_baseline
    corrected = max(covariance - n / 2, 0) if covariance > 0 else covariance
    phi = corrected / product**0.5 if product else 0.0
    below = (p1 - low1) ** 2 - 2 * phi * (p1 - low1) * (high2 - p2) + (high2 - p2) ** 2
    above = (high1 - p1) ** 2 - 2 * phi * (high1 - p1) * (p2 - low2) + (p2 - low2) ** 2
    return p1 - p2 - max(below, 0.0) ** 0.5, p1 - p2 + max(above, 0.0) ** 0.5


def _wilson(p: float, n: int, z: float) -> tuple[float, float]:
    centre, half = 2 * n * p + z * z, z * (z * z + 4 * n * p * (1 - p)) ** 0.5
    return (centre - half) / (2 * (n + z * z)), (centre + half) / (2 * (n + z * z))
