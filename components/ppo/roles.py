"""One frozen base, its adapters, small heads: the parts that PPO plays with (needs torch, transformers, peft).

| role | adapter | head | trained |
|---|---|---|---|
| reference | sft | vocabulary | no |
| policy | policy, starts as a copy of sft | vocabulary | yes |
| reward | reward, reward_1, ... for the members of an ensemble | reward heads, safety heads | no |
| value (``adapter``) | value, starts as a copy of reward | starts as the reward head with the normalisation folded in | yes |
| value (``shared_trunk``) | none: reads the policy's states and does not move them | layer norm and a small network, starts at zero | yes |
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from peft import PeftModel

from components.ppo.batches import MicroBatch
from components.ppo.fused_lora import fuse, weights_formed
from components.ppo.logprobs import Projection
from components.ppo.lower_layers import LowerLayers
from components.ppo.read_positions import ReadPositions
from components.shared.base_model import BaseModelReference
from components.shared.errors import ContractError
from components.shared.modeling import (
    BaseType,
    adapter_parameters,
    adapter_state,
    copy_adapter,
    load_adapter,
    load_base,
    restore_adapter_state,
    use_adapter,
)
from components.shared.reward_model import Normalisation, RewardMember, ScalarHead, load_reward_members

REFERENCE, POLICY, REWARD, VALUE = "sft", "policy", "reward", "value"
ValueMode = Literal["adapter", "shared_trunk"]


class TrunkHead(torch.nn.Module):
    """A value head on the policy's states: layer norm (it needs no batch statistics), then two linear layers; it starts at zero."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.norm = torch.nn.LayerNorm(hidden_size)
        self.inner = torch.nn.Linear(hidden_size, hidden_size)
        self.outer = torch.nn.Linear(hidden_size, 1)
        torch.nn.init.zeros_(self.outer.weight)
        torch.nn.init.zeros_(self.outer.bias)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Map states (..., H) to values (...), fp32."""
        inner = torch.nn.functional.gelu(self.inner(self.norm(hidden.float())))
        values: torch.Tensor = self.outer(inner).squeeze(-1)
        return values


@dataclass(frozen=True)
class Roles:
    """The model with its adapters, and what belongs to them.

    Attributes:
        model: base with the adapters sft, policy, reward (and members), and value in mode ``adapter``.
        projection: the base's vocabulary projection.
        value_mode: whose states the value head reads.
        value_head: trained.
        members: of the reward ensemble, each with its adapter's name, heads and normalisation; one without an ensemble.
        read_positions: lets the last layer skip positions.
        lower_layers: below a value adapter that trains the upper layers only; None where it trains all.
    """

    model: PeftModel
    projection: Projection
    value_mode: ValueMode
    value_head: torch.nn.Module
    members: tuple[RewardMember, ...]
    read_positions: ReadPositions
    lower_layers: LowerLayers | None = None

    @property
    def device(self) -> torch.device:
        """Where the model lies."""
        return self.projection.weight.device

    @property
    def reward_head(self) -> ScalarHead:
        """Head of the first member."""
        return self.members[0].head

    @property
    def normalisation(self) -> Normalisation:
        """Mean and standard deviation of the first member's scores."""
        return self.members[0].normalisation

    @property
    def _trained_adapters(self) -> tuple[str, ...]:
        return (POLICY, VALUE) if self.value_mode == "adapter" else (POLICY,)

    @contextmanager
    def speaking(self, adapter: str, *, trainable: bool = False) -> Iterator[None]:
        """Make an adapter the active one for a pass, its layers formed; it stays active. Backward passes belong inside."""
        use_adapter(self.model, adapter, trainable=trainable)
        with weights_formed(self.model, adapter):
            yield

    def states(self, input_ids: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Return final hidden states under the active adapter where they are read.

        No attention mask: with padding on the right, a causal model's real tokens never see it.

        Args:
            input_ids: right-padded sequences, shape (B, T).
            places: flat places in (B, T), shape (n,).

        Returns:
            Shape (n, H).
        """
        with self.read_positions.only(places, input_ids.numel()):
            return self.hidden(input_ids).flatten(0, 1)[places]

    def value_states(self, batch: MicroBatch) -> torch.Tensor:
        """Return the states, (n, H), that the value head reads of a micro-batch; the value adapter is active."""
        if self.lower_layers is None:
            return self.states(batch.input_ids, batch.predicting)
        with self.read_positions.only(batch.predicting, self.lower_layers.share * batch.input_ids.numel()):
            return self.lower_layers.upper(self.lower_layers.of(batch)).flatten(0, 1)[batch.predicting]

    def hidden(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Return the final hidden states of all positions, (B, T, H), of right-padded sequences, (B, T), under the active adapter."""
        backbone = self.model.get_base_model().base_model
        states: torch.Tensor = backbone(input_ids=input_ids, use_cache=False).last_hidden_state
        return states

    def values_of_policy_states(self, states: torch.Tensor) -> torch.Tensor | None:
        """Return the values of policy states, (n, H) to (n,), where the value head reads those; else None. They do not move the trunk."""
        return self.value_head(states.detach()) if self.value_mode == "shared_trunk" else None

    def policy_parameters(self) -> list[torch.nn.Parameter]:
        """Return what the policy loss trains."""
        return [parameter for _, parameter in adapter_parameters(self.model, POLICY)]

    def value_parameters(self) -> list[torch.nn.Parameter]:
        """Return what the value loss trains."""
        if self.value_mode == "shared_trunk":
            return list(self.value_head.parameters())
        lowest = self.lower_layers.split if self.lower_layers else 0
        adapter = [parameter for key, parameter in adapter_parameters(self.model, VALUE) if _layer_of(key) >= lowest]
        return adapter + list(self.value_head.parameters())

    def trained_state(self) -> dict[str, Any]:
        """Return copies of the trained weights, for a checkpoint."""
        head = {key: tensor.detach().cpu().clone() for key, tensor in self.value_head.state_dict().items()}
        return {**{name: adapter_state(self.model, name) for name in self._trained_adapters}, "value_head": head}

    def load_trained_state(self, state: dict[str, Any]) -> None:
        """Put the trained weights back."""
        for name in self._trained_adapters:
            restore_adapter_state(self.model, name, state[name])
        self.value_head.load_state_dict(state["value_head"])


def load_roles(
    reference: BaseModelReference,
    sft_directory: Path,
    reward_directory: Path,
    *,
    value_mode: ValueMode = "adapter",
    dtype: BaseType = "auto",
    value_layers: int | None = None,
) -> Roles:
    """Load the base once and put the adapters on it.

    Raises:
        ContractError: an adapter does not fit the base, the reward model's normalisation is unusable, or the model computes its logits in a
            way that ``logprobs`` does not know.
    """
    model = load_adapter(load_base(reference, dtype), REFERENCE, sft_directory)
    model, members = load_reward_members(model, REWARD, reward_directory)
    copy_adapter(model, REFERENCE, POLICY)
    if value_mode == "adapter":
        copy_adapter(model, REWARD, VALUE)
        value_head: torch.nn.Module = folded_head(members[0].head, members[0].normalisation)
    else:
        value_head = TrunkHead(members[0].head.linear.weight.shape[1]).to(members[0].head.linear.weight.device)
    _disable_dropout(model)
    fuse(model)
    lower_layers = LowerLayers(model, value_layers) if value_layers is not None else None
    roles = Roles(model, _projection(model), value_mode, value_head, members, ReadPositions(model), lower_layers)
    use_adapter(model, REFERENCE)
    check_projection(roles)
    if roles.lower_layers:
        check_split(roles, roles.lower_layers)
    return roles


def folded_head(reward_head: ScalarHead, normalisation: Normalisation) -> ScalarHead:
    """Return a new trainable head whose output is ``(reward_head - mean) / std``: the value starts as the normalised reward."""
    weight, bias = reward_head.linear.weight, reward_head.linear.bias
    head = ScalarHead(weight.shape[1]).to(weight.device)
    with torch.no_grad():
        head.linear.weight.copy_(weight / normalisation.std)
        head.linear.bias.copy_((bias - normalisation.mean) / normalisation.std)
    return head


@torch.no_grad()
def check_projection(roles: Roles) -> None:
    """Make sure that hidden states through the projection give the model's own logits.

    Raises:
        ContractError: they do not; the architecture scales or caps its logits.
    """
    ids = torch.arange(8, device=roles.device)[None, :]
    read = torch.tensor([2, 6, 7], device=roles.device)
    own = roles.model.get_base_model()(input_ids=ids, use_cache=False).logits[0, read].float()
    ours = roles.projection.logits(roles.states(ids, read))
    if not torch.allclose(own, ours, rtol=1e-3, atol=1e-3):
        architecture = type(roles.model.get_base_model()).__name__
        raise ContractError(
            f"{architecture} transforms its logits after the vocabulary projection, which PPO does not support; use another"
        )


@torch.no_grad()
def check_split(roles: Roles, lower_layers: LowerLayers) -> None:
    """Make sure that the lower and then the upper layers are the whole model.

    Raises:
        ContractError: they are not; the architecture does more to its input than to look tokens up.
    """
    ids = torch.arange(8, device=roles.device)[None, :]
    if not torch.allclose(lower_layers.upper(lower_layers.lower(ids)), roles.hidden(ids), rtol=1e-3, atol=1e-3):
        raise ContractError(f"{type(roles.model.get_base_model()).__name__} cannot be split at a layer; leave value_layers unset")


def _layer_of(key: str) -> int:
    """Return the number of the decoder layer that a parameter belongs to; one outside of them counts as the highest."""
    found = re.search(r"\.layers\.(\d+)\.", key)
    return int(found.group(1)) if found else sys.maxsize


def _projection(model: PeftModel) -> Projection:
    head = model.get_base_model().get_output_embeddings()
    if type(head) is not torch.nn.Linear:
        raise ContractError(
            f"the vocabulary projection is a {type(head).__name__}, a plain linear layer is wanted; train the SFT adapter without one on it"
        )
    return Projection(head.weight, head.bias)


def _disable_dropout(model: PeftModel) -> None:
    # A policy with dropout is another policy at every forward pass: the ratio would not start at 1.
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
