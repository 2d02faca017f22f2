"""Settings of the sft stage."""

from typing import Literal, Self

from pydantic import Field, model_validator

from components.shared.config import StageConfig
from components.shared.lora import LoraSettings


class DifferentialPrivacy(StageConfig):
    """DP-SGD (Abadi et al. 2016, arXiv:1607.00133): what the adapter can tell about one unit of the training data is bounded.

    Costs quality, most with few data; README.md has measured numbers.
    """

    enabled: bool = False
    """Train with differential privacy. Needs the extra ``privacy`` (Opacus)."""
    target_epsilon: float | None = Field(default=None, gt=0, le=100)
    """Privacy budget of the whole training; the noise follows from it. Up to 8 is the usual upper end for language models
    (Li et al. 2022, arXiv:2110.05679). Give this or ``noise_multiplier``; there is no default, because it is a decision of the clinic."""
    noise_multiplier: float | None = Field(default=None, gt=0)
    """Standard deviation of the noise over ``max_grad_norm``, instead of ``target_epsilon``; the budget follows from it."""
    target_delta: float | None = Field(default=None, gt=0, lt=1)
    """Probability with which the bound may fail; below 1 / n for n units, else publishing a random unit would count as private.
    None: 1 / (10 n)."""
    max_grad_norm: float = Field(default=0.1, gt=0)
    """Each unit's gradient is scaled down to this L2 norm. 0.1 clips nearly all, which is best with Adam (arXiv:2110.05679, 3.1):
    signal and noise shrink alike and Adam divides the scale out."""
    unit: Literal["conversation", "person"] = "conversation"
    """What is protected, and sampled and clipped as one: a conversation, or all conversations of a person (``person_id``)."""
    accountant: Literal["prv", "rdp"] = "prv"
    """How steps are composed: ``prv`` (arXiv:2106.02848) is tight, ``rdp`` (Renyi, arXiv:1702.07476) looser, so it adds more noise."""
    max_physical_batch_size: int = Field(default=8, ge=1)
    """Windows in one forward pass; each costs memory for a gradient of the adapter's size. Never changes the result."""
    seed: int | None = Field(default=None, ge=0)
    """Of sampling and noise. None: drawn from the operating system, known to the checkpoint alone and gone with it. Who knows the seed can
    take the noise away again: a number voids the guarantee, and is for tests."""

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if self.enabled and (self.target_epsilon is None) == (self.noise_multiplier is None):
            raise ValueError("give target_epsilon (8 is the usual upper end) or noise_multiplier, exactly one of the two")
        return self


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
    dp: DifferentialPrivacy = DifferentialPrivacy()
    """Differential privacy. When on, ``batch_size`` times ``gradient_accumulation_steps`` is the expected number of units in a step, and
    the top-level ``max_grad_norm`` is not read."""

    @model_validator(mode="after")
    def _private_gradients_are_possible(self) -> Self:
        if self.dp.enabled and self.activation_checkpointing:
            raise ValueError("dp.enabled needs activation_checkpointing off: recomputed activations give wrong per-sample gradients")
        if self.dp.enabled and self.packing == "on":
            raise ValueError("dp.enabled needs packing off or auto: a packed row mixes units, whose gradients must be clipped one by one")
        return self
