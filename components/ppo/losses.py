"""The four terms of the PPO objective and what is logged of them, on plain tensors and numbers (needs torch).

    L = -E[min(rho A, clip(rho, 1 - eps, 1 + eps) A)] - entropy_coef H + vf_coef L_value + ptx_coef L_CE

Legend: B sequences, R response tokens (padded). Every mask is 1 on real response tokens and 0 on padding. Reduction, everywhere: the sum
over real tokens divided by ``num_tokens``, the number of real tokens in the whole mini-batch. Given a part of the mini-batch these
functions return that part's share of the token mean, so shares add up to the same loss and gradient however the mini-batch is cut.
Padding may hold anything, even nan or inf: it changes neither a value nor a gradient. A nan on a real token is never hidden.
"""

import math
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
    *,
    cliprange_high: float | None = None,
    dual_clip: float | None = None,
) -> torch.Tensor:
    """Return ``-min(rho A, clip(rho, 1 - eps, 1 + eps_high) A)`` with ``rho = exp(logprobs - old_logprobs)``.

    Schulman et al. 2017, eq. 7; an upper range of its own after Yu et al. 2025, arXiv:2503.14476, section 3.1. With ``dual_clip`` c, the
    surrogate is ``max(min(...), c A)`` where A < 0 (Ye et al. 2020, arXiv:1912.09729, eq. 5). Without it nothing in the formula bounds rho
    there, so the arithmetic does: rho stays below the square root of the largest number, beyond which a gradient's norm would overflow.

    Args:
        logprobs: under the policy that is trained, shape (B, R).
        old_logprobs: under the policy that sampled, shape (B, R).
        advantages: shape (B, R).
        mask: shape (B, R).
        cliprange: eps.
        num_tokens: real tokens in the mini-batch.
        cliprange_high: eps_high; None for eps.
        dual_clip: c, greater than 1; None for no such bound.

    Returns:
        Share of the token mean, a scalar.
    """
    log_ratio = zero_padding(logprobs - old_logprobs, mask)
    advantages = zero_padding(advantages, mask)
    effective = _effective_ratio(_bounded_exp(log_ratio), advantages, cliprange, cliprange_high, dual_clip)
    return -(effective * advantages).sum() / num_tokens


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
    unclipped, clipped = _value_errors(values, old_values, returns, mask, cliprange_value)
    return 0.5 * torch.maximum(unclipped, clipped).sum() / num_tokens


def zero_padding(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the values with zero in place of padding, both of shape (B, R); no gradient reaches padding."""
    # Chosen, not multiplied: 0 * inf is nan, in the value and again in the gradient.
    return torch.where(mask.bool(), values, 0.0)


def masked_mean_share(values: torch.Tensor, mask: torch.Tensor, num_tokens: float) -> torch.Tensor:
    """Return a part's share of the token mean of per-token values (entropies, for one), both of shape (B, R)."""
    return zero_padding(values, mask).sum() / num_tokens


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
    return torch.expm1(_bounded(-difference)) + difference


@torch.no_grad()
def policy_statistics(
    logprobs: torch.Tensor,
    old_logprobs: torch.Tensor,
    advantages: torch.Tensor,
    mask: torch.Tensor,
    cliprange: float,
    num_tokens: float,
    *,
    cliprange_high: float | None = None,
    dual_clip: float | None = None,
) -> dict[str, torch.Tensor]:
    """Return shares of the token means that tell how far the policy has moved within this step.

    ``policy/approxkl`` is the k3 estimate of KL(old || new) in nats, ``val/ratio`` the mean of rho. ``policy/clipfrac`` is the fraction of
    tokens whose gradient is zero because of a clip: of rho from below (``policy/clipfrac_low``) or from above, by ``cliprange_high`` or
    ``dual_clip`` (``policy/clipfrac_high``). Arguments as in ``clipped_policy_loss``.
    """
    log_ratio = logprobs - old_logprobs
    ratio = _bounded_exp(log_ratio)
    effective = _effective_ratio(ratio, advantages, cliprange, cliprange_high, dual_clip)
    low = effective > ratio
    # A ratio that would overflow has lost its gradient too; a token without an advantage has none to lose.
    high = ((effective < ratio) | (_bounded(log_ratio) < log_ratio)) & (advantages != 0)
    return {
        "policy/approxkl": masked_mean_share(torch.expm1(_bounded(log_ratio)) - log_ratio, mask, num_tokens),
        "policy/clipfrac": masked_mean_share((low | high).to(ratio.dtype), mask, num_tokens),
        "policy/clipfrac_low": masked_mean_share(low.to(ratio.dtype), mask, num_tokens),
        "policy/clipfrac_high": masked_mean_share(high.to(ratio.dtype), mask, num_tokens),
        "val/ratio": masked_mean_share(ratio, mask, num_tokens),
    }


@torch.no_grad()
def value_statistics(
    values: torch.Tensor, old_values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor, cliprange_value: float, num_tokens: float
) -> dict[str, torch.Tensor]:
    """Return ``value/clipfrac``, the share of tokens whose clipped error is the larger one: their gradient is zero.

    Arguments as in ``clipped_value_loss``.
    """
    unclipped, clipped = _value_errors(values, old_values, returns, mask, cliprange_value)
    return {"value/clipfrac": masked_mean_share((clipped > unclipped).to(unclipped.dtype), mask, num_tokens)}


def _effective_ratio(
    ratio: torch.Tensor, advantages: torch.Tensor, cliprange: float, cliprange_high: float | None, dual_clip: float | None
) -> torch.Tensor:
    """Return what A is multiplied by once min and max are resolved: A > 0 can only be clipped from above, A < 0 from below and by c."""
    high = cliprange if cliprange_high is None else cliprange_high
    return torch.where(advantages < 0, ratio.clamp(1 - cliprange, dual_clip), ratio.clamp(max=1 + high))


def _value_errors(
    values: torch.Tensor, old_values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor, cliprange_value: float
) -> tuple[torch.Tensor, torch.Tensor]:
    values, old_values, returns = zero_padding(values, mask), zero_padding(old_values, mask), zero_padding(returns, mask)
    clipped = torch.clamp(values, old_values - cliprange_value, old_values + cliprange_value)
    return (values - returns).square(), (clipped - returns).square()


def _bounded_exp(exponent: torch.Tensor) -> torch.Tensor:
    return torch.exp(_bounded(exponent))


def _bounded(exponent: torch.Tensor) -> torch.Tensor:
    # Where exp overflows, its gradient is 0 * inf even for a token that was clipped.
    return exponent.clamp(max=0.5 * math.log(torch.finfo(exponent.dtype).max))
