"""Adapters between the SFT policy and the trained one: the update ``W_sft + a (W_policy - W_sft)`` (needs torch, peft).

Lin et al. 2024, Mitigating the Alignment Tax of RLHF, arXiv:2309.06256: averaging the weights before and after RLHF keeps more of what the
model could do before, for the reward that it gains, than the other remedies they tried. Legend: r rank, d inputs, k outputs of a layer;
its update is ``W = (alpha / r) B A`` with A of shape (r, d) and B of shape (k, r).

The updates are averaged, never their factors: ``mean(B) mean(A)`` holds cross terms of one policy's B with the other's A, which belong to
neither. A sum of two products is one product of concatenated factors,
``(1 - a) B_sft A_sft + a B_policy A_policy = [(1 - a) B_sft, a B_policy] [A_sft; A_policy]``, exact, of rank ``r_sft + r_policy``.
"""

import copy
from collections.abc import Mapping

import torch
from peft import LoraConfig, PeftModel

from components.shared.errors import ContractError
from components.shared.modeling import adapter_parameters, adapter_state, copy_adapter, restore_adapter_state, use_adapter

_FACTORS = {"lora_A.weight": 0, "lora_B.weight": 1, "lora_embedding_A": 0, "lora_embedding_B": 1}
"""Ends of the names of the factors, and the dimension of each that is the rank."""
_UNSUPPORTED = ("rank_pattern", "alpha_pattern", "use_rslora", "use_dora", "lora_bias", "modules_to_save", "target_parameters")
"""Settings of an adapter with which its update is not ``(alpha / r) B A`` with the same r and alpha in every layer."""


def interpolated_state(
    sft: Mapping[str, torch.Tensor], policy: Mapping[str, torch.Tensor], a: float, *, sft_scale: float = 1.0
) -> dict[str, torch.Tensor]:
    """Return the factors of ``W_sft + a (W_policy - W_sft)``.

    Args:
        sft: weights of the SFT adapter under PEFT's names, A of shape (r_sft, d), B of shape (k, r_sft).
        policy: weights of the policy, A of shape (r_policy, d), B of shape (k, r_policy).
        a: 0 gives the SFT policy's update, 1 the trained policy's.
        sft_scale: ``alpha / r`` of the SFT adapter over that of the policy. The result belongs under the policy's ``alpha / r``.

    Returns:
        Under the same names, A of shape (r_sft + r_policy, d) and B of shape (k, r_sft + r_policy).

    Raises:
        ContractError: the two adapt different layers, or hold weights other than LoRA factors.
    """
    if sft.keys() != policy.keys():
        example = sorted(sft.keys() ^ policy.keys())[0]
        raise ContractError(f"the SFT adapter and the policy adapt different layers, {example} is in one of them only; give adapters alike")
    state = {}
    for name, theirs in policy.items():
        ending = next((ending for ending in _FACTORS if name.endswith(ending)), None)
        if ending is None:
            raise ContractError(f"{name} is no LoRA factor, and only those can be interpolated; set interpolation to [1.0]")
        ours = sft[name]
        if _FACTORS[ending] == 1:
            ours, theirs = (1 - a) * sft_scale * ours, a * theirs
        state[name] = torch.cat((ours, theirs), dim=_FACTORS[ending])
    return state


def check_interpolable(model: PeftModel, *names: str) -> None:
    """Make sure that adapters can be interpolated; cheap, so that a run can ask before its first step rather than after its last.

    Raises:
        ContractError: one of them cannot; the message says why.
    """
    for name in names:
        config = model.peft_config[name]
        if not isinstance(config, LoraConfig):
            raise ContractError(f"adapter {name} is of type {config.peft_type}, LoRA is wanted; set interpolation to [1.0]")
        given = [setting for setting in _UNSUPPORTED if getattr(config, setting)]
        if config.bias != "none":
            given.append("bias")
        if given:
            raise ContractError(
                f"adapter {name} has {', '.join(given)}: its update is not alpha / r B A with one r and alpha for all layers, which "
                "interpolation wants; train the SFT adapter without, or set interpolation to [1.0]"
            )


def interpolate(model: PeftModel, sft: str, policy: str, target: str, a: float) -> None:
    """Add adapter ``target``, fp32, whose update is ``W_sft + a (W_policy - W_sft)``.

    At a = 1 it is a copy of ``policy`` and at a = 0 of ``sft``, of their own rank; in between its rank is the sum of both (a server may
    have to allow it, such as vLLM's ``max_lora_rank``). An adapter of that name is replaced. It has no dropout, whatever mode the model is
    in. Afterwards ``policy`` is active and nothing is trainable.

    Args:
        model: base with the adapters ``sft`` and ``policy``, neither of which changes.
        sft: name of the SFT adapter.
        policy: name of the trained one.
        target: name of the new one.
        a: from 0 to 1.

    Raises:
        ContractError: the adapters cannot be interpolated.
    """
    if target in (sft, policy):
        raise ValueError(f"the target {target} is one of the adapters to interpolate; give it another name")
    if not 0 <= a <= 1:
        raise ValueError(f"a = {a} does not lie between the two adapters; give 0 to 1")
    use_adapter(model, policy)
    if target in model.peft_config:
        model.delete_adapter(target)
    if a in (0, 1):
        copy_adapter(model, policy if a == 1 else sft, target)
    else:
        check_interpolable(model, sft, policy)
        _add_mean(model, sft, policy, target, a)
    for name, module in model.named_modules():
        if name.endswith(f".lora_dropout.{target}") and isinstance(module, torch.nn.Dropout):
            module.p = 0.0


def _add_mean(model: PeftModel, sft: str, policy: str, target: str, a: float) -> None:
    before, after = model.peft_config[sft], model.peft_config[policy]
    sft_scale = (before.lora_alpha / before.r) / (after.lora_alpha / after.r)
    state = interpolated_state(adapter_state(model, sft), adapter_state(model, policy), a, sft_scale=sft_scale)
    config = copy.deepcopy(after)
    config.r = before.r + after.r
    alpha = after.lora_alpha * config.r / after.r
    config.lora_alpha = int(alpha) if float(alpha).is_integer() else alpha  # a whole number where PEFT and servers expect one
    model.add_adapter(target, config)
    for _, parameter in adapter_parameters(model, target):
        parameter.data = parameter.data.float()
    restore_adapter_state(model, target, state)
