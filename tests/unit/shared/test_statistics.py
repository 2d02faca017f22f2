"""Intervals and tests against numbers that a human can redo, exact enumeration, and coverage."""

import itertools

import numpy
import pytest

from components.shared import statistics
from components.shared.statistics import UnitSums


def plain(values: list[float]) -> UnitSums:
    return UnitSums(numpy.array(values, dtype=float), numpy.ones(len(values)))


def test_sign_flip_by_hand() -> None:
    # Differences 1, 2, 3: of the eight sign patterns only +++ sums to 6 or more, and only +++ and --- to 6 in size.
    test = statistics.permutation_test(plain([1, 2, 3]), plain([0, 0, 0]), flips=10_000, seed=0)
    assert test.greater == 1 / 8
    assert test.two_sided == 2 / 8
    assert test.less == 1.0


def test_sign_flip_counts_ties() -> None:
    # Differences 1, -1: sums over patterns are 0, 2, -2, 0; the observed 0 is reached by three from below and three from above.
    test = statistics.permutation_test(plain([1, 0]), plain([0, 1]), flips=10_000, seed=0)
    assert (test.greater, test.less, test.two_sided) == (3 / 4, 3 / 4, 1.0)


def test_random_flips_agree_with_enumeration() -> None:
    differences = [0.4, -0.1, 0.3, 0.25, -0.2, 0.5, 0.1, -0.05, 0.3, 0.2, 0.15, -0.3]
    sums = [sum(s * d for s, d in zip(signs, differences, strict=True)) for signs in itertools.product((1, -1), repeat=12)]
    exact = sum(total >= sum(differences) - 1e-9 for total in sums) / len(sums)
    enumerated = statistics.permutation_test(plain(differences), plain([0.0] * 12), flips=4096, seed=0)
    drawn = statistics.permutation_test(plain(differences), plain([0.0] * 12), flips=4095, seed=0)
    assert enumerated.greater == exact
    assert drawn.greater == pytest.approx(exact, abs=0.02)
    assert drawn.greater != exact


def test_token_weighted_permutation_swaps_whole_units() -> None:
    # Two units of 10 and 1 tokens; the long one is better by 1 nat in all, the short one worse by 1. Swaps by hand: 0, -2, 2, 0 over 11.
    candidate = UnitSums(numpy.array([9.0, 2.0]), numpy.array([10.0, 1.0]))
    baseline = UnitSums(numpy.array([10.0, 1.0]), numpy.array([10.0, 1.0]))
    test = statistics.permutation_test(candidate, baseline, flips=1000, seed=0)
    assert (test.less, test.greater) == (3 / 4, 3 / 4)


@pytest.mark.parametrize(("failures", "n", "bound"), [(0, 30, 0.0950), (0, 59, 0.0495), (0, 299, 0.0100), (1, 100, 0.0466)])
def test_clopper_pearson_one_sided(failures: int, n: int, bound: float) -> None:
    # Zero failures: 1 - 0.05 ** (1 / n).
    assert statistics.clopper_pearson(failures, n).upper_bound == pytest.approx(bound, abs=6e-5)


def test_clopper_pearson_two_sided() -> None:
    # Textbook: 10 of 20 gives 0.272 to 0.728; 0 of 10 gives 1 - 0.025 ** 0.1 = 0.3085; all of n mirrors none of n.
    half = statistics.clopper_pearson(10, 20)
    assert (half.low, half.high) == (pytest.approx(0.27196, abs=1e-5), pytest.approx(0.72804, abs=1e-5))
    assert statistics.clopper_pearson(0, 10).low == 0.0
    assert statistics.clopper_pearson(0, 10).high == pytest.approx(1 - 0.025**0.1)
    assert statistics.clopper_pearson(10, 10).low == pytest.approx(0.025**0.1)
    with pytest.raises(ValueError, match="11 successes of 10"):
        statistics.clopper_pearson(11, 10)


def test_newcombe_does_not_collapse_without_failures() -> None:
    # Equal rates of 0 in 50: each Wilson interval reaches z^2 / (n + z^2) = 0.0714, and so does the difference, both ways.
    interval = statistics.newcombe([False] * 50, [False] * 50)
    assert interval.high == pytest.approx(1.959964**2 / (50 + 1.959964**2), abs=1e-6)
    assert interval.low == pytest.approx(-interval.high)


def test_newcombe_is_antisymmetric_and_holds_the_difference() -> None:
    first = [True] * 36 + [True] * 12 + [False] * 2
    second = [True] * 36 + [False] * 12 + [True] * 2
    there, back = statistics.newcombe(first, second), statistics.newcombe(second, first)
    assert there.low == pytest.approx(-back.high)
    assert 0 < there.low < there.lower_bound < 0.2 < there.upper_bound < there.high


def test_holm_by_hand() -> None:
    # .01 * 3, then max(.03, .02 * 2), then max(.04, .04 * 1).
    adjusted = statistics.holm({"a": 0.04, "b": 0.01, "c": 0.02})
    assert adjusted == pytest.approx({"b": 0.03, "c": 0.04, "a": 0.04})
    assert statistics.holm({"a": 0.9, "b": 0.8}) == {"b": 1.0, "a": 1.0}


def test_small_samples_get_students_t() -> None:
    # 1..5: mean 3, sd sqrt(2.5), t(.975, 4) = 2.776: half width 1.9632; one-sided t(.95, 4) = 2.132: 1.5075.
    interval = statistics.ratio_interval(plain([1, 2, 3, 4, 5]), resamples=200, seed=0)
    assert interval is not None
    assert interval.high == pytest.approx(3 + 1.9632, abs=1e-4)
    assert interval.lower_bound == pytest.approx(3 - 1.5075, abs=1e-4)


def test_one_unit_has_no_interval() -> None:
    assert statistics.ratio_interval(plain([1.0]), resamples=200, seed=0) is None


def test_equal_arms_have_a_point_interval_and_no_significance() -> None:
    values = [float(value) for value in range(40)]
    interval = statistics.difference_interval(plain(values), plain(values), resamples=200, seed=0)
    assert interval is not None
    assert (interval.low, interval.high) == (0.0, 0.0)
    assert statistics.permutation_test(plain(values), plain(values), flips=1000, seed=0).two_sided == 1.0


@pytest.mark.parametrize("n", [12, 60])
def test_intervals_cover_the_true_ratio(n: int) -> None:
    # Skewed token counts, per-token value independent of them: the true ratio is 2. 300 trials: sd of the coverage is .013.
    generator = numpy.random.default_rng(3)
    covered = 0
    for _ in range(300):
        tokens = generator.integers(5, 60, n).astype(float)
        nats = tokens * (2 + generator.normal(0, 0.5, n))
        interval = statistics.ratio_interval(UnitSums(nats, tokens), resamples=400, seed=1)
        assert interval is not None
        covered += interval.low <= 2 <= interval.high
    assert 0.90 <= covered / 300 <= 0.985


def test_bca_follows_skew() -> None:
    # An exponential mean: the correct interval reaches further up than down; a symmetric one would not.
    values = numpy.random.default_rng(0).exponential(1.0, 60)
    interval = statistics.ratio_interval(UnitSums(values, numpy.ones(60)), resamples=4000, seed=0)
    assert interval is not None
    assert interval.high - values.mean() > 1.05 * (values.mean() - interval.low)
