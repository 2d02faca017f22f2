"""Poisson sampling and the secret that it follows from."""

import stat
from collections import Counter
from pathlib import Path

import pytest

from components.sft.poisson import PoissonSampler, kept_secret, step_seed


def sampler(secret: str = "s", rate: float = 0.1) -> PoissonSampler:
    return PoissonSampler(1000, rate, 10, secret)


def test_each_unit_comes_with_the_same_probability_each_time() -> None:
    draws = [sampler().draw(step) for step in range(400)]

    sizes = [len(draw) for draw in draws]
    mean = sum(sizes) / 400
    assert mean == pytest.approx(100, abs=5 * (90 / 400) ** 0.5)
    variance = sum((size - mean) ** 2 for size in sizes) / 399
    assert 65 < variance < 120  # n q (1 - q) = 90, five standard errors of 6.4 below; batches of one size would have 0
    counts = Counter(index for draw in draws for index in draw)
    assert len(counts) == 1000
    assert 40 - 6 * 6 < min(counts.values()) < max(counts.values()) < 40 + 6 * 6  # 400 q = 40, standard deviation 6


def test_a_step_depends_on_the_secret_and_its_number_alone() -> None:
    second = sampler()
    second.set_epoch(2)

    assert list(second) == [sampler().draw(step) for step in range(20, 30)]
    assert sampler().draw(3) != sampler("t").draw(3)
    assert sampler().draw(3) != sampler().draw(4)
    assert step_seed("s", "noise", 3) != step_seed("s", "sampling", 3)


def test_extremes() -> None:
    assert sampler(rate=1.0).draw(0) == list(range(1000))
    assert any(PoissonSampler(3, 0.1, 10, "s").draw(step) == [] for step in range(10))


def test_the_secret_lies_in_the_checkpoint_folder_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    secret = kept_secret(tmp_path, None)

    assert len(bytes.fromhex(secret)) == 32
    assert kept_secret(tmp_path, None) == secret, "a resumed run draws what the first would have drawn"
    assert kept_secret(tmp_path / "other", None) != secret
    (path,) = [path for path in tmp_path.iterdir() if path.is_file()]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert kept_secret(tmp_path / "other", 7) == "7"
