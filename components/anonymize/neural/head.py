"""The trained part: a two-way GRU over the frozen states and the features of words, and its file.

Shapes: B windows, W words (padded), S width of the encoder's states, C = 1 + types.
"""

import json
from pathlib import Path
from typing import cast

import torch
from pydantic import BaseModel, ConfigDict
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from components.anonymize.neural import encoder, features
from components.anonymize.spans import TYPES

CLASSES = ("O", *TYPES)
"""Class 0: nothing personal; the others: the types of spans."""


class HeadConfig(BaseModel):
    """What head.json says beside the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    layers: tuple[int, ...]
    """Layers of the encoder that are read."""

    width: int
    """Width to which the encoder's states are projected."""

    hidden: int
    """Units of the GRU in each direction."""

    classes: tuple[str, ...] = CLASSES
    """Order of the outputs."""

    encoder_sha256: str = encoder.SHA256
    """The encoder that the head was trained on."""

    thresholds: dict[str, float]
    """Type -> probability from which a word counts as personal; "default" for all others."""

    seed: int
    """Of the training."""


class Head(nn.Module):
    """States and features of words -> logits of the classes."""

    def __init__(self, layers: int, width: int, hidden: int) -> None:
        super().__init__()
        self.states = nn.Linear(layers * encoder.WIDTH, width)
        self.features = nn.Linear(features.WIDTH, 32)
        self.gru = nn.GRU(width + 32, hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.25)
        self.output = nn.Linear(2 * hidden + 32, len(CLASSES))

    def forward(self, states: torch.Tensor, described: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, W, S), (B, W, features.WIDTH), words per window (B, on the CPU) -> logits (B, W, C)."""
        described = torch.relu(self.features(described))
        joined = torch.cat([torch.relu(self.states(self.dropout(states))), described], dim=-1)
        packed = pack_padded_sequence(self.dropout(joined), lengths, batch_first=True, enforce_sorted=False)
        mixed, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=states.shape[1])
        return cast(torch.Tensor, self.output(torch.cat([self.dropout(mixed), described], dim=-1)))


def save(head: Head, config: HeadConfig, folder: Path) -> None:
    """Write head.safetensors (half precision) and head.json."""
    save_file({name: tensor.detach().half().contiguous() for name, tensor in head.state_dict().items()}, str(folder / "head.safetensors"))
    (folder / "head.json").write_text(json.dumps(config.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> tuple[Head, HeadConfig]:
    """Read what ``save`` wrote.

    Raises:
        encoder.EncoderMismatchError: When the head belongs to another encoder than the pinned one.
        ValueError: When the classes are not those of the code.
    """
    config = HeadConfig.model_validate_json((folder / "head.json").read_text(encoding="utf-8"))
    if config.encoder_sha256 != encoder.SHA256:
        raise encoder.EncoderMismatchError(
            f"the head was trained on encoder {config.encoder_sha256[:12]}..., the code pins {encoder.SHA256[:12]}...; run: make detector"
        )
    if config.classes != CLASSES:
        raise ValueError(f"the head knows the classes {config.classes}, the code {CLASSES}; train it again: make detector")
    head = Head(len(config.layers), config.width, config.hidden)
    head.load_state_dict({name: tensor.float() for name, tensor in load_file(str(folder / "head.safetensors")).items()})
    return head.eval(), config
