"""Whether one forward pass with peft's mixed-adapter batches beats three: ``python -m tests.benchmarks.ppo --part mixed``.

Reference, value and reward read the same sequences under three adapters. peft can take them in one batch of thrice the rows, each row
with its own adapter (``adapter_names``): the base's products become larger, the adapters' are picked out row by row. Both ways are timed
in turn, over the micro-batches of one rollout batch, and their hidden states compared.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from components.shared.modeling import adapter_parameters, copy_adapter, load_adapter, load_base, use_adapter
from tests.benchmarks.ppo_family import reference_of, write_family
from tests.benchmarks.ppo_measure import synchronize, threads
from tests.benchmarks.ppo_operations import Shape

ADAPTERS = ("sft", "value", "reward")
ROUNDS = 7


def main(shapes: Sequence[Shape]) -> int:
    """Measure each size with micro-batches of a quarter, a twelfth and all of the rollout batch."""
    print(f"{threads()} threads; ratio: three forward passes over one mixed one, above 1 the mixed one is faster")  # noqa: T201
    print(f"{'hidden':>8s}{'layers':>8s}{'rows':>8s}{'three, s':>10s}{'mixed, s':>10s}{'ratio':>8s}{'largest difference':>20s}")  # noqa: T201
    for shape in shapes:
        with tempfile.TemporaryDirectory() as folder:
            write_family(Path(folder), shape)
            model = _model(Path(folder))
            for rows in sorted({max(1, shape.batch // 12), shape.batch // 4, shape.batch}):
                separate, mixed, difference = compare(model, shape, rows)
                cells = f"{separate:10.3f}{mixed:10.3f}{separate / mixed:8.2f}{difference:20.1e}"
                print(f"{shape.hidden:8d}{shape.layers:8d}{rows:8d}{cells}", flush=True)  # noqa: T201
    return 0


def _model(folder: Path) -> Any:
    model = load_adapter(load_base(reference_of(folder)), "sft", folder / "sft")
    torch.manual_seed(1)
    for name in ADAPTERS[1:]:
        copy_adapter(model, "sft", name)
    with torch.no_grad():
        for name in ADAPTERS:
            for _, parameter in adapter_parameters(model, name):
                parameter.add_(0.02 * torch.randn_like(parameter))
    return model.eval()


@torch.no_grad()
def compare(model: Any, shape: Shape, rows: int) -> tuple[float, float, float]:
    """Return seconds for the whole rollout batch with three passes and with a mixed one, and the largest relative difference."""
    ids = torch.randint(4, shape.vocab, (shape.batch, shape.prompt + shape.response)).to(next(model.parameters()).device)
    parts = ids.split(rows)
    taken: dict[str, list[float]] = {"three": [], "mixed": []}
    for _ in range(ROUNDS):
        for name, way in (("three", three_passes), ("mixed", mixed_pass)):
            synchronize()
            start = time.perf_counter()
            for part in parts:
                way(model, part)
            synchronize()
            taken[name].append(time.perf_counter() - start)
    one, other = three_passes(model, parts[0]), mixed_pass(model, parts[0])
    difference = float((one - other).abs().max() / one.abs().max())
    if difference > 1e-3:
        raise SystemExit(f"the mixed batch gives other states than three passes: {difference:.1e} of the largest one")
    return statistics.median(taken["three"]), statistics.median(taken["mixed"]), difference


def three_passes(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """Return the states of the three adapters, one after the other, (3 b, T, H)."""
    states = []
    for name in ADAPTERS:
        use_adapter(model, name)
        states.append(model.get_base_model().base_model(input_ids=ids, use_cache=False).last_hidden_state)
    return torch.cat(states)


def mixed_pass(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """Return the same from one forward pass of peft's."""
    names = [name for name in ADAPTERS for _ in range(len(ids))]
    # peft offers adapter_names on the whole model only, which would compute all logits; this is how its own forward goes in.
    with model.base_model._enable_peft_forward_hooks(adapter_names=names):
        states: torch.Tensor = model.get_base_model().base_model(input_ids=ids.repeat(3, 1), use_cache=False).last_hidden_state
    return states
