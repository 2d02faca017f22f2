"""From what a user calls a model to exactly which one: a built-in, a directory, or a hub repository at a commit."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components import builtin
from components.shared.base_model import BUILTIN_SCHEME, FILE_SCHEME, HUB_SCHEME, BaseModelReference, directory_digest
from components.shared.errors import ContractError

LOCAL_REVISION = "local"
METADATA_FILES = ["*.json", "*.jinja", "tokenizer.model"]
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ResolvedModel:
    """A pinned model and where its small files can be read now.

    Attributes:
        reference: what travels to later stages.
        directory: configuration and tokenizer files; for built-in and local models the weights too.
        weight_files: names of the safetensors files.
        weights_here: whether those files are in ``directory``.
    """

    reference: BaseModelReference
    directory: Path
    weight_files: list[str]
    weights_here: bool


def resolve(model_id: str, revision: str, timeout_seconds: float) -> ResolvedModel:
    """Find out which model is meant and pin it.

    Args:
        model_id: ``builtin:NAME``, a directory (absolute, relative, or ``file://``), or a hub id ``OWNER/NAME`` (or ``hf://OWNER/NAME``).
        revision: branch, tag or commit of a hub model; without meaning for the others.
        timeout_seconds: for the hub's answer.

    Raises:
        ContractError: there is no such model, it may not be read, or it has no safetensors weights.
    """
    if model_id.startswith(BUILTIN_SCHEME):
        try:
            directory = builtin.resolve(model_id)
        except ValueError as error:
            raise ContractError(f"base model {model_id}: {error}") from None
        return _in_directory(model_id, directory)
    name = model_id.removeprefix(HUB_SCHEME)
    directory = Path(model_id.removeprefix(FILE_SCHEME)).expanduser()
    if not model_id.startswith(HUB_SCHEME) and (directory.is_dir() or not _HUB_ID.fullmatch(model_id)):
        return _in_directory(f"{FILE_SCHEME}{directory.absolute()}", directory.absolute())
    return _on_hub(name, revision, timeout_seconds)


def _in_directory(uri: str, directory: Path) -> ResolvedModel:
    if (directory / "adapter_config.json").is_file() and not (directory / "config.json").is_file():
        raise ContractError(f"base model {directory}: it holds a PEFT adapter, not a model; give the base model that it was trained on")
    reference = BaseModelReference(uri=uri, revision=LOCAL_REVISION, digest=directory_digest(directory))
    weights = sorted(path.name for path in directory.glob("*.safetensors"))
    return ResolvedModel(reference, directory, weights, weights_here=True)


def _on_hub(name: str, revision: str, timeout_seconds: float) -> ResolvedModel:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError, HTTPError, RepositoryNotFoundError, RevisionNotFoundError

    given = f"base model {name} (revision {revision})"
    try:
        # By its branch, so that the cache knows the name too; the folder is named by the commit, and from here on only that counts.
        directory = Path(snapshot_download(name, revision=revision, allow_patterns=METADATA_FILES, etag_timeout=timeout_seconds))
        info = HfApi().model_info(name, revision=directory.name, timeout=timeout_seconds)
        files = [sibling.rfilename for sibling in info.siblings or []]
    except (GatedRepoError, RepositoryNotFoundError):
        raise ContractError(
            f"{given}: no such directory here, and no such model on the hub or no access to it; check the spelling, and for a private or "
            "gated model accept its terms and set HF_TOKEN"
        ) from None
    except RevisionNotFoundError:
        raise ContractError(f"{given}: the model has no such branch, tag or commit") from None
    except HFValidationError:
        raise ContractError(f"{given}: not a hub id; it looks like OWNER/NAME") from None
    except (HTTPError, OSError) as error:
        directory = _from_cache(name, revision, given, error)
        files = [path.name for path in directory.iterdir()]
    weights = sorted(file for file in files if file.endswith(".safetensors") and "/" not in file)
    if not weights:
        raise ContractError(f"{given}: no *.safetensors in it; other weight formats can run code and are refused")
    commit = directory.name
    reference = BaseModelReference(uri=f"{HUB_SCHEME}{name}", revision=commit, digest=commit)
    return ResolvedModel(reference, directory, weights, weights_here=False)


def _from_cache(name: str, revision: str, given: str, cause: Any) -> Path:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        directory = Path(
            snapshot_download(name, revision=revision, local_files_only=True, allow_patterns=[*METADATA_FILES, "*.safetensors"])
        )
    except LocalEntryNotFoundError:
        reason = str(cause).partition("\n")[0].removeprefix("Got: ")
        raise ContractError(
            f"{given}: no such directory here, the hub {constants.ENDPOINT} cannot be reached ({reason}) and the cache "
            f"{constants.HF_HUB_CACHE} does not have all of it; open the network, fill the cache, or give a local directory"
        ) from None
    _logger.warning("hub not reachable: %s is taken from the cache at commit %s", name, directory.name)
    return directory
