"""Losses and KL estimates against numbers that a reader can redo on paper, and gradients against finite differences of such numbers."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from components.ppo.losses import (
    clipped_policy_loss,
    clipped_value_loss,
    cross_entropy,
    kl_estimate,
    masked_mean_share,
    policy_statistics,
    value_statistics,
    zero_padding,
)

DOUBLE = torch.float64
UNUSABLE = [math.nan, math.inf, -math.inf]

# Two rows; the last token of the second is padding and holds numbers that would show at once if they were counted.
MASK = torch.tensor([[True, True, True], [True, True, False]])
RATIO = torch.tensor([[1.5, 0.5, 1.1], [1.5, 0.5, 7.0]], dtype=DOUBLE)
OLD = torch.tensor([[-1.0, -2.0, -0.5], [-3.0, -1.0, -1.0]], dtype=DOUBLE)
ADVANTAGES = torch.tensor([[2.0, -1.0, -3.0], [-2.0, 1.0, 100.0]], dtype=DOUBLE)
# min(rho A, clip(rho, 0.8, 1.2) A): 1.2*2 = 2.4 (clipped), 0.8*-1 = -0.8 (clipped), 1.1*-3 = -3.3, 1.5*-2 = -3.0, 0.5*1 = 0.5
LOSS = -(2.4 - 0.8 - 3.3 - 3.0 + 0.5) / 5
# d/dlogp of -rho A / 5: clipped tokens and padding get nothing.
SLOPES = torch.tensor([[0.0, 0.0, 1.1 * 3 / 5], [1.5 * 2 / 5, -0.5 / 5, 0.0]], dtype=DOUBLE)


def policy_loss(logprobs: torch.Tensor, rows: slice = slice(None), num_tokens: float = 5.0) -> torch.Tensor:
    return clipped_policy_loss(logprobs[rows], OLD[rows], ADVANTAGES[rows], MASK[rows], 0.2, num_tokens)


def slopes_of(function: Callable[[torch.Tensor], torch.Tensor], where: torch.Tensor) -> torch.Tensor:
    where = where.clone().requires_grad_()
    function(where).backward()
    assert where.grad is not None
    return where.grad


def padded(values: torch.Tensor, columns: int, filling: float) -> torch.Tensor:
    return torch.cat([values, torch.full((len(values), columns), filling, dtype=values.dtype)], dim=1)


# --- policy -----------------------------------------------------------------------------------------------------------------------------


def test_policy_loss_is_the_negative_mean_of_the_clipped_surrogates() -> None:
    assert policy_loss(OLD + RATIO.log()).item() == pytest.approx(LOSS, rel=1e-12)


def test_policy_gradient_is_minus_ratio_times_advantage_where_unclipped_and_zero_elsewhere() -> None:
    torch.testing.assert_close(slopes_of(policy_loss, OLD + RATIO.log()), SLOPES)


def test_shares_of_a_mini_batch_add_up_to_its_loss() -> None:
    logprobs = OLD + RATIO.log()
    parts = policy_loss(logprobs, slice(0, 1)) + policy_loss(logprobs, slice(1, 2))
    assert parts.item() == pytest.approx(LOSS, rel=1e-12)


# rho, A, eps_high, c; then the surrogate with eps = 0.2, its slope in log p, and the side that it was clipped on.
TOKENS: list[tuple[float, float, float | None, float | None, float, float, str]] = [
    (1.0, 2.0, None, None, 2.0, 2.0, ""),
    (1.5, 2.0, None, None, 2.4, 0.0, "high"),  # 1.2 * 2
    (1.5, 2.0, 0.4, None, 2.8, 0.0, "high"),  # 1.4 * 2
    (1.5, 2.0, 0.6, None, 3.0, 3.0, ""),
    (0.5, 2.0, None, None, 1.0, 1.0, ""),
    (1.5, -2.0, None, None, -3.0, -3.0, ""),
    (0.5, -2.0, None, None, -1.6, 0.0, "low"),  # 0.8 * -2
    (0.5, -2.0, 0.6, None, -1.6, 0.0, "low"),  # the upper range leaves the lower one alone
    (5.0, -2.0, None, None, -10.0, -10.0, ""),
    (5.0, -2.0, None, 3.0, -6.0, 0.0, "high"),  # max(-10, 3 * -2)
    (2.0, -2.0, None, 3.0, -4.0, -4.0, ""),
    (0.5, -2.0, None, 3.0, -1.6, 0.0, "low"),
    (5.0, 2.0, None, 3.0, 2.4, 0.0, "high"),  # c is for negative advantages only
    (2.0, 2.0, 9.0, 3.0, 4.0, 4.0, ""),
    (5.0, 2.0, 9.0, 3.0, 10.0, 10.0, ""),
    (5.0, 0.0, None, 3.0, 0.0, 0.0, ""),  # nothing to lose, so nothing was clipped
    (0.5, 0.0, None, 3.0, 0.0, 0.0, ""),
]


@pytest.mark.parametrize("token", TOKENS)
def test_each_way_of_clipping_one_token(token: tuple[float, float, float | None, float | None, float, float, str]) -> None:
    ratio, advantage, high, dual, surrogate, slope, side = token
    old, advantages, mask = torch.tensor([[-1.3]], dtype=DOUBLE), torch.tensor([[advantage]], dtype=DOUBLE), torch.tensor([[True]])
    logprobs = old + math.log(ratio)

    def loss(where: torch.Tensor) -> torch.Tensor:
        return clipped_policy_loss(where, old, advantages, mask, 0.2, 4.0, cliprange_high=high, dual_clip=dual)

    assert loss(logprobs).item() == pytest.approx(-surrogate / 4, rel=1e-12)
    assert slopes_of(loss, logprobs).item() == pytest.approx(-slope / 4, rel=1e-12)
    statistics = policy_statistics(logprobs, old, advantages, mask, 0.2, 4.0, cliprange_high=high, dual_clip=dual)
    assert statistics["policy/clipfrac_low"].item() == (0.25 if side == "low" else 0.0)
    assert statistics["policy/clipfrac_high"].item() == (0.25 if side == "high" else 0.0)
    assert statistics["policy/clipfrac"].item() == (0.25 if side else 0.0)


def textbook_surrogate(log_ratio: float, advantage: float, low: float, high: float, dual: float | None) -> float:
    """The papers' min and max, term by term, on Python's numbers."""
    ratio = math.exp(log_ratio)
    surrogate = min(ratio * advantage, min(max(ratio, 1 - low), 1 + high) * advantage)
    return max(surrogate, dual * advantage) if dual is not None and advantage < 0 else surrogate


@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(-4, 4)), min_size=1, max_size=8),
    st.floats(0.05, 0.9),
    st.floats(0.05, 3),
    st.none() | st.floats(1.05, 5),
)
def test_policy_loss_equals_the_papers_min_and_max(tokens: list[tuple[float, float]], low: float, high: float, dual: float | None) -> None:
    log_ratio, advantages = torch.tensor(tokens, dtype=DOUBLE).T[:, None]
    mask = torch.ones_like(log_ratio)
    loss = clipped_policy_loss(log_ratio, torch.zeros_like(log_ratio), advantages, mask, low, 7.0, cliprange_high=high, dual_clip=dual)
    expected = -sum(textbook_surrogate(*token, low, high, dual) for token in tokens) / 7
    assert loss.item() == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("dual", [None, 3.0])
def test_policy_gradient_equals_finite_differences(dual: float | None) -> None:
    log_ratios, step = [-1.0, -0.3, -0.1, 0.0, 0.15, 0.3, 1.0, 1.5], 1e-6
    for advantage in (-1.7, 0.6):
        where, advantages = torch.tensor([log_ratios], dtype=DOUBLE), torch.full((1, 8), advantage, dtype=DOUBLE)
        old, mask = torch.zeros_like(where), torch.ones_like(where)
        slopes = slopes_of(
            lambda x, o=old, a=advantages, m=mask: clipped_policy_loss(x, o, a, m, 0.2, 8.0, cliprange_high=0.28, dual_clip=dual), where
        )
        for log_ratio, slope in zip(log_ratios, slopes[0].tolist(), strict=True):
            above, below = (textbook_surrogate(log_ratio + sign * step, advantage, 0.2, 0.28, dual) for sign in (1, -1))
            assert slope == pytest.approx(-(above - below) / (2 * step) / 8, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("log_ratio", [1000.0, 100.0, -100.0, -1000.0])
@pytest.mark.parametrize("advantage", [1.0, -1.0])
def test_extreme_ratios_give_finite_losses_and_no_nan_gradient(advantage: float, log_ratio: float, dtype: torch.dtype) -> None:
    old, advantages, mask = torch.zeros(1, 1, dtype=dtype), torch.full((1, 1), advantage, dtype=dtype), torch.tensor([[True]])
    where = old + log_ratio
    # A > 0: 1.2 above, exp(-100) below; A < 0: c = 3 above, 0.8 below. No slope is left anywhere but that of exp(-100) itself.
    expected = -(1.2 if log_ratio > 0 else math.exp(log_ratio)) if advantage > 0 else (3.0 if log_ratio > 0 else 0.8)

    def loss(where: torch.Tensor) -> torch.Tensor:
        return clipped_policy_loss(where, old, advantages, mask, 0.2, 1.0, dual_clip=3.0)

    assert loss(where).item() == pytest.approx(expected, rel=1e-6, abs=1e-40)
    assert slopes_of(loss, where).item() == pytest.approx(0.0, abs=1e-40)
    assert all(value.isfinite() for value in policy_statistics(where, old, advantages, mask, 0.2, 1.0).values())


@pytest.mark.parametrize(("dtype", "largest"), [(torch.float32, 3.4028234663852886e38), (torch.float64, 1.7976931348623157e308)])
def test_without_a_dual_clip_a_ratio_stops_at_the_root_of_the_largest_number_and_counts_as_clipped(
    dtype: torch.dtype, largest: float
) -> None:
    old, advantages, mask = torch.zeros(1, 1, dtype=dtype), torch.full((1, 1), -1.0, dtype=dtype), torch.tensor([[True]])
    where = old + 1000.0
    assert clipped_policy_loss(where, old, advantages, mask, 0.2, 1.0).item() == pytest.approx(math.sqrt(largest), rel=1e-4)
    assert slopes_of(lambda x: clipped_policy_loss(x, old, advantages, mask, 0.2, 1.0), where).item() == 0.0
    statistics = policy_statistics(where, old, advantages, mask, 0.2, 1.0)
    assert statistics["policy/clipfrac_high"].item() == statistics["policy/clipfrac"].item() == 1.0
    unmoved = policy_statistics(where, old, torch.zeros_like(advantages), mask, 0.2, 1.0)
    assert unmoved["policy/clipfrac"].item() == 0.0


def test_statistics_count_real_tokens_only() -> None:
    statistics = policy_statistics(OLD + RATIO.log(), OLD, ADVANTAGES, MASK, 0.2, 5.0)
    assert statistics["policy/clipfrac"].item() == pytest.approx(2 / 5)
    assert statistics["policy/clipfrac_low"].item() == pytest.approx(1 / 5)
    assert statistics["policy/clipfrac_high"].item() == pytest.approx(1 / 5)
    assert statistics["val/ratio"].item() == pytest.approx((1.5 + 0.5 + 1.1 + 1.5 + 0.5) / 5, rel=1e-12)
    # r - 1 - log r for 1.5 (twice), 0.5 (twice), 1.1
    expected = (2 * (0.5 - math.log(1.5)) + 2 * (-0.5 - math.log(0.5)) + 0.1 - math.log(1.1)) / 5
    assert statistics["policy/approxkl"].item() == pytest.approx(expected, rel=1e-12)


def test_an_unmoved_policy_has_a_ratio_of_exactly_one_and_no_kl() -> None:
    old = torch.tensor([[-0.1, -7.3, -1e-6]])
    statistics = policy_statistics(old.clone(), old, torch.tensor([[1.0, -1.0, 2.0]]), torch.ones(1, 3), 0.2, 3.0)
    assert statistics["val/ratio"].item() == 1.0
    assert statistics["policy/approxkl"].item() == statistics["policy/clipfrac"].item() == 0.0


# --- value ------------------------------------------------------------------------------------------------------------------------------

VALUES = torch.tensor([[2.0, 2.0, 1.1, 50.0]], dtype=DOUBLE)
OLD_VALUES = torch.ones_like(VALUES)
RETURNS = torch.tensor([[0.0, 3.0, 1.5, -50.0]], dtype=DOUBLE)
VALUE_MASK = torch.tensor([[True, True, True, False]])
# V_old = 1, eps = 0.2. max(2^2, 1.2^2) = 4; max(1, (1.2 - 3)^2 = 3.24) = 3.24; (1.1 - 1.5)^2 = 0.16. Half of each, mean of three.
VALUE_LOSS = 0.5 * (4 + 3.24 + 0.16) / 3


def value_loss(values: torch.Tensor) -> torch.Tensor:
    return clipped_value_loss(values, OLD_VALUES, RETURNS, VALUE_MASK, 0.2, 3.0)


def test_value_loss_takes_the_worse_of_the_clipped_and_the_unclipped_error() -> None:
    assert value_loss(VALUES).item() == pytest.approx(VALUE_LOSS, rel=1e-12)


def test_value_gradient_stops_at_the_clip_and_points_to_the_return_elsewhere() -> None:
    torch.testing.assert_close(slopes_of(value_loss, VALUES), torch.tensor([[2.0 / 3, 0.0, -0.4 / 3, 0.0]], dtype=DOUBLE))


def test_value_gradient_equals_finite_differences() -> None:
    def textbook(value: float, old: float, target: float) -> float:
        clipped = min(max(value, old - 0.2), old + 0.2)
        return 0.5 * max((value - target) ** 2, (clipped - target) ** 2)

    cases, step = [(v, o, g) for v in (-1.0, 0.05, 0.95) for o in (0.0, 0.7) for g in (-2.0, 0.33, 3.0)], 1e-6
    values, old, returns = torch.tensor(cases, dtype=DOUBLE).T[:, None]
    slopes = slopes_of(lambda x: clipped_value_loss(x, old, returns, torch.ones_like(x), 0.2, 18.0), values)
    for (value, before, target), slope in zip(cases, slopes[0].tolist(), strict=True):
        above, below = (textbook(value + sign * step, before, target) for sign in (1, -1))
        assert slope == pytest.approx((above - below) / (2 * step) / 18, rel=1e-8, abs=1e-9)


def test_value_statistics_count_the_tokens_that_the_clip_stopped() -> None:
    # Only of the second is the clipped error the larger one: 3.24 > 1.
    assert value_statistics(VALUES, OLD_VALUES, RETURNS, VALUE_MASK, 0.2, 3.0)["value/clipfrac"].item() == pytest.approx(1 / 3)
    # With eps = 0.05 of the third as well: (1.05 - 1.5)^2 > (1.1 - 1.5)^2. The first moves away from its return and is never stopped.
    assert value_statistics(VALUES, OLD_VALUES, RETURNS, VALUE_MASK, 0.05, 3.0)["value/clipfrac"].item() == pytest.approx(2 / 3)
    assert value_statistics(VALUES, OLD_VALUES, RETURNS, VALUE_MASK, 5.0, 3.0)["value/clipfrac"].item() == 0.0


# --- padding ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filling", [0.0, 1e9, *UNUSABLE])
@pytest.mark.parametrize("columns", [1, 5])
def test_policy_padding_changes_neither_loss_nor_gradient_nor_statistics(columns: int, filling: float) -> None:
    logprobs, old, advantages = (padded(values, columns, filling) for values in (OLD + RATIO.log(), OLD, ADVANTAGES))
    mask = padded(MASK.float(), columns, 0.0)

    def loss(where: torch.Tensor) -> torch.Tensor:
        return clipped_policy_loss(where, old, advantages, mask, 0.2, 5.0)

    assert loss(logprobs).item() == pytest.approx(LOSS, rel=1e-12)
    slopes = slopes_of(loss, logprobs)
    torch.testing.assert_close(slopes[:, :3], SLOPES)
    assert (slopes[:, 3:] == 0).all()
    statistics = policy_statistics(logprobs, old, advantages, mask, 0.2, 5.0)
    for name, value in policy_statistics(OLD + RATIO.log(), OLD, ADVANTAGES, MASK, 0.2, 5.0).items():
        assert statistics[name].item() == pytest.approx(value.item(), rel=1e-12), name


@pytest.mark.parametrize("filling", [0.0, 1e9, *UNUSABLE])
@pytest.mark.parametrize("columns", [1, 5])
def test_value_padding_changes_neither_loss_nor_gradient_nor_statistics(columns: int, filling: float) -> None:
    values, old, returns = (padded(tensor, columns, filling) for tensor in (VALUES, OLD_VALUES, RETURNS))
    mask = torch.tensor([[True, True, True] + [False] * (columns + 1)])

    def loss(where: torch.Tensor) -> torch.Tensor:
        return clipped_value_loss(where, old, returns, mask, 0.2, 3.0)

    assert loss(values).item() == pytest.approx(VALUE_LOSS, rel=1e-12)
    slopes = slopes_of(loss, values)
    torch.testing.assert_close(slopes[:, :3], torch.tensor([[2.0 / 3, 0.0, -0.4 / 3]], dtype=DOUBLE))
    assert (slopes[:, 3:] == 0).all()
    assert value_statistics(values, old, returns, mask, 0.2, 3.0)["value/clipfrac"].item() == pytest.approx(1 / 3)


def test_a_real_token_that_is_nan_is_not_hidden() -> None:
    broken, mask = torch.tensor([[math.nan, -1.0]]), torch.tensor([[True, False]])
    fine = torch.tensor([[-1.0, -1.0]])
    assert clipped_policy_loss(broken, fine, fine, mask, 0.2, 1.0).isnan()
    assert clipped_policy_loss(fine, fine, broken, mask, 0.2, 1.0).isnan()
    assert clipped_value_loss(broken, fine, fine, mask, 0.2, 1.0).isnan()
    assert masked_mean_share(broken, mask, 1.0).isnan()


# --- entropy, ptx, KL -------------------------------------------------------------------------------------------------------------------


def test_entropy_share_is_the_masked_sum_over_the_mini_batch_and_so_is_its_gradient() -> None:
    entropies, mask = torch.tensor([[2.0, 4.0, 99.0]], dtype=DOUBLE), torch.tensor([[True, True, False]])
    assert masked_mean_share(entropies, mask, 4.0).item() == pytest.approx(1.5)
    slopes = slopes_of(lambda x: masked_mean_share(x, mask, 4.0), entropies)
    assert slopes.tolist() == [[0.25, 0.25, 0.0]]


@pytest.mark.parametrize("filling", UNUSABLE)
def test_entropy_padding_may_hold_anything(filling: float) -> None:
    entropies, mask = torch.tensor([[2.0, 4.0, filling]], dtype=DOUBLE), torch.tensor([[1.0, 1.0, 0.0]])
    assert masked_mean_share(entropies, mask, 4.0).item() == 1.5
    assert slopes_of(lambda x: masked_mean_share(x, mask, 4.0), entropies).tolist() == [[0.25, 0.25, 0.0]]
    assert zero_padding(entropies, mask).tolist() == [[2.0, 4.0, 0.0]]


def test_cross_entropy_is_the_negative_sum_over_the_tokens_of_the_mini_batch_and_so_is_its_gradient() -> None:
    logprobs = torch.tensor([-1.0, -3.0], dtype=DOUBLE)
    assert cross_entropy(logprobs, 5.0).item() == pytest.approx(0.8)
    assert slopes_of(lambda x: cross_entropy(x, 5.0), logprobs).tolist() == [-0.2, -0.2]


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        ("k1", [0.5, -0.5, 0.0]),
        ("k2", [0.125, 0.125, 0.0]),
        ("k3", [math.exp(-0.5) - 0.5, math.exp(0.5) - 1.5, 0.0]),  # exp(-d) - 1 + d
    ],
)
def test_kl_estimates_of_single_tokens(estimator: str, expected: list[float]) -> None:
    policy, reference = torch.tensor([-1.0, -1.5, -2.0], dtype=DOUBLE), torch.tensor([-1.5, -1.0, -2.0], dtype=DOUBLE)
    assert kl_estimate(policy, reference, estimator).tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("estimator", ["k1", "k3"])
def test_unbiased_estimates_average_to_the_kl_divergence(estimator: str) -> None:
    policy, reference = torch.tensor([0.7, 0.2, 0.1], dtype=DOUBLE), torch.tensor([0.5, 0.1, 0.4], dtype=DOUBLE)
    mean = (policy * kl_estimate(policy.log(), reference.log(), estimator)).sum().item()
    assert mean == pytest.approx(0.7 * math.log(1.4) + 0.2 * math.log(2) + 0.1 * math.log(0.25), rel=1e-12)


def test_k3_keeps_its_digits_where_the_policies_are_close_and_stays_finite_where_they_are_not() -> None:
    # d = 2^-10: d^2/2 - d^3/6 + ... = 4.7668e-7. Summed term by term in fp32 it would be off by percents.
    close = kl_estimate(torch.tensor([-1.0]), torch.tensor([-1.0 - 2**-10]), "k3").item()
    assert close == pytest.approx(2**-21 - 2**-30 / 6 + 2**-40 / 24, rel=1e-3)
    assert kl_estimate(torch.tensor([-1000.0]), torch.tensor([-1.0]), "k3").isfinite()
