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
from safetensors.torch import load_file

from components.shared import artifacts, modeling
from components.shared.dataset_splits import CONVERSATIONS_FILE
from tests.stage_inputs import finish, start_stage, wait_for, write_split
from tests.tiny_model import base_model_artifact, build_tiny_model, conversation, reference_of

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
STEPS = 3 * 6  # 24 windows, 4 in a step

Start = Callable[..., Any]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("inputs")
    return {
        "train": write_split(folder / "train", conversations=[conversation(i, 1 + i % 4) for i in range(24)]),
        "validation": write_split(folder / "validation", conversations=[conversation(i, 2) for i in range(4)]),
        "base_model": base_model_artifact(build_tiny_model(folder / "model")),
    }


@pytest.fixture
def start(tmp_path: Path, inputs: Mapping[str, Any], tracking_uri: str) -> Start:
    def start_once(name: str, config: Mapping[str, Any] = CONFIG, **changed: Any) -> Any:
        return start_stage(
            "sft", tmp_path / name, {**inputs, **changed}, OUTPUTS, config, ATTUNE_CHECKPOINT_DIR=str(tmp_path / "checkpoints")
        )

    return start_once


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, inputs: Mapping[str, Any]) -> Path:
    """What the stage writes when nothing happens to it."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    process = start_stage("sft", folder / "out", inputs, OUTPUTS, CONFIG, MLFLOW_TRACKING_URI=f"sqlite:///{folder}/mlflow.db")
    code, output = finish(process)
    assert code == 0, output
    return folder / "out"


def same_adapter(left: Path, right: Path) -> bool:
    ours, theirs = (load_file(path / "adapter" / modeling.WEIGHTS_FILE) for path in (left, right))
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize(("stop", "at_step"), [(signal.SIGTERM, 3), (signal.SIGKILL, 9)])
def test_a_killed_stage_ends_with_the_same_weights(
    start: Start, tmp_path: Path, uninterrupted: Path, stop: signal.Signals, at_step: int
) -> None:
    first = start("first")
    checkpoint = wait_for(f"checkpoints/sft-*/checkpoint-{at_step}/complete", tmp_path, first)
    first.send_signal(stop)
    code, output = finish(first)
    assert code == (143 if stop is signal.SIGTERM else -stop), output
    assert not (tmp_path / "first" / "adapter" / artifacts.MANIFEST).exists()
    newest = max(int(path.parent.name.split("-")[1]) for path in checkpoint.parents[1].glob("checkpoint-*/complete"))
    assert newest < STEPS, "it was killed too late to tell anything"

    code, output = finish(start("second"))

    assert code == 0, output
    assert f"continuing from checkpoint-{newest}" in output
    assert same_adapter(tmp_path / "second", uninterrupted)
    metrics = [json.loads((folder / "metrics").read_text()) for folder in (tmp_path / "second", uninterrupted)]
    assert metrics[0] == pytest.approx(metrics[1], rel=1e-12)
    assert list((tmp_path / "checkpoints").glob("*/*")) == [], "checkpoints go when the stage has finished"


def test_other_settings_data_or_code_do_not_continue(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from components.shared import checkpoints

    first = start("first")
    wait_for("checkpoints/sft-*/checkpoint-2/complete", tmp_path, first)
    first.kill()
    finish(first)
    (kept,) = (tmp_path / "checkpoints").iterdir()
    short = {**CONFIG, "max_steps": 1}
    other = write_split(tmp_path / "other", conversations=[conversation(i, 2) for i in range(8)])

    for name, arguments in {"settings": {"config": short}, "data": {"config": short, "train": other}}.items():
        code, output = finish(start(name, **arguments))
        assert (code, "continuing from" in output) == (0, False), output

    assert [path for path in kept.glob("checkpoint-*/complete")], "another run does not take away this run's checkpoints"
    monkeypatch.setenv(checkpoints.DIRECTORY_VARIABLE, str(tmp_path))
    before = checkpoints.checkpoint_directory("sft", {}, {})
    monkeypatch.setattr(checkpoints, "code_digest", lambda stage: "of other code")
    assert checkpoints.checkpoint_directory("sft", {}, {}) != before


def test_what_the_stage_leaves_behind(uninterrupted: Path, inputs: Mapping[str, Any]) -> None:
    directory, manifest = artifacts.open_sealed(uninterrupted / "adapter", modeling.ADAPTER_SCHEMA)
    metrics = json.loads((uninterrupted / "metrics").read_text())

    base = modeling.load_base(reference_of(Path(inputs["base_model"].metadata["uri"].removeprefix("file://"))))
    num_base = sum(parameter.numel() for parameter in base.parameters())
    model = modeling.load_adapter(base, "sft", directory)
    # q and o 32x32, k and v 16x32, gate and up 64x32, down 32x64; an adapter adds r (in + out) to each, twice for two layers
    assert metrics["num_trainable_parameters"] == 2 * 4 * (2 * 64 + 2 * 48 + 3 * 96) == modeling.parameter_counts(model, "sft")[0]
    assert metrics["num_parameters"] == metrics["num_trainable_parameters"] + num_base
    assert metrics["num_steps"] == STEPS
    assert metrics["validation_loss"] < metrics["base_validation_loss"] - 0.3
    assert metrics["train_loss"] < metrics["base_validation_loss"]
    assert manifest.parents["base_model"] == manifest.properties["base_model_digest"] == inputs["base_model"].metadata["digest"]
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


def test_the_best_epoch_is_kept(start: Start, tmp_path: Path) -> None:
    """A learning rate that ruins the adapter: the first epoch is the best one, the last one is what load_best=False keeps."""
    ruinous = {**CONFIG, "learning_rate": 0.6, "warmup_fraction": 0.0, "num_epochs": 2}
    code, output = finish(start("best", ruinous))
    assert code == 0, output
    code, output = finish(start("last", {**ruinous, "load_best": False}))
    assert code == 0, output

    best, last = (json.loads((tmp_path / name / "metrics").read_text()) for name in ("best", "last"))
    assert last["chosen_step"] == 12
    assert best["validation_loss"] <= last["validation_loss"]
    assert (best["chosen_step"] == 6) == (best["validation_loss"] < last["validation_loss"])
    assert same_adapter(tmp_path / "best", tmp_path / "last") == (best["chosen_step"] == 12)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"learning_rat": 0.1}, "sft.learning_rat: unknown setting"),
        ({"lora": {"r": 0}}, "sft.lora.r"),
        ({"batch_size": 0}, "sft.batch_size"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(start: Start, tmp_path: Path, config: Mapping[str, Any], message: str) -> None:
    code, output = finish(start("wrong", config))

    assert code == 2
    assert message in output
    assert "Traceback" not in output
    assert not (tmp_path / "wrong" / "adapter" / artifacts.MANIFEST).exists()


def test_a_split_whose_file_was_changed_is_refused(start: Start, tmp_path: Path) -> None:
    broken = write_split(tmp_path / "broken")
    with (tmp_path / "broken" / CONVERSATIONS_FILE).open("a") as file:
        file.write("{}\n")

    code, output = finish(start("wrong", CONFIG, train=broken))

    assert code == 2
    assert "differs from its manifest" in output
