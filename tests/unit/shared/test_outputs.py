"""Numbers and pages reach KFP and MLflow alike."""

import json
from pathlib import Path
from typing import Any

from kfp import dsl
from mlflow import MlflowClient

from components.shared import tracking
from components.shared.config import StageConfig
from components.shared.outputs import publish_metrics, publish_page, publish_parameter


def test_metrics_are_in_metadata_file_and_run(tracking_uri: str, artifact: Any) -> None:
    metrics = artifact(dsl.Metrics, "deep/metrics")
    with tracking.stage_run("sft", StageConfig()) as run:
        publish_metrics(metrics, {"loss": 1.25, "rows": 3}, run)
    assert metrics.metadata == {"loss": 1.25, "rows": 3.0}
    assert json.loads(Path(metrics.path).read_text()) == {"loss": 1.25, "rows": 3}
    assert MlflowClient(tracking_uri).get_run(run.run_id).data.metrics == {"loss": 1.25, "rows": 3.0}


def test_a_page_is_in_its_artifact_and_in_the_run(tracking_uri: str, artifact: Any, tmp_path: Path) -> None:
    page = artifact(dsl.HTML, "deep/page.html")
    with tracking.stage_run("sft", StageConfig()) as run:
        publish_page(page, "<p>ü</p>", run, "sft.html")
    assert Path(page.path).read_text(encoding="utf-8") == "<p>ü</p>"
    stored = MlflowClient(tracking_uri).download_artifacts(run.run_id, "sft.html", str(tmp_path))
    assert Path(stored).read_text(encoding="utf-8") == "<p>ü</p>"


def test_a_parameter_is_its_bare_value(tmp_path: Path) -> None:
    publish_parameter(str(tmp_path / "not" / "yet" / "there"), "attune-support/3")
    assert (tmp_path / "not" / "yet" / "there").read_bytes() == b"attune-support/3"
