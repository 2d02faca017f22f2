"""Checkpoints: where they lie, what survives a crash, what a restored generator draws."""

import os
import pickle
import random
from pathlib import Path

import numpy
import pytest
import torch

from components.shared import checkpoint_folders, checkpoints


def draws() -> tuple[float, float, float, float]:
    return random.random(), float(numpy.random.rand()), float(numpy.random.randn()), float(torch.rand(1))


def test_a_restored_state_draws_the_same_numbers(tmp_path: Path) -> None:
    checkpoints.seed_everything(11)
    draws()  # an odd number of normals leaves one cached inside the generators
    random.gauss(0, 1)
    checkpoints.save_state(tmp_path, {"step": 3})
    expected = [draws(), random.gauss(0, 1)]
    checkpoints.seed_everything(99)

    state = checkpoints.load_state(tmp_path)

    assert state == {"step": 3}
    assert [draws(), random.gauss(0, 1)] == expected


def test_seeds_reach_every_generator() -> None:
    checkpoints.seed_everything(1)
    first = draws()
    checkpoints.seed_everything(1)
    assert draws() == first
    checkpoints.seed_everything(2)
    assert all(new != old for new, old in zip(draws(), first, strict=True))


def test_tensors_optimizers_and_nested_values_come_back(tmp_path: Path) -> None:
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1)
    layer(torch.ones(3)).sum().backward()
    optimizer.step()
    state = {"optimizer": optimizer.state_dict(), "history": [{"step": 1.0}], "best": None, "name": "x"}

    checkpoints.save_state(tmp_path, state)
    loaded = checkpoints.load_state(tmp_path)

    assert loaded is not None
    fresh = torch.optim.AdamW(layer.parameters(), lr=0.5)
    fresh.load_state_dict(loaded["optimizer"])
    assert fresh.param_groups[0]["lr"] == 0.1
    assert all(torch.equal(fresh.state[p]["exp_avg_sq"], optimizer.state[p]["exp_avg_sq"]) for p in layer.parameters())
    assert (loaded["history"], loaded["best"], loaded["name"]) == ([{"step": 1.0}], None, "x")


def test_no_state_is_none(tmp_path: Path) -> None:
    assert checkpoints.load_state(None) is None
    assert checkpoints.load_state(tmp_path / "missing") is None


def test_a_crash_while_writing_leaves_the_state_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints.save_state(tmp_path, {"step": 1})

    def crash(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save_state(tmp_path, {"step": 2})

    assert checkpoints.load_state(tmp_path) == {"step": 1}


class Harmful:
    """What an attacker's pickle would do on loading."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    torch.save({"rng": None, "harm": Harmful()}, tmp_path / "state.pt")

    with pytest.raises(pickle.UnpicklingError):
        checkpoints.load_state(tmp_path)


def test_the_folder_depends_on_everything_that_decides_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(checkpoints.DIRECTORY_VARIABLE, str(tmp_path))

    def folder(stage: str = "sft", seed: int = 1, data: str = "d1") -> Path | None:
        return checkpoints.checkpoint_directory(stage, {"seed": seed}, {"train": data})

    assert folder() == folder()
    others = [folder(stage="reward"), folder(seed=2), folder(data="d2")]
    monkeypatch.setattr(checkpoint_folders, "code_digest", lambda stage: "other code")
    others.append(folder())
    assert len(set(others)) == 4
    monkeypatch.undo()
    monkeypatch.setenv(checkpoints.DIRECTORY_VARIABLE, str(tmp_path))
    assert folder() not in others


def test_without_a_volume_there_is_no_folder_and_the_log_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv(checkpoints.DIRECTORY_VARIABLE, raising=False)

    assert checkpoints.checkpoint_directory("sft", {}, {}) is None
    assert "sft cannot be resumed" in caplog.text


def test_remove(tmp_path: Path) -> None:
    checkpoints.save_state(tmp_path / "a", {"step": 1})

    checkpoints.remove(tmp_path / "a")
    checkpoints.remove(tmp_path / "a")
    checkpoints.remove(None)

    assert not (tmp_path / "a").exists()
