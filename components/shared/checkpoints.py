"""Training states in checkpoints, with every random generator (needs torch)."""

import json
import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
import torch

from components.shared.checkpoint_folders import DIRECTORY_VARIABLE, checkpoint_directory, remove

__all__ = [
    "DIRECTORY_VARIABLE",
    "checkpoint_directory",
    "load_state",
    "remove",
    "restore_rng",
    "rng_state",
    "save_state",
    "seed_everything",
]
_STATE = "state.pt"


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


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch."""
    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)


def rng_state() -> dict[str, Any]:
    """Return the state of every random generator that training draws from."""
    cuda = [torch.cuda.get_rng_state()] if torch.cuda.is_available() else []  # of this process's own device
    name, keys, position, has_gauss, gauss = numpy.random.get_state(legacy=True)
    legacy = json.dumps([name, numpy.asarray(keys).tolist(), position, has_gauss, gauss])
    return {"torch": torch.get_rng_state(), "cuda": cuda, "numpy": legacy, "python": json.dumps(random.getstate())}


def restore_rng(state: Mapping[str, Any]) -> None:
    """Put every random generator back where ``rng_state`` found it."""
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state(state["cuda"][0])
    name, keys, position, has_gauss, gauss = json.loads(state["numpy"])
    numpy.random.set_state((name, numpy.array(keys, dtype=numpy.uint32), position, has_gauss, gauss))
    version, internal, gauss_next = json.loads(state["python"])
    random.setstate((version, tuple(internal), gauss_next))
