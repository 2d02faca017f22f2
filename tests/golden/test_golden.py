"""Every golden run against its recording, and the harness against drifts that it must see."""

import math

import pytest

from tests.golden import golden


@pytest.mark.parametrize("name", golden.names())
def test_the_run_gives_the_recorded_numbers(name: str) -> None:
    drifts = golden.compare(golden.read(name).series, golden.run(name))

    assert drifts
    assert [drift for drift in drifts if not drift.within] == []


def test_one_wrong_step_is_seen() -> None:
    (drift,) = golden.compare({"loss": [3.0, 2.0, 1.0]}, {"loss": [3.0, 2.01, 1.0]})

    assert (drift.step, drift.within) == (1, False)
    assert drift.max_difference == pytest.approx(0.005)


def test_a_small_drift_in_one_direction_is_seen() -> None:
    steady = golden.compare({"loss": [1.0] * 4}, {"loss": [1.0001] * 4})[0]
    alternating = golden.compare({"loss": [1.0] * 4}, {"loss": [1.0001, 0.9999, 1.0001, 0.9999]})[0]

    assert not steady.within
    assert alternating.within


def test_not_a_number_is_seen() -> None:
    assert not golden.compare({"loss": [1.0]}, {"loss": [math.nan]})[0].within


def test_a_missing_series_and_a_missing_step_are_seen() -> None:
    with pytest.raises(AssertionError, match="recorded"):
        golden.compare({"loss": [1.0]}, {})
    with pytest.raises(AssertionError, match="steps"):
        golden.compare({"loss": [1.0, 2.0]}, {"loss": [1.0]})
