"""Directory artifacts with a ``manifest.json`` written last, so that its existence means the artifact is complete.

A stage writes its files, then seals the directory; a reader says which schema it expects. The manifest's keys also become KFP
artifact metadata and MLflow tags, so lineage can be followed in either.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from components.shared.errors import ContractError
from components.shared.provenance import git_commit, package_version

MANIFEST = "manifest.json"


class Manifest(BaseModel):
    """What a sealed artifact directory says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_id: str
    """Name and version of the contents, such as ``conversations/v1``."""
    files: dict[str, str]
    """Relative path to sha256 (hex)."""
    properties: dict[str, Any] = Field(default_factory=dict)
    """Facts of the contents: rows, flags, statistics, the model it belongs to."""
    parents: dict[str, str] = Field(default_factory=dict)
    """Input name to the digest of that input."""
    package_version: str
    git_commit: str

    @property
    def digest(self) -> str:
        """Sha256 over schema, files and properties: equal contents have equal digests, wherever and whenever written."""
        return digest_of({"schema": self.schema_id, "files": self.files, "properties": self.properties})


def digest_of(document: Any) -> str:
    """Return the sha256 (hex) of a JSON document in canonical form."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the sha256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def start(path: str) -> Path:
    """Make an empty artifact directory at a KFP output path (locally nobody makes its parents; a retry may find an attempt's leftovers)."""
    directory = Path(path)
    if directory.is_dir():
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    return directory


def seal(
    artifact: Any,
    schema: str,
    *,
    properties: Mapping[str, Any] | None = None,
    parents: Mapping[str, str] | None = None,
) -> Manifest:
    """Digest every file below ``artifact.path``, write the manifest last, and copy its facts into KFP metadata.

    Args:
        artifact: a KFP output artifact (anything with ``path`` and ``metadata``).
        schema: the schema that readers will ask for.
        properties: JSON facts of the contents.
        parents: input name to digest.
    """
    directory = Path(artifact.path)
    paths = sorted(path for path in directory.rglob("*") if path.is_file() and path.name != MANIFEST)
    manifest = Manifest(
        schema_id=schema,
        files={str(path.relative_to(directory)): file_digest(path) for path in paths},
        properties=dict(properties or {}),
        parents=dict(parents or {}),
        package_version=package_version(),
        git_commit=git_commit(),
    )
    temporary = directory / f".{MANIFEST}.tmp"
    temporary.write_text(manifest.model_dump_json(indent=2), encoding="utf-8")
    os.replace(temporary, directory / MANIFEST)
    artifact.metadata.update({"schema": schema, "digest": manifest.digest, **_scalars(manifest.properties)})
    return manifest


def open_sealed(artifact: Any, schema: str) -> tuple[Path, Manifest]:
    """Return the directory and manifest of an input artifact, after checking schema and files.

    Args:
        artifact: a KFP input artifact, or a path.
        schema: the schema that the caller can read.

    Raises:
        ContractError: there is no manifest, the schema is another one, or a file is missing or changed.
    """
    directory = Path(getattr(artifact, "path", artifact))
    manifest_path = directory / MANIFEST
    if not manifest_path.is_file():
        raise ContractError(f"{directory} has no {MANIFEST}: its stage did not finish; run that stage again")
    manifest = Manifest.model_validate_json(manifest_path.read_text(encoding="utf-8"))
    if manifest.schema_id != schema:
        raise ContractError(f"{directory} holds {manifest.schema_id!r}, but {schema!r} is wanted; check what the pipeline wires to it")
    for name, digest in manifest.files.items():
        path = directory / name
        if not path.is_file() or file_digest(path) != digest:
            raise ContractError(f"{path} is missing or differs from its manifest; run the stage that writes it again")
    return directory, manifest


def _scalars(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if isinstance(value, str | int | float | bool)}
