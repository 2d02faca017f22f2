"""Is what a run needs around it there: data, tracking server and registry, room on the disks?"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from components.shared import tracking
from components.shared.errors import ContractError
from components.shared.storage import open_binary

CHECKPOINT_VARIABLE = "ATTUNE_CHECKPOINT_DIR"
_CHUNK_BYTES = 1 << 20
_GIB = 1 << 30


@dataclass(frozen=True)
class DataFile:
    """The bytes behind a URI: sha256 (hex) and size."""

    digest: str
    size: int


def read_data(uri: str) -> DataFile:
    """Read a file from end to end, which proves more than its existence.

    Raises:
        ContractError: it cannot be read, or is empty.
    """
    hasher, size = sha256(), 0
    with open_binary(uri) as file:
        while chunk := file.read(_CHUNK_BYTES):
            hasher.update(chunk)
            size += len(chunk)
    if not size:
        raise ContractError(f"{uri} is empty (0 bytes); give a file with at least one row")
    return DataFile(hasher.hexdigest(), size)


def check_tracking() -> None:
    """Ask the tracking server and the model registry a question each.

    Raises:
        ContractError: one of them does not answer, within seconds instead of MLflow's minutes of retries.
    """
    client = tracking.tracking_client()
    with tracking.reached():
        client.get_experiment_by_name("attune")
        client.search_registered_models(max_results=1)


def check_directory(directory: Path, purpose: str, min_free_gib: float) -> float:
    """Check that a directory can be written and has room.

    Args:
        directory: made if it is missing.
        purpose: what it is for, in words.
        min_free_gib: least free space, GiB.

    Returns:
        Free space, GiB.

    Raises:
        ContractError: it cannot be made or written, or is too full.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"\0" * _CHUNK_BYTES)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ContractError(
            f"{purpose} {directory} cannot be written ({error.strerror}); check the mount, its permissions and its room"
        ) from None
    free = shutil.disk_usage(directory).free / _GIB
    if free < min_free_gib:
        raise ContractError(
            f"{purpose} {directory} has {free:.2f} GiB free, {min_free_gib:g} are wanted (preflight.min_free_gib); free some"
        )
    return free
