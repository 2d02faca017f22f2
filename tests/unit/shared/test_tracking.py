"""Runs against real MLflow stores: a SQLite file, and a server on the loopback interface."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from components.shared import tracking
from components.shared.config import StageConfig
from components.shared.errors import ContractError, Interrupted


class LoraConfig(StageConfig):
    r: int = 8


class ExampleConfig(StageConfig):
    learning_rate: float = 0.5
    lora: LoraConfig = LoraConfig()


def runs(client: MlflowClient) -> list[Run]:
    experiment = client.get_experiment_by_name("test")
    return client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])


def test_stages_of_one_pipeline_run_share_a_parent(tracking_uri: str) -> None:
    for stage in ("sft", "ppo"):
        with tracking.stage_run(stage, ExampleConfig()):
            pass
    client = MlflowClient(tracking_uri)
    by_name = {run.info.run_name: run for run in runs(client)}
    assert set(by_name) == {"attune-run-of-t", "sft", "ppo"}
    parent = by_name["attune-run-of-t"]
    assert parent.info.status == "RUNNING"  # the exit task ends it
    assert {by_name[stage].data.tags["mlflow.parentRunId"] for stage in ("sft", "ppo")} == {parent.info.run_id}
    assert {by_name[stage].info.status for stage in ("sft", "ppo")} == {"FINISHED"}
    assert by_name["sft"].data.params == {"sft.learning_rate": "0.5", "sft.lora.r": "8"}
    assert by_name["sft"].data.tags["attune.stage"] == "sft"
    assert "attune.error" not in by_name["sft"].data.tags
    assert tracking.find_parent_run(client) == parent.info.run_id


def test_another_pipeline_run_has_another_parent(tracking_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = MlflowClient(tracking_uri)
    first = tracking.parent_run(client)
    monkeypatch.setenv("ATTUNE_RUN_ID", "second")
    assert tracking.find_parent_run(client) is None
    assert tracking.parent_run(client) != first
    monkeypatch.delenv("ATTUNE_RUN_ID")
    assert tracking.parent_run(client) is None


def test_a_run_given_by_kubeflow_is_neither_ended_nor_renamed(tracking_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = MlflowClient(tracking_uri)
    given = client.create_run(client.create_experiment("test"), run_name="task of the plugin").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", given)
    with tracking.stage_run("sft", ExampleConfig()) as run:
        run.log_metrics({"loss": 1.5})
    (only,) = runs(client)
    assert (only.info.run_id, only.info.status, only.info.run_name) == (given, "RUNNING", "task of the plugin")
    assert only.data.metrics == {"loss": 1.5}
    assert os.environ["MLFLOW_RUN_ID"] == given


@pytest.mark.parametrize(("error", "status"), [(Interrupted(), "KILLED"), (ValueError("x"), "FAILED")])
def test_how_a_stage_ends_is_how_its_run_ends(tracking_uri: str, error: BaseException, status: str) -> None:
    run_id = ""

    def stage() -> None:
        nonlocal run_id
        with tracking.stage_run("sft", ExampleConfig()) as run:
            run_id = run.run_id
            run.log_metrics({"loss": 1.0}, step=0)
            run.log_metrics({"loss": 0.5}, step=1)
            raise error

    with pytest.raises(type(error)):
        stage()
    client = MlflowClient(tracking_uri)
    assert client.get_run(run_id).info.status == status
    assert client.get_run(run_id).data.tags["attune.error"] == type(error).__name__
    assert [(m.step, m.value) for m in client.get_metric_history(run_id, "loss")] == [(0, 1.0), (1, 0.5)]


def test_every_step_is_kept_though_calls_are_few(tracking_uri: str) -> None:
    with tracking.stage_run("ppo", ExampleConfig()) as run:
        began = time.monotonic()
        for step in range(1500):
            run.log_metrics({"loss": step / 2, "kl": -step}, step=step)
        assert time.monotonic() - began < 5  # 1500 separate calls take 40 s and more
    history = MlflowClient(tracking_uri).get_metric_history(run.run_id, "kl")
    assert [(metric.step, metric.value) for metric in history] == [(step, -step) for step in range(1500)]


def test_a_terminated_process_loses_no_metric(tracking_uri: str) -> None:
    program = """
