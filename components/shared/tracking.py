"""MLflow: one parent run per pipeline run, one nested run per stage; the same from the CLI, kfp.local and a pod.

Where the run goes is decided by the environment, never by a KFP parameter, because parameters are part of the cache key:

- ``MLFLOW_TRACKING_URI``, ``MLFLOW_EXPERIMENT_NAME``: as MLflow documents them;
- ``ATTUNE_RUN_ID``, ``ATTUNE_RUN_NAME``: the pipeline run (in a pod from KFP's labels); its parent run is found by a tag or created;
- ``MLFLOW_RUN_ID``: set by Kubeflow's own MLflow plugin; the stage then logs into that run and neither ends nor renames it.

Everything goes through ``MlflowClient`` with an explicit run, because the fluent API ends runs that it did not start.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from mlflow import MlflowClient
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from components.shared.config import StageConfig
from components.shared.errors import ContractError, Interrupted
from components.shared.provenance import git_commit, package_version

RUN_ID_VARIABLE = "ATTUNE_RUN_ID"
RUN_NAME_VARIABLE = "ATTUNE_RUN_NAME"
PIPELINE_TAG = "attune.run_id"
_PARENT_TAG = "mlflow.parentRunId"
_PARAM_LIMIT = 6000  # characters; MLflow refuses longer parameter values


class StageRun:
    """The MLflow run of one stage."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.client = client
        self.run_id = run_id

    def log_params(self, values: Mapping[str, Any]) -> None:
        """Log parameters, nested dictionaries flattened with dots."""
        params = [Param(key, str(value)[:_PARAM_LIMIT]) for key, value in _flatten(values)]
        self.client.log_batch(self.run_id, params=params, synchronous=True)

    def log_metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Log numbers at a training step."""
        now = int(time.time() * 1000)
        metrics = [Metric(key, float(value), now, step) for key, value in values.items()]
        self.client.log_batch(self.run_id, metrics=metrics, synchronous=True)

    def log_input(self, name: str, *, digest: str, uri: str, context: str) -> None:
        """Record which data the stage read, by our own sha256 (MLflow's default digest is a sample)."""
        from mlflow.data.dataset_source_registry import resolve_dataset_source

        dataset = MetaDataset(resolve_dataset_source(uri), name=name, digest=digest[:36])
        entity = dataset._to_mlflow_entity()
        tags = [InputTag("mlflow.data.context", context)]
        self.client.log_inputs(self.run_id, [DatasetInput(entity, tags)])

    def log_artifact(self, path: str | Path, folder: str | None = None) -> None:
        """Upload a file or directory that holds no personal text."""
        local = Path(path)
        if local.is_dir():
            self.client.log_artifacts(self.run_id, str(local), folder)
        else:
            self.client.log_artifact(self.run_id, str(local), folder)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags on the run."""
        self.client.log_batch(self.run_id, tags=[RunTag(key, str(value)) for key, value in tags.items()], synchronous=True)


@contextmanager
def stage_run(stage: str, config: StageConfig) -> Iterator[StageRun]:
    """Open the MLflow run of a stage, log its configuration, and close it as finished, failed or killed.

    Raises:
        ContractError: no tracking server is named, or it cannot be reached.
    """
    client = tracking_client()
    given = os.environ.get("MLFLOW_RUN_ID")
    try:
        run_id = given or _create_nested(client, stage)
    except MlflowException as error:
        raise ContractError(f"the tracking server {os.environ['MLFLOW_TRACKING_URI']} refused: {error.message}") from error
    run = StageRun(client, run_id)
    run.set_tags({"attune.stage": stage, "attune.version": package_version(), "mlflow.source.git.commit": git_commit()})
    run.log_params({f"{stage}.{key}": value for key, value in config.to_parameter().items()})
    status = "FAILED"
    try:
        yield run
        status = "FINISHED"
    except Interrupted:
        status = "KILLED"
        raise
    finally:
        if not given:
            client.set_terminated(run_id, status)


def tracking_client() -> MlflowClient:
    """Return a client for the server named in the environment.

    Raises:
        ContractError: ``MLFLOW_TRACKING_URI`` is not set. MLflow's own default, a database file in the working directory, would be lost
            with the pod.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        raise ContractError("MLFLOW_TRACKING_URI is not set; name your server (http://...) or a local file (sqlite:///runs/mlflow.db)")
    return MlflowClient(uri)


def parent_run(client: MlflowClient) -> str | None:
    """Return the id of this pipeline run's parent run, made at the first call; None outside a pipeline run."""
    pipeline_run = os.environ.get(RUN_ID_VARIABLE)
    if not pipeline_run:
        return None
    experiment = _experiment_id(client)
    found = client.search_runs([experiment], filter_string=f"tags.`{PIPELINE_TAG}` = '{pipeline_run}'", max_results=1)
    if found:
        return str(found[0].info.run_id)
    name = os.environ.get(RUN_NAME_VARIABLE) or f"attune-{pipeline_run[:8]}"
    tags = {PIPELINE_TAG: pipeline_run, "mlflow.source.git.commit": git_commit()}
    return str(client.create_run(experiment, run_name=name, tags=tags).info.run_id)


def _create_nested(client: MlflowClient, stage: str) -> str:
    parent = parent_run(client)
    tags = {_PARENT_TAG: parent} if parent else {}
    return str(client.create_run(_experiment_id(client), run_name=stage, tags=tags).info.run_id)


def _experiment_id(client: MlflowClient) -> str:
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "attune")
    experiment = client.get_experiment_by_name(name)
    return str(experiment.experiment_id) if experiment else str(client.create_experiment(name))


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
