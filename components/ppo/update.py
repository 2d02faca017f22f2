"""One optimizer step on the composite objective (needs torch).

The objective's terms live in different adapters of one model, and an adapter must not be switched between a forward pass and its backward
pass. Gradients of a sum add up, so the order is: policy and entropy term of every micro-batch, forward and backward; ptx term likewise;
switch; value term likewise; the sum over processes; then one step on all of it. A value head on the policy's states has its term in the
policy's pass.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from components.ppo.advantages import generalized_advantages
from components.ppo.batches import MicroBatch, MiniBatch, plan_micro_batches
from components.ppo.config import PpoConfig
from components.ppo.logprobs import token_statistics
from components.ppo.losses import (
    clipped_policy_loss,
    clipped_value_loss,
    cross_entropy,
    masked_mean_share,
    policy_statistics,
    value_statistics,
)
from components.ppo.parallel import Parallel
from components.ppo.roles import POLICY, VALUE, Roles
from components.ppo.scoring import logprobs_of_states, response_values
from components.shared.chat import Encoded
from components.shared.errors import ContractError

Statistics = dict[str, float]


@dataclass(frozen=True)
class Experience:
    """What the update learns from: tensors of shape (B, R), zero on padding, constant while it runs, the same in every process.

    Attributes:
        old_logprobs: of the sampled tokens under the policy that sampled them.
        old_kept: whether those were kept while sampling. A training pass repeats them to rounding only, so the first mini-batch of a
            rollout, whose policy is the one that sampled, takes its own as the old ones: its ratio is exactly 1.
        values: of the state before each token, at rollout time.
        advantages: for the policy.
        returns: for the value.
    """

    old_logprobs: torch.Tensor
    old_kept: bool
    values: torch.Tensor
    advantages: torch.Tensor
    returns: torch.Tensor


@dataclass(frozen=True)
class Place:
    """Where an optimizer step stands.

    Attributes:
        first: whether it is the rollout's first, whose policy is the one that sampled.
        train_policy: False while the critic warms up.
        entropy_coef: present weight of the entropy bonus.
    """

    first: bool
    train_policy: bool
    entropy_coef: float


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


def accumulate_policy_gradients(
    roles: Roles, mini_batch: MiniBatch, experience: Experience, settings: PpoConfig, place: Place
) -> dict[str, torch.Tensor]:
    """Add this process's share of the gradients of ``-E[min(...)] - entropy_coef H``, in as many parts as the mini-batch was cut into.

    A value head on the policy's states gets its gradient here too: its term reads the same pass and does not reach the trunk.

    Returns:
        Shares of the token means, to be summed over processes.
    """
    total: dict[str, torch.Tensor] = {}
    with roles.speaking(POLICY, trainable=place.train_policy):
        for batch in mini_batch.batches:
            with torch.set_grad_enabled(place.train_policy):
                states = roles.states(batch.input_ids, batch.predicting)
            values = roles.values_of_policy_states(states)
            if values is not None:
                _add(total, _value_gradient(batch.padded(values), batch, experience, settings, mini_batch.num_tokens))
            if place.train_policy:
                _add(total, _policy_gradient(roles, batch, states, experience, settings, place, mini_batch.num_tokens))
    return total


def accumulate_ptx_gradients(roles: Roles, human: Sequence[Encoded], num_tokens: float, settings: PpoConfig) -> dict[str, torch.Tensor]:
    """Add the gradients of ``ptx_coef L_CE`` over human replies, a sum over ``num_tokens``.

    Args:
        roles: the model.
        human: this process's share of the step's conversation stretches.
        num_tokens: reply tokens of all of them.
        settings: coefficient and token budget.
    """
    total: dict[str, torch.Tensor] = {}
    with roles.speaking(POLICY, trainable=True):
        for rows in plan_micro_batches([len(row) for row in human], range(len(human)), settings.max_tokens_per_micro_batch):
            input_ids, mask = _pad([human[row] for row in rows], roles.device)
            predicting = mask[:, 1:].nonzero(as_tuple=True)
            states = roles.states(input_ids, predicting[0] * input_ids.shape[1] + predicting[1])
            logprobs, _ = token_statistics(states, roles.projection, input_ids[:, 1:][mask[:, 1:]], entropy_gradient=False)
            loss = cross_entropy(logprobs, num_tokens)
            (settings.ptx_coef * loss).backward()  # type: ignore[no-untyped-call]
            _add(total, {"loss/ptx": loss})
    return total


def accumulate_value_gradients(roles: Roles, mini_batch: MiniBatch, experience: Experience, settings: PpoConfig) -> dict[str, torch.Tensor]:
    """Add this process's share of the gradients of ``vf_coef L_value`` through the value adapter."""
    total: dict[str, torch.Tensor] = {}
    with roles.speaking(VALUE, trainable=True):
        for batch in mini_batch.batches:
            _add(total, _value_gradient(response_values(roles, batch), batch, experience, settings, mini_batch.num_tokens))
    return total


