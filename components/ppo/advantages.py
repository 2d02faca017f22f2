"""From scores to advantages, on plain tensors and numbers, fp32 (needs torch).

Legend: B sequences, R response tokens (padded on the right). Every mask is 1 on real response tokens and 0 on padding. Padding may hold
anything, even nan or inf: it changes nothing.
"""

import torch

from components.ppo.losses import zero_padding


def shaped_scores(
    scores: torch.Tensor,
    truncated: torch.Tensor,
    *,
    mean: float,
    std: float,
    clip_range: float,
    missing_eos_penalty: float,
) -> torch.Tensor:
    """Return ``clip((score - mean) / std, -c, c)``, less the penalty where the reply did not end by itself.

    Args:
        scores: raw scores of the reward model, shape (B,).
        truncated: True where the reply ran into the length limit, shape (B,).
        mean: subtracted.
        std: divides.
        clip_range: c.
        missing_eos_penalty: subtracted after clipping, so that it always counts.

    Returns:
        What the policy is rewarded with, before the KL penalty, shape (B,).
    """
    normalised = ((scores - mean) / std).clamp(-clip_range, clip_range)
    return normalised - missing_eos_penalty * truncated.to(normalised.dtype)


def constrained_scores(scores: torch.Tensor, safety: torch.Tensor, threshold: float, multiplier: float) -> torch.Tensor:
    """Return ``(score + lambda (safety - threshold)) / (1 + lambda)``: the Lagrangian of "as good as possible, but safe on average".

    Dai et al. 2024, arXiv:2310.12773, with the cost ``threshold - safety``; divided, as in its policy update, so that the scale of the
    advantages stays whatever lambda is.

    Args:
        scores: shape (B,).
        safety: ratings of the safety head in rating points, shape (B,).
        threshold: mean rating that is wanted.
        multiplier: lambda, 0 or more.

    Returns:
        Shape (B,).
    """
    return (scores + multiplier * (safety - threshold)) / (1 + multiplier)


def token_rewards(scores: torch.Tensor, kl: torch.Tensor, mask: torch.Tensor, kl_coef: float) -> torch.Tensor:
    """Return ``-kl_coef * kl_t`` at every token, plus the score at the last one (Ziegler et al. 2019, eq. 2).

    Args:
        scores: shaped scores, shape (B,).
        kl: per-token KL estimates, shape (B, R).
        mask: shape (B, R); every row has at least one token.
        kl_coef: weight of the penalty.

    Returns:
        Rewards, zero on padding, shape (B, R).
    """
    rewards = -kl_coef * zero_padding(kl, mask)
    last = mask.long().sum(1) - 1
    return rewards.index_put((torch.arange(len(last), device=mask.device), last), scores.to(rewards.dtype), accumulate=True)


def generalized_advantages(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, gamma: float, lam: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return advantages and returns (Schulman et al. 2016, eq. 16; the state after the last token has value zero).

    ``delta_t = r_t + gamma V_{t+1} - V_t``, ``A_t = delta_t + gamma lam A_{t+1}``, ``G_t = A_t + V_t``.

    Args:
        rewards: per token, shape (B, R).
        values: of the state before each token, shape (B, R).
        mask: shape (B, R).
        gamma: discount.
        lam: lambda.

    Returns:
        Advantages and returns, zero on padding, shape (B, R) each.
    """
    rewards, values = zero_padding(rewards, mask), zero_padding(values, mask)
    advantages = torch.zeros_like(values)
    ahead, next_value = torch.zeros_like(values[:, 0]), torch.zeros_like(values[:, 0])
    for step in reversed(range(values.shape[1])):
        delta = rewards[:, step] + gamma * next_value - values[:, step]
        ahead = (delta + gamma * lam * ahead) * mask[:, step]
        advantages[:, step] = ahead
        next_value = values[:, step]
    return advantages, (advantages + values) * mask


def whiten(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Shift and scale to mean 0 and (population) variance 1 over all real tokens; padding becomes zero.

    Args:
        values: shape (B, R).
        mask: shape (B, R).

    Returns:
        Whitened values, shape (B, R).
    """
    count = mask.sum()
    mean = zero_padding(values, mask).sum() / count
    deviations = zero_padding(values - mean, mask)
    return deviations * torch.rsqrt(deviations.square().sum() / count + 1e-8)


def explained_variance(values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor) -> float:
    """Return ``1 - Var(G - V) / Var(G)`` over real tokens: 1 for a perfect critic, 0 for one that knows only the mean.

    Args:
        values: shape (B, R).
        returns: shape (B, R).
        mask: shape (B, R).
    """
    chosen = mask.bool()
    target, error = returns[chosen], (returns - values)[chosen]
    total = target.var(unbiased=False)
    return float(1 - error.var(unbiased=False) / total) if total > 0 else 0.0
