"""Inputs of the training stages, made by hand: sealed splits of made-up dialogues and pairs, and a stage run as a subprocess."""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from kfp import dsl

from components.shared import artifacts
from components.shared.dataset_splits import CONVERSATIONS_FILE, PREFERENCES_FILE, SPLIT_SCHEMA
from components.shared.records import Conversation, PreferencePair, write_rows
from tests.tiny_model import conversation, preference_pair

ROOT = Path(__file__).parents[1]


def write_split(
    directory: Path, *, conversations: Sequence[Conversation] | None = None, pairs: Sequence[PreferencePair] | None = None
) -> Any:
    """Write and seal a split artifact; 24 dialogues and 24 pairs where none are given."""
    artifact = dsl.Dataset(name=directory.name, uri=str(directory), metadata={})
    folder = artifacts.start(artifact.path)
    write_rows(folder / CONVERSATIONS_FILE, conversations if conversations is not None else [conversation(i) for i in range(24)])
    write_rows(folder / PREFERENCES_FILE, pairs if pairs is not None else [preference_pair(i) for i in range(24)])
    artifacts.seal(artifact, SPLIT_SCHEMA)
    return artifact


def tracking_in(folder: Path) -> dict[str, str]:
    """Return the variables of a tracking store in a folder; without a place for artifacts MLflow would make one in the checkout."""
    return {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "ATTUNE_ARTIFACT_LOCATION": (folder / "mlflow-artifacts").as_uri()}


def start_stage(
    stage: str, directory: Path, inputs: Mapping[str, Any], outputs: Mapping[str, type], config: Mapping[str, Any], **environment: str
) -> subprocess.Popen[str]:
    """Start a stage through its container entry point, outputs below ``directory``."""
    document = {
        "inputs": {
            "artifacts": {name: {"artifacts": [_describe(value)]} for name, value in inputs.items() if not isinstance(value, str)},
            "parameterValues": {"config": dict(config), **{name: value for name, value in inputs.items() if isinstance(value, str)}},
        },
        "outputs": {
            "artifacts": {
                name: {"artifacts": [_describe(kind(name=name, uri=str(directory / name), metadata={}))]} for name, kind in outputs.items()
            },
            "outputFile": str(directory / "executor_output.json"),
        },
    }
    arguments = ["--stage", f"components.{stage}.stage:run", "--executor_input", json.dumps(document)]
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "components.shared.launch", *arguments],
        cwd=ROOT,
        env={"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_stage(stage: str, directory: Path, inputs: Mapping[str, Any], outputs: Mapping[str, type], config: Mapping[str, Any]) -> None:
    """Run a stage in this process, on one thread as ``start_stage`` does, outputs below ``directory``."""
    made = {name: kind(name=name, uri=str(directory / name), metadata={}) for name, kind in outputs.items()}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        importlib.import_module(f"components.{stage}.stage").run(**inputs, **made, config=dict(config))
    finally:
        torch.set_num_threads(threads)


def finish(process: subprocess.Popen[str], timeout: float = 600) -> tuple[int, str]:
    """Wait for a stage and return its exit code and output."""
    output, _ = process.communicate(timeout=timeout)
    return process.returncode, output


def wait_for(pattern: str, directory: Path, process: subprocess.Popen[str], timeout: float = 300) -> Path:
    """Wait until a file of that name pattern exists and return it; fail if the process ends before."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if found := sorted(directory.glob(pattern)):
            return found[0]
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.002)
    raise AssertionError(f"no {pattern} after {timeout} s")


def _describe(artifact: Any) -> dict[str, Any]:
    return {
        "name": artifact.name,
        "type": {"schemaTitle": artifact.schema_title, "schemaVersion": artifact.schema_version},
        "uri": artifact.uri,
        "metadata": dict(artifact.metadata),
    }
