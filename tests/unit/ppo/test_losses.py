"""Losses and KL estimates against numbers that a reader can redo on paper."""

import math

import pytest
import torch

from components.ppo.losses import (
    clipped_policy_loss,
    clipped_value_loss,
    cross_entropy,
    kl_estimate,
    masked_mean_share,
    policy_statistics,
)

# Two rows; the last token of the second is padding and holds numbers that would show at once if they were counted.
MASK = torch.tensor([[True, True, True], [True, True, False]])
RATIO = torch.tensor([[1.5, 0.5, 1.1], [1.5, 0.5, 7.0]])
OLD = torch.tensor([[-1.0, -2.0, -0.5], [-3.0, -1.0, -1.0]])
ADVANTAGES = torch.tensor([[2.0, -1.0, -3.0], [-2.0, 1.0, 100.0]])
# min(rho A, clip(rho, 0.8, 1.2) A): 1.2*2 = 2.4 (clipped), 0.8*-1 = -0.8 (clipped), 1.1*-3 = -3.3, 1.5*-2 = -3.0, 0.5*1 = 0.5
SURROGATES = [2.4, -0.8, -3.3, -3.0, 0.5]


def policy_loss(logprobs: torch.Tensor, rows: slice = slice(None), num_tokens: float = 5.0) -> torch.Tensor:
    return clipped_policy_loss(logprobs[rows], OLD[rows], ADVANTAGES[rows], MASK[rows], 0.2, num_tokens)


def test_policy_loss_is_the_negative_mean_of_the_clipped_surrogates() -> None:
    assert policy_loss(OLD + RATIO.log()).item() == pytest.approx(-sum(SURROGATES) / 5, rel=1e-6)


def test_policy_gradient_is_minus_ratio_times_advantage_where_unclipped_and_zero_elsewhere() -> None:
    logprobs = (OLD + RATIO.log()).requires_grad_()
    policy_loss(logprobs).backward()
    # d/dlogp of -rho A / 5: clipped tokens and padding get nothing.
    expected = torch.tensor([[0.0, 0.0, 1.1 * 3 / 5], [1.5 * 2 / 5, -0.5 / 5, 0.0]])
    torch.testing.assert_close(logprobs.grad, expected)


def test_shares_of_a_mini_batch_add_up_to_its_loss() -> None:
    logprobs = OLD + RATIO.log()
    parts = policy_loss(logprobs, slice(0, 1)) + policy_loss(logprobs, slice(1, 2))
    assert parts.item() == pytest.approx(policy_loss(logprobs).item(), rel=1e-6)


VALUES = torch.tensor([[2.0, 2.0, 1.1, 50.0]])
RETURNS = torch.tensor([[0.0, 3.0, 1.5, -50.0]])
VALUE_MASK = torch.tensor([[True, True, True, False]])


def test_value_loss_takes_the_worse_of_the_clipped_and_the_unclipped_error() -> None:
    # V_old = 1, eps = 0.2. max(2^2, 1.2^2) = 4; max(1, (1.2 - 3)^2 = 3.24) = 3.24; (1.1 - 1.5)^2 = 0.16. Half of each, mean of three.
    loss = clipped_value_loss(VALUES, torch.ones_like(VALUES), RETURNS, VALUE_MASK, 0.2, 3.0)
    assert loss.item() == pytest.approx(0.5 * (4 + 3.24 + 0.16) / 3, rel=1e-6)


def test_value_gradient_stops_at_the_clip_and_points_to_the_return_elsewhere() -> None:
    values = VALUES.clone().requires_grad_()
    clipped_value_loss(values, torch.ones_like(VALUES), RETURNS, VALUE_MASK, 0.2, 3.0).backward()
    torch.testing.assert_close(values.grad, torch.tensor([[2.0 / 3, 0.0, -0.4 / 3, 0.0]]))


def test_cross_entropy_and_masked_mean() -> None:
    assert cross_entropy(torch.tensor([-1.0, -3.0]), 4.0).item() == pytest.approx(1.0)
    assert masked_mean_share(torch.tensor([[2.0, 4.0, 99.0]]), torch.tensor([[True, True, False]]), 4.0).item() == pytest.approx(1.5)


@pytest.mark.parametrize(("estimator", "expected"), [("k1", 0.5), ("k2", 0.125), ("k3", math.exp(-0.5) - 1 + 0.5)])
def test_kl_estimates_of_one_token(estimator: str, expected: float) -> None:
    assert kl_estimate(torch.tensor([-1.0]), torch.tensor([-1.5]), estimator).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("estimator", ["k1", "k3"])
def test_unbiased_estimates_average_to_the_kl_divergence(estimator: str) -> None:
    policy, reference = torch.tensor([0.7, 0.3]), torch.tensor([0.5, 0.5])
    mean = (policy * kl_estimate(policy.log(), reference.log(), estimator)).sum().item()
    assert mean == pytest.approx(0.7 * math.log(1.4) + 0.3 * math.log(0.6), rel=1e-5)


def test_statistics_count_real_tokens_only() -> None:
    statistics = policy_statistics(OLD + RATIO.log(), OLD, ADVANTAGES, MASK, 0.2, 5.0)
    assert statistics["policy/clipfrac"].item() == pytest.approx(2 / 5)
    assert statistics["val/ratio"].item() == pytest.approx((1.5 + 0.5 + 1.1 + 1.5 + 0.5) / 5, rel=1e-6)
    # r - 1 - log r for 1.5 (twice), 0.5 (twice), 1.1
    expected = (2 * (0.5 - math.log(1.5)) + 2 * (-0.5 - math.log(0.5)) + 0.1 - math.log(1.1)) / 5
    assert statistics["policy/approxkl"].item() == pytest.approx(expected, rel=1e-5)
