"""Which code made this: package version and git commit, as far as they can be known where the stage runs."""

import functools
import hashlib
import os
import subprocess
from importlib.metadata import version
from pathlib import Path

GIT_COMMIT_VARIABLE = "ATTUNE_GIT_COMMIT"
"""Set in the images at build time, where there is no checkout to ask."""


def package_version() -> str:
    """Return the installed version of Attune."""
    return version("attune")


@functools.cache
def git_commit() -> str:
    """Return the commit of the running code, ``-dirty`` appended when the checkout has changes, or ``unknown``."""
    if commit := os.environ.get(GIT_COMMIT_VARIABLE):
        return commit
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return "unknown"
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False)
    changes = subprocess.run(["git", "status", "--porcelain", "-uno"], cwd=root, capture_output=True, text=True, check=False)
    return head.stdout.strip() + ("-dirty" if changes.stdout.strip() else "") or "unknown"


def code_digest(stage: str) -> str:
    """Return the sha256 (hex) of the code that a stage runs: its own folder, what all stages share, and the dependency pins.

    It names the local image of the stage and its checkpoints, so that changed code neither hits a cache nor resumes another code's state.
    """
    root = Path(__file__).parents[1]
    sources = [path for folder in (root / "shared", root / stage) for path in sorted(folder.rglob("*")) if path.is_file()]
    sources = [path for path in sources if path.suffix in {".py", ".json", ".yaml", ".jinja", ".safetensors", ".txt"}]
    constraints = root.parent / "images" / "constraints.txt"
    hasher = hashlib.sha256()
    for path in [*sources, *([constraints] if constraints.is_file() else [])]:
        hasher.update(str(path.relative_to(root.parent)).encode() + b"\0" + path.read_bytes() + b"\0")
    return hasher.hexdigest()
