"""The tables of the PPO benchmark, from the JSON lines of its processes."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.benchmarks import ppo_operations
from tests.benchmarks.ppo_operations import Shape

Runs = Mapping[str, Sequence[Mapping[str, Any]]]
TARGETS = {"adapter": 2.0, "adapter_half": 2.0, "shared_trunk": 3.0}
"""Episodes a second over TRL's, at least."""
MEMORY_TARGET = 0.4
"""Peak memory over TRL's, at most."""
EFFICIENCY_TARGET = 0.6
"""Needed operations of the update phase over its time and the matrix-product rate, at least."""
PEER = "trl"


def lines(name: str, shape: Shape, results: Runs) -> list[str]:
    """Return everything about one size."""
    title = f"\n{name}: hidden {shape.hidden}, {shape.layers} layers, vocabulary {shape.vocab}, batch {shape.batch}, "
    title += f"prompt {shape.prompt}, response {shape.response}, {shape.epochs} epochs, LoRA r {shape.rank}"
    return [title, *_speed(shape, results), "", *_passes(shape, results), "", *_efficiency(results), "", *_profile(results)]


def median(runs: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], float]) -> float:
    """Return the median over the rounds."""
    return statistics.median(read(run) for run in runs)


def _speed(shape: Shape, results: Runs) -> list[str]:
    peer = results.get(PEER)
    every = next(iter(results.values()))
    first = every[0]
    rows = [f"{first['threads']} threads on {first['cores']} cores, torch {first['torch']}, medians of {len(every)} rounds"]
    rows.append(
        f"{'':22s}{'s/update':>9s}{'range':>16s}{'episodes/s':>12s}{'x TRL':>8s}{'wanted':>8s}{'MiB':>8s}{'x TRL':>8s}{'wanted':>8s}"
        f"{'rollout':>9s}{'scoring':>9s}{'update':>9s}"
    )
    for arm, runs in results.items():
        seconds, memory = median(runs, lambda run: run["seconds"]), median(runs, lambda run: run["peak_mib"])
        each = [run["seconds"] for run in runs]
        row = f"{arm:22s}{seconds:9.2f}{f'{min(each):.2f}-{max(each):.2f}':>16s}{shape.batch / seconds:12.2f}"
        wanted = TARGETS.get(arm)
        if peer and arm != PEER:
            speed = median(peer, lambda run: run["seconds"]) / seconds
            share = memory / median(peer, lambda run: run["peak_mib"])
            limit = MEMORY_TARGET if wanted else None
            row += f"{speed:8.2f}{_wanted(wanted, '>='):>8s}{memory:8.0f}{share:8.2f}{_wanted(limit, '<='):>8s}"
        else:
            row += f"{'':16s}{memory:8.0f}{'':16s}"
        phases = [median(runs, lambda run, phase=phase: run["phases"][phase]) for phase in ("rollout", "scoring", "update")]
        rows.append(row + "".join(f"{phase:9.2f}" for phase in phases))
    return rows


def _wanted(target: float | None, sign: str) -> str:
    return f"{sign} {target:g}" if target is not None else "-"


def _passes(shape: Shape, results: Runs) -> list[str]:
    rows = [f"{'passes, first layer':22s}" + "".join(f"{way:>20s}" for way in ("rollout", "forward", "backward")) + "   (counted / plan)"]
    for arm, runs in results.items():
        if "passes" not in runs[0]:
            continue
        plan = runs[0].get("plan") or ppo_operations.peer_plan(shape)
        counted = runs[0]["passes"]
        cells = [f"{counted[way]:.2f} / {plan[way]:.2f}" for way in ("rollout", "forward", "backward")]
        equal = all(abs(counted[way] - plan[way]) < 0.02 for way in plan)
        rows.append(f"{arm:22s}" + "".join(f"{cell:>20s}" for cell in cells) + ("" if equal else "   not the plan"))
    return rows


def _efficiency(results: Runs) -> list[str]:
    heads = ("needed GFLOP", "executed", "update s", "GFLOP/s", "products at", "best at", "share", "plain share", "wanted")
    rows = [f"{'update phase':22s}" + "".join(f"{head:>14s}" for head in heads)]
    for arm, runs in results.items():
        if "update_efficiency" not in runs[0]:
            continue
        seconds = median(runs, lambda run: run["phases"]["update"])
        needed, executed = runs[0]["update_operations"], runs[0].get("executed_update_operations")
        rate = median(runs, lambda run: run["product_rates"][run["dtype"]]["rate"])
        best = median(runs, lambda run: run["product_rates"][run["dtype"]]["best"])
        share, plain = (median(runs, lambda run, name=name: run[name]) for name in ("update_efficiency", "update_efficiency_plain"))
        ran = f"{executed / 1e9:.1f}" if executed else "-"
        cells = (f"{needed / 1e9:.1f}", ran, f"{seconds:.2f}", f"{needed / seconds / 1e9:.1f}", f"{rate / 1e9:.1f}", f"{best / 1e9:.1f}")
        cells += (f"{share:.2f}", f"{plain:.2f}", _wanted(EFFICIENCY_TARGET, ">="))
        rows.append(f"{arm:22s}" + "".join(f"{cell:>14s}" for cell in cells))
    rows.append("share: needed operations over time and rate of the same products; plain share: with every layer at every token")
    return rows


def _profile(results: Runs) -> list[str]:
    profiles = {arm: runs[0]["profile_update_seconds"] for arm, runs in results.items() if "profile_update_seconds" in runs[0]}
    largest: dict[str, float] = {}
    for profile in profiles.values():
        for kind, seconds in profile.items():
            largest[kind] = max(largest.get(kind, 0.0), seconds / sum(profile.values()))
    if not profiles:
        return []
    rows = [f"{'profile of one update, % of its time':38s}" + "".join(f"{arm:>20s}" for arm in profiles)]
    for kind in sorted(largest, key=lambda kind: -largest[kind]):
        cells = [f"{100 * profile.get(kind, 0.0) / sum(profile.values()):.1f}" for profile in profiles.values()]
        rows.append(f"{kind:38s}" + "".join(f"{cell:>20s}" for cell in cells))
    return rows
