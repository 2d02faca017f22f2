"""The sft stage as a container runs it: killed and started again, refused input, what it leaves behind."""

import json
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from kfp import dsl
from mlflow import MlflowClient
from opacus.accountants import RDPAccountant
from safetensors.torch import load_file

from components.sft.callback import StageCallback, latest_checkpoint
from components.shared import artifacts, checkpoint_folders, checkpoints, modeling
from components.shared.base_model import read_reference
from components.shared.dataset_splits import CONVERSATIONS_FILE
from components.shared.errors import ContractError
from tests.stage_inputs import finish, run_stage, start_stage, tracking_in, wait_for, write_split
from tests.tiny_model import base_model_parameter, build_tiny_model, conversation, reference_of

OUTPUTS = {"adapter": dsl.Model, "metrics": dsl.Metrics, "curves": dsl.HTML}
CONFIG = {
    "lora": {"r": 4, "alpha": 8, "dropout": 0.1},  # dropout: the random state must be restored too
    "learning_rate": 0.01,
    "num_epochs": 3,
    "batch_size": 2,
    "gradient_accumulation_steps": 2,
    "logging_steps": 1,
    "checkpoint_seconds": 0,
}
PRIVATE = {**CONFIG, "dp": {"enabled": True, "target_epsilon": 8, "seed": 3, "accountant": "rdp", "max_physical_batch_size": 3}}
STEPS = 3 * 6  # 24 windows, 4 in a step

Run = Callable[..., Path]
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("inputs")
    return {
        "train": write_split(folder / "train", conversations=[conversation(i, 1 + i % 4) for i in range(24)]),
        "validation": write_split(folder / "validation", conversations=[conversation(i, 2) for i in range(4)]),
        "base_model": base_model_parameter(build_tiny_model(folder / "model")),
    }


