"""What both sides of the PPO benchmark measure, in one place so that it is one measure (needs torch, nothing of Attune or TRL)."""

import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

MIB = 2**20
KINDS = {
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::addmv", "aten::mv", "mkldnn::", "aten::mkldnn"),
    "attention": ("aten::_scaled_dot_product", "aten::_flash_attention", "aten::_efficient_attention"),
    "optimizer and clipping": ("Optimizer.step", "aten::_fused_adam", "aten::_foreach", "Optimizer.zero_grad"),
    "softmax": ("aten::_softmax", "aten::_log_softmax", "aten::logsumexp", "aten::exp"),
    "copies and indexing": (
        *("aten::copy_", "aten::clone", "aten::cat", "aten::index", "aten::gather", "aten::scatter", "aten::embedding", "aten::select"),
        *(
            "aten::slice",
            "aten::masked",
            "aten::contiguous",
            "aten::fill_",
            "aten::zero",
            "aten::_index",
            "aten::_to_copy",
            "aten::constant",
        ),
    ),
}
"""Operators of each kind, by the beginning of their names; every other tensor operator counts as elementwise."""


class Memory:
    """Peak memory of the process above what its imports took: resident pages on a CPU, the allocator's bytes on a GPU."""

    def __init__(self) -> None:
        """Call right after the imports, before any model exists."""
        self._imports = _status("VmHWM")

    def peak_mib(self) -> float:
        """Return the highest resident memory so far, less that of the imports (on a GPU: the most bytes allocated there)."""
        if torch.cuda.is_available():
            return torch.cuda.max_memory_allocated() / MIB
        return _status("VmHWM") - self._imports


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(field + ":")) / 1024


class TokenCounter:
    """Counts tokens that go through given layers, forward and backward, by hooks.

    Forward passes while ``sampling`` is set count as ``rollout``, the others as ``forward``; gradients that arrive at the layer's output
    count as ``backward``.
    """

    def __init__(self, layers: Mapping[str, torch.nn.Module]) -> None:
        """``layers``: one decoder layer of each model, by the model's name."""
        self._layers = layers
        self.sampling = False
        self.tokens: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count while this is open."""
        handles = [layer.register_forward_hook(self._hook(name)) for name, layer in self._layers.items()]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _hook(self, name: str) -> Callable[..., None]:
        def hook(module: Any, args: Any, output: Any) -> None:
            states = output if isinstance(output, torch.Tensor) else output[0]
            count = states.shape[0] * states.shape[1]
            self.tokens[name, "rollout" if self.sampling else "forward"] += count
            if states.requires_grad:

                def arrived(gradient: torch.Tensor) -> None:
                    self.tokens[name, "backward"] += count

                states.register_hook(arrived)

        return hook

    def passes(self, batch_tokens: int) -> dict[str, float]:
        """Return tokens over those of one rollout batch: whole passes, by direction, over all models."""
        totals: Counter[str] = Counter()
        for (_, direction), count in self.tokens.items():
            totals[direction] += count
        return {direction: totals[direction] / batch_tokens for direction in ("rollout", "forward", "backward")}


def synchronize() -> None:
    """Wait for the accelerator, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def seconds_of(work: Callable[[], Any], *, at_least: float = 0.3) -> float:
    """Return the median seconds of a call, over as many calls as take ``at_least`` seconds and no fewer than five."""
    work()
    taken: list[float] = []
    while sum(taken) < at_least or len(taken) < 5:
        synchronize()
        start = time.perf_counter()
        work()
        synchronize()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


@torch.no_grad()
def product_rate(shapes: Sequence[tuple[int, int, int, float]], dtype: torch.dtype) -> dict[str, Any]:
    """Measure matrix products ``(n, k) (k, m)`` here and now.

    Args:
        shapes: n, k, m and how often the product comes, relative to the others.
        dtype: of both factors.

    Returns:
        ``rate``: operations a second when the products come as often as said; ``best``: that of the fastest; ``each``: of every one.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    operations, seconds, each = 0.0, 0.0, {}
    for n, k, m, times in shapes:
        left, right = torch.randn(n, k, device=device).to(dtype), torch.randn(m, k, device=device).to(dtype)
        taken = seconds_of(lambda left=left, right=right: torch.nn.functional.linear(left, right))
        each[f"{n}x{k}x{m}"] = 2 * n * k * m / taken
        operations += times * 2 * n * k * m
        seconds += times * taken
    return {"rate": operations / seconds, "best": max(each.values()), "each": each}


def copy_bandwidth(mebibytes: int = 1024) -> float:
    """Return bytes a second of a copy on the device, read and written bytes both counted."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    source = torch.empty(mebibytes * MIB // 4, dtype=torch.float32, device=device).fill_(1.0)
    target = torch.empty_like(source)
    return 2 * mebibytes * MIB / seconds_of(lambda: target.copy_(source))


@contextmanager
def profiled(into: dict[str, float]) -> Iterator[None]:
    """Profile what runs inside and add its self CPU seconds by kind; what no operator accounts for is ``Python and other``."""
    from torch.profiler import ProfilerActivity, profile

    start = time.perf_counter()
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        yield
    whole = time.perf_counter() - start
    spent: Counter[str] = Counter()
    for event in profiler.key_averages():
        spent[kind_of(event.key)] += event.self_cpu_time_total / 1e6
    spent["Python and other"] += max(0.0, whole - sum(spent.values()))
    for kind, seconds in spent.items():
        into[kind] = into.get(kind, 0.0) + seconds


def kind_of(operator: str) -> str:
    """Return the kind that an operator's self time counts towards."""
    for kind, beginnings in KINDS.items():
        if operator.startswith(beginnings):
            return kind
    compiled = "cpp_fused" in operator or operator.startswith("triton_")
    return "elementwise and reductions" if compiled or operator.startswith("aten::") else "Python and other"


def executed_operations(work: Callable[[], Any]) -> float:
    """Return the operations of the matrix products and attentions that a call really ran, as torch counts them."""
    from torch.utils.flop_counter import FlopCounterMode

    aten: Any = torch.ops.aten
    known = {
        aten._scaled_dot_product_flash_attention_for_cpu: _attention_forward,
        aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
    }
    with FlopCounterMode(display=False, custom_mapping=known) as counter:
        work()
    return float(counter.get_total_flops())


def _attention_forward(query: Any, key: Any, value: Any, dropout_p: float = 0.0, is_causal: bool = False, *rest: Any, **named: Any) -> int:
    batch, heads, queries, size = query
    whole = 4 * batch * heads * queries * key[2] * size
    return whole // 2 if is_causal else whole


def _attention_backward(
    gradient: Any, query: Any, key: Any, value: Any, out: Any, sums: Any, dropout_p: float, is_causal: bool, **named: Any
) -> int:
    return 5 * _attention_forward(query, key, value, dropout_p, is_causal) // 2  # five products: the scores are computed again


def threads() -> int:
    """Return how many threads torch computes with."""
    return torch.get_num_threads()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))
