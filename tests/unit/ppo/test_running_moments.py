"""Running moments against the moments of everything at once."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from components.ppo.running_moments import RunningMoments
from components.shared.errors import ContractError

DOUBLE = torch.float64
finite = st.floats(-1e6, 1e6, width=32)


def moments_of(*batches: list[float]) -> RunningMoments:
    moments = RunningMoments()
    for batch in batches:
        moments.update(torch.tensor(batch, dtype=DOUBLE))
    return moments


def test_three_batches_by_hand() -> None:
    moments = moments_of([1.0, 3.0])
    assert (moments.count, moments.mean, moments.std) == (2, 2.0, 1.0)
    moments.update(torch.tensor([[5.0], [7.0]], dtype=DOUBLE))  # 1, 3, 5, 7: mean 4, variance (9 + 1 + 1 + 9) / 4
    assert (moments.count, moments.mean, moments.std) == (4, 4.0, pytest.approx(math.sqrt(5), rel=1e-12))
    moments.update(torch.tensor([-6.0], dtype=DOUBLE))  # sum 10, squares 1 + 9 + 25 + 49 + 36 = 120: variance 24 - 4
    assert (moments.count, moments.mean, moments.std) == (5, pytest.approx(2.0, rel=1e-12), pytest.approx(math.sqrt(20), rel=1e-12))


def test_std_is_one_until_there_are_two_different_values() -> None:
    moments = RunningMoments()
    assert (moments.count, moments.mean, moments.std) == (0, 0.0, 1.0)
    for count in (3, 1, 7):
        moments.update(torch.full((count,), 0.1, dtype=DOUBLE))  # not a binary fraction: sums of it round
        assert (moments.mean, moments.std) == (0.1, 1.0)
    moments.update(torch.tensor([0.1 + 2**-40], dtype=DOUBLE))
    assert 0 < moments.std < 2**-40


@given(st.lists(st.lists(finite, max_size=6), min_size=1, max_size=8).filter(any))
def test_moments_are_those_of_all_values_whatever_the_batching(batches: list[list[float]]) -> None:
    moments = moments_of(*batches)
    values = torch.tensor([value for batch in batches for value in batch], dtype=DOUBLE)
    scale = max(1.0, float(values.abs().max()))
    assert moments.count == len(values)
    assert moments.mean == pytest.approx(values.mean().item(), rel=1e-12, abs=1e-12 * scale)
    different = len(set(values.tolist())) > 1
    expected = values.std(unbiased=False).item() if different else 1.0
    # Two float32 values whose difference squared is no longer a number of double precision are as good as equal.
    if not different or expected > 1e-150:
        assert moments.std == pytest.approx(expected, rel=1e-6, abs=1e-9 * scale)


def test_large_offsets_do_not_swallow_the_spread() -> None:
    moments = moments_of([1e9 + 1.0], [1e9 + 2.0, 1e9 + 3.0], [1e9 + 4.0])
    assert moments.std == pytest.approx(math.sqrt(1.25), rel=1e-9)  # (2.25 + 0.25 + 0.25 + 2.25) / 4


def test_single_precision_batches_are_summed_in_double() -> None:
    moments = RunningMoments()
    for _ in range(4):
        moments.update(torch.tensor([2.0**24, 1.0, 1.0, 1.0]))  # in fp32, 2^24 + 1 is 2^24
    assert moments.mean == (2.0**24 + 3) / 4


def test_an_empty_batch_changes_nothing() -> None:
    moments = moments_of([1.0, 3.0], [])
    assert (moments.count, moments.mean, moments.std) == (2, 2.0, 1.0)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_values_that_would_spoil_the_moments_for_ever_are_refused(broken: float) -> None:
    moments = moments_of([1.0, 3.0])
    with pytest.raises(ContractError, match="1 of 2 scores are nan or infinite"):
        moments.update(torch.tensor([4.0, broken]))
    assert (moments.count, moments.mean, moments.std) == (2, 2.0, 1.0)


def test_state_is_all_there_is() -> None:
    first, second = moments_of([1.0, 3.0, 4.5]), RunningMoments()
    second.load_state(first.state())
    for moments in (first, second):
        moments.update(torch.tensor([0.1, -7.0]))
    assert first.state() == second.state()
    assert (first.count, first.mean, first.std) == (second.count, second.mean, second.std)
    assert all(isinstance(value, float) for value in first.state().values())
