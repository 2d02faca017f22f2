"""The processes of the PPO benchmark: what runs each arm (standard library only)."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict

from tests.benchmarks.ppo_operations import Shape

ARMS: dict[str, dict[str, str]] = {
    "trl": {},
    "trl_lora_value": {},
    "adapter": {},
    "shared_trunk": {"value_mode": "shared_trunk"},
    "adapter_bf16": {"dtype": "bfloat16"},
    "shared_trunk_bf16": {"value_mode": "shared_trunk", "dtype": "bfloat16"},
    "adapter_half": {"value_layers": "half"},
    "adapter_half_bf16": {"value_layers": "half", "dtype": "bfloat16"},
}
"""Settings of each arm. ``half`` stands for half of the layers; ``trl_lora_value`` gives TRL's value model LoRA too, which TRL by itself
does not."""


def write_family(shape: Shape, folder: str, threads: int, dtype: str = "float32") -> None:
    """Write Attune's base, sft adapter and reward model."""
    command = [sys.executable, "-m", "tests.benchmarks.ppo_family", folder, "--shape", json.dumps(asdict(shape)), "--dtype", dtype]
    run(command, threads)


def command_of(arm: str, shape: Shape, folder: str, peer_python: str, updates: int, settings: Sequence[str], *, counts: bool) -> list[str]:
    """Return the command of one run; without ``counts`` it times only."""
    if arm.startswith("trl"):
        options = [item for name, value in asdict(shape).items() for item in (f"--{name.replace('_', '-')}", str(value))]
        extra = ["--lora-value"] if arm == "trl_lora_value" else []
        return [peer_python, "-m", "tests.benchmarks.ppo_peer", *options, "--updates", str(updates), *extra]
    chosen = {name: str(shape.layers // 2) if value == "half" else value for name, value in ARMS[arm].items()}
    changes = [f"{name}={value}" for name, value in chosen.items()] + list(settings)
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.ppo_subject",
        folder,
        "--shape",
        json.dumps(asdict(shape)),
        "--updates",
        str(updates),
    ]
    return [*command, *([] if counts else ["--times-only"]), *(["--set", *changes] if changes else [])]


def run(command: Sequence[str], threads: int) -> str:
    """Run a process with so many threads and return what it printed.

    Raises:
        SystemExit: it failed; the end of its error output is in the message.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(list(command), env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[1:4])} failed with {done.returncode}:\n{done.stderr[-4000:]}")
    return done.stdout
