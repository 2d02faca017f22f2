"""The benchmark of PPO against TRL 1.12.0's: ``make bench-ppo``, or ``python -m tests.benchmarks.ppo --peer-python PATH``.

Every measurement is a process of its own; the sides alternate, A B C A B C, so that a machine that slows down slows all of them. Prints the
ratios of the medians side by side, the passes over the batch beside the plan, and how near the update phase comes to this machine's rate of
matrix products.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tests.benchmarks import ppo_gpu, ppo_mixed, ppo_tables
from tests.benchmarks.ppo_operations import Shape
from tests.benchmarks.ppo_processes import ARMS, command_of, run, write_family

OUTPUT = Path("runs/bench/ppo.json")
SIZES = {
    "smoke": Shape(hidden=64, layers=2, vocab=512, batch=8, prompt=16, response=8, epochs=2),
    "default": Shape(hidden=256, layers=6, vocab=8192, batch=32, prompt=64, response=48, epochs=4),
    "large": Shape(hidden=512, layers=12, vocab=8192, batch=64, prompt=64, response=96, epochs=4),
}
"""``default`` and ``large`` are the sizes of the targets; ``smoke`` only shows that everything runs."""
DEFAULT_ARMS = "trl,adapter,shared_trunk"


def main() -> int:
    """Run what was asked for."""
    arguments = _arguments()
    if arguments.part == "mixed":
        return ppo_mixed.main([SIZES[name] for name in arguments.sizes.split(",")])
    if arguments.part == "gpu":
        return ppo_gpu.main(arguments.peer_python, arguments.updates, arguments.json)
    if not arguments.peer_python and any(arm.startswith("trl") for arm in arguments.arms.split(",")):
        raise SystemExit("--peer-python is missing: the Python of an environment with trl==1.12.0 (make bench-ppo makes one)")
    kept: dict[str, Any] = {}
    for name in arguments.sizes.split(","):
        shape = replace(SIZES[name], **{key: int(value) for key, value in (item.split("=") for item in arguments.shape)})
        results = alternate(shape, arguments.arms.split(","), arguments)
        print("\n".join(ppo_tables.lines(name, shape, results)), flush=True)  # noqa: T201
        kept[name] = {"shape": asdict(shape), "runs": results}
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    print(f"numbers: {arguments.json}")  # noqa: T201
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", default="", help="Python of an environment with trl==1.12.0, and torch and peft as here")
    parser.add_argument("--sizes", default="default", help=f"comma separated, of {', '.join(SIZES)}")
    parser.add_argument("--arms", default=DEFAULT_ARMS, help=f"comma separated, of {', '.join(ARMS)}")
    parser.add_argument("--rounds", type=int, default=3, help="times that each arm runs")
    parser.add_argument("--updates", type=int, default=3, help="timed updates of a run, the first of which warms up")
    parser.add_argument("--times-only", action="store_true", help="no counts of passes and operations, no profile: they cost three updates")
    parser.add_argument("--threads", type=int, default=0, help="torch threads; 0: as many as there are cores")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="further settings of Attune's ppo stage")
    parser.add_argument("--shape", nargs="*", default=[], metavar="NAME=NUMBER", help="changes of the size, say response=24")
    parser.add_argument("--part", choices=["compare", "mixed", "gpu"], default="compare")
    parser.add_argument("--json", type=Path, default=OUTPUT, help="where the numbers go")
    arguments = parser.parse_args()
    unknown = set(arguments.arms.split(",")) - set(ARMS) | set(arguments.sizes.split(",")) - set(SIZES)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return arguments


def alternate(shape: Shape, arms: Sequence[str], arguments: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Run the arms in turn, ``rounds`` times."""
    results: dict[str, list[dict[str, Any]]] = {arm: [] for arm in arms}
    threads = arguments.threads or len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        write_family(shape, folder, threads)
        for turn in range(arguments.rounds):
            for arm in arms:
                counts = turn == 0 and not arguments.times_only
                command = command_of(arm, shape, folder, arguments.peer_python, arguments.updates, arguments.set, counts=counts)
                result = json.loads(run(command, threads).splitlines()[-1])
                results[arm].append(result)
                seen = f"{result['seconds']:.2f} s an update, {result['peak_mib']:.0f} MiB"
                print(f"  round {turn + 1}, {arm}: {seen}", flush=True)  # noqa: T201
    return results


if __name__ == "__main__":
    raise SystemExit(main())