def first_values(
    roles: Roles, mini_batch: MiniBatch, rewards: torch.Tensor, values: torch.Tensor, settings: PpoConfig
) -> dict[str, torch.Tensor]:
    """Compute the rollout-time values of the first mini-batch and, in the same pass, the gradients of its value term.

    That term's old values are the ones just computed, and advantages are a matter of one reply, so all it needs is at hand: the update
    spares this pass.

    Args:
        roles: the model.
        mini_batch: the first of the rollout.
        rewards: per token, shape (B, R).
        values: shape (B, R); the rows of the mini-batch are filled in.
        settings: coefficients.

    Returns:
        Shares of the token means, to be summed over processes.
    """
    total: dict[str, torch.Tensor] = {}
    with roles.speaking(VALUE, trainable=True):
        for batch in mini_batch.batches:
            predicted = response_values(roles, batch)
            old = predicted.detach()
            values[batch.rows] = old
            _, returns = generalized_advantages(rewards[batch.rows], old, batch.mask, settings.gamma, settings.lam)
            _add(total, _value_terms(predicted, old, returns, batch.mask, settings, mini_batch.num_tokens))
    return total


def step(
    roles: Roles,
    optimizer: torch.optim.Optimizer,
    mini_batch: MiniBatch,
    experience: Experience,
    human: Sequence[Encoded],
    settings: PpoConfig,
    place: Place,
    *,
    value_shares: dict[str, torch.Tensor] | None = None,
    parallel: Parallel = Parallel(),  # noqa: B008 - frozen: one process
) -> Statistics | None:
    """Take one optimizer step on one mini-batch.

    Args:
        roles: the model.
        optimizer: from ``new_optimizer``; gradients are zero, or hold the value term where ``value_shares`` is given.
        mini_batch: cut into micro-batches.
        experience: of the whole rollout batch.
        human: conversation stretches for the ptx term; none when it is off.
        settings: coefficients and limits.
        place: where this step stands.
        value_shares: from ``first_values``, when the value term's gradients are there already.
        parallel: the processes.

    Returns:
        Losses and statistics, or None when approxkl has passed ``target_kl``: then no step was taken.
    """
    shares = accumulate_policy_gradients(roles, mini_batch, experience, settings, place)
    statistics = _summed(shares, _policy_names(roles, experience, place), roles.device, parallel)
    if 0 < settings.target_kl < statistics.get("policy/approxkl", 0.0):
        optimizer.zero_grad(set_to_none=True)
        return None
    shares = {}
    if human and place.train_policy:
        num_tokens = float(sum(sum(row.assistant_mask[1:]) for row in human))
        shares |= accumulate_ptx_gradients(roles, [human[row] for row in parallel.part(range(len(human)))], num_tokens, settings)
    if roles.value_mode == "adapter":
        shares |= value_shares if value_shares is not None else accumulate_value_gradients(roles, mini_batch, experience, settings)
    names = [*(["loss/ptx"] if human and place.train_policy else []), *(_VALUE_NAMES if roles.value_mode == "adapter" else [])]
    statistics |= _summed(shares, names, roles.device, parallel)
    parallel.sum_gradients([parameter for group in optimizer.param_groups for parameter in group["params"]])
    for name, group in zip(("policy", "value"), optimizer.param_groups, strict=True):
        norm = float(torch.nn.utils.clip_grad_norm_(group["params"], settings.max_grad_norm))
        if not math.isfinite(norm):
            raise ContractError(f"the {name} gradient is {norm}: training has diverged; lower ppo.learning_rate or ppo.value_learning_rate")
        statistics[f"{name}/grad_norm"] = norm
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return statistics


