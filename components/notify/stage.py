"""The exit task: close the parent MLflow run and tell a webhook how the run ended. Contract: README.md beside this file."""

import logging
import os
from typing import Any

from kfp import dsl

from components.notify import outcome
from components.notify.config import NotifyConfig
from components.notify.outcome import Outcome
from components.notify.webhook import post
from components.shared.errors import ContractError
from components.shared.tracking import RUN_ID_VARIABLE

WEBHOOK_VARIABLE = "ATTUNE_WEBHOOK_URL"
_logger = logging.getLogger(__name__)


def run(status: dsl.PipelineTaskFinalStatus, run_name: str = "", config: dict[str, Any] = {}) -> None:
    """Close the parent MLflow run and, where a webhook is configured, say how the run ended. Contract: README.md beside this file."""
    settings = NotifyConfig.parse(config)
    try:
        ended = outcome.close_parent(status.state)
    except ContractError as error:
        _logger.warning("the parent run stays open: %s", error)  # people are told all the same
        ended = outcome.UNTRACKED
    message = compose(settings, status, run_name, ended)
    _logger.info("%s", message["text"])
    url = os.environ.get(WEBHOOK_VARIABLE)
    if url and (settings.when == "always" or status.state != "SUCCEEDED"):
        post(url, message, timeout_seconds=settings.timeout_seconds, num_attempts=settings.num_attempts)


def compose(settings: NotifyConfig, status: dsl.PipelineTaskFinalStatus, run_name: str, ended: Outcome) -> dict[str, Any]:
    """Return the message: fields for programs, and ``text``, which is what Slack and its like show. It holds no word of the data."""
    run_id = os.environ.get(RUN_ID_VARIABLE, "")
    name = run_name or run_id[:8] or "run"
    links = outcome.links(ended, mlflow_ui_url=settings.mlflow_ui_url, kubeflow_ui_url=settings.kubeflow_ui_url)
    failed = status.state != "SUCCEEDED"
    task = ended.failed_stage or status.pipeline_task_name if failed else None
    parts = [f"Attune run {name}: {status.state.lower()}"]
    if failed:
        parts.append(f"in {task}" + (f" ({ended.error_class})" if ended.error_class else ""))
    parts += [f"{key.replace('.', ' ').replace('_', ' ')} {value}" for key, value in sorted(ended.results.items())]
    return {
        "text": "\n".join([", ".join(parts), *links.values()]),
        "run_name": name,
        "run_id": run_id,
        "status": status.state,
        "failed_task": task,
        "error_class": ended.error_class,
        "error_code": status.error_code,
        "results": dict(ended.results),
        "links": links,
    }
