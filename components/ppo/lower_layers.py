"""The layers below a value adapter that trains only the upper ones: their states are computed once per rollout (needs torch, peft).

The value adapter starts as a copy of the reward adapter. Where only its upper layers are trained, the lower ones stay the reward model's:
the reward pass computes their states on its way, and every pass of the value continues from there, forward and backward. trlX's value
branch freezes lower layers alike; here they are those of a model that has already learned to judge replies.

Legend: B replies of a rollout batch, T tokens of the longest sequence, H hidden size.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft import PeftModel

from components.ppo.batches import MicroBatch
from components.shared.errors import ContractError


class LowerLayers:
    """Splits a model's decoder layers and keeps the states at the split.

    Attributes:
        split: index of the first upper layer.
        share: upper layers as a fraction of all.
    """

    def __init__(self, model: PeftModel, num_upper: int) -> None:
        """Split so that ``num_upper`` layers are above.

        Raises:
            ContractError: the model has no more layers than that, or its layers differ in kind, so that their places matter.
        """
        self._backbone = model.get_base_model().base_model
        layers = getattr(self._backbone, "layers", [])
        if not 0 < num_upper < len(layers):
            raise ContractError(
                f"value_layers is {num_upper}, but the base has {len(layers)} layers; give a smaller number, or none to train them all"
            )
        kinds = set(getattr(model.get_base_model().config, "layer_types", None) or ["all"])
        if len(kinds) > 1:
            raise ContractError(f"value_layers wants layers of one kind, this base has {', '.join(sorted(kinds))}; leave it unset")
        self.split, self.share = len(layers) - num_upper, num_upper / len(layers)
        self._recorded: list[torch.Tensor] | None = None
        self._kept = torch.zeros(0)
        layers[self.split - 1].register_forward_hook(self._record)

    @contextmanager
    def recording(self) -> Iterator[list[torch.Tensor]]:
        """Collect the states at the split, (b, T, H), of every whole pass in here, in order."""
        self._recorded = []
        try:
            yield self._recorded
        finally:
            self._recorded = None

    @torch.no_grad()
    def lower(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Return the states at the split, (b, T, H), under the active adapter, of right-padded sequences, (b, T)."""
        layers, norm = self._backbone.layers, self._backbone.norm
        try:
            self._backbone.layers, self._backbone.norm = layers[: self.split], torch.nn.Identity()
            states: torch.Tensor = self._backbone(input_ids=input_ids, use_cache=False).last_hidden_state
        finally:
            self._backbone.layers, self._backbone.norm = layers, norm
        return states

    def upper(self, states: torch.Tensor) -> torch.Tensor:
        """Return the final states, (b, T, H), that the upper layers make of those at the split under the active adapter."""
        layers = self._backbone.layers
        try:
            self._backbone.layers = layers[self.split :]
            final: torch.Tensor = self._backbone(inputs_embeds=states, use_cache=False).last_hidden_state
        finally:
            self._backbone.layers = layers
        return final

    def keep(self, batches: Sequence[MicroBatch], states: Sequence[torch.Tensor], num_rows: int, width: int) -> torch.Tensor:
        """Keep the states of micro-batches for ``of``; the tensor, (B, T, H), is to be summed over processes in place.

        Args:
            batches: of this process.
            states: at the split, one per micro-batch.
            num_rows: B.
            width: T.
        """
        size = self._backbone.config.hidden_size
        like = self._backbone.layers[0].input_layernorm.weight if not states else states[0]
        self._kept = torch.zeros((num_rows, width, size), dtype=like.dtype, device=like.device)
        for batch, part in zip(batches, states, strict=True):
            self._kept[batch.rows, : part.shape[1]] = part
        return self._kept

    def of(self, batch: MicroBatch) -> torch.Tensor:
        """Return the kept states of a micro-batch, (b, T, H)."""
        return self._kept[batch.rows, : batch.input_ids.shape[1]]

    def _record(self, module: torch.nn.Module, inputs: Any, output: Any) -> None:
        if self._recorded is not None:
            self._recorded.append((output[0] if isinstance(output, tuple) else output).detach())
