"""Agreement measures on lists short enough to work out by hand."""

import math

import pytest

from components.reward.agreement import (
    ScoredPairs,
    accuracy,
    accuracy_against_length,
    calibration_error,
    length_correlation,
    length_rule_accuracy,
    spearman,
    wilson,
)

PAIRS = ScoredPairs(
    chosen=[2.0, 1.0, 0.0, 3.0, 1.0],
    rejected=[1.0, 2.0, -1.0, 3.0, 0.5],
    chosen_lengths=[10, 20, 5, 7, 8],
    rejected_lengths=[5, 10, 9, 9, 8],
)


def test_accuracy_counts_ties_as_half() -> None:
    assert accuracy(PAIRS).value == pytest.approx(3.5 / 5)  # right, wrong, right, tie, right
    assert accuracy(PAIRS).n == 5


def test_accuracy_where_the_shorter_reply_is_right() -> None:
    share = accuracy_against_length(PAIRS)  # the third (right) and the fourth (tie); equal lengths do not count

    assert (share.value, share.n) == (0.75, 2)


def test_length_rule() -> None:
    assert length_rule_accuracy(PAIRS).value == pytest.approx((1 + 1 + 0 + 0 + 0.5) / 5)


def test_a_share_of_nothing_is_not_a_number() -> None:
    share = accuracy_against_length(ScoredPairs([1.0], [0.0], [9], [3]))

    assert math.isnan(share.value)
    assert (share.low, share.high, share.n) == (0.0, 1.0, 0)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662), (0, 20, 0.0, 0.1611), (20, 20, 0.8389, 1.0)],
)  # 81 of 263: Newcombe 1998, table I, method 3; the others by hand from z = 1.96
def test_wilson(successes: int, n: int, low: float, high: float) -> None:
    share = wilson(successes, n)

    assert (share.low, share.high) == pytest.approx((low, high), abs=1e-4)


def test_spearman() -> None:
    assert spearman([1, 2, 3, 4], [10, 20, 40, 30]) == pytest.approx(0.8)  # 1 - 6 * 2 / (4 * 15)
    assert spearman([1, 2, 3], [9, 4, 1]) == pytest.approx(-1.0)
    assert spearman([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(4.5 / math.sqrt(4.5 * 5))  # ranks 1, 2.5, 2.5, 4
    assert spearman([1, 1, 1], [1, 2, 3]) == 0.0


def test_length_correlation_is_over_all_replies() -> None:
    counting = ScoredPairs([0.5, 0.9], [0.1, 0.7], [50, 90], [10, 70])

    assert length_correlation(counting) == pytest.approx(1.0)
    assert length_correlation(PAIRS) == pytest.approx(spearman([2, 1, 0, 3, 1, 1, 2, -1, 3, 0.5], [10, 20, 5, 7, 8, 5, 10, 9, 9, 8]))


def test_calibration_error() -> None:
    certain = math.log(9)  # sigmoid: 0.9
    nine_of_ten = ScoredPairs([certain] * 9 + [0.0], [0.0] * 9 + [certain], [1] * 10, [1] * 10)
    five_of_ten = ScoredPairs([certain] * 5 + [0.0] * 5, [0.0] * 5 + [certain] * 5, [1] * 10, [1] * 10)
    no_opinion = ScoredPairs([1.0, 1.0], [1.0, 1.0], [1, 1], [1, 1])
    two_bins = ScoredPairs([certain, math.log(1.5)], [0.0, 0.0], [1, 1], [1, 1])  # 0.9 and 0.6, both right

    assert calibration_error(nine_of_ten) == pytest.approx(0.0, abs=1e-12)
    assert calibration_error(five_of_ten) == pytest.approx(0.4)
    assert calibration_error(no_opinion) == pytest.approx(0.0, abs=1e-12)
    assert calibration_error(two_bins) == pytest.approx((0.1 + 0.4) / 2)
