"""LoRA linear layers with less arithmetic, and a last layer that computes only what is read (needs torch, peft).

Legend: N tokens of a forward pass, I inputs, O outputs, r rank.

``y = x W^T + s (x A^T) B^T`` costs two thin products and two more passes over N x O numbers beside the large product. Where N is large
``W + s B A`` is cheaper to form: it costs what r more tokens would, lives for one call, and the layer is one large product again. It is
formed in fp32 only: in bf16 a small update would vanish in the rounding, so there the thin products stay. The base's own weight is never
touched. The backward pass forms it again rather than keep it, so memory holds x alone:

    dx = dy (W + s B A)        dB = s dy^T (x A^T)        dA = s (dy B)^T x

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
            module.formed_weight = None
            count += 1
    return count


@contextmanager
def weights_formed(model: PeftModel, name: str) -> Iterator[None]:
    """Hold ``W + s B A`` of one adapter for every fused fp32 layer while in here: decoding calls each layer once per token.

    It costs a second copy of the linear layers' weights for that time, and no gradient can be taken.
    """
    fused = [
        module
        for module in model.modules()
        if type(module) is LoraLinear
        and getattr(module, "formed_weight", 0) is None
        and name in module.lora_A
        and module.base_layer.weight.dtype == torch.float32
    ]
    try:
        with torch.no_grad():
            for module in fused:
                module.formed_weight = _formed(module.base_layer.weight, *_factors(module, name))
        yield
    finally:
        for module in fused:
            module.formed_weight = None


def _forward(self: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    base, active = self.base_layer, self.active_adapters
    if self.formed_weight is not None:
        return linear(x, self.formed_weight, base.bias)
    plain = len(active) == 1 and active[0] in self.lora_A and active[0] not in self.lora_variant
    if not plain or args or kwargs or self.disable_adapters or self.merged or _drops(self, active[0]):
        result: torch.Tensor = type(self).forward(self, x, *args, **kwargs)
        return result
    down, up, scaling = _factors(self, active[0])
    num_tokens, weight = x.numel() // x.shape[-1], base.weight
    worth_forming = num_tokens * sum(weight.shape) > weight.numel()
    if weight.dtype == torch.float32 == x.dtype and worth_forming:
        output: torch.Tensor = _FormedLinear.apply(x, weight, base.bias, down, up, scaling)  # type: ignore[no-untyped-call]
        return output
    thin = linear(x, down.to(x.dtype))
    return linear(x, weight, base.bias) + linear(thin, (scaling * up).to(x.dtype))


def _factors(module: Any, name: str) -> tuple[torch.Tensor, torch.Tensor, float]:
    return module.lora_A[name].weight, module.lora_B[name].weight, module.scaling[name]


def _drops(module: Any, name: str) -> bool:
    dropout = module.lora_dropout[name]
    return isinstance(dropout, torch.nn.Dropout) and dropout.p > 0 and dropout.training


def _formed(weight: torch.Tensor, down: torch.Tensor, up: torch.Tensor, scaling: float) -> torch.Tensor:
    return torch.addmm(weight, up, down, alpha=scaling)


class _FormedLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
        scaling: float,
    ) -> torch.Tensor:
        ctx.save_for_backward(x, weight, down, up)
        ctx.scaling = scaling
        return linear(x, _formed(weight, down, up, scaling), bias)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = gradients
        x, weight, down, up = ctx.saved_tensors
        rows, flat = gradient.reshape(-1, gradient.shape[-1]), x.reshape(-1, x.shape[-1])
        for_x = for_down = for_up = None
        if ctx.needs_input_grad[0]:
            for_x = (rows @ _formed(weight, down, up, ctx.scaling)).view(x.shape)
        if ctx.needs_input_grad[3]:
            for_down = ((rows @ up).mul_(ctx.scaling)).T @ flat
            for_up = rows.T @ linear(flat, down).mul_(ctx.scaling)
        return for_x, None, None, for_down, for_up, None
