"""The loss against numbers that a pocket calculator gives."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from components.reward.losses import bradley_terry, centring, pair_loss


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(
    ("chosen", "rejected", "margin", "expected"),
    [
        (0.0, 0.0, 0.0, 0.6931471805599453),  # ln 2: no opinion
        (1.0, 0.0, 0.0, 0.3132616875182228),  # ln(1 + e^-1)
        (0.0, 1.0, 0.0, 1.3132616875182228),  # ln(1 + e^1): a flipped sign would swap these two
        (1.0, 0.0, 1.0, 0.6931471805599453),  # the gap is just the margin
        (3.0, 1.0, 0.5, 0.2014132779827524),  # ln(1 + e^-1.5)
        (1.0, 3.0, 0.5, 2.5788897342925496),  # ln(1 + e^2.5)
        (-40.0, 60.0, 0.0, 100.0),  # far wrong: linear, finite
        (500.0, -500.0, 1.0, 0.0),  # far right: exp would overflow
    ],
)
def test_bradley_terry(chosen: float, rejected: float, margin: float, expected: float) -> None:
    loss = bradley_terry(tensor(chosen), tensor(rejected), tensor(margin))

    assert loss.item() == pytest.approx(expected, abs=1e-12)


def test_bradley_terry_of_several_pairs_is_one_loss_each() -> None:
    losses = bradley_terry(tensor(1, 0), tensor(0, 1), tensor(0, 0))

    assert losses.tolist() == pytest.approx([0.3132616875182228, 1.3132616875182228])


def test_the_gradient_pushes_the_chosen_score_up_by_the_missing_probability() -> None:
    chosen, rejected = tensor(0.3).requires_grad_(), tensor(0.1).requires_grad_()

    bradley_terry(chosen, rejected, tensor(0.7)).backward()

    missing = 1 / (1 + math.exp(0.3 - 0.1 - 0.7))
    assert chosen.grad is not None
    assert rejected.grad is not None
    assert chosen.grad.item() == pytest.approx(-missing)
    assert rejected.grad.item() == pytest.approx(missing)


@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(0, 3), st.floats(-50, 50))
def test_only_the_difference_counts_for_bradley_terry(chosen: float, rejected: float, margin: float, shift: float) -> None:
    here = bradley_terry(tensor(chosen), tensor(rejected), tensor(margin))
    there = bradley_terry(tensor(chosen + shift), tensor(rejected + shift), tensor(margin))

    torch.testing.assert_close(here, there, rtol=1e-9, atol=1e-9)


@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(0, 3), st.floats(0.01, 3))
def test_a_larger_margin_costs_more(chosen: float, rejected: float, margin: float, more: float) -> None:
    assert bradley_terry(tensor(chosen), tensor(rejected), tensor(margin + more)) > bradley_terry(
        tensor(chosen), tensor(rejected), tensor(margin)
    )


def test_centring_is_the_squared_sum() -> None:
    assert centring(tensor(1, 2, -3), tensor(1, -2, 1)).tolist() == [4, 0, 4]


def test_shares_of_batches_add_up_to_the_mean_over_all_pairs() -> None:
    chosen, rejected, margin = tensor(1, 0, 2), tensor(0, 1, -1), tensor(0, 0.5, 1)
    each = [0.3132616875182228 + 0.1 * 1, 1.7014132779827524 + 0.1 * 1, 0.1269280110429725 + 0.1 * 1]  # ln(1+e^-1), ln(1+e^1.5), ln(1+e^-2)

    whole = pair_loss(chosen, rejected, margin, centring_coef=0.1, num_pairs=3)
    parts = [pair_loss(chosen[part], rejected[part], margin[part], centring_coef=0.1, num_pairs=3) for part in (slice(0, 1), slice(1, 3))]

    assert whole.item() == pytest.approx(sum(each) / 3)
    assert sum(part.item() for part in parts) == pytest.approx(sum(each) / 3)
