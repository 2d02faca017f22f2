"""The reward model as reward, ppo and evaluate share it: a LoRA adapter, a scalar head, a normalisation (needs torch).

``r(x, y)`` is the head's output at the last token of the reply (its end-of-turn token): a linear map of the final hidden state.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file

from components.shared.modeling import last_hidden, load_adapter, save_adapter

REWARD_SCHEMA = "reward_model/v1"
_HEAD_FILE, _STATISTICS_FILE = "head.safetensors", "normalisation.json"


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
    positions = torch.arange(input_ids.shape[1], device=input_ids.device)
    mask = (positions[None, :] < lengths[:, None]).long()
    hidden = last_hidden(model, input_ids, mask)
    rows = torch.arange(input_ids.shape[0], device=input_ids.device)
    scores: torch.Tensor = head(hidden[rows, lengths - 1])
    return scores


def save_reward_model(model: PeftModel, name: str, head: ScalarHead, normalisation: Normalisation, directory: Path) -> None:
    """Write adapter, head and normalisation; the head explicitly, because adapter formats forget it."""
    save_adapter(model, name, directory)
    save_file({key: value.detach().cpu().contiguous() for key, value in head.state_dict().items()}, directory / _HEAD_FILE)
    (directory / _STATISTICS_FILE).write_text(json.dumps(asdict(normalisation)), encoding="utf-8")


def load_reward_model(model: PeftModel, name: str, directory: Path) -> tuple[PeftModel, ScalarHead, Normalisation]:
    """Add the reward adapter (frozen) to a model with adapters and return it with its head and normalisation."""
    model = load_adapter(model, name, directory)
    state = load_file(directory / _HEAD_FILE)
    head = ScalarHead(state["linear.weight"].shape[1])
    head.load_state_dict(state)
    head.requires_grad_(False).to(next(model.parameters()).device)
    statistics = json.loads((directory / _STATISTICS_FILE).read_text(encoding="utf-8"))
    return model, head, Normalisation(**statistics)
