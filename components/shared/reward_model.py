"""The reward model as reward, ppo and evaluate share it: LoRA adapters, scalar heads, a normalisation each (needs torch).

``r(x, y)`` is the head's output at the last token of the reply (its end-of-turn token): a linear map of the final hidden state.

A reward model is an ensemble of K members, mostly of one. Member 0 lies in the artifact's folder, member k in ``member-k`` below it:

    adapter_config.json, adapter_model.safetensors    a LoRA adapter
    head.safetensors                                  the score
    safety_head.safetensors                           optional, in all members or in none: the safety rating of the reply, in rating points
    normalisation.json                                mean and standard deviation of this member's scores
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from peft import PeftModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from components.shared.errors import ContractError
from components.shared.modeling import last_hidden, load_adapter, save_adapter

REWARD_SCHEMA = "reward_model/v1"
_HEAD_FILE, _SAFETY_HEAD_FILE, _STATISTICS_FILE = "head.safetensors", "safety_head.safetensors", "normalisation.json"
_AGAIN = "train the reward model again"


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of raw scores on training replies; PPO sees ``(score - mean) / std``."""

    mean: float
    std: float


class ScalarHead(torch.nn.Module):
    """A linear map from a hidden state to one number, fp32."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(hidden_size, 1)
        torch.nn.init.normal_(self.linear.weight, std=1.0 / (hidden_size + 1) ** 0.5)  # as in Stiennon et al. 2020, arXiv:2009.01325
        torch.nn.init.zeros_(self.linear.bias)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Map hidden states (..., H) to scores (...)."""
        scores: torch.Tensor = self.linear(hidden.float()).squeeze(-1)
        return scores


@dataclass(frozen=True)
class RewardMember:
    """One member of a reward ensemble, its adapter on the shared base.

    Attributes:
        adapter: the adapter's name there.
        head: gives the score; frozen.
        safety_head: gives the safety rating, in rating points; frozen. None where none was trained.
        normalisation: of this member's scores.
    """

    adapter: str
    head: ScalarHead
    safety_head: ScalarHead | None
    normalisation: Normalisation


