"""One optimizer step on the composite objective (needs torch).

The objective's terms live in different adapters of one model, and an adapter must not be switched between a forward pass and its backward
pass. Gradients of a sum add up, so the order is: policy and entropy term of every micro-batch, forward and backward; ptx term likewise;
switch; value term likewise; then one step on all of them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from components.ppo.batches import MicroBatch, Scored, plan_micro_batches
from components.ppo.config import PpoConfig
from components.ppo.logprobs import token_statistics
from components.ppo.losses import clipped_policy_loss, clipped_value_loss, cross_entropy, masked_mean_share, policy_statistics
from components.ppo.roles import POLICY, VALUE, Roles
from components.ppo.scoring import response_logprobs, response_values
from components.shared.chat import Encoded
from components.shared.errors import ContractError
from components.shared.modeling import use_adapter

Statistics = dict[str, float]


@dataclass(frozen=True)
class Targets:
    """What the update learns from, all of shape (B, R), constant while it runs.

    Attributes:
        scored: the rollout batch as it was scored.
        advantages: for the policy.
        returns: for the value.
    """

    scored: Scored
    advantages: torch.Tensor
    returns: torch.Tensor


def new_optimizer(roles: Roles, settings: PpoConfig) -> torch.optim.AdamW:
    """Return one AdamW over two groups, policy and value, each with its own learning rate."""
    groups = [
        {"params": roles.policy_parameters(), "lr": settings.learning_rate},
        {"params": roles.value_parameters(), "lr": settings.value_learning_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)


def set_learning_rates(optimizer: torch.optim.Optimizer, settings: PpoConfig, factor: float) -> None:
    """Scale both learning rates."""
    for group, peak in zip(optimizer.param_groups, (settings.learning_rate, settings.value_learning_rate), strict=True):
        group["lr"] = peak * factor


def accumulate_policy_gradients(roles: Roles, batches: Sequence[MicroBatch], targets: Targets, settings: PpoConfig) -> Statistics:
    """Add the gradients of ``-E[min(...)] - entropy_coef H`` over one mini-batch, in as many parts as it was cut into."""
    num_tokens = float(sum(int(batch.mask.sum()) for batch in batches))
    total: dict[str, torch.Tensor] = {}
    use_adapter(roles.model, POLICY, trainable=True)
    for batch in batches:
        old, advantages = targets.scored.old_logprobs[batch.rows], targets.advantages[batch.rows]
        logprobs, entropies = response_logprobs(roles, batch, settings.temperature, entropy_gradient=settings.entropy_coef > 0)
        loss = clipped_policy_loss(logprobs, old, advantages, batch.mask, settings.cliprange, num_tokens)
        entropy = masked_mean_share(entropies, batch.mask, num_tokens)
        (loss - settings.entropy_coef * entropy).backward()  # type: ignore[no-untyped-call]
        shares = policy_statistics(logprobs, old, advantages, batch.mask, settings.cliprange, num_tokens)
        _add(total, {"loss/policy": loss, "policy/entropy": entropy, **shares})
    return _floats(total)


def accumulate_ptx_gradients(roles: Roles, human: Sequence[Encoded], settings: PpoConfig) -> Statistics:
    """Add the gradients of ``ptx_coef L_CE`` over human replies, a mean over their tokens. The policy adapter is active."""
    num_tokens = float(sum(sum(row.assistant_mask[1:]) for row in human))
    total: dict[str, torch.Tensor] = {}
    for rows in plan_micro_batches([len(row) for row in human], range(len(human)), settings.max_tokens_per_micro_batch):
        input_ids, mask = _pad([human[row] for row in rows], roles.device)
        states = roles.hidden(input_ids)[:, :-1][mask[:, 1:]]
        logprobs, _ = token_statistics(states, roles.projection, input_ids[:, 1:][mask[:, 1:]], entropy_gradient=False)
        loss = cross_entropy(logprobs, num_tokens)
        (settings.ptx_coef * loss).backward()  # type: ignore[no-untyped-call]
        _add(total, {"loss/ptx": loss})
    return _floats(total)


def accumulate_value_gradients(roles: Roles, batches: Sequence[MicroBatch], targets: Targets, settings: PpoConfig) -> Statistics:
    """Add the gradients of ``vf_coef L_value`` over one mini-batch."""
    num_tokens = float(sum(int(batch.mask.sum()) for batch in batches))
    total: dict[str, torch.Tensor] = {}
    use_adapter(roles.model, VALUE, trainable=True)
    for batch in batches:
        loss = clipped_value_loss(
            response_values(roles, batch),
            targets.scored.values[batch.rows],
            targets.returns[batch.rows],
            batch.mask,
            settings.cliprange_value,
            num_tokens,
        )
        (settings.vf_coef * loss).backward()  # type: ignore[no-untyped-call]
        _add(total, {"loss/value": loss})
    return _floats(total)


def step(
    roles: Roles,
    optimizer: torch.optim.Optimizer,
    batches: Sequence[MicroBatch],
    targets: Targets,
    human: Sequence[Encoded],
    settings: PpoConfig,
    *,
    train_policy: bool = True,
) -> Statistics | None:
    """Take one optimizer step on one mini-batch.

    Args:
        roles: the model.
        optimizer: from ``new_optimizer``.
        batches: the mini-batch, cut into micro-batches.
        targets: of the whole rollout batch.
        human: conversation stretches for the ptx term; none when it is off.
        settings: coefficients and limits.
        train_policy: False while the critic warms up.

    Returns:
        Losses and statistics, or None when approxkl has passed ``target_kl``: then no step was taken.
    """
    optimizer.zero_grad(set_to_none=True)
    statistics: Statistics = {}
    if train_policy:
        statistics |= accumulate_policy_gradients(roles, batches, targets, settings)
        if 0 < settings.target_kl < statistics["policy/approxkl"]:
            optimizer.zero_grad(set_to_none=True)
            return None
        if human:
            statistics |= accumulate_ptx_gradients(roles, human, settings)
    statistics |= accumulate_value_gradients(roles, batches, targets, settings)
    for name, group in zip(("policy", "value"), optimizer.param_groups, strict=True):
        norm = float(torch.nn.utils.clip_grad_norm_(group["params"], settings.max_grad_norm))
        if not math.isfinite(norm):
            raise ContractError(f"the {name} gradient is {norm}: training has diverged; lower ppo.learning_rate or ppo.value_learning_rate")
        statistics[f"{name}/grad_norm"] = norm
    optimizer.step()
    return statistics


def _pad(human: Sequence[Encoded], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(len(row) for row in human)
    ids = torch.tensor([row.input_ids + [0] * (width - len(row)) for row in human], device=device)
    mask = torch.tensor([row.assistant_mask + [0] * (width - len(row)) for row in human], device=device)
    return ids, mask.bool()


def _add(total: dict[str, torch.Tensor], part: dict[str, torch.Tensor]) -> None:
    for name, value in part.items():
        total[name] = total.get(name, torch.zeros_like(value)) + value.detach()


def _floats(total: dict[str, torch.Tensor]) -> Statistics:
    return {name: float(value) for name, value in total.items()}
