"""Golden runs: a short training on a fixed tiny model whose numbers, step by step, are kept in a file.

They catch what unit tests miss: a changed default, another order of operations, a library that computes something else. A golden run is a
module ``run_NAME.py`` here with ``def run(directory: Path) -> dict[str, list[float]]`` that trains for a few steps in ``directory`` and
returns series such as ``loss`` and ``grad_norm``. ``NAME.json`` holds the recorded series and the environment they came from. Recording is
deliberate (``python -m tests.golden.record NAME``) and refused with uncommitted changes, so the file always names the code that made it.
"""

import importlib
import json
import math
import platform
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import torch

FOLDER = Path(__file__).parent
PACKAGES = ("torch", "transformers", "peft", "trl", "accelerate", "numpy")
MAX_DIFFERENCE = 2e-4
"""Largest difference of one step. fp32 sums in another order (other CPU, other thread count) differ by about 1e-6 here."""
MEAN_DRIFT = 5e-5
"""Largest mean difference over the steps: a small change that always goes the same way is no rounding."""

Series = dict[str, list[float]]


@dataclass(frozen=True)
class Recording:
    """What a golden file holds."""

    environment: dict[str, str]
    series: Series


@dataclass(frozen=True)
class Drift:
    """How far a run is from its recording in one series."""

    name: str
    max_difference: float
    """Largest absolute difference of a step, relative to the recorded value where that is above 1."""
    step: int
    """Where it is."""
    mean_drift: float
    """Absolute value of the mean signed difference."""

    @property
    def within(self) -> bool:
        """Whether both are small enough to be rounding."""
        return self.max_difference <= MAX_DIFFERENCE and self.mean_drift <= MEAN_DRIFT


def names() -> list[str]:
    """Return the golden runs that exist."""
    return sorted(path.stem.removeprefix("run_") for path in FOLDER.glob("run_*.py"))


def run(name: str) -> Series:
    """Train the golden run ``name`` afresh, on one thread, and return its series."""
    module = importlib.import_module(f"tests.golden.run_{name}")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as directory:
            series: Series = module.run(Path(directory))
    finally:
        torch.set_num_threads(threads)
    return series


def compare(recorded: Series, measured: Series) -> list[Drift]:
    """Measure the drift of each series.

    Raises:
        AssertionError: series are missing or new, or differ in their number of steps.
    """
    assert recorded.keys() == measured.keys(), f"recorded {sorted(recorded)}, measured {sorted(measured)}"
    drifts = []
    for name, expected in recorded.items():
        actual = measured[name]
        assert len(actual) == len(expected), f"{name}: {len(expected)} steps recorded, {len(actual)} measured"
        differences = [(new - old) / max(1.0, abs(old)) for new, old in zip(actual, expected, strict=True)]
        differences = [math.inf if math.isnan(difference) else difference for difference in differences]
        step = max(range(len(differences)), key=lambda index: abs(differences[index]))
        drifts.append(Drift(name, abs(differences[step]), step, abs(sum(differences) / len(differences))))
    return drifts


def read(name: str) -> Recording:
    """Read a golden file."""
    return Recording(**json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


def write(name: str, recording: Recording) -> None:
    """Write a golden file, numbers rounded to what fp32 carries."""
    rounded = {key: [float(f"{value:.8g}") for value in values] for key, values in recording.series.items()}
    text = json.dumps(asdict(Recording(recording.environment, rounded)), indent=1)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def environment(commit: str) -> dict[str, str]:
    """Describe what the numbers depend on besides the code."""
    packages = {package: version(package) for package in PACKAGES}
    return {
        "commit": commit,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        **packages,
    }
