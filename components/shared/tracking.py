"""MLflow: one parent run per pipeline run, one nested run per stage; the same from the CLI, kfp.local and a pod.

Where the run goes is decided by the environment, never by a KFP parameter, because parameters are part of the cache key:

- ``MLFLOW_TRACKING_URI``, ``MLFLOW_EXPERIMENT_NAME``: as MLflow documents them;
- ``ATTUNE_ARTIFACT_LOCATION``: where a new experiment keeps its files; without it the server decides (a bare SQLite store would write
  to ``mlruns`` in the working directory);
- ``ATTUNE_RUN_ID``, ``ATTUNE_RUN_NAME``: the pipeline run (in a pod from KFP's labels); its parent run is found by a tag or created;
- ``MLFLOW_RUN_ID``: set by Kubeflow's own MLflow plugin; the stage then logs into that run and neither ends nor renames it.

Everything goes through ``MlflowClient`` with an explicit run, because the fluent API ends runs that it did not start.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # else creating a store reports every migration; read at import
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # files here are small, and logs are no terminal

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from components.shared.config import StageConfig
from components.shared.errors import ContractError, Interrupted
from components.shared.provenance import git_commit, package_version

RUN_ID_VARIABLE = "ATTUNE_RUN_ID"
RUN_NAME_VARIABLE = "ATTUNE_RUN_NAME"
ARTIFACT_LOCATION_VARIABLE = "ATTUNE_ARTIFACT_LOCATION"
PIPELINE_TAG = "attune.run_id"
PARENT_TAG = "mlflow.parentRunId"
STAGE_TAG = "attune.stage"
ERROR_TAG = "attune.error"
"""Class of the error that ended a stage; its message may quote data and stays in the stage's log."""
FLUSH_SECONDS = 2.0
"""Metrics are sent together at most this often: one call costs 30 ms on SQLite, which a step of a small model does not last."""
_OUTAGE_PAUSE_SECONDS = 60.0
_BATCH_LIMIT = 1000  # metrics per call, MLflow's limit
_PARAM_LIMIT = 6000  # characters; MLflow refuses longer parameter values
_DIGEST_LIMIT = 36  # characters of a data set's digest that MLflow keeps; the whole one goes into a tag
_TRANSIENT = {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "DEADLINE_EXCEEDED"}
_IMPATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "4"}
_logger = logging.getLogger(__name__)


class StageRun:
    """The MLflow run of one stage."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.client = client
        self.run_id = run_id
        self._pending: list[Metric] = []
        self._next_flush = 0.0

    def log_params(self, values: Mapping[str, Any]) -> None:
        """Log parameters, nested dictionaries flattened with dots."""
        params = [Param(key, str(value)[:_PARAM_LIMIT]) for key, value in _flatten(values)]
        self.client.log_batch(self.run_id, params=params, synchronous=True)

    def log_metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Log numbers at a training step; they reach the server within ``FLUSH_SECONDS`` of steps, the last ones when the stage ends.

        A server that is away for a while costs no training: the numbers wait in memory and the log says so.
        """
        now = int(time.time() * 1000)
        self._pending += [Metric(key, float(value), now, step) for key, value in values.items()]
        if time.monotonic() < self._next_flush:
            return
        self._next_flush = time.monotonic() + FLUSH_SECONDS
        try:
            with _impatient():
                self.flush()
        except MlflowException as error:
            if error.error_code not in _TRANSIENT:
                self._pending.clear()  # refused for what it is: sending it again cannot help
                raise
            self._next_flush = time.monotonic() + _OUTAGE_PAUSE_SECONDS
            _logger.warning("tracking server does not answer (%s): %d metric values wait", error.error_code, len(self._pending))

    def flush(self) -> None:
        """Send the metrics that wait."""
        while self._pending:
            batch = self._pending[:_BATCH_LIMIT]
            self.client.log_batch(self.run_id, metrics=batch, synchronous=True)
            del self._pending[: len(batch)]

    def log_input(self, name: str, *, digest: str, uri: str, context: str) -> None:
        """Record which data the stage read, by our own sha256 (MLflow's default digest is a sample)."""
        # MLflow's resolver knows neither builtin: nor hf://, so the entity is written directly.
        scheme = uri.partition(":")[0] if ":" in uri else "local"
        dataset = Dataset(name=name, digest=digest[:_DIGEST_LIMIT], source_type=scheme, source=json.dumps({"uri": uri}))
        tags = [InputTag("mlflow.data.context", context), InputTag("sha256", digest)]
        self.client.log_inputs(self.run_id, [DatasetInput(dataset, tags)])

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
        ContractError: no tracking server is named, or it cannot be reached (known within 15 seconds).
    """
    client = tracking_client()
    given = os.environ.get("MLFLOW_RUN_ID")
    with reached():
        run = StageRun(client, given or _create_nested(client, stage))
        run.set_tags(_source_tags({STAGE_TAG: stage}))
        run.log_params({f"{stage}.{key}": value for key, value in config.to_parameter().items()})
    status = "FAILED"
    try:
        yield run
        status = "FINISHED"
    except Interrupted:
        status = "KILLED"
        raise
    finally:
        _close(run, status, sys.exc_info()[0], end=not given)


def tracking_client() -> MlflowClient:
    """Return a client for the server named in the environment.

    Raises:
        ContractError: ``MLFLOW_TRACKING_URI`` is not set or is none that MLflow knows. MLflow's own default, a database file in the
            working directory, would be lost with the pod.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        raise ContractError("MLFLOW_TRACKING_URI is not set; name your server (http://...) or a local file (sqlite:///runs/mlflow.db)")
    with reached():
        return MlflowClient(uri)


