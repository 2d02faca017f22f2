"""Reading what a user names: local paths, ``builtin:NAME``, and anything fsspec reads (``s3://``, ``gs://``, ``hf://``).

Credentials come from the environment, as each fsspec backend documents; none are passed in configuration.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

import fsspec

from components import builtin
from components.shared.artifacts import digest_of
from components.shared.errors import ContractError

_CHUNK_BYTES = 1 << 20


@contextmanager
def open_binary(uri: str) -> Iterator[BinaryIO]:
    """Open what a URI names for reading bytes (compressed files stay compressed).

    Raises:
        ContractError: nothing is there, it may not be read, or the URI's scheme has no backend installed.
    """
    target = str(builtin.resolve(uri)) if uri.startswith(builtin.PREFIX) else uri
    try:
        with fsspec.open(target, "rb") as file:
            yield file
    except FileNotFoundError:
        raise ContractError(f"{uri}: no such file; give an existing path or URI (local, builtin:, s3://, gs://, hf://)") from None
    except PermissionError:
        raise ContractError(f"{uri}: no permission to read it; check the file mode or the credentials in the environment") from None
    except ImportError as error:
        raise ContractError(f"{uri}: {error}; install the fsspec backend for this scheme") from None


def digest(uri: str) -> str:
    """Return the sha256 (hex) of the bytes behind a URI, read in a stream."""
    hasher = hashlib.sha256()
    with open_binary(uri) as file:
        while chunk := file.read(_CHUNK_BYTES):
            hasher.update(chunk)
    return hasher.hexdigest()


def digests(uris: Mapping[str, str]) -> str:
    """Return one sha256 (hex) over the bytes behind several URIs, each under its name; where they lie does not matter.

    Preflight and evaluate agree by it on ``{"empathy_ratings": ..., "crisis_prompts": ..., "general_text": ...}``.
    """
    return digest_of({name: digest(uri) for name, uri in uris.items()})
