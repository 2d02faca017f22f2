"""The exit task: real stores, a real HTTP server, and KFP's own way of handing over the final status."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from kfp.dsl import PipelineTaskFinalStatus
from mlflow import MlflowClient

from components.notify import stage, webhook
from components.shared import tracking
from components.shared.config import StageConfig
from components.shared.errors import ContractError


class Receiver:
    """A webhook on the loopback interface that answers with the given codes in turn, then 200."""

    def __init__(self, codes: list[int]) -> None:
        self.messages: list[dict[str, Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.messages.append(json.loads(body))
                self.send_response(codes.pop(0) if codes else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/secret-token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Receiver]]:
    made: list[Receiver] = []

    def start(*codes: int) -> Receiver:
        made.append(Receiver(list(codes)))
        monkeypatch.setenv("ATTUNE_WEBHOOK_URL", made[-1].url)
        return made[-1]

    monkeypatch.setattr(webhook, "_PAUSE_SECONDS", 0.01)
    yield start
    for one in made:
        one.server.shutdown()
        one.server.server_close()


def status(state: str, message: str | None = None) -> PipelineTaskFinalStatus:
    return PipelineTaskFinalStatus(
        state=state, pipeline_job_resource_name="job", pipeline_task_name="alignment", error_code=1, error_message=message
    )


def track(stage_name: str, error: Exception | None = None) -> None:
    try:
        with tracking.stage_run(stage_name, StageConfig()):
            if error:
                raise error
    except ContractError:
        pass


def parent_status(uri: str) -> str:
    client = MlflowClient(uri)
    return str(client.get_run(str(tracking.find_parent_run(client))).info.status)


def test_a_success_is_told_with_its_results_and_links(tracking_uri: str, receiver: Callable[..., Receiver]) -> None:
    hook = receiver()
    with tracking.stage_run("register", StageConfig()) as run:
        run.set_tags({"gate.verdict": "PASS", "model_version": "attune-support/3"})
    config = {"mlflow_ui_url": "https://mlflow.example.org/", "kubeflow_ui_url": "https://kubeflow.example.org/pipeline"}
    stage.run(status("SUCCEEDED"), "nightly", config)
    (message,) = hook.messages
    assert (message["run_name"], message["status"], message["failed_task"]) == ("nightly", "SUCCEEDED", None)
    assert message["results"] == {"gate.verdict": "PASS", "model_version": "attune-support/3"}
    client = MlflowClient(tracking_uri)
    experiment, parent = client.get_experiment_by_name("test").experiment_id, tracking.find_parent_run(client)
    assert message["links"] == {
        "mlflow": f"https://mlflow.example.org/#/experiments/{experiment}/runs/{parent}",
        "kubeflow": "https://kubeflow.example.org/pipeline/#/runs/details/run-of-the-test",
    }
    assert message["text"].splitlines()[0] == "Attune run nightly: succeeded, gate verdict PASS, model version attune-support/3"
    assert parent_status(tracking_uri) == "FINISHED"


def test_a_failure_names_stage_and_kind_of_error_but_nothing_that_was_said(tracking_uri: str, receiver: Callable[..., Receiver]) -> None:
    hook = receiver()
    track("sft")
    track("ppo", ContractError("I want to disappear"))
    stage.run(status("FAILED", "I want to disappear"), "nightly")
    (message,) = hook.messages
    assert (message["failed_task"], message["error_class"], message["error_code"]) == ("ppo", "ContractError", 1)
    assert message["text"].startswith("Attune run nightly: failed, in ppo (ContractError)")
    assert "disappear" not in json.dumps(message)
    assert parent_status(tracking_uri) == "FAILED"


def test_a_stage_that_was_killed_outright_is_closed_and_named(tracking_uri: str, receiver: Callable[..., Receiver]) -> None:
    hook = receiver()
    program = """
