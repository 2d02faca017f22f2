"""One frozen base, four adapters, two heads: the parts that PPO plays with (needs torch, transformers, peft).

| role | adapter | head | trained |
|---|---|---|---|
| reference | sft | vocabulary | no |
| policy | policy, starts as a copy of sft | vocabulary | yes |
| reward | reward | reward head | no |
| value | value, starts as a copy of reward | value head, starts as the reward head with the normalisation folded in | yes |
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from components.ppo.logprobs import Projection
from components.shared.base_model import BaseModelReference
from components.shared.errors import ContractError
from components.shared.modeling import (
    adapter_parameters,
    adapter_state,
    copy_adapter,
    load_adapter,
    load_base,
    restore_adapter_state,
    use_adapter,
)
from components.shared.reward_model import Normalisation, ScalarHead, load_reward_model

REFERENCE, POLICY, REWARD, VALUE = "sft", "policy", "reward", "value"


@dataclass(frozen=True)
class Roles:
    """The model with its adapters, and what belongs to them.

    Attributes:
        model: base with the adapters sft, policy, reward, value.
        projection: the base's vocabulary projection.
        value_head: trained.
        reward_head: frozen.
        normalisation: mean and standard deviation of the reward model's scores.
    """

    model: PeftModel
    projection: Projection
    value_head: ScalarHead
    reward_head: ScalarHead
    normalisation: Normalisation

    @property
    def device(self) -> torch.device:
        """Where the model lies."""
        return self.projection.weight.device

    def hidden(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Return the final hidden states, (B, T, H), of right-padded sequences, (B, T), under the active adapter.

        No attention mask: with padding on the right, a causal model's real tokens never see it.
        """
        backbone = self.model.get_base_model().base_model
        states: torch.Tensor = backbone(input_ids=input_ids, use_cache=False).last_hidden_state
        return states

    def policy_parameters(self) -> list[torch.nn.Parameter]:
        """Return what the policy loss trains."""
        return [parameter for _, parameter in adapter_parameters(self.model, POLICY)]

    def value_parameters(self) -> list[torch.nn.Parameter]:
        """Return what the value loss trains."""
        return [parameter for _, parameter in adapter_parameters(self.model, VALUE)] + list(self.value_head.parameters())

    def trained_state(self) -> dict[str, Any]:
        """Return copies of the trained weights, for a checkpoint."""
        return {
            POLICY: adapter_state(self.model, POLICY),
            VALUE: adapter_state(self.model, VALUE),
            "value_head": {key: tensor.detach().cpu().clone() for key, tensor in self.value_head.state_dict().items()},
        }

    def load_trained_state(self, state: dict[str, Any]) -> None:
        """Put the trained weights back."""
        for name in (POLICY, VALUE):
            restore_adapter_state(self.model, name, state[name])
        self.value_head.load_state_dict(state["value_head"])


def load_roles(reference: BaseModelReference, sft_directory: Path, reward_directory: Path) -> Roles:
    """Load the base once and put the four adapters on it.

    Raises:
        ContractError: an adapter does not fit the base, the reward model's normalisation is unusable, or the model computes its logits in a
            way that ``logprobs`` does not know.
    """
    model = load_adapter(load_base(reference), REFERENCE, sft_directory)
    model, reward_head, normalisation = load_reward_model(model, REWARD, reward_directory)
    if normalisation.std <= 0:
        raise ContractError(f"{reward_directory}: the scores' standard deviation is {normalisation.std}; train the reward model again")
    copy_adapter(model, REFERENCE, POLICY)
    copy_adapter(model, REWARD, VALUE)
    _disable_dropout(model)
    roles = Roles(model, _projection(model), folded_head(reward_head, normalisation), reward_head, normalisation)
    use_adapter(model, REFERENCE)
    check_projection(roles)
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
    own = roles.model.get_base_model()(input_ids=ids, use_cache=False).logits[0].float()
    ours = roles.projection.logits(roles.hidden(ids)[0])
    if not torch.allclose(own, ours, rtol=1e-3, atol=1e-3):
        architecture = type(roles.model.get_base_model()).__name__
        raise ContractError(
            f"{architecture} transforms its logits after the vocabulary projection, which PPO does not support; use another"
        )


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
