"""How a pipeline run ended, as far as the tracking server knows it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities import Run

from components.shared import tracking

STATUSES = {"SUCCEEDED": "FINISHED", "CANCELLED": "KILLED"}
"""KFP's final state to MLflow's; every other state is FAILED."""


@dataclass(frozen=True)
class Outcome:
    """What a notification can say.

    Attributes:
        experiment_id: of the parent run; None when the run was not tracked.
        run_id: of the parent run.
        failed_stage: the stage that did not finish.
        error_class: class of its error, never its message.
        results: gate verdict and model version, where the run came so far.
    """

    experiment_id: str | None
    run_id: str | None
    failed_stage: str | None
    error_class: str | None
    results: Mapping[str, str]


UNTRACKED = Outcome(None, None, None, None, {})


def close_parent(state: str) -> Outcome:
    """End the parent run of this pipeline run, and the stage runs that a killed process left open, and return what happened.

    Args:
        state: KFP's final state: SUCCEEDED, FAILED or CANCELLED.

    Raises:
        ContractError: the tracking server cannot be used.
    """
    client = tracking.tracking_client()
    with tracking.reached():
        parent_id = tracking.find_parent_run(client)
        if parent_id is None:
            return UNTRACKED
        experiment_id = str(client.get_run(parent_id).info.experiment_id)
        children = _children(client, experiment_id, parent_id)
        for child in children:
            if child.info.status == "RUNNING":
                client.set_terminated(child.info.run_id, "KILLED")
        client.set_terminated(parent_id, STATUSES.get(state, "FAILED"))
    failed = None if state == "SUCCEEDED" else next((child for child in children if child.info.status != "FINISHED"), None)
    results = {key: child.data.tags[key] for child in children for key in ("gate.verdict", "model_version") if key in child.data.tags}
    return Outcome(
        experiment_id,
        parent_id,
        failed.data.tags.get(tracking.STAGE_TAG) if failed else None,
        failed.data.tags.get(tracking.ERROR_TAG, "process killed" if failed.info.status == "RUNNING" else None) if failed else None,
        results,
    )


def links(outcome: Outcome, *, mlflow_ui_url: str, kubeflow_ui_url: str) -> dict[str, str]:
    """Return the addresses under which a person finds the run."""
    found = {}
    tracking_uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    mlflow_ui_url = mlflow_ui_url or (tracking_uri if tracking_uri.startswith("http") else "")
    if mlflow_ui_url and outcome.run_id:
        found["mlflow"] = f"{mlflow_ui_url.rstrip('/')}/#/experiments/{outcome.experiment_id}/runs/{outcome.run_id}"
    pipeline_run = os.environ.get(tracking.RUN_ID_VARIABLE)
    if kubeflow_ui_url and pipeline_run:
        found["kubeflow"] = f"{kubeflow_ui_url.rstrip('/')}/#/runs/details/{pipeline_run}"
    return found


def _children(client: MlflowClient, experiment_id: str, parent_id: str) -> list[Run]:
    """Return the stage runs, the latest first: of a stage that was retried, the last attempt counts."""
    filter_string = f"tags.`{tracking.PARENT_TAG}` = '{parent_id}'"
    found = client.search_runs([experiment_id], filter_string, order_by=["attributes.start_time DESC"], max_results=200)
    latest: dict[str, Run] = {}
    for run in found:
        latest.setdefault(run.data.tags.get(tracking.STAGE_TAG, run.info.run_id), run)
    return list(latest.values())
