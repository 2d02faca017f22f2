"""Load a registered model as a server would, in a process of its own, and print how far its logits are from the trained model's.

Usage: ``python -m components.register.reload --model-uri models:/NAME/VERSION [--expected logits.safetensors]``
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import mlflow
import torch
from safetensors.torch import load_file

from components.register.probe import PROBE, PROBE_FILE


def main(argv: Sequence[str] | None = None) -> int:
    """Print ``{"max_difference": ...}`` as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-uri", required=True)
    parser.add_argument("--expected", type=Path, help="safetensors with `logits`, shape (T, V)")
    arguments = parser.parse_args(argv)
    model = mlflow.pyfunc.load_model(arguments.model_uri).get_raw_model()
    logits: torch.Tensor = model.logits(PROBE)
    if arguments.expected:
        expected = load_file(arguments.expected)["logits"]
    else:
        logits, expected = logits[-1], load_file(model.directory / PROBE_FILE)["last_logits"]
    if logits.shape != expected.shape:
        print(f"logits have shape {tuple(logits.shape)}, the trained model's {tuple(expected.shape)}", file=sys.stderr)  # noqa: T201
        return 1
    print(json.dumps({"max_difference": (logits - expected).abs().max().item()}))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
