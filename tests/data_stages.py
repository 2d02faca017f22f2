"""Running a stage of the data image through its entry point, with files and URIs as a user gives them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Finished:
    """What a stage process left: exit code, everything it printed, seconds."""

    code: int
    output: str
    seconds: float


def arguments(
    stage: str, folder: Path, parameters: Mapping[str, Any], artifacts: Mapping[str, str], output_parameters: Sequence[str] = ()
) -> list[str]:
    """Return the container arguments of a stage whose outputs go below ``folder``; artifacts map names to KFP schema titles."""

    def described(name: str, title: str) -> dict[str, Any]:
        runtime = {"name": name, "type": {"schemaTitle": title}, "uri": str(folder / name), "metadata": {}}
        return {"artifacts": [runtime]}

    document = {
        "inputs": {"parameterValues": dict(parameters)},
        "outputs": {
            "artifacts": {name: described(name, title) for name, title in artifacts.items()},
            "parameters": {name: {"outputFile": str(folder / name)} for name in output_parameters},
            "outputFile": str(folder / "executor_output.json"),
        },
    }
    return ["--stage", f"components.{stage}.stage:run", "--executor_input", json.dumps(document)]


def run_process(argv: Sequence[str], **environment: str) -> Finished:
    """Run ``python -m components.shared.launch`` and wait for it."""
    return _run(["-m", "components.shared.launch", *argv], environment)


def run_process_code(code: str, **environment: str) -> Finished:
    """Run a few lines of Python in a fresh process and wait for it."""
    return _run(["-c", code], environment)


def _run(argv: Sequence[str], environment: Mapping[str, str]) -> Finished:
    started = time.monotonic()
    process = subprocess.run(
        [sys.executable, "-u", *argv],
        cwd=ROOT,
        env={"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Finished(process.returncode, process.stdout, time.monotonic() - started)


def error_lines(output: str) -> list[str]:
    """Return the lines in which a stage says why it failed."""
    return [line for line in output.splitlines() if line.startswith("error: ")]
