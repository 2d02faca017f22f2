"""Whether training trains: the adapter moves, everything else stays as it was.

Per-sample gradients come through hooks that a wrong order of moves and wraps disconnects silently (opacus#820); a run then looks well and
learns nothing.
"""

from typing import Any

import torch
from peft import PeftModel
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from components.shared import modeling
from components.shared.errors import ContractError

_EARLY = 5
"""Steps after which the first look is taken."""


class MovementCheck(TrainerCallback):  # type: ignore[misc]
    """Looks after a few steps and after the last."""

    def __init__(self, model: PeftModel, name: str) -> None:
        """Remember the frozen weights. The adapter's B matrices start at zero, in a resumed run too."""
        self._model, self._name = model, name
        self._frozen = frozen_checksum(model)
        self._should_have_moved = False

    def on_pre_optimizer_step(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Note whether this step moves anything: the first of a warm-up has a learning rate of 0."""
        self._should_have_moved |= any(group["lr"] > 0 for group in kwargs["optimizer"].param_groups)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Look.

        Raises:
            ContractError: the adapter did not move, or a frozen weight did.
        """
        if state.global_step not in (_EARLY, state.max_steps):
            return
        if self._should_have_moved and largest_b(self._model, self._name) == 0:
            raise ContractError(
                f"after {state.global_step} steps the adapter has not moved: no gradient reaches it; the model must be on its device "
                "before the adapter is added, and nothing may move or wrap it afterwards (opacus#820)"
            )
        if frozen_checksum(self._model) != self._frozen:
            raise ContractError(
                f"after {state.global_step} steps weights outside the adapter have changed; privacy was accounted for the adapter alone"
            )


def largest_b(model: PeftModel, name: str) -> float:
    """Return the largest absolute value in an adapter's B matrices; 0 before training."""
    return max(float(value.detach().abs().max()) for key, value in modeling.adapter_parameters(model, name) if ".lora_B." in key)


def frozen_checksum(model: torch.nn.Module) -> int:
    """Return the sum of all frozen weights' bit patterns, modulo 2^64: exact, whatever the order of summation."""
    patterns = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    total = 0
    for parameter in model.parameters():
        if not parameter.requires_grad:
            bits = parameter.detach().contiguous().flatten().view(patterns[parameter.element_size()])
            total += int(bits.sum(dtype=torch.int64))
    return total % 2**64
