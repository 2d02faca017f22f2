"""Where checkpoints lie: outside a run's output directory, so that a killed stage continues; torch-free.

Under ``ATTUNE_CHECKPOINT_DIR`` (a volume in the cluster, ``runs/checkpoints`` on a laptop), in a folder named by everything that decides
the result: stage, configuration, input digests, code. Another run with other settings never sees them. They go when the stage has finished.
"""

import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.shared.artifacts import digest_of
from components.shared.provenance import code_digest

DIRECTORY_VARIABLE = "ATTUNE_CHECKPOINT_DIR"
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


def remove(directory: Path | None) -> None:
    """Delete the checkpoints of a stage that has finished."""
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)
