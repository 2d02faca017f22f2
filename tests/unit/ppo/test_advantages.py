"""Rewards, GAE and whitening against numbers that a reader can redo on paper."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from components.ppo.advantages import (
    constrained_scores,
    explained_variance,
    generalized_advantages,
    shaped_scores,
    token_rewards,
    whiten,
)

DOUBLE = torch.float64
MASK = torch.tensor([[True, True, True], [True, False, False]])
FILLINGS = [0.0, 99.0, math.nan, math.inf, -math.inf]


def rows(*values: list[float], filling: float = 0.0, columns: int = 3) -> torch.Tensor:
    """Rows of different lengths, padded on the right."""
    return torch.tensor([row + [filling] * (columns - len(row)) for row in values], dtype=DOUBLE)


def mask_of(columns: int) -> torch.Tensor:
    return torch.tensor([[True] * 3 + [False] * (columns - 3), [True] + [False] * (columns - 1)])


def test_scores_are_normalised_then_clipped_then_fined() -> None:
    # (11 - 1) / 2 = 5 -> 3; (0 - 1) / 2 = -0.5; (-9 - 1) / 2 = -5 -> -3; the penalty comes after the clip.
    scores, truncated = torch.tensor([11.0, 0.0, 0.0, -9.0, -9.0]), torch.tensor([True, False, True, False, True])
    shaped = shaped_scores(scores, truncated, mean=1.0, std=2.0, clip_range=3.0, missing_eos_penalty=1.5)
    assert shaped.tolist() == [1.5, -0.5, -2.0, -3.0, -4.5]


def test_constrained_scores_weigh_what_is_above_and_below_the_threshold_and_keep_the_scale() -> None:
    scores, safety = torch.tensor([2.0, -1.0, 3.0], dtype=DOUBLE), torch.tensor([5.0, 1.0, 4.0], dtype=DOUBLE)
    # (2 + 3 * (5 - 4)) / 4, (-1 + 3 * (1 - 4)) / 4, (3 + 0) / 4
    assert constrained_scores(scores, safety, 4.0, 3.0).tolist() == pytest.approx([1.25, -2.5, 0.75], rel=1e-12)
    assert constrained_scores(scores, safety, 4.0, 0.0).tolist() == [2.0, -1.0, 3.0]
    # The larger the multiplier, the nearer to safety - threshold alone.
    assert constrained_scores(scores, safety, 4.0, 1e9).tolist() == pytest.approx([1.0, -3.0, 0.0], abs=1e-8)


@pytest.mark.parametrize("columns", [3, 4, 9])
@pytest.mark.parametrize("filling", FILLINGS)
def test_kl_is_charged_at_every_token_and_the_score_paid_at_the_last(filling: float, columns: int) -> None:
    kl = rows([1.0, -2.0, 3.0], [4.0], filling=filling, columns=columns)
    rewards = token_rewards(torch.tensor([10.0, 20.0]), kl, mask_of(columns), kl_coef=0.5)
    assert rewards.tolist() == rows([-0.5, 1.0, 8.5], [18.0], columns=columns).tolist()


@pytest.mark.parametrize("columns", [3, 4, 9])
@pytest.mark.parametrize("filling", FILLINGS)
def test_generalised_advantages(filling: float, columns: int) -> None:
    rewards = rows([1.0, 0.0, 2.0], [4.0], filling=filling, columns=columns)
    values = rows([0.5, 1.0, -1.0], [1.0], filling=filling, columns=columns)
    advantages, returns = generalized_advantages(rewards, values, mask_of(columns), gamma=0.9, lam=0.8)
    # delta = 2 + 1 = 3; 0 - 0.9 - 1 = -1.9; 1 + 0.9 - 0.5 = 1.4. A = 3; -1.9 + 0.72*3 = 0.26; 1.4 + 0.72*0.26 = 1.5872.
    torch.testing.assert_close(advantages, rows([1.5872, 0.26, 3.0], [3.0], columns=columns))
    torch.testing.assert_close(returns, rows([2.0872, 1.26, 2.0], [4.0], columns=columns))


def test_lambda_one_gives_monte_carlo_returns_whatever_the_values() -> None:
    values = torch.tensor([[0.3, -8.0, 5.0], [2.0, 0.0, 0.0]], dtype=DOUBLE)
    _, returns = generalized_advantages(rows([1.0, 2.0, 4.0], [3.0]), values, MASK, gamma=1.0, lam=1.0)
    torch.testing.assert_close(returns, rows([7.0, 6.0, 4.0], [3.0]))
    _, discounted = generalized_advantages(rows([1.0, 2.0, 4.0], [3.0]), values, MASK, gamma=0.5, lam=1.0)
    torch.testing.assert_close(discounted, rows([3.0, 4.0, 4.0], [3.0]))  # 1 + 2/2 + 4/4, 2 + 4/2, 4


def test_lambda_zero_gives_one_step_errors() -> None:
    advantages, _ = generalized_advantages(rows([1.0, 2.0, 4.0], [3.0]), rows([10.0, 20.0, 40.0], [1.0]), MASK, gamma=0.5, lam=0.0)
    torch.testing.assert_close(advantages, rows([1.0, 2.0, -36.0], [2.0]))  # 1 + 10 - 10, 2 + 20 - 20, 4 - 40


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=7),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_recursion_equals_the_sum_of_discounted_errors(tokens: list[tuple[float, float]], gamma: float, lam: float) -> None:
    rewards, values = zip(*tokens, strict=True)
    ahead = [*values[1:], 0.0]
    errors = [reward + gamma * later - value for reward, later, value in zip(rewards, ahead, values, strict=True)]
    expected = [sum((gamma * lam) ** (k - t) * errors[k] for k in range(t, len(errors))) for t in range(len(errors))]
    given_tokens = torch.tensor(tokens, dtype=DOUBLE).T[:, None]
    advantages, _ = generalized_advantages(given_tokens[0], given_tokens[1], torch.ones(1, len(tokens)), gamma, lam)
    assert advantages[0].tolist() == pytest.approx(expected, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("columns", [3, 4, 9])
@pytest.mark.parametrize("filling", FILLINGS)
def test_whitening_sees_real_tokens_only(filling: float, columns: int) -> None:
    white = whiten(rows([1.0, 3.0, 5.0], [3.0], filling=filling, columns=columns), mask_of(columns))
    edge = 2 / math.sqrt(2)  # mean 3, variance (4 + 0 + 4 + 0) / 4 = 2
    torch.testing.assert_close(white, rows([-edge, 0.0, edge], [0.0], columns=columns), rtol=1e-7, atol=1e-12)


def test_whitening_equal_values_gives_zeros() -> None:
    assert whiten(torch.full((2, 3), 0.25), MASK).tolist() == [[0.0] * 3] * 2


def test_explained_variance() -> None:
    returns = rows([1.0, 2.0, 3.0], [6.0], filling=math.nan)
    assert explained_variance(returns.clone(), returns, MASK) == pytest.approx(1.0)
    assert explained_variance(torch.full_like(returns, 2.0), returns, MASK) == pytest.approx(0.0, abs=1e-6)
    # errors 0, 0, 0, 2: variance 3/4; returns 1, 2, 3, 6: variance 14/4
    assert explained_variance(rows([1.0, 2.0, 3.0], [4.0]), returns, MASK) == pytest.approx(1 - 0.75 / 3.5, rel=1e-6)
    # Of a hundredth of that it is the same: only returns that are all equal explain nothing.
    assert explained_variance(rows([0.01, 0.02, 0.03], [0.04]), returns / 100, MASK) == pytest.approx(1 - 0.75 / 3.5, rel=1e-6)
    assert explained_variance(rows([1.0, 2.0, 3.0], [4.0]), torch.ones_like(returns), MASK) == 0.0
