"""The four terms of the PPO objective and what is logged of them, on plain tensors and numbers (needs torch).

    L = -E[min(rho A, clip(rho, 1 - eps, 1 + eps) A)] - entropy_coef H + vf_coef L_value + ptx_coef L_CE

Legend: B sequences, R response tokens (padded). Every mask is 1 on real response tokens and 0 on padding. Reduction, everywhere: the sum
over real tokens divided by ``num_tokens``, the number of real tokens in the whole mini-batch. Given a part of the mini-batch these
functions return that part's share of the token mean, so shares add up to the same loss and gradient however the mini-batch is cut.
"""

from typing import Literal

import torch

KlEstimator = Literal["k1", "k2", "k3"]


def clipped_policy_loss(
    logprobs: torch.Tensor,
    old_logprobs: torch.Tensor,
    advantages: torch.Tensor,
    mask: torch.Tensor,
    cliprange: float,
    num_tokens: float,
) -> torch.Tensor:
    """Return ``-min(rho A, clip(rho, 1 - eps, 1 + eps) A)`` with ``rho = exp(logprobs - old_logprobs)`` (Schulman et al. 2017, eq. 7).

    Args:
        logprobs: under the policy that is trained, shape (B, R).
        old_logprobs: under the policy that sampled, shape (B, R).
        advantages: shape (B, R).
        mask: shape (B, R).
        cliprange: eps.
        num_tokens: real tokens in the mini-batch.

    Returns:
        Share of the token mean, a scalar.
    """
    ratio = torch.exp(logprobs - old_logprobs)
    surrogate = torch.minimum(ratio * advantages, ratio.clamp(1 - cliprange, 1 + cliprange) * advantages)
    return -(surrogate * mask).sum() / num_tokens


def clipped_value_loss(
    values: torch.Tensor,
    old_values: torch.Tensor,
    returns: torch.Tensor,
    mask: torch.Tensor,
    cliprange_value: float,
    num_tokens: float,
) -> torch.Tensor:
    """Return ``1/2 max((V - G)^2, (clip(V, V_old - eps, V_old + eps) - G)^2)``: a value gains nothing by moving further than eps.

    Args:
        values: of the critic that is trained, shape (B, R).
        old_values: of the critic at rollout time, shape (B, R).
        returns: targets G, shape (B, R).
        mask: shape (B, R).
        cliprange_value: eps, in units of reward.
        num_tokens: real tokens in the mini-batch.

    Returns:
        Share of the token mean, a scalar.
    """
    clipped = torch.clamp(values, old_values - cliprange_value, old_values + cliprange_value)
    worse = torch.maximum((values - returns).square(), (clipped - returns).square())
    return 0.5 * (worse * mask).sum() / num_tokens


def masked_mean_share(values: torch.Tensor, mask: torch.Tensor, num_tokens: float) -> torch.Tensor:
    """Return a part's share of the token mean of per-token values (entropies, for one), both of shape (B, R)."""
    return (values * mask).sum() / num_tokens


def cross_entropy(logprobs: torch.Tensor, num_tokens: float) -> torch.Tensor:
    """Return ``-sum log p / num_tokens`` over the human tokens of one part of a ptx batch; log-probabilities of shape (N,), no padding."""
    return -logprobs.sum() / num_tokens


def kl_estimate(logprobs: torch.Tensor, ref_logprobs: torch.Tensor, estimator: KlEstimator) -> torch.Tensor:
    """Estimate KL(policy || reference) token by token, from tokens that the policy sampled (Schulman 2020).

    With ``d = logprobs - ref_logprobs``: k1 ``d`` (unbiased), k2 ``d^2 / 2``, k3 ``exp(-d) - 1 + d`` (unbiased, never negative).

    Args:
        logprobs: under the policy, any shape.
        ref_logprobs: under the reference, the same shape.
        estimator: which one.

    Returns:
        Nats, the same shape.
    """
    difference = logprobs - ref_logprobs
    if estimator == "k1":
        return difference
    if estimator == "k2":
        return 0.5 * difference.square()
    return torch.expm1(-difference) + difference


@torch.no_grad()
def policy_statistics(
    logprobs: torch.Tensor, old_logprobs: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor, cliprange: float, num_tokens: float
) -> dict[str, torch.Tensor]:
    """Return shares of the token means that tell how far the policy has moved within this step.

    ``policy/approxkl`` is the k3 estimate of KL(old || new) in nats, ``policy/clipfrac`` the fraction of tokens whose clipped term is the
    smaller one (their gradient is zero), ``val/ratio`` the mean of rho. Arguments as in ``clipped_policy_loss``.
    """
    log_ratio = logprobs - old_logprobs
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - cliprange, 1 + cliprange) * advantages < ratio * advantages
    return {
        "policy/approxkl": masked_mean_share(torch.expm1(log_ratio) - log_ratio, mask, num_tokens),
        "policy/clipfrac": masked_mean_share(clipped.float(), mask, num_tokens),
        "val/ratio": masked_mean_share(ratio, mask, num_tokens),
    }
