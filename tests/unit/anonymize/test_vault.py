"""The vault: a round trip under the right key, nothing in clear, clear refusals under any other."""

import json
import secrets
from pathlib import Path

import pytest

from components.anonymize.vault import VAULT_FILE, VAULT_KEY_VARIABLE, Vault, read_vault_key
from components.shared.errors import ContractError
from components.shared.pseudonym_key import KEY_VARIABLE

KEY = bytes(range(32))
ORIGINALS = {"Angela Oakley": "Marisol Quispe", "Корней Кочетков": "Шерзод Турсунов", "+998 09 577-28-96": "+998 90 123-45-67"}


def written(directory: Path, *people: tuple[str, dict[str, str]], key: bytes = KEY) -> Path:
    vault = Vault(key)
    (directory / VAULT_FILE).write_bytes(b"".join(vault.seal(person, originals) for person, originals in people))
    return directory


def test_round_trip_finds_each_person(tmp_path: Path) -> None:
    written(tmp_path, ("p1", ORIGINALS), ("p2", {"Klara": "Dilorom"}))
    assert Vault(KEY).open(tmp_path, "p1") == ORIGINALS
    assert Vault(KEY).open(tmp_path, "p2") == {"Klara": "Dilorom"}


def test_several_records_of_one_person_add_up(tmp_path: Path) -> None:
    written(tmp_path, ("p1", {"Klara": "Dilorom"}), ("p1", {"Angela": "Marisol"}))
    assert Vault(KEY).open(tmp_path, "p1") == {"Klara": "Dilorom", "Angela": "Marisol"}


def test_nothing_is_in_clear_on_disk(tmp_path: Path) -> None:
    written(tmp_path, ("client-0042", ORIGINALS))
    content = (tmp_path / VAULT_FILE).read_bytes()
    escaped = [json.dumps(text).strip('"').encode() for pair in ORIGINALS.items() for text in pair]
    plain = [part.encode() for pair in ORIGINALS.items() for text in pair for part in text.split() if len(part) > 3]
    assert not [needle for needle in [*escaped, *plain, b"client-0042", KEY.hex().encode()] if needle in content]


def test_another_key_finds_no_record(tmp_path: Path) -> None:
    written(tmp_path, ("p1", ORIGINALS))
    with pytest.raises(ContractError, match="no record of this person under this key"):
        Vault(bytes(32)).open(tmp_path, "p1")


def test_a_changed_record_is_refused(tmp_path: Path) -> None:
    written(tmp_path, ("p1", ORIGINALS))
    record = json.loads((tmp_path / VAULT_FILE).read_text())
    flipped = "A" if record["sealed"][0] != "A" else "B"
    record["sealed"] = flipped + record["sealed"][1:]
    (tmp_path / VAULT_FILE).write_text(json.dumps(record) + "\n")
    with pytest.raises(ContractError, match="line 1: the record cannot be opened"):
        Vault(KEY).open(tmp_path, "p1")


def test_a_record_cannot_be_put_under_another_person(tmp_path: Path) -> None:
    vault = Vault(KEY)
    mine, other = json.loads(vault.seal("p1", ORIGINALS)), json.loads(vault.seal("p2", {}))
    (tmp_path / VAULT_FILE).write_text(json.dumps(mine | {"person": other["person"]}) + "\n")
    with pytest.raises(ContractError, match="cannot be opened"):
        vault.open(tmp_path, "p2")


def test_the_same_mapping_is_never_sealed_alike() -> None:
    vault = Vault(KEY)
    first, second = (json.loads(vault.seal("p1", ORIGINALS)) for _ in range(2))
    assert first["nonce"] != second["nonce"]
    assert first["sealed"] != second["sealed"]


@pytest.mark.parametrize("content", ["", "not json\n", "[]\n", '{"person": "x"}\n'])
def test_a_broken_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / VAULT_FILE).write_text(content)
    with pytest.raises(ContractError, match="no record"):
        Vault(KEY).open(tmp_path, "p1")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="is missing"):
        Vault(KEY).open(tmp_path, "p1")


def test_the_key_is_read_from_its_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    text = secrets.token_hex(32)
    monkeypatch.setenv(VAULT_KEY_VARIABLE, text)
    assert read_vault_key() == bytes.fromhex(text)


@pytest.mark.parametrize(("text", "message"), [("", "not set"), ("xyz", "not hexadecimal"), ("ab" * 16, "has 16 bytes")])
def test_a_bad_key_is_refused_without_telling_it(monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.setenv(VAULT_KEY_VARIABLE, text)
    with pytest.raises(ContractError, match=message) as caught:
        read_vault_key()
    assert not text or text not in str(caught.value).replace(VAULT_KEY_VARIABLE, "")


def test_the_pseudonym_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "ab" * 32)
    monkeypatch.setenv(VAULT_KEY_VARIABLE, "AB" * 32)
    with pytest.raises(ContractError, match="make another one"):
        read_vault_key()
