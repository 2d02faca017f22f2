"""The shape of a LoRA adapter as a setting; torch-free, so that configurations can hold it."""

from typing import Literal

from pydantic import Field

from components.shared.config import StageConfig


class LoraSettings(StageConfig):
    """Shape of a LoRA adapter."""

    r: int = Field(default=16, ge=1, le=512)
    """Rank."""
    alpha: float = Field(default=32, gt=0)
    """Scale numerator: the update is alpha / r * B A."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the adapter's input, fraction."""
    target_modules: Literal["all-linear"] | list[str] = "all-linear"
    """Which linear layers get an adapter (QLoRA, arXiv:2305.14314, found all of them to matter)."""