import os, signal
from components.shared import tracking
from components.shared.config import StageConfig
with tracking.stage_run("ppo", StageConfig()) as run:
    print(run.run_id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    client, run_id = MlflowClient(tracking_uri), process.stdout.strip()
    assert client.get_run(run_id).info.status == "RUNNING"
    stage.run(status("FAILED"))
    assert client.get_run(run_id).info.status == "KILLED"
    assert (hook.messages[0]["failed_task"], hook.messages[0]["error_class"]) == ("ppo", "process killed")


def test_of_a_retried_stage_the_last_attempt_counts(tracking_uri: str, receiver: Callable[..., Receiver]) -> None:
    hook = receiver()
    track("sft", ContractError("x"))
    track("sft")
    track("reward", ContractError("x"))
    stage.run(status("FAILED"))
    assert hook.messages[0]["failed_task"] == "reward"


def test_a_cancelled_run_is_killed(tracking_uri: str) -> None:
    track("sft")
    stage.run(status("CANCELLED"))
    assert parent_status(tracking_uri) == "KILLED"


def test_quiet_without_a_webhook_and_for_successes_when_configured(
    tracking_uri: str, receiver: Callable[..., Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = receiver()
    stage.run(status("SUCCEEDED"), config={"when": "failure"})
    monkeypatch.delenv("ATTUNE_WEBHOOK_URL")
    stage.run(status("FAILED"))
    assert hook.messages == []


@pytest.mark.parametrize(("codes", "posts"), [([503, 500], 3), ([503, 503, 503], 3), ([404], 1), ([429], 2)])
def test_only_answers_that_may_change_are_asked_for_again(
    tracking_uri: str, receiver: Callable[..., Receiver], codes: list[int], posts: int
) -> None:
    hook = receiver(*codes)
    stage.run(status("SUCCEEDED"))
    assert len(hook.messages) == posts


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/hooks/secret-token", "file:///etc/hostname", "not an address"])
def test_a_webhook_that_cannot_be_reached_neither_fails_the_run_nor_leaks_its_address(
    tracking_uri: str, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ATTUNE_WEBHOOK_URL", url)
    monkeypatch.setattr(webhook, "_PAUSE_SECONDS", 0.01)
    with caplog.at_level(logging.INFO):
        stage.run(status("SUCCEEDED"))
    assert "notif" in caplog.text
    assert "secret-token" not in caplog.text
    assert "/etc/hostname" not in caplog.text


def test_people_are_told_when_the_tracking_server_is_away(receiver: Callable[..., Receiver], monkeypatch: pytest.MonkeyPatch) -> None:
    hook = receiver()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("ATTUNE_RUN_ID", "0123456789abcdef")
    stage.run(status("FAILED"))
    assert (hook.messages[0]["run_name"], hook.messages[0]["failed_task"]) == ("01234567", "alignment")
    assert hook.messages[0]["links"] == {}


def test_the_run_of_kubeflows_plugin_is_left_alone(tracking_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = MlflowClient(tracking_uri)
    given = client.create_run(client.create_experiment("test")).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", given)
    track("sft")
    stage.run(status("SUCCEEDED"))
    assert client.get_run(given).info.status == "RUNNING"
    assert len(client.search_runs([client.get_experiment_by_name("test").experiment_id])) == 1


def test_kfp_hands_the_status_of_a_failed_body_to_the_exit_task(
    tracking_uri: str, tmp_path: Path, receiver: Callable[..., Receiver]
) -> None:
    hook = receiver()
    program = f"""
from kfp import dsl, local
from components.notify.component import notify
from components.shared.spec import stage_spec

@dsl.container_component
def broken():
    return stage_spec("data", "no.such.module:run")

@dsl.pipeline(name="outer")
def outer():
    with dsl.ExitHandler(notify(run_name="from kfp", config={{"when": "failure"}}), name="alignment"):
        broken()

local.init(local.SubprocessRunner(use_venv=False), pipeline_root={str(tmp_path / "root")!r}, raise_on_error=False)
outer()
"""
    environment = {name: value for name, value in os.environ.items() if name != "_KFP_RUNTIME"}
    subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, timeout=200, check=False)
    (message,) = hook.messages
    assert (message["run_name"], message["status"], message["run_id"]) == ("from kfp", "FAILED", "run-of-the-test")
