"""The same pair on a GPU: a random Llama of the 1B class in bf16. ``python -m tests.benchmarks.ppo --part gpu --peer-python PATH``.

Prints tokens a second, peak memory, and how far generation is from the memory's limit. Decoding a token for every row reads all weights and
all keys and values once, so a step cannot be faster than

    (bytes of the base and the adapter + bytes of the cache at that length) / copy bandwidth

with the bandwidth measured here. Without a GPU it says so and does nothing.
"""

import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch

from tests.benchmarks.ppo_measure import copy_bandwidth
from tests.benchmarks.ppo_operations import Shape
from tests.benchmarks.ppo_processes import command_of, run, write_family

ONE_BILLION = Shape(
    hidden=2048, layers=16, vocab=128_256, heads=32, kv_heads=8, intermediate=8192, batch=64, prompt=128, response=128, epochs=2
)
ROUNDS = 2
ARMS = ("trl", "adapter", "shared_trunk")


def main(peer_python: str, updates: int, output: Path) -> int:
    """Alternate the arms on the GPU and print the table."""
    if not torch.cuda.is_available():
        print("--part gpu needs a CUDA device and there is none here; nothing was measured")  # noqa: T201
        return 0
    shape, threads = ONE_BILLION, len(os.sched_getaffinity(0))
    results: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS if peer_python or arm != "trl"}
    with tempfile.TemporaryDirectory() as folder:
        write_family(shape, folder, threads, dtype="bfloat16")
        for _ in range(ROUNDS):
            for arm, runs in results.items():
                command = command_of(arm, shape, folder, peer_python, updates, ["dtype=bfloat16"], counts=True)
                command += ["--dtype", "bfloat16"] if arm == "trl" else []
                runs.append(json.loads(run(command, threads).splitlines()[-1]))
    print("\n".join(lines(shape, results, copy_bandwidth())))  # noqa: T201
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 0


def bytes_per_step(shape: Shape) -> float:
    """Return the bytes that decoding one token for every row must read, at the mean length of the cache: bf16 base and cache, fp32 LoRA."""
    weights = 2 * (shape.layers * shape.weights + shape.hidden * shape.vocab)
    adapter = 4 * shape.layers * shape.rank * shape.widths
    cache = 2 * 2 * shape.layers * shape.keys * shape.batch * (shape.prompt + shape.response / 2)
    return float(weights + adapter + cache)


def lines(shape: Shape, results: dict[str, list[dict[str, Any]]], bandwidth: float) -> list[str]:
    """Return the table as lines."""
    limit = shape.batch * bandwidth / bytes_per_step(shape)
    table = [f"{torch.cuda.get_device_name()}: copies at {bandwidth / 1e9:.0f} GB/s; memory's limit for decoding {limit:.0f} tokens/s"]
    table.append(f"{'':16s}{'s/update':>10s}{'episodes/s':>12s}{'peak MiB':>10s}{'decoded tokens/s':>18s}{'of the limit':>14s}")
    for arm, runs in results.items():
        seconds = statistics.median(row["seconds"] for row in runs)
        decoding = shape.batch * shape.response / statistics.median(row["phases"]["rollout"] for row in runs)
        memory = statistics.median(row["peak_mib"] for row in runs)
        table.append(f"{arm:16s}{seconds:10.2f}{shape.batch / seconds:12.2f}{memory:10.0f}{decoding:18.0f}{decoding / limit:14.2f}")
    return table
