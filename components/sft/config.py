"""Settings of the sft stage."""

from typing import Literal

from pydantic import Field

from components.shared.config import StageConfig
from components.shared.lora import LoraSettings


class SftConfig(StageConfig):
    """LoRA supervised fine-tuning on the assistant's turns. Defaults suit chat models of 0.5 to 7 billion parameters on one GPU."""

    lora: LoraSettings = LoraSettings()
    """Shape of the adapter. All linear layers and r 16, alpha 32: QLoRA (arXiv:2305.14314, 4) found the layers to matter and r hardly."""
    learning_rate: float = Field(default=2e-4, gt=0, le=1)
    """Peak learning rate of AdamW. 2e-4 is QLoRA's value up to 13 billion parameters (arXiv:2305.14314, table 9)."""
    weight_decay: float = Field(default=0.0, ge=0, lt=1)
    """Decoupled weight decay (AdamW, arXiv:1711.05101). 0 as in QLoRA: the low rank regularises already."""
    num_epochs: float = Field(default=2.0, gt=0, le=100)
    """Passes over the training conversations; fractions allowed. Beyond 2 or 3 the validation loss of small dialogue sets rises."""
    max_steps: int | None = Field(default=None, ge=1)
    """Stop after so many optimizer steps, whatever ``num_epochs`` says; for trials. None: no such limit."""
    batch_size: int = Field(default=8, ge=1)
    """Windows in one forward pass, on each device."""
    gradient_accumulation_steps: int = Field(default=2, ge=1)
    """Forward passes in one optimizer step; batch_size times this is 16, QLoRA's value. The loss is a mean over all their tokens."""
    max_length: int = Field(default=1024, ge=16)
    """Longest window, tokens. Longer conversations become several windows of whole turns; most support dialogues fit in one."""
    warmup_fraction: float = Field(default=0.03, ge=0, lt=1)
    """Share of the steps in which the learning rate rises linearly; then it follows a cosine to 0. 0.03 as in QLoRA."""
    max_grad_norm: float = Field(default=1.0, ge=0)
    """Gradients are scaled down to this L2 norm; 0 turns that off. 1.0 is the common value (GPT-3, arXiv:2005.14165, appendix B)."""
    packing: Literal["auto", "on", "off"] = "auto"
    """Several windows in one row, without attention between them. ``auto``: where a varlen attention kernel (FlashAttention) makes it
    cheaper than padding; elsewhere windows of like length share a batch. ``on`` without the kernel is right but slow: attention is then
    quadratic in the row."""
    activation_checkpointing: bool = False
    """Recompute activations in the backward pass: about a third slower, memory for activations nearly constant in depth."""
    load_best: bool = True
    """Keep the adapter of the epoch with the lowest validation loss rather than the last."""
    logging_steps: int = Field(default=10, ge=1)
    """Optimizer steps between two logged points."""
    checkpoint_seconds: float = Field(default=300.0, ge=0)
    """Seconds between checkpoints within an epoch; each epoch's end makes one too. What a kill can cost. 0: after every step."""
    seed: int = Field(default=42, ge=0)
    """Of adapter initialisation, data order and dropout."""
