"""Data, tracking server and disks: usable, or one sentence why not."""

import os
import time
from hashlib import sha256
from pathlib import Path

import pytest

from components.preflight.stage import Findings
from components.preflight.surroundings import DataFile, check_directory, check_tracking, read_data
from components.shared.errors import ContractError


def test_data_is_read_to_the_end(tmp_path: Path):
    content = b"x" * 3_000_000
    (tmp_path / "a").write_bytes(content)
    assert read_data(str(tmp_path / "a")) == DataFile(sha256(content).hexdigest(), 3_000_000)


def test_an_empty_file_and_a_missing_one_are_named(tmp_path: Path):
    (tmp_path / "a.jsonl").touch()
    with pytest.raises(ContractError, match=r"a\.jsonl is empty"):
        read_data(str(tmp_path / "a.jsonl"))
    with pytest.raises(ContractError, match=r"b\.jsonl: no such file"):
        read_data(str(tmp_path / "b.jsonl"))


def test_a_directory_is_made_and_left_empty(tmp_path: Path):
    free = check_directory(tmp_path / "new" / "folder", "the folder", 0.0)
    assert free > 0
    assert list((tmp_path / "new" / "folder").iterdir()) == []


def test_a_full_or_unwritable_disk_is_named(tmp_path: Path):
    with pytest.raises(ContractError, match=r"the folder .* GiB free, 1e\+09 are wanted \(preflight.min_free_gib\)"):
        check_directory(tmp_path, "the folder", 1e9)
    (tmp_path / "file").touch()
    with pytest.raises(ContractError, match=r"the folder .*file/below cannot be written \(Not a directory\)"):
        check_directory(tmp_path / "file" / "below", "the folder", 0.0)


def test_a_tracking_store_answers(tracking_uri: str):
    check_tracking()


def test_a_tracking_server_that_is_away_is_known_within_seconds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    started = time.monotonic()
    with pytest.raises(ContractError, match=r"http://127\.0\.0\.1:9 cannot be used.*Connection refused"):
        check_tracking()
    assert time.monotonic() - started < 15
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


def test_no_tracking_server_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(ContractError, match="MLFLOW_TRACKING_URI is not set"):
        check_tracking()


def test_findings_collect_and_list():
    def fail(word: str) -> None:
        raise ContractError(f"{word} is missing")

    findings = Findings()
    findings.raise_any()
    assert findings.attempt(len, "abc") == 3
    assert findings.attempt(fail, "a") is None
    with pytest.raises(ContractError, match=r"^a is missing$"):
        findings.raise_any()
    findings.attempt(fail, "b")
    with pytest.raises(ContractError) as caught:
        findings.raise_any()
    assert str(caught.value) == "2 things to put right before a run:\n  1. a is missing\n  2. b is missing"
