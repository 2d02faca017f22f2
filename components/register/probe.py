"""The fixed prompt on which a trained model and its registered copy must agree, and the fresh process that asks the copy (torch-free)."""

import json
import os
import subprocess
import sys
from pathlib import Path

from components.shared.errors import ContractError

PROBE = [{"role": "user", "content": "I had a long week and I do not know where to begin. Can we talk for a moment?"}]
PROBE_FILE = "probe.safetensors"
_MODULE = "components.register.reload"


def reload_difference(model_uri: str, *, expected: Path | None = None, timeout_seconds: int = 1800) -> float:
    """Load a registered model in a fresh process and return the largest difference of its logits on the probe.

    Args:
        model_uri: ``models:/NAME/VERSION`` or ``models:/NAME@ALIAS``.
        expected: safetensors with ``logits`` (T, V) of the trained model; without it the last row kept in the version counts.
        timeout_seconds: most time for the process.

    Raises:
        ContractError: the version cannot be loaded, or not in time.
    """
    command = [sys.executable, "-m", _MODULE, "--model-uri", model_uri, *(["--expected", str(expected)] if expected else [])]
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_RUN_ID"}
    try:
        process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout_seconds, check=False)
    except subprocess.TimeoutExpired:
        raise ContractError(f"{model_uri} was not loaded within {timeout_seconds} s; raise register.reload_timeout_seconds") from None
    if process.returncode != 0:
        lines = process.stderr.strip().splitlines() or [f"exit code {process.returncode}"]
        raise ContractError(f"{model_uri} cannot be loaded in a fresh process: {lines[-1][:500]}")
    return float(json.loads(process.stdout.strip().splitlines()[-1])["max_difference"])