import time
from components.shared import shutdown, tracking
from components.shared.config import StageConfig
from components.shared.errors import Interrupted
shutdown.install()
with tracking.stage_run("sft", StageConfig()) as run:
    print(run.run_id, flush=True)
    step = 0
    while not shutdown.requested():
        run.log_metrics({"loss": step}, step=step)
        step += 1
        time.sleep(0.01)
    run.log_params({"last": step - 1})
    raise Interrupted
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    client = MlflowClient(tracking_uri)
    run = client.get_run(run_id)
    assert run.info.status == "KILLED"
    assert [m.step for m in client.get_metric_history(run_id, "loss")] == list(range(int(run.data.params["last"]) + 1))


@pytest.mark.parametrize(
    ("uri", "kind"),
    [("/data/train", "local"), ("builtin:conversations", "builtin"), ("hf://datasets/a/b@c0ffee", "hf"), ("s3://bucket/key", "s3")],
)
def test_inputs_of_any_scheme_are_recorded_with_their_digest(tracking_uri: str, uri: str, kind: str) -> None:
    with tracking.stage_run("sft", ExampleConfig()) as run:
        run.log_input("train", digest="ab" * 32, uri=uri, context="training")
    (recorded,) = MlflowClient(tracking_uri).get_run(run.run_id).inputs.dataset_inputs
    assert (recorded.dataset.name, recorded.dataset.digest, recorded.dataset.source_type) == ("train", "ab" * 18, kind)
    assert uri in recorded.dataset.source
    assert {tag.key: tag.value for tag in recorded.tags} == {"mlflow.data.context": "training", "sha256": "ab" * 32}


def test_artifacts_go_where_the_environment_says(tracking_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_ARTIFACT_LOCATION", str(tmp_path / "store"))
    (tmp_path / "page.html").write_text("<p>page</p>")
    with tracking.stage_run("sft", ExampleConfig()) as run:
        run.log_artifact(tmp_path / "page.html", "pages")
    assert (tmp_path / "store" / run.run_id / "artifacts" / "pages" / "page.html").read_text() == "<p>page</p>"
    assert not (tmp_path / "mlruns").exists()


def test_no_server_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(ContractError, match="MLFLOW_TRACKING_URI is not set"), tracking.stage_run("sft", ExampleConfig()):
        pass


@pytest.mark.parametrize("given", ["http://127.0.0.1:{port}", "sqlite:///{folder}/junk.db", "file:./mlruns", "gopher://x"])
def test_an_unusable_server_is_one_clear_line_and_soon(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "junk.db").write_bytes(b"this is no database")
    uri = given.format(port=free_port(), folder=tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    began = time.monotonic()
    with pytest.raises(ContractError) as raised, tracking.stage_run("sft", ExampleConfig()):
        pass
    assert time.monotonic() - began < 15
    assert uri in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


def test_an_invalid_metric_is_our_error_not_an_outage(tracking_uri: str) -> None:
    with pytest.raises(Exception, match="Names may only contain"), tracking.stage_run("sft", ExampleConfig()) as run:
        run.log_metrics({"a metric?": 1.0})


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def server(tracking_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start an MLflow server, again after it was stopped; the environment names it."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    options = ["--backend-store-uri", tracking_uri, "--artifacts-destination", str(tmp_path / "art"), "--workers", "1"]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), *options]
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))
        for _ in range(600):
            try:
                urllib.request.urlopen(address + "/health", timeout=2).close()
                return started[-1]
            except URLError:
                time.sleep(0.1)
        pytest.fail("the MLflow server did not start")

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.slow
def test_an_outage_of_the_server_costs_neither_training_nor_numbers(
    server: Callable[[], subprocess.Popen[bytes]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    process = server()
    with caplog.at_level(logging.WARNING), tracking.stage_run("sft", ExampleConfig()) as run:
        run.log_metrics({"loss": 3.0}, step=0)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(tracking.FLUSH_SECONDS)
        run.log_metrics({"loss": 2.0}, step=1)
        assert "1 metric values wait" in caplog.text
        run.log_metrics({"loss": 1.0}, step=2)
        server()
    (tmp_path / "note.md").write_text("note")
    run.log_artifact(tmp_path / "note.md")
    client = tracking.tracking_client()
    assert [m.value for m in client.get_metric_history(run.run_id, "loss")] == [3.0, 2.0, 1.0]
    assert client.get_run(run.run_id).info.status == "FINISHED"
    assert [file.path for file in client.list_artifacts(run.run_id)] == ["note.md"]