@contextmanager
def reached() -> Iterator[None]:
    """Turn a tracking server that cannot be used into one ``ContractError``, without MLflow's minutes of retries."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    try:
        with _impatient():
            yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        cause = _cause(error)
        raise ContractError(f"tracking server {uri} cannot be used: {cause}; check MLFLOW_TRACKING_URI and that it runs") from error


def find_parent_run(client: MlflowClient) -> str | None:
    """Return the id of this pipeline run's parent run, or None when there is none (yet)."""
    pipeline_run = os.environ.get(RUN_ID_VARIABLE)
    if not pipeline_run:
        return None
    filter_string = f"tags.`{PIPELINE_TAG}` = '{pipeline_run}' AND tags.`attune.kind` = 'pipeline'"
    found = client.search_runs([_experiment_id(client)], filter_string, max_results=1, order_by=["attributes.start_time ASC"])
    return str(found[0].info.run_id) if found else None


def parent_run(client: MlflowClient) -> str | None:
    """Return the id of this pipeline run's parent run, made at the first call; None outside a pipeline run."""
    pipeline_run = os.environ.get(RUN_ID_VARIABLE)
    if not pipeline_run:
        return None
    if found := find_parent_run(client):
        return found
    name = os.environ.get(RUN_NAME_VARIABLE) or f"attune-{pipeline_run[:8]}"
    tags = _source_tags({"attune.kind": "pipeline"})
    return str(client.create_run(_experiment_id(client), run_name=name, tags=tags).info.run_id)


def _create_nested(client: MlflowClient, stage: str) -> str:
    parent = parent_run(client)
    tags = {PARENT_TAG: parent} if parent else {}
    return str(client.create_run(_experiment_id(client), run_name=stage, tags=tags).info.run_id)


def _close(run: StageRun, status: str, error_class: type[BaseException] | None, *, end: bool) -> None:
    try:
        run.flush()
        if status != "FINISHED" and error_class is not None:
            run.set_tags({ERROR_TAG: error_class.__name__})
        if end:
            run.client.set_terminated(run.run_id, status)
    except MlflowException as error:
        if status == "FINISHED":
            raise ContractError(f"the tracking server went away before the stage's last numbers reached it: {error.error_code}") from error
        _logger.warning("the tracking server does not answer (%s): run %s keeps its state", error.error_code, run.run_id)


def _cause(error: Exception) -> str:
    """Say in one line why MLflow failed: urllib3 puts the reason last, SQLAlchemy into the driver's error, MLflow into the first line."""
    line = str(getattr(error, "orig", None) or error).partition("\n")[0]
    if "Caused by" in line:
        line = "no answer (" + line.rpartition(": ")[2].rstrip("\"')") + ")"
    return line[:300]


def _source_tags(more: Mapping[str, str]) -> dict[str, str]:
    tags = {"attune.version": package_version(), "mlflow.source.name": "attune", "mlflow.source.git.commit": git_commit(), **more}
    if pipeline_run := os.environ.get(RUN_ID_VARIABLE):
        tags[PIPELINE_TAG] = pipeline_run
    return tags


def _experiment_id(client: MlflowClient) -> str:
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "attune")
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(client.create_experiment(name, artifact_location=os.environ.get(ARTIFACT_LOCATION_VARIABLE)))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            experiment = client.get_experiment_by_name(name)  # another pipeline run was first
    return str(experiment.experiment_id)


@contextmanager
def _impatient() -> Iterator[None]:
    """Give up on an HTTP server after three attempts of a few seconds, unless the environment says how patient to be."""
    ours = {name: value for name, value in _IMPATIENT.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            del os.environ[name]


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
