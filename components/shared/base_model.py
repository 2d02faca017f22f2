"""Base models by reference: a name, a pinned revision and a digest travel between stages, weights stay in a cache.

Torch-free; ``modeling`` loads what is named here.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from components import builtin
from components.shared.artifacts import digest_of, file_digest
from components.shared.errors import ContractError

BUILTIN_SCHEME, HUB_SCHEME, FILE_SCHEME = "builtin:", "hf://", "file://"
_WEIGHTS = ("*.safetensors", "*.json", "*.jinja", "tokenizer.model")


class BaseModelReference(BaseModel):
    """Which base model, exactly."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: str
    """``builtin:tiny``, ``hf://OWNER/NAME`` or ``file:///ABSOLUTE/DIRECTORY``."""
    revision: str
    """Commit of a hub model; ``local`` for a directory."""
    digest: str
    """The hub commit, or the sha256 over a directory's model and tokenizer files."""

    @property
    def location(self) -> str:
        """What ``from_pretrained`` takes: a directory or a hub id."""
        if self.uri.startswith(BUILTIN_SCHEME):
            return str(builtin.resolve(self.uri))
        return self.uri.removeprefix(HUB_SCHEME).removeprefix(FILE_SCHEME)

    @property
    def hub_revision(self) -> str | None:
        """The revision argument for ``from_pretrained``; None for a directory."""
        return self.revision if self.uri.startswith(HUB_SCHEME) else None


def read_reference(parameter: str) -> BaseModelReference:
    """Return the reference that preflight published.

    It travels as a parameter, not as an artifact: KFP's launcher opens the bucket behind every input artifact's URI and fails on a URI that
    is no bucket, and a copy of the weights per task is what a reference avoids.

    Args:
        parameter: ``BaseModelReference`` as JSON.

    Raises:
        ContractError: the parameter is no reference, or the directory's contents have changed since.
    """
    try:
        reference = BaseModelReference.model_validate_json(parameter)
    except ValidationError:
        raise ContractError("base_model is no model reference; wire preflight's base_model output to it") from None
    if reference.hub_revision is None and directory_digest(Path(reference.location)) != reference.digest:
        raise ContractError(f"{reference.uri} has changed since preflight looked at it; start the run again")
    return reference


def directory_digest(directory: Path) -> str:
    """Return one sha256 over the model and tokenizer files of a directory.

    Raises:
        ContractError: the directory does not exist or holds no safetensors weights.
    """
    if not directory.is_dir():
        raise ContractError(f"base model {directory}: no such directory; give a directory, a hub id or {BUILTIN_SCHEME}tiny")
    paths = sorted(path for pattern in _WEIGHTS for path in directory.glob(pattern))
    if not any(path.suffix == ".safetensors" for path in paths):
        raise ContractError(f"base model {directory}: no *.safetensors in it; other weight formats can run code and are refused")
    return digest_of({path.name: file_digest(path) for path in paths})
