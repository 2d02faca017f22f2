"""Every golden run against its recording, and the harness against drifts that it must see."""

import math
import subprocess
from pathlib import Path

import pytest

from tests.golden import golden, record


@pytest.mark.parametrize("name", golden.names())
def test_the_run_gives_the_recorded_numbers(name: str) -> None:
    drifts = golden.compare(golden.read(name).series, golden.run(name))

    assert drifts
    assert [drift for drift in drifts if not drift.within] == []


def test_one_wrong_step_is_seen() -> None:
    (drift,) = golden.compare({"loss": [3.0, 2.0, 1.0]}, {"loss": [3.0, 2.01, 1.0]})

    assert (drift.step, drift.within) == (1, False)
    assert drift.max_difference == pytest.approx(0.005)


def test_a_small_drift_in_one_direction_is_seen() -> None:
    steady = golden.compare({"loss": [1.0] * 4}, {"loss": [1.0001] * 4})[0]
    alternating = golden.compare({"loss": [1.0] * 4}, {"loss": [1.0001, 0.9999, 1.0001, 0.9999]})[0]

    assert not steady.within
    assert alternating.within


def test_not_a_number_is_seen() -> None:
    assert not golden.compare({"loss": [1.0]}, {"loss": [math.nan]})[0].within


def test_a_missing_series_and_a_missing_step_are_seen() -> None:
    with pytest.raises(AssertionError, match="recorded"):
        golden.compare({"loss": [1.0]}, {})
    with pytest.raises(AssertionError, match="steps"):
        golden.compare({"loss": [1.0, 2.0]}, {"loss": [1.0]})


def test_recording_is_refused_while_code_has_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments], cwd=tmp_path, check=True)

    folder = tmp_path / "tests" / "golden"
    for name in ("components/a.py", "tests/golden/run_fast.py", "tests/golden/fast.json", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "all")
    monkeypatch.setattr(golden, "FOLDER", folder)
    monkeypatch.setattr(golden, "run", lambda name: {"loss": [1.0, 0.123456789123]})

    (tmp_path / "components" / "a.py").write_text("x = 2\n")
    assert record.main(["fast"]) == 2
    git("commit", "-qam", "changed")
    (tmp_path / "components" / "new.py").write_text("y = 1\n")
    assert record.main(["fast"]) == 2, "a new file is a change too"
    (tmp_path / "components" / "new.py").unlink()
    (tmp_path / "README.md").write_text("other words\n")
    assert record.main(["fast"]) == 0

    recording = golden.read("fast")
    assert recording.series == {"loss": [1.0, 0.12345679]}
    assert len(recording.environment["commit"]) == 40