@pytest.fixture
def run(tmp_path: Path, inputs: Mapping[str, Any], tracking_uri: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the stage with checkpoints and return the folder of its outputs."""
    monkeypatch.setenv(checkpoints.DIRECTORY_VARIABLE, str(tmp_path / "checkpoints"))

    def run_once(name: str, config: Mapping[str, Any] = CONFIG, **changed: Any) -> Path:
        run_stage("sft", tmp_path / name, {**inputs, **changed}, OUTPUTS, config)
        return tmp_path / name

    return run_once


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, inputs: Mapping[str, Any]) -> Path:
    """What the stage writes when nothing happens to it."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    process = start_stage("sft", folder / "out", inputs, OUTPUTS, CONFIG, **tracking_in(folder))
    code, output = finish(process)
    assert code == 0, output
    return folder / "out"


@pytest.fixture(scope="module")
def privately(tmp_path_factory: pytest.TempPathFactory, inputs: Mapping[str, Any]) -> Path:
    """What the stage writes with differential privacy when nothing happens to it."""
    folder = tmp_path_factory.mktemp("privately")
    process = start_stage("sft", folder / "out", inputs, OUTPUTS, PRIVATE, **tracking_in(folder))
    code, output = finish(process)
    assert code == 0, output
    assert "24 units (conversation) are few for differential privacy" in output
    return folder / "out"


def same_adapter(left: Path, right: Path) -> bool:
    ours, theirs = (load_file(path / "adapter" / modeling.WEIGHTS_FILE) for path in (left, right))
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize(("stop", "at_step"), [(signal.SIGTERM, 3), (signal.SIGKILL, 9)])
def test_a_killed_stage_ends_with_the_same_weights(
    run: Run,
    tmp_path: Path,
    inputs: Mapping[str, Any],
    uninterrupted: Path,
    caplog: pytest.LogCaptureFixture,
    stop: signal.Signals,
    at_step: int,
) -> None:
    first = start_stage("sft", tmp_path / "first", inputs, OUTPUTS, CONFIG)
    checkpoint = wait_for(f"checkpoints/sft-*/checkpoint-{at_step}/complete", tmp_path, first)
    first.send_signal(stop)
    code, output = finish(first)
    assert code == (143 if stop is signal.SIGTERM else -stop), output
    assert not (tmp_path / "first" / "adapter" / artifacts.MANIFEST).exists()
    newest = max(int(path.parent.name.split("-")[1]) for path in checkpoint.parents[1].glob("checkpoint-*/complete"))
    assert newest < STEPS, "it was killed too late to tell anything"

    with caplog.at_level("INFO"):
        second = run("second")

    assert f"continuing from checkpoint-{newest}" in caplog.text
    assert same_adapter(second, uninterrupted)
    metrics = [json.loads((folder / "metrics").read_text()) for folder in (second, uninterrupted)]
    assert metrics[0] == pytest.approx(metrics[1], rel=1e-12)
    assert list((tmp_path / "checkpoints").iterdir()) == [], "checkpoints go when the stage has finished"


def test_a_killed_private_stage_ends_with_the_same_weights_and_the_same_budget(
    run: Run, tmp_path: Path, inputs: Mapping[str, Any], privately: Path
) -> None:
    first = start_stage("sft", tmp_path / "first", inputs, OUTPUTS, PRIVATE)
    wait_for("checkpoints/sft-*/checkpoint-8/complete", tmp_path, first)
    first.kill()
    finish(first)
    assert not (tmp_path / "first" / "adapter" / artifacts.MANIFEST).exists()

    second = run("second", PRIVATE)

    assert same_adapter(second, privately)
    metrics = [json.loads((folder / "metrics").read_text()) for folder in (second, privately)]
    assert metrics[0] == pytest.approx(metrics[1], rel=1e-12)
    assert metrics[0]["dp_steps"] == STEPS


def test_what_a_private_stage_reports(privately: Path) -> None:
    metrics = json.loads((privately / "metrics").read_text())
    _, manifest = artifacts.open_sealed(privately / "adapter", modeling.ADAPTER_SCHEMA)
    oracle = RDPAccountant()
    oracle.history = [(metrics["dp_noise_multiplier"], 4 / 24, STEPS)]

    assert metrics["dp_epsilon"] == pytest.approx(oracle.get_epsilon(1 / 240), rel=1e-9)
    assert 7.9 < metrics["dp_epsilon"] <= 8.0
    assert (metrics["dp_delta"], metrics["dp_num_units"], metrics["dp_max_units_per_person"]) == (pytest.approx(1 / 240), 24, 4)
    assert "train_loss" not in metrics
    assert {key: manifest.properties[key] for key in metrics} == metrics
    assert (manifest.properties["dp_unit"], manifest.properties["dp_accountant"]) == ("conversation", "rdp")
    page = (privately / "curves").read_text()
    assert f"epsilon {metrics['dp_epsilon']:.2f} at delta 0.004" in page
    assert "for whoever knows that number there is no privacy" in page
    client = MlflowClient(f"sqlite:///{privately.parent}/mlflow.db")
    (tracked,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    spent = [(point.step, point.value) for point in client.get_metric_history(tracked.info.run_id, "privacy/epsilon")]
    assert [step for step, _ in spent] == [6, 12, 18]
    assert spent[-1][1] == tracked.data.metrics["dp_epsilon"] == metrics["dp_epsilon"]
    assert not {"train/loss", "train/mean_token_accuracy", "train/entropy"} & set(tracked.data.metrics)
    assert tracked.data.params["sft.dp.target_epsilon"] == "8.0"


def test_other_settings_data_or_code_do_not_continue(
    run: Run, tmp_path: Path, inputs: Mapping[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """As abrupt as SIGKILL for the stage: nothing catches it."""

    def kill(callback: StageCallback, *arguments: Any, **named: Any) -> None:
        raise Killed

    monkeypatch.setattr(StageCallback, "on_log", kill)
    with pytest.raises(Killed):
        run("first", {**CONFIG, "logging_steps": 2})
    monkeypatch.undo()
    monkeypatch.setenv(checkpoints.DIRECTORY_VARIABLE, str(tmp_path / "checkpoints"))
    (kept,) = (tmp_path / "checkpoints").iterdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")

    with caplog.at_level("INFO"):
        run("settings", {**CONFIG, "logging_steps": 2, "seed": 1, "max_steps": 1})
        run("data", {**CONFIG, "logging_steps": 2, "max_steps": 1}, train=write_split(tmp_path / "other"))

    assert "continuing from" not in caplog.text
    assert latest_checkpoint(kept) == kept / "checkpoint-1", "another run does not take away this run's checkpoints"
    before = checkpoints.checkpoint_directory("sft", {}, {})
    monkeypatch.setattr(checkpoint_folders, "code_digest", lambda stage: "of other code")
    assert checkpoints.checkpoint_directory("sft", {}, {}) != before


def test_what_the_stage_leaves_behind(uninterrupted: Path, inputs: Mapping[str, Any]) -> None:
    directory, manifest = artifacts.open_sealed(uninterrupted / "adapter", modeling.ADAPTER_SCHEMA)
    metrics = json.loads((uninterrupted / "metrics").read_text())

    base = modeling.load_base(reference_of(Path(read_reference(inputs["base_model"]).location)))
    num_base = sum(parameter.numel() for parameter in base.parameters())
    model = modeling.load_adapter(base, "sft", directory)
    # q and o 32x32, k and v 16x32, gate and up 64x32, down 32x64; an adapter adds r (in + out) to each, twice for two layers
    assert metrics["num_trainable_parameters"] == 2 * 4 * (2 * 64 + 2 * 48 + 3 * 96) == modeling.parameter_counts(model, "sft")[0]
    assert metrics["num_parameters"] == metrics["num_trainable_parameters"] + num_base
    assert metrics["num_steps"] == STEPS
    assert metrics["validation_loss"] < metrics["base_validation_loss"] - 0.3
    assert metrics["train_loss"] < metrics["base_validation_loss"]
    assert manifest.parents["base_model"] == manifest.properties["base_model_digest"] == read_reference(inputs["base_model"]).digest
    page = (uninterrupted / "curves").read_text()
    assert page.count("<svg") == 4
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace("http://creativecommons.org", "")


def test_curves_are_in_the_tracking_server(uninterrupted: Path) -> None:
    client = MlflowClient(f"sqlite:///{uninterrupted.parent}/mlflow.db")
    (run,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    losses = client.get_metric_history(run.info.run_id, "train/loss")
    validation = client.get_metric_history(run.info.run_id, "validation/loss")

    assert [point.step for point in losses] == list(range(1, STEPS + 1))
    assert [point.step for point in validation] == [0, 6, 12, 18]
    assert {"train/learning_rate", "train/grad_norm", "train/entropy", "train/mean_token_accuracy"} <= set(run.data.metrics)
    assert run.data.params["sft.lora.r"] == "4"
    assert {entry.dataset.name for entry in run.inputs.dataset_inputs} == {"train", "validation"}


def test_the_chosen_epoch_is_the_best_or_the_last(run: Run, tracking_uri: str) -> None:
    unsteady = {**CONFIG, "learning_rate": 0.5, "warmup_fraction": 0.0, "num_epochs": 2}
    best, last = (
        json.loads((folder / "metrics").read_text()) for folder in (run("best", unsteady), run("last", {**unsteady, "load_best": False}))
    )

    client = MlflowClient(tracking_uri)
    first_run = client.search_runs([client.get_experiment_by_name("test").experiment_id], filter_string="params.`sft.load_best` = 'True'")[
        0
    ]
    losses = {point.step: point.value for point in client.get_metric_history(first_run.info.run_id, "validation/loss") if point.step > 0}
    assert losses.keys() == {6, 12}
    assert best["chosen_step"] == min(losses, key=lambda step: losses[step])
    assert best["validation_loss"] == min(losses.values())
    assert (last["chosen_step"], last["validation_loss"]) == (12, losses[12])


def test_the_newest_whole_checkpoint_counts(tmp_path: Path) -> None:
    for step in (5, 40, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
    assert latest_checkpoint(tmp_path) is None
    for step in (5, 40):
        (tmp_path / f"checkpoint-{step}" / "complete").touch()

    assert latest_checkpoint(tmp_path) == tmp_path / "checkpoint-40"  # 100 was being written


def test_a_wrong_setting_is_one_clear_line(tmp_path: Path, inputs: Mapping[str, Any], tracking_uri: str) -> None:
    code, output = finish(start_stage("sft", tmp_path / "wrong", inputs, OUTPUTS, {"learning_rat": 0.1, "lora": {"r": 0}}))

    assert code == 2
    assert "sft.learning_rat: unknown setting" in output
    assert "sft.lora.r: Input should be greater than or equal to 1" in output
    assert "Traceback" not in output
    assert not (tmp_path / "wrong" / "adapter" / artifacts.MANIFEST).exists()


def test_a_split_whose_file_was_changed_is_refused(run: Run, tmp_path: Path) -> None:
    broken = write_split(tmp_path / "broken")
    with (tmp_path / "broken" / CONVERSATIONS_FILE).open("a") as file:
        file.write("{}\n")

    with pytest.raises(ContractError, match="differs from its manifest"):
        run("wrong", train=broken)
    assert not (tmp_path / "wrong" / "adapter" / artifacts.MANIFEST).exists()
