"""The last decoder layer at the positions that are read only (needs torch, peft).

Everything after attention works position by position, and so do the query projection before it and the MLP. PPO reads final states where a
reply token is predicted, or at the last token; keys and values of the other positions are needed, their queries, attention outputs and MLP
are not. With half of a sequence prompt and L layers that is about 7/16 L of a pass.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from peft import PeftModel


class ReadPositions:
    """Makes the last decoder layer of a model skip positions that nobody reads.

    Attributes:
        rows: flat places in (b, T) that are read, or None when all are.
        tokens: of the passes that read some places only, padding included, since somebody last set it to 0.
    """

    def __init__(self, model: PeftModel) -> None:
        """Wrap the position-wise parts of the last layer that the architecture has: ``mlp``, ``self_attn.q_proj``, ``self_attn.o_proj``."""
        self.rows: torch.Tensor | None = None
        self.tokens = 0.0
        layers = getattr(model.get_base_model().base_model, "layers", None)
        last = layers[-1] if layers else None
        attention = getattr(last, "self_attn", None)
        for owner, name in ((last, "mlp"), (attention, "q_proj"), (attention, "o_proj")):
            module = getattr(owner, name, None)
            if isinstance(module, torch.nn.Module):
                self._wrap(module)

    @contextmanager
    def only(self, rows: torch.Tensor, num_tokens: float) -> Iterator[None]:
        """Compute only these flat places of ``num_tokens`` in (b, T); the states of others mean nothing."""
        self.rows = rows
        self.tokens += num_tokens
        try:
            yield
        finally:
            self.rows = None

    def _wrap(self, module: torch.nn.Module) -> None:
        inner = module.forward

        def forward(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
            if self.rows is None:
                whole: torch.Tensor = inner(x, *args, **kwargs)
                return whole
            part: torch.Tensor = inner(x.reshape(1, -1, x.shape[-1])[:, self.rows], *args, **kwargs)[0]
            places = x.new_zeros((x.shape[0] * x.shape[1], part.shape[-1]), dtype=part.dtype)
            return places.index_copy(0, self.rows, part).view(*x.shape[:2], part.shape[-1])

        module.forward = forward
