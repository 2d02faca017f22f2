"""LoRA linear layers with less arithmetic: the sum of weight and update is formed once per pass (needs torch, peft).

Legend: N tokens of a forward pass, I inputs, O outputs, r rank.

``y = x W^T + s (x A^T) B^T`` costs two thin products and two more passes over N x O numbers beside the large product, at every call.
``W + s B A`` costs what r more tokens would, once for all calls of a pass, and each layer is one large product again:

    y = x (W + s B A)^T        dx = dy (W + s B A)        dB = s dy^T (x A^T)        dA = s (dy B)^T x

It is formed in fp32 only: in bf16 a small update would vanish in the rounding, so there the thin products stay. The base's own weight is
never touched; the formed one lives while a pass lasts and costs a second copy of the linear layers for that time.

PEFT owns weights, names and files; only the forward of its plain linear layers is replaced.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora.layer import Linear as LoraLinear
from torch.nn.functional import linear


def fuse(model: PeftModel) -> int:
    """Replace the forward of the model's plain LoRA linear layers and return their number.

    Others (quantised bases, convolutions, DoRA and other variants) keep PEFT's forward, as does a call with mixed, merged, disabled or
    several adapters, or with dropout.
    """
    count = 0
    for module in model.modules():
        if type(module) is LoraLinear and type(module.base_layer) is torch.nn.Linear:
            module.forward = MethodType(_forward, module)
            module.formed = None
            count += 1
    return count


@contextmanager
def weights_formed(model: PeftModel, name: str) -> Iterator[None]:
    """Hold ``W + s B A`` of an adapter for every fused fp32 layer while in here; its weights must not change meanwhile."""
    fused = [
        module
        for module in model.modules()
        if type(module) is LoraLinear
        and "forward" in vars(module)
        and name in module.lora_A
        and module.base_layer.weight.dtype == torch.float32
    ]
    try:
        with torch.no_grad():
            for module in fused:
                down, up, scaling = _factors(module, name)
                module.formed = (name, torch.addmm(module.base_layer.weight, up, down, alpha=scaling))
        yield
    finally:
        for module in fused:
            module.formed = None


def _forward(self: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    base, active = self.base_layer, self.active_adapters
    plain = len(active) == 1 and active[0] in self.lora_A and active[0] not in self.lora_variant
    if not plain or args or kwargs or self.disable_adapters or self.merged or _drops(self, active[0]):
        result: torch.Tensor = type(self).forward(self, x, *args, **kwargs)
        return result
    down, up, scaling = _factors(self, active[0])
    if self.formed is not None and self.formed[0] == active[0] and x.dtype == torch.float32:
        output: torch.Tensor = _FormedLinear.apply(x, self.formed[1], base.bias, down, up, scaling)  # type: ignore[no-untyped-call]
        return output
    thin = linear(x, down.to(x.dtype))
    return linear(x, base.weight, base.bias) + linear(thin, (scaling * up).to(x.dtype))


def _factors(module: Any, name: str) -> tuple[torch.Tensor, torch.Tensor, float]:
    return module.lora_A[name].weight, module.lora_B[name].weight, module.scaling[name]


def _drops(module: Any, name: str) -> bool:
    dropout = module.lora_dropout[name]
    return isinstance(dropout, torch.nn.Dropout) and dropout.p > 0 and dropout.training


class _FormedLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        formed: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
        scaling: float,
    ) -> torch.Tensor:
        ctx.save_for_backward(x, formed, down, up)
        ctx.scaling = scaling
        return linear(x, formed, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = gradients
        x, formed, down, up = ctx.saved_tensors
        rows, flat = gradient.reshape(-1, gradient.shape[-1]), x.reshape(-1, x.shape[-1])
        for_x = for_down = for_up = None
        if ctx.needs_input_grad[0]:
            for_x = (rows @ formed).view(x.shape)
        if ctx.needs_input_grad[3]:
            for_down = (rows @ up).mul_(ctx.scaling).T @ flat
            for_up = rows.T @ linear(flat, down).mul_(ctx.scaling)
        return for_x, None, None, for_down, for_up, None
