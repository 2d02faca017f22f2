"""The benchmark of anonymization: ``make bench-anonymize``, or ``python -m tests.benchmarks.anonymize --part planted --quick``.

Prints one table a part, each number with n and a one-sided 95 % bound, and writes the numbers to ``runs/bench/anonymize.json``. The texts
that it reads (ATTUNE_SHARED_DATA) are never printed and never written.
"""

import argparse
import importlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.anonymize_bounds import Table
from tests.benchmarks.anonymize_engines import ENGINES, Setup, installed

PARTS = {
    "tab": "tests.benchmarks.anonymize_gold:tab",
    "spia": "tests.benchmarks.anonymize_gold:spia",
    "planted": "tests.benchmarks.anonymize_planted:planted",
    "fairness": "tests.benchmarks.anonymize_fairness:fairness",
    "overmask": "tests.benchmarks.anonymize_overmask:overmask",
    "leaks": "tests.benchmarks.anonymize_leaks:leaks",
    "cost": "tests.benchmarks.anonymize_cost:cost",
    "presidio": "tests.benchmarks.anonymize_cost:presidio",
}
MEMORY = {"memory": "tests.benchmarks.anonymize_cost:memory"}
OUTPUT = Path("runs/bench/anonymize.json")


def main() -> int:
    """Run the parts that were asked for."""
    arguments = _arguments()
    folder = os.environ.get("ATTUNE_SHARED_DATA", "../shared/data")
    if not Path(folder).is_dir():
        raise SystemExit(f"{folder} is no folder; the benchmark reads real data sets: set ATTUNE_SHARED_DATA to where they are")
    os.environ.setdefault("ATTUNE_PSEUDONYM_KEY", "5e" * 32)  # surrogates of a benchmark need no secret, but the same ones each run
    engines, missing = installed(arguments.engines.split(","))
    workers = arguments.workers or len(os.sched_getaffinity(0))
    setup = Setup(engines, missing, arguments.quick, workers, arguments.show_misses, Path(folder))
    print(f"engines: {', '.join(engines)}; missing: {', '.join(missing) or 'none'}; {'a tenth of all' if setup.quick else 'all'}")  # noqa: T201
    kept: dict[str, Any] = {"engines": engines, "missing": missing, "quick": setup.quick, "parts": {}}
    chosen = {name: PARTS[name] for name in arguments.part or PARTS} | (MEMORY if arguments.memory else {})
    for name, place in chosen.items():
        start = time.perf_counter()
        tables = _part(place)(setup)
        seconds = time.perf_counter() - start
        print(*tables, f"  [{name}: {seconds:.0f} s]", sep="\n", flush=True)  # noqa: T201
        kept["parts"][name] = {"seconds": round(seconds, 1), "tables": [table.document() for table in tables]}
    if "planted" in kept["parts"] and setup.show_misses:
        kept["parts"]["planted"]["tables"][0]["remarks"] = []
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    print(f"\nnumbers: {OUTPUT}")  # noqa: T201
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", action="append", choices=list(PARTS), help="one part; repeat for several; all when left out")
    parser.add_argument("--engines", default=",".join(ENGINES), help="comma separated; those that cannot be loaded are named and left out")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--memory", action="store_true", help="also the memory of 10,000 against 100,000 conversations (minutes)")
    parser.add_argument("--show-misses", action="store_true", help="print the made-up identities that were missed")
    parser.add_argument("--workers", type=int, default=0, help="processes; 0: one a CPU")
    return parser.parse_args()


def _part(place: str) -> Callable[[Setup], list[Table]]:
    module, name = place.split(":")
    part: Callable[[Setup], list[Table]] = getattr(importlib.import_module(module), name)
    return part


if __name__ == "__main__":
    raise SystemExit(main())