def last_states(model: PeftModel, input_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Return the hidden states at the last real tokens of right-padded sequences, (B, H), under the active adapter.

    Args:
        model: base with adapters, the reward adapter active.
        input_ids: prompt and reply, right-padded, shape (B, T).
        lengths: number of real tokens in each row, shape (B,).
    """
    positions = torch.arange(input_ids.shape[1], device=input_ids.device)
    mask = (positions[None, :] < lengths[:, None]).long()
    hidden = last_hidden(model, input_ids, mask)
    rows = torch.arange(input_ids.shape[0], device=input_ids.device)
    return hidden[rows, lengths - 1]


def sequence_scores(model: PeftModel, head: ScalarHead, input_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Score right-padded sequences under the active adapter.

    Args:
        model: base with adapters, the reward adapter active.
        head: the scalar head.
        input_ids: prompt and reply, right-padded, shape (B, T).
        lengths: number of real tokens in each row, shape (B,).

    Returns:
        Raw scores, one per sequence, shape (B,).
    """
    scores: torch.Tensor = head(last_states(model, input_ids, lengths))
    return scores


def on_first_scale(scores: torch.Tensor, normalisations: Sequence[Normalisation]) -> torch.Tensor:
    """Bring the scores of an ensemble to member 0's scale: ``mean_0 + std_0 (s_k - mean_k) / std_k``.

    Bradley-Terry leaves each member's zero and, in practice, its scale free; only on one scale do their mean and variance mean anything.

    Args:
        scores: raw scores of each member, shape (K, n).
        normalisations: one per member.

    Returns:
        Shape (K, n); member 0's scores bit for bit as they were.
    """
    first = normalisations[0]
    scaled = [first.mean + first.std * (raw - own.mean) / own.std for raw, own in zip(scores[1:], normalisations[1:], strict=True)]
    return torch.stack([scores[0], *scaled])


def member_directory(directory: Path, index: int) -> Path:
    """Return where member ``index`` of a reward model lies: member 0 in the artifact's own folder."""
    return directory / f"member-{index}" if index else directory


def save_reward_model(
    model: PeftModel, name: str, head: ScalarHead, normalisation: Normalisation, directory: Path, safety_head: ScalarHead | None = None
) -> None:
    """Write one member: adapter, heads and normalisation; the heads explicitly, because adapter formats forget them."""
    save_adapter(model, name, directory)
    _save_head(head, directory / _HEAD_FILE)
    if safety_head is not None:
        _save_head(safety_head, directory / _SAFETY_HEAD_FILE)
    (directory / _STATISTICS_FILE).write_text(json.dumps(asdict(normalisation)), encoding="utf-8")


def load_reward_model(model: PeftModel, name: str, directory: Path) -> tuple[PeftModel, ScalarHead, Normalisation]:
    """Add member 0's adapter (frozen) to a model with adapters and return it with its head and normalisation.

    Raises:
        ContractError: as ``load_reward_members``.
    """
    model, member = _load_member(model, name, directory)
    return model, member.head, member.normalisation


def load_reward_members(model: PeftModel, name: str, directory: Path) -> tuple[PeftModel, tuple[RewardMember, ...]]:
    """Add the adapters of all members (frozen) to a base model or to one that has adapters already.

    Args:
        model: base model, or base with adapters.
        name: of member 0's adapter; the others are called ``name_1``, ``name_2``.
        directory: of the ``reward_model/v1`` artifact, with one member or more.

    Raises:
        ContractError: an adapter or a head is missing or does not fit the base, a normalisation is unusable, members are not numbered
            without a gap, or only some of them have a safety head.
    """
    count = 1 + sum(1 for path in directory.glob("member-*") if path.is_dir())
    members: list[RewardMember] = []
    for index in range(count):
        folder = member_directory(directory, index)
        if not folder.is_dir():
            raise ContractError(f"{directory} holds {count} reward models, but {folder.name} is missing; {_AGAIN}")
        model, member = _load_member(model, f"{name}_{index}" if index else name, folder)
        members.append(member)
    with_safety = sum(member.safety_head is not None for member in members)
    if with_safety not in (0, count):
        raise ContractError(f"{directory}: {with_safety} of {count} reward models have a safety head, all or none must; {_AGAIN}")
    return model, tuple(members)


def _load_member(model: PeftModel, name: str, directory: Path) -> tuple[PeftModel, RewardMember]:
    model = load_adapter(model, name, directory)
    head = _load_head(model, directory / _HEAD_FILE)
    safety_path = directory / _SAFETY_HEAD_FILE
    safety_head = _load_head(model, safety_path) if safety_path.exists() else None
    return model, RewardMember(name, head, safety_head, _load_normalisation(directory / _STATISTICS_FILE))


def _save_head(head: ScalarHead, path: Path) -> None:
    save_file({key: value.detach().cpu().contiguous() for key, value in head.state_dict().items()}, path)


def _load_head(model: PeftModel, path: Path) -> ScalarHead:
    """Load a frozen head onto the model's device."""
    if not path.is_file():
        raise ContractError(f"{path} is missing: the reward model cannot score without it; {_AGAIN}")
    head = ScalarHead(model.get_base_model().config.get_text_config().hidden_size)
    wanted = {key: tuple(value.shape) for key, value in head.state_dict().items()}
    try:
        state = load_file(path)
    except SafetensorError:
        raise ContractError(f"{path} is no safetensors file; {_AGAIN}") from None
    given = {key: tuple(value.shape) for key, value in state.items()}
    if given != wanted:
        raise ContractError(f"{path} holds {given}, but this base model wants {wanted}; {_AGAIN} on it")
    head.load_state_dict(state)
    return head.requires_grad_(False).to(next(model.parameters()).device)


def _load_normalisation(path: Path) -> Normalisation:
    if not path.is_file():
        raise ContractError(f"{path} is missing: scores could not be normalised; {_AGAIN}")
    normalisation = Normalisation(**json.loads(path.read_text(encoding="utf-8")))
    if not (math.isfinite(normalisation.mean) and math.isfinite(normalisation.std) and normalisation.std > 0):
        raise ContractError(
            f"{path}: the scores' mean is {normalisation.mean} and their standard deviation is {normalisation.std}, "
            f"finite and above 0 are wanted; {_AGAIN}"
        )
    return normalisation
