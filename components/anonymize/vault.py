"""The way back from surrogates to originals, for clinical follow-up only.

Off unless somebody asks for it: while a vault exists, the law still treats the text as personal data. One encrypted record a line and
person (AES-256-GCM, a fresh nonce each, the person's digest bound in as associated data). The key has its own environment variable and
nothing to do with the pseudonym key: whoever trains a model needs the one and must not have the other.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import fsspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from components.shared.errors import ContractError
from components.shared.pseudonym_key import KEY_VARIABLE, derived

VAULT_SCHEMA = "vault/v1"
VAULT_FILE = "vault.jsonl"
VAULT_KEY_VARIABLE = "ATTUNE_VAULT_KEY"
_KEY_BYTES = 32
_NONCE_BYTES = 12
"""96 bits, as NIST SP 800-38D recommends for random nonces."""


def read_vault_key() -> bytes:
    """Return the key of the vault from the environment.

    Raises:
        ContractError: it is not set, is no hexadecimal number of 32 bytes, or is the pseudonym key.
    """
    text = os.environ.get(VAULT_KEY_VARIABLE, "").strip()
    wanted = f"wanted are {2 * _KEY_BYTES} hexadecimal digits; mount them as a Secret that only clinical follow-up reads"
    if not text:
        raise ContractError(f"{VAULT_KEY_VARIABLE} is not set, but a vault is asked for; {wanted}, or turn the vault off")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        raise ContractError(f"{VAULT_KEY_VARIABLE} is not hexadecimal; {wanted}") from None
    if len(key) != _KEY_BYTES:
        raise ContractError(f"{VAULT_KEY_VARIABLE} has {len(key)} bytes; {wanted}")
    if hmac.compare_digest(text.lower(), os.environ.get(KEY_VARIABLE, "").strip().lower()):
        raise ContractError(f"{VAULT_KEY_VARIABLE} is the same as {KEY_VARIABLE}; make another one, or the vault protects nothing")
    return key


class Vault:
    """Seals and opens the mapping of one person at a time; holds none."""

    def __init__(self, key: bytes) -> None:
        """Derive the keys for encryption and for the digests of person ids.

        Args:
            key: 32 bytes, from ``read_vault_key``.
        """
        assert len(key) == _KEY_BYTES, "the key was read by read_vault_key"
        self._cipher = AESGCM(derived(key, "vault encryption"))
        self._index_key = derived(key, "vault index")

    def seal(self, person_id: str, originals: Mapping[str, str]) -> bytes:
        """Return the encrypted record of a person, one line that holds nothing in clear.

        Args:
            person_id: whose values they are.
            originals: each surrogate with the value behind it.
        """
        person = self._digest(person_id)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        content = json.dumps(dict(originals), ensure_ascii=False, sort_keys=True).encode()
        sealed = self._cipher.encrypt(nonce, content, person.encode())
        record = {"person": person, "nonce": base64.b64encode(nonce).decode(), "sealed": base64.b64encode(sealed).decode()}
        return json.dumps(record).encode() + b"\n"

    def open(self, directory: Path, person_id: str) -> dict[str, str]:
        """Return each surrogate of a person with the value behind it.

        Raises:
            ContractError: the vault holds no record of the person under this key, or the record was changed.
        """
        wanted = self._digest(person_id)
        found = False
        originals: dict[str, str] = {}
        for number, record in _records(directory):
            if record["person"] == wanted:
                originals |= self._opened(record, directory, number)
                found = True
        if not found:
            raise ContractError(
                f"{directory}: no record of this person under this key; check the person's id, and that {VAULT_KEY_VARIABLE}"
                " is the key with which the vault was written"
            )
        return originals

    def _opened(self, record: Mapping[str, str], directory: Path, number: int) -> dict[str, str]:
        try:
            nonce, sealed = base64.b64decode(record["nonce"]), base64.b64decode(record["sealed"])
            content = self._cipher.decrypt(nonce, sealed, record["person"].encode())
        except (InvalidTag, ValueError):
            raise ContractError(
                f"{directory}, line {number}: the record cannot be opened; it was written under another key or changed since"
            ) from None
        originals: dict[str, str] = json.loads(content)
        return originals

    def _digest(self, person_id: str) -> str:
        return hmac.digest(self._index_key, person_id.encode(), hashlib.sha256).hex()[:32]


class VaultWriter:
    """Writes the records of a run to ``vault.jsonl`` in a folder that fsspec can write, away from the run's artifacts."""

    def __init__(self, folder: str) -> None:
        """Open the file; the key is read from the environment.

        Raises:
            ContractError: there is no usable key, or the folder cannot be written.
        """
        self._vault = Vault(read_vault_key())
        try:
            self._file = fsspec.open(f"{folder.rstrip('/')}/{VAULT_FILE}", "wb", auto_mkdir=True).open()
        except (OSError, ValueError, ImportError) as error:
            cause = str(error).partition("\n")[0]
            raise ContractError(f"anonymize.vault={folder!r} cannot be written ({cause}); give another folder") from None

    def add(self, people: Iterable[tuple[str, Mapping[str, str]]]) -> None:
        """Write each person's id with the replacements and what they stand for."""
        for person_id, originals in people:
            self._file.write(self._vault.seal(person_id, originals))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def _records(directory: Path) -> Iterator[tuple[int, dict[str, str]]]:
    path = directory / VAULT_FILE
    if not path.is_file():
        raise ContractError(f"{path} is missing; give the directory of a vault artifact")
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                record = json.loads(line)
                complete = {"person", "nonce", "sealed"} <= record.keys()
            except (ValueError, AttributeError):
                complete = False
            if not complete:
                raise ContractError(f"{directory}, line {number}: no record of a vault; the file was cut or changed")
            yield number, record
