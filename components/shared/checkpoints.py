"""Checkpoints that outlive a run's output directory, so that a killed stage continues (needs torch).

They lie under ``ATTUNE_CHECKPOINT_DIR`` (a volume in the cluster, ``runs/checkpoints`` on a laptop), in a folder named by everything that
decides the result: stage, configuration, input digests, code. Another run with other settings never sees them. They go when the stage has
finished.
"""

import json
import logging
import os
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
import torch

from components.shared.artifacts import digest_of
from components.shared.provenance import code_digest

DIRECTORY_VARIABLE = "ATTUNE_CHECKPOINT_DIR"
_STATE = "state.pt"
_logger = logging.getLogger(__name__)


def checkpoint_directory(stage: str, config: Mapping[str, Any], inputs: Mapping[str, str]) -> Path | None:
    """Return the folder for this stage's checkpoints, or None where no checkpoint volume is configured (said in the log).

    Args:
        stage: the stage's folder name.
        config: its configuration as JSON.
        inputs: input name to digest.
    """
    root = os.environ.get(DIRECTORY_VARIABLE)
    if not root:
        _logger.warning("%s is not set: %s cannot be resumed if it is interrupted", DIRECTORY_VARIABLE, stage)
        return None
    key = digest_of({"stage": stage, "config": dict(config), "inputs": dict(inputs), "code": code_digest(stage)})
    return Path(root).absolute() / f"{stage}-{key[:16]}"


def save_state(directory: Path, state: Mapping[str, Any]) -> None:
    """Write a training state (tensors, numbers, nested) atomically: a crash leaves the previous one whole."""
    directory.mkdir(parents=True, exist_ok=True)
    temporary = directory / f"{_STATE}.tmp"
    torch.save({**state, "rng": rng_state()}, temporary)
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, directory / _STATE)


def load_state(directory: Path | None) -> dict[str, Any] | None:
    """Return the latest training state, its random generators restored, or None when there is none.

    Only tensors and plain containers are unpickled (``weights_only``).
    """
    if directory is None or not (directory / _STATE).is_file():
        return None
    state: dict[str, Any] = torch.load(directory / _STATE, map_location="cpu", weights_only=True)
    restore_rng(state.pop("rng"))
    return state


def remove(directory: Path | None) -> None:
    """Delete the checkpoints of a stage that has finished."""
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch."""
    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)


def rng_state() -> dict[str, Any]:
    """Return the state of every random generator that training draws from."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    name, keys, position, has_gauss, gauss = numpy.random.get_state(legacy=True)
    legacy = json.dumps([name, numpy.asarray(keys).tolist(), position, has_gauss, gauss])
    return {"torch": torch.get_rng_state(), "cuda": cuda, "numpy": legacy, "python": json.dumps(random.getstate())}


def restore_rng(state: Mapping[str, Any]) -> None:
    """Put every random generator back where ``rng_state`` found it."""
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
    name, keys, position, has_gauss, gauss = json.loads(state["numpy"])
    numpy.random.set_state((name, numpy.array(keys, dtype=numpy.uint32), position, has_gauss, gauss))
    version, internal, gauss_next = json.loads(state["python"])
    random.setstate((version, tuple(internal), gauss_next))
