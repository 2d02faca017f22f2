"""Rewards, GAE and whitening against numbers that a reader can redo on paper."""

import math

import pytest
import torch

from components.ppo.advantages import explained_variance, generalized_advantages, shaped_scores, token_rewards, whiten

MASK = torch.tensor([[True, True, True], [True, False, False]])


def test_scores_are_normalised_then_clipped_then_fined() -> None:
    # (11 - 1) / 2 = 5 -> 3; (0 - 1) / 2 = -0.5; the penalty comes after the clip.
    shaped = shaped_scores(
        torch.tensor([11.0, 0.0, 0.0]), torch.tensor([True, False, True]), mean=1.0, std=2.0, clip_range=3.0, missing_eos_penalty=1.0
    )
    assert shaped.tolist() == [2.0, -0.5, -1.5]


def test_kl_is_charged_at_every_token_and_the_score_paid_at_the_last() -> None:
    kl = torch.tensor([[1.0, -2.0, 3.0], [4.0, 9.0, 9.0]])
    rewards = token_rewards(torch.tensor([10.0, 20.0]), kl, MASK, kl_coef=0.5)
    assert rewards.tolist() == [[-0.5, 1.0, 8.5], [18.0, 0.0, 0.0]]


def test_generalised_advantages() -> None:
    rewards = torch.tensor([[1.0, 0.0, 2.0], [4.0, 99.0, 99.0]])
    values = torch.tensor([[0.5, 1.0, -1.0], [1.0, 7.0, 7.0]])
    advantages, returns = generalized_advantages(rewards, values, MASK, gamma=0.9, lam=0.8)
    # delta = 2 + 1 = 3; 0 - 0.9 - 1 = -1.9; 1 + 0.9 - 0.5 = 1.4. A = 3; -1.9 + 0.72*3 = 0.26; 1.4 + 0.72*0.26 = 1.5872.
    torch.testing.assert_close(advantages, torch.tensor([[1.5872, 0.26, 3.0], [3.0, 0.0, 0.0]]))
    torch.testing.assert_close(returns, torch.tensor([[2.0872, 1.26, 2.0], [4.0, 0.0, 0.0]]))


def test_lambda_one_gives_monte_carlo_returns() -> None:
    rewards = torch.tensor([[1.0, 2.0, 4.0], [3.0, 0.0, 0.0]])
    _, returns = generalized_advantages(rewards, torch.randn(2, 3), MASK, gamma=1.0, lam=1.0)
    torch.testing.assert_close(returns, torch.tensor([[7.0, 6.0, 4.0], [3.0, 0.0, 0.0]]))


def test_whitening_sees_real_tokens_only() -> None:
    white = whiten(torch.tensor([[1.0, 3.0, 5.0], [3.0, 100.0, -100.0]]), MASK)
    edge = 2 / math.sqrt(2)  # mean 3, variance (4 + 0 + 4 + 0) / 4 = 2
    torch.testing.assert_close(white, torch.tensor([[-edge, 0.0, edge], [0.0, 0.0, 0.0]]))


def test_explained_variance() -> None:
    returns = torch.tensor([[1.0, 2.0, 3.0], [6.0, 50.0, 50.0]])
    assert explained_variance(returns.clone(), returns, MASK) == pytest.approx(1.0)
    assert explained_variance(torch.full_like(returns, 2.0), returns, MASK) == pytest.approx(0.0, abs=1e-6)
    # errors 0, 0, 0, 2: variance 3/4; returns 1, 2, 3, 6: variance 14/4
    assert explained_variance(torch.tensor([[1.0, 2.0, 3.0], [4.0, 0.0, 0.0]]), returns, MASK) == pytest.approx(1 - 0.75 / 3.5, rel=1e-6)
