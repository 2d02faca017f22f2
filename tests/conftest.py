"""What every test shares: a tracking server on SQLite, KFP artifacts without KFP, and the real data sets where they are."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ["_KFP_RUNTIME"] = "false"  # tests both run stages and compile; a launcher would hide the compiler from all of them
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("ATTUNE_PSEUDONYM_KEY", "5e" * 32)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs: its seventy migrations take seconds, a copy of the file none."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def tracking_uri(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A real MLflow store in the test's folder, named in the environment as the runner does it."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "test")
    monkeypatch.setenv("ATTUNE_ARTIFACT_LOCATION", (tmp_path / "mlflow-artifacts").as_uri())
    monkeypatch.setenv("ATTUNE_RUN_ID", "run-of-the-test")
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    monkeypatch.chdir(tmp_path)
    return uri


@pytest.fixture
def artifact(tmp_path: Path) -> Callable[..., object]:
    """Make a KFP artifact: ``artifact(dsl.Dataset, "train")``."""
    from kfp import dsl

    def make(kind: type = dsl.Artifact, name: str = "artifact") -> object:
        return kind(name=name, uri=str(tmp_path / "artifacts" / name), metadata={})

    return make


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data sets, or a skip where there is none."""
    folder = os.environ.get("ATTUNE_SHARED_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ATTUNE_SHARED_DATA names no folder of real data sets")
    return Path(folder)
