"""What a local run tells its stages."""

import stat
from pathlib import Path

import pytest

from components.shared.pseudonym_key import read_key
from pipelines.local import Workspace


def test_the_pseudonym_key_is_made_once_and_kept_from_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ATTUNE_PSEUDONYM_KEY", raising=False)
    first = Workspace(tmp_path).environment("run", "name")["ATTUNE_PSEUDONYM_KEY"]
    assert Workspace(tmp_path).environment("run", "name")["ATTUNE_PSEUDONYM_KEY"] == first
    assert stat.S_IMODE((tmp_path / "pseudonym.key").stat().st_mode) == 0o600
    monkeypatch.setenv("ATTUNE_PSEUDONYM_KEY", first)
    assert len(read_key()) == 32


def test_a_users_own_key_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_PSEUDONYM_KEY", "ab" * 32)
    assert Workspace(tmp_path).environment("run", "name")["ATTUNE_PSEUDONYM_KEY"] == "ab" * 32
    assert not (tmp_path / "pseudonym.key").exists()
