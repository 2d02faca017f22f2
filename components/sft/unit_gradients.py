"""Gradients per unit: clipped, summed, noised (needs Opacus).

Opacus' hooks leave the gradient of each row (window) in ``parameter.grad_sample``; here the rows of a unit become one gradient before
Opacus' ``DPOptimizer`` clips it and adds noise. Ghost clipping would save the memory, but knows norms of rows only, and the norm of a sum
of rows is another.
"""

import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from opacus.grad_sample import GradSampleHooks
from opacus.optimizers import DPOptimizer

from components.sft.units import Row
from components.shared.errors import ContractError

# Of the first layers, whose inputs are frozen embeddings: their adapters get gradients all the same.
warnings.filterwarnings("ignore", message="Full backward hook is firing")


class UnitGradients:
    """One step at a time: ``start``, then ``add`` after each backward pass, then ``finish``."""

    def __init__(
        self, model: torch.nn.Module, optimizer: torch.optim.Optimizer, *, noise_multiplier: float, max_grad_norm: float, divisor: float
    ) -> None:
        """Hook into a model.

        Args:
            model: with the trainable parameters; its loss is a sum over rows.
            optimizer: holds exactly these parameters.
            noise_multiplier: standard deviation of the noise over ``max_grad_norm``.
            max_grad_norm: the largest L2 norm of a unit's gradient.
            divisor: of the noised sum: the expected number of units.

        Raises:
            ContractError: the optimizer has other parameters than the model.
        """
        self._parameters: list[Any] = [parameter for parameter in model.parameters() if parameter.requires_grad]
        held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        if held != {id(parameter) for parameter in self._parameters}:
            raise ContractError(
                "the optimizer holds other parameters than the model's trainable ones, so the adapter would not move; the model must be on "
                "its device before the adapter is added (opacus#820)"
            )
        self.hooks = GradSampleHooks(model, loss_reduction="sum")
        self.mechanism = DPOptimizer(
            optimizer,
            noise_multiplier=noise_multiplier,
            max_grad_norm=max_grad_norm,
            expected_batch_size=divisor,
            generator=torch.Generator(device=self._parameters[0].device),
            secure_mode=True,  # sums draws, so that rounding tells nothing (arXiv:2107.10138)
        )
        self._rest: list[torch.Tensor | None] = [None] * len(self._parameters)

    def start(self) -> None:
        """Forget the step before."""
        self.mechanism.zero_grad()
        self._rest = [None] * len(self._parameters)

    def add(self, rows: Sequence[Row]) -> None:
        """Clip and add the units that end in a backward pass over ``rows``; keep the rest of the one that goes on.

        Raises:
            ContractError: the model mixes rows, so that no gradient is one row's.
        """
        ends = [index + 1 for index, row in enumerate(rows) if row.last]
        bounds = [0, *ends] if ends[-1:] == [len(rows)] else [0, *ends, len(rows)]
        open_end = len(bounds) - 1 > len(ends)
        for index, parameter in enumerate(self._parameters):
            gradient = self._gradient_of_rows(parameter, len(rows))
            sums = [gradient[start:stop].sum(0) for start, stop in pairwise(bounds)]
            rest = self._rest[index]
            if rest is not None:
                sums[0] = sums[0] + rest
            self._rest[index] = sums.pop() if open_end else None
            # A gradient that is no number has no norm to clip: it counts as none, else one unit could ruin the sum.
            whole = torch.stack(sums).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0) if sums else gradient.new_zeros(0, *parameter.shape)
            parameter.grad_sample = whole
        self.mechanism.clip_and_accumulate()
        for parameter in self._parameters:
            parameter.grad_sample = None

    def finish(self, seed: int) -> None:
        """Leave (sum of clipped gradients + noise) / divisor in ``grad``, where the optimizer looks, and account the step.

        A step that sampled nobody is noise alone. Leaving it out would show that nobody was sampled, which the accountant does not allow
        for.
        """
        assert all(rest is None for rest in self._rest), "the last row ends its unit"
        for parameter in self._parameters:
            parameter.grad_sample = parameter.new_zeros(0, *parameter.shape)
        self.mechanism.generator.manual_seed(seed)
        self.mechanism.pre_step()

    def _gradient_of_rows(self, parameter: Any, num_rows: int) -> torch.Tensor:
        gradient = parameter.grad_sample
        if not isinstance(gradient, torch.Tensor) or len(gradient) != num_rows:
            raise ContractError(
                "the model gives no gradient for each row of a batch, as mixture-of-experts layers and adapters on embeddings do not; "
                "differential privacy needs a dense model and sft.lora.target_modules that name linear layers only"
            )
        return gradient.float()  # in bf16 a norm is off by up to 0.4 %, and the bound with it
