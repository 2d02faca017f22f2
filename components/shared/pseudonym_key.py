"""The secret behind surrogates and behind hashes of original values.

Whoever holds it can test guesses against the hashes and recompute which surrogate a name got, so it comes from a Kubernetes Secret (or a
file that only its owner reads), never from configuration: configuration is logged, cached and shown in the UI.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from components.shared import storage
from components.shared.artifacts import digest_of
from components.shared.errors import ContractError

KEY_VARIABLE = "ATTUNE_PSEUDONYM_KEY"
_KEY_BYTES = 32


def read_key() -> bytes:
    """Return the key from the environment.

    Raises:
        ContractError: it is not set, or is no hexadecimal number of at least 32 bytes.
    """
    text = os.environ.get(KEY_VARIABLE, "").strip()
    wanted = (
        f'wanted are at least {2 * _KEY_BYTES} hexadecimal digits; make one with `python -c "import secrets; print(secrets.token_hex(32))"`'
    )
    if not text:
        raise ContractError(
            f"{KEY_VARIABLE} is not set; {wanted} and mount it as a Secret. Keep it: the same key gives the same surrogates"
        )
    try:
        key = bytes.fromhex(text)
    except ValueError:
        raise ContractError(f"{KEY_VARIABLE} is not hexadecimal; {wanted}") from None
    if len(key) < _KEY_BYTES:
        raise ContractError(f"{KEY_VARIABLE} has {len(key)} bytes; {wanted}")
    return key


def key_file(path: Path) -> str:
    """Return the hexadecimal key kept in a file, made at first use and readable by its owner only; for runs on one machine."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES))
    return path.read_text(encoding="ascii").strip()


def derived(key: bytes, purpose: str) -> bytes:
    """Return a key for one purpose (32 bytes), so that what one use reveals tells nothing of another."""
    return hmac.digest(key, purpose.encode(), hashlib.sha256)


def secrets_digest(key: bytes, known_values_uri: str) -> str:
    """Return one sha256 (hex) that changes with the key or with the list of known values, and tells neither.

    It is a parameter of anonymize, so that a run with another key or list never reuses what an earlier one anonymized.
    """
    known = storage.digest(known_values_uri) if known_values_uri else ""
    return digest_of({"key": derived(key, "secrets digest").hex(), "known_values": known})


def fingerprint(key: bytes) -> str:
    """Return 8 hexadecimal digits by which two runs can see that they used the same key."""
    return derived(key, "fingerprint").hex()[:8]
