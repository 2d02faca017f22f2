"""Publishing a stage's numbers and pages in every place where a user looks for them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.shared.tracking import StageRun


def publish_metrics(metrics: Any, values: Mapping[str, float], run: StageRun) -> None:
    """Write scalar metrics to KFP (metadata and a file) and to MLflow.

    The file matters: KFP's local cache never hits a task one of whose output paths does not exist.
    """
    for name, value in values.items():
        metrics.log_metric(name, float(value))
    path = Path(metrics.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(values), indent=2), encoding="utf-8")
    run.log_metrics(values)


def publish_page(page: Any, html: str, run: StageRun, name: str) -> None:
    """Write a self-contained HTML page to its KFP artifact and to MLflow as ``name``."""
    path = Path(page.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf-8")
    run.client.log_text(run.run_id, html, name)


def publish_parameter(path: str, value: str) -> None:
    """Write an output parameter (KFP ``OutputPath``)."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(value, encoding="utf-8")
