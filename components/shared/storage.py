"""Reading what a user names: local paths, ``builtin:NAME``, and anything fsspec reads (``s3://``, ``gs://``, ``hf://``).

Credentials come from the environment, as each fsspec backend documents; none are passed in configuration.
"""

import hashlib
import sys
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
        ContractError: nothing is there, it may not be read, its service does not answer, or no installed backend knows the URI.
    """
    try:
        target = str(builtin.resolve(uri)) if uri.startswith(builtin.PREFIX) else uri
        file = fsspec.open(target, "rb").open()
    except FileNotFoundError:
        raise ContractError(f"{uri}: no such file; give an existing path or URI (local, builtin:, s3://, gs://, hf://)") from None
    except IsADirectoryError:
        raise ContractError(f"{uri}: it is a directory; give the file in it") from None
    except PermissionError:
        raise ContractError(f"{uri}: no permission to read it; check the file mode or the credentials in the environment") from None
    except ImportError as error:
        raise ContractError(f"{uri}: {error}; install the fsspec backend for this scheme") from None
    except _opening_errors() as error:
        cause = str(error).partition("\n")[0]
        raise ContractError(f"{uri} cannot be opened ({cause}); check the URI, the network and the credentials") from None
    with file:
        yield file


def _opening_errors() -> tuple[type[Exception], ...]:
    """Return the roots of what fsspec and its backends raise; of the backends that are loaded only, so none is imported for it."""
    roots = (("botocore.exceptions", "BotoCoreError"), ("aiohttp", "ClientError"), ("huggingface_hub.errors", "HTTPError"))
    return (OSError, ValueError, *(getattr(sys.modules[module], name) for module, name in roots if module in sys.modules))


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