_VALUE_NAMES = ("loss/value", "value/clipfrac")
_POLICY_NAMES = (
    "loss/policy",
    "policy/entropy",
    "policy/approxkl",
    "policy/clipfrac",
    "policy/clipfrac_low",
    "policy/clipfrac_high",
    "val/ratio",
)


def _policy_names(roles: Roles, experience: Experience, place: Place) -> list[str]:
    """Names of what the policy's pass reports: known without having run it, because a process's share may be empty."""
    names = list(_POLICY_NAMES) if place.train_policy else []
    if place.train_policy and place.first and experience.old_kept:
        names.append("val/rollout_gap")
    return names + (list(_VALUE_NAMES) if roles.value_mode == "shared_trunk" else [])


def _policy_gradient(
    roles: Roles, batch: MicroBatch, states: torch.Tensor, experience: Experience, settings: PpoConfig, place: Place, num_tokens: float
) -> dict[str, torch.Tensor]:
    logprobs, entropies = logprobs_of_states(roles, batch, states, settings.temperature, entropy_gradient=place.entropy_coef > 0)
    kept = experience.old_logprobs[batch.rows]
    repeats = place.first and experience.old_kept
    old = logprobs.detach() if repeats else kept
    advantages = experience.advantages[batch.rows]
    clips = {"cliprange_high": settings.cliprange_high, "dual_clip": settings.dual_clip}
    loss = clipped_policy_loss(logprobs, old, advantages, batch.mask, settings.cliprange, num_tokens, **clips)
    entropy = masked_mean_share(entropies, batch.mask, num_tokens)
    (loss - place.entropy_coef * entropy).backward()  # type: ignore[no-untyped-call]
    shares = policy_statistics(logprobs, old, advantages, batch.mask, settings.cliprange, num_tokens, **clips)
    gap = {"val/rollout_gap": masked_mean_share((old - kept).abs(), batch.mask, num_tokens)} if repeats else {}
    return {"loss/policy": loss, "policy/entropy": entropy, **shares, **gap}


def _value_gradient(
    values: torch.Tensor, batch: MicroBatch, experience: Experience, settings: PpoConfig, num_tokens: float
) -> dict[str, torch.Tensor]:
    return _value_terms(values, experience.values[batch.rows], experience.returns[batch.rows], batch.mask, settings, num_tokens)


def _value_terms(
    values: torch.Tensor, old: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor, settings: PpoConfig, num_tokens: float
) -> dict[str, torch.Tensor]:
    loss = clipped_value_loss(values, old, returns, mask, settings.cliprange_value, num_tokens)
    (settings.vf_coef * loss).backward()  # type: ignore[no-untyped-call]
    return {"loss/value": loss, **value_statistics(values, old, returns, mask, settings.cliprange_value, num_tokens)}


def _pad(human: Sequence[Encoded], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(len(row) for row in human)
    ids = torch.tensor([row.input_ids + [0] * (width - len(row)) for row in human], device=device)
    mask = torch.tensor([row.assistant_mask + [0] * (width - len(row)) for row in human], device=device)
    return ids, mask.bool()


def _add(total: dict[str, torch.Tensor], part: dict[str, torch.Tensor]) -> None:
    for name, value in part.items():
        total[name] = total.get(name, torch.zeros_like(value)) + value.detach()


def _summed(shares: dict[str, torch.Tensor], names: Sequence[str], device: torch.device, parallel: Parallel) -> Statistics:
    """Sum the shares of all processes under the given names; a process whose share is empty gives zeros."""
    numbers = torch.stack([shares.get(name, torch.zeros((), device=device)).detach() for name in names]) if names else torch.zeros(0)
    if names:
        parallel.sum_(numbers)
    return dict(zip(names, numbers.tolist(), strict=True))
