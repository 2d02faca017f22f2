"""Finished pieces of long work, kept as JSON in a checkpoint directory until the stage has ended; torch-free."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

Piece = TypeVar("Piece", bound=BaseModel)
_logger = logging.getLogger(__name__)


def piece(directory: Path | None, name: str, kind: type[Piece], compute: Callable[[], Piece]) -> Piece:
    """Return a piece of work that an interrupted run finished, or compute it and keep it.

    Args:
        directory: of the stage's checkpoints; None: nothing is kept.
        name: of the piece, as in a file name.
        kind: what it is.
        compute: makes it.
    """
    path = None if directory is None else directory / f"{name}.json"
    if path is not None and path.is_file():
        _logger.info("%s: kept from the interrupted run", name)
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    made = compute()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(made.model_dump_json(), encoding="utf-8")
        os.replace(temporary, path)
    return made
