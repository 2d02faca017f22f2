"""The secret behind surrogates."""

import stat
from pathlib import Path

import pytest

from components.shared import pseudonym_key
from components.shared.errors import ContractError


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(pseudonym_key.KEY_VARIABLE, "ab" * 32 + "\n")
    assert pseudonym_key.read_key() == b"\xab" * 32


@pytest.mark.parametrize(("text", "message"), [("", "is not set"), ("xy" * 40, "is not hexadecimal"), ("ab" * 31, "has 31 bytes")])
def test_what_is_no_key_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.setenv(pseudonym_key.KEY_VARIABLE, text)
    with pytest.raises(ContractError, match=message) as raised:
        pseudonym_key.read_key()
    assert not text or text not in str(raised.value)


def test_a_key_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "pseudonym.key"
    first = pseudonym_key.key_file(path)
    assert len(bytes.fromhex(first)) == 32
    assert pseudonym_key.key_file(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert pseudonym_key.key_file(tmp_path / "other.key") != first


def test_derived_keys_and_fingerprints_differ_by_purpose_and_key() -> None:
    one, two = b"1" * 32, b"2" * 32
    assert len({pseudonym_key.derived(key, purpose) for key in (one, two) for purpose in ("a", "b")}) == 4
    assert pseudonym_key.fingerprint(one) != pseudonym_key.fingerprint(two)
    assert len(pseudonym_key.fingerprint(one)) == 8
