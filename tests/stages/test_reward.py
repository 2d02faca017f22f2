"""The reward stage as a container runs it: killed and started again, refused input, what it leaves behind."""

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

from components.shared import artifacts, checkpoints, modeling
from components.shared.base_model import read_reference
from components.shared.errors import ContractError
from components.shared.lora import LoraSettings
from components.shared.records import PreferencePair
from components.shared.reward_model import REWARD_SCHEMA, load_reward_members, load_reward_model
from tests.stage_inputs import finish, run_stage, start_stage, tracking_in, wait_for, write_split
from tests.tiny_model import base_model_parameter, build_tiny_model, preference_pair, reference_of

OUTPUTS = {"reward_model": dsl.Model, "metrics": dsl.Metrics, "curves": dsl.HTML}
CONFIG = {
    "learning_rate": 0.01,
    "head_learning_rate": 0.01,
    "num_epochs": 8,
    "batch_size": 2,
    "gradient_accumulation_steps": 2,
    "logging_steps": 3,
    "checkpoint_seconds": 0,
}
STEPS = 8 * 6  # 24 pairs, 4 in a step

Run = Callable[..., Path]
pytestmark = pytest.mark.timeout(900)


def write_adapter(model: Path, directory: Path, digest: str) -> Any:
    """An SFT adapter with dropout, so that the random state matters for resuming."""
    checkpoints.seed_everything(0)
    wrapped = modeling.new_adapter(modeling.load_base(reference_of(model)), "sft", LoraSettings(r=4, alpha=8, dropout=0.1))
    for _, parameter in modeling.adapter_parameters(wrapped, "sft"):
        torch.nn.init.normal_(parameter, std=0.05)
    artifact = dsl.Model(name="sft_adapter", uri=str(directory), metadata={})
    modeling.save_adapter(wrapped, "sft", artifacts.start(artifact.path))
    artifacts.seal(artifact, modeling.ADAPTER_SCHEMA, properties={"base_model_digest": digest})
    return artifact


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("inputs")
    model = build_tiny_model(folder / "model")
    return {
        "train": write_split(folder / "train", pairs=[preference_pair(i) for i in range(24)]),
        "validation": write_split(folder / "validation", pairs=[preference_pair(i) for i in range(24, 36)]),
        "base_model": base_model_parameter(model),
        "sft_adapter": write_adapter(model, folder / "sft_adapter", reference_of(model).digest),
    }


@pytest.fixture
def run(tmp_path: Path, inputs: Mapping[str, Any], tracking_uri: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the stage with checkpoints and return the folder of its outputs."""
    monkeypatch.setenv(checkpoints.DIRECTORY_VARIABLE, str(tmp_path / "checkpoints"))

    def run_once(name: str, config: Mapping[str, Any] = CONFIG, **changed: Any) -> Path:
        run_stage("reward", tmp_path / name, {**inputs, **changed}, OUTPUTS, config)
        return tmp_path / name

    return run_once


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, inputs: Mapping[str, Any]) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    process = start_stage("reward", folder / "out", inputs, OUTPUTS, CONFIG, **tracking_in(folder))
    code, output = finish(process)
    assert code == 0, output
    return folder / "out"


def weights(folder: Path) -> dict[str, torch.Tensor]:
    directory = folder / "reward_model"
    return {**load_file(directory / modeling.WEIGHTS_FILE), **load_file(directory / "head.safetensors")}


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_stage_ends_with_the_same_weights(
    run: Run, tmp_path: Path, inputs: Mapping[str, Any], uninterrupted: Path, caplog: pytest.LogCaptureFixture, stop: signal.Signals
) -> None:
    first = start_stage("reward", tmp_path / "first", inputs, OUTPUTS, CONFIG)
    state = wait_for("checkpoints/reward-*/state.pt", tmp_path, first)
    first.send_signal(stop)
    code, output = finish(first)
    assert code == (143 if stop is signal.SIGTERM else -stop), output
    assert not (tmp_path / "first" / "reward_model" / artifacts.MANIFEST).exists()
    step = torch.load(state, weights_only=True)["step"]
    assert 0 < step < STEPS

    with caplog.at_level("INFO"):
        second = run("second")

    assert f"continuing from step {step} of {STEPS}" in caplog.text
    resumed, whole = weights(second), weights(uninterrupted)
    assert resumed.keys() == whole.keys()
    assert all(torch.equal(resumed[key], whole[key]) for key in whole)
    metrics = [json.loads((folder / "metrics").read_text()) for folder in (second, uninterrupted)]
    assert metrics[0] == metrics[1]
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_what_the_stage_leaves_behind(uninterrupted: Path, inputs: Mapping[str, Any]) -> None:
    directory, manifest = artifacts.open_sealed(uninterrupted / "reward_model", REWARD_SCHEMA)
    metrics = json.loads((uninterrupted / "metrics").read_text())
    reference = reference_of(Path(read_reference(inputs["base_model"]).location))
    _, head, normalisation = load_reward_model(modeling.load_base(reference), "reward", directory)
    moved = load_file(directory / modeling.WEIGHTS_FILE)
    started = load_file(Path(inputs["sft_adapter"].path) / modeling.WEIGHTS_FILE)

    assert metrics["num_steps"] == STEPS
    assert metrics["accuracy_n"] == 12
    assert metrics["accuracy"] > 0.9  # brush-offs against questions: a tiny model learns that
    assert metrics["validation_loss"] < 0.6
    assert metrics["reload_difference"] <= 1e-5
    assert metrics["num_trainable_parameters"] == 2 * 4 * (2 * 64 + 2 * 48 + 3 * 96) + 33
    assert (metrics["score_mean"], metrics["score_std"]) == (normalisation.mean, normalisation.std)
    assert normalisation.std > 0
    assert not any(parameter.requires_grad for parameter in head.parameters())
    assert any(not torch.equal(moved[key], started[key]) for key in started)
    assert manifest.parents["sft_adapter"] == inputs["sft_adapter"].metadata["digest"] == manifest.properties["sft_adapter_digest"]
    assert (uninterrupted / "curves").read_text().count("<svg") == 4


def test_curves_are_in_the_tracking_server(uninterrupted: Path) -> None:
    client = MlflowClient(f"sqlite:///{uninterrupted.parent}/mlflow.db")
    (run,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])

    assert [point.step for point in client.get_metric_history(run.info.run_id, "train/loss")] == list(range(3, STEPS + 1, 3))
    assert [point.step for point in client.get_metric_history(run.info.run_id, "validation/accuracy")] == list(range(6, STEPS + 1, 6))


def test_an_adapter_of_another_base_model_is_refused(run: Run, tmp_path: Path, inputs: Mapping[str, Any]) -> None:
    model = Path(read_reference(inputs["base_model"]).location)
    stranger = write_adapter(model, tmp_path / "stranger", "0123456789abcdef")

    with pytest.raises(ContractError, match="belongs to base model 0123456789ab"):
        run("wrong", sft_adapter=stranger)


def test_no_preferences_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    none: list[PreferencePair] = []

    with pytest.raises(ContractError, match="train: none of 0 preference pairs can be used"):
        run("wrong", train=write_split(tmp_path / "none", pairs=none))
    assert not (tmp_path / "wrong" / "reward_model" / artifacts.MANIFEST).exists()


ENSEMBLE = {**CONFIG, "num_epochs": 4, "ensemble_size": 2, "safety_head": True}


def rated(pair: PreferencePair) -> PreferencePair:
    """The pair with safety ratings: brush-offs are worse."""
    ratings = {side: {**values, "safety": {"chosen": 5, "rejected": 2}[side]} for side, values in pair.meta["ratings"].items()}
    return pair.model_copy(update={"meta": {"ratings": ratings}})


@pytest.fixture(scope="module")
def rated_inputs(tmp_path_factory: pytest.TempPathFactory, inputs: Mapping[str, Any]) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("rated")
    return {
        **inputs,
        "train": write_split(folder / "train", pairs=[rated(preference_pair(i)) if i % 4 else preference_pair(i) for i in range(24)]),
        "validation": write_split(folder / "validation", pairs=[rated(preference_pair(i)) for i in range(24, 36)]),
    }


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory, rated_inputs: Mapping[str, Any]) -> Path:
    folder = tmp_path_factory.mktemp("ensemble")
    code, output = finish(start_stage("reward", folder / "out", rated_inputs, OUTPUTS, ENSEMBLE, **tracking_in(folder)))
    assert code == 0, output
    return folder / "out"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_an_ensemble_killed_at_its_second_member_ends_with_the_same_bytes(
    run: Run, tmp_path: Path, rated_inputs: Mapping[str, Any], ensemble: Path, caplog: pytest.LogCaptureFixture, stop: signal.Signals
) -> None:
    first = start_stage("reward", tmp_path / "first", rated_inputs, OUTPUTS, ENSEMBLE)
    state = wait_for("checkpoints/reward-*/member-1/state.pt", tmp_path, first)
    first.send_signal(stop)
    code, output = finish(first)
    assert code == (143 if stop is signal.SIGTERM else -stop), output
    assert not (tmp_path / "first" / "reward_model" / artifacts.MANIFEST).exists()
    step = torch.load(state, weights_only=True)["step"]
    assert 0 < step < 4 * 6

    with caplog.at_level("INFO"):
        second = run("second", ENSEMBLE, **rated_inputs)

    assert "continuing from step 24 of 24" in caplog.text
    assert f"continuing from step {step} of 24" in caplog.text
    resumed, whole = (artifacts.open_sealed(folder / "reward_model", REWARD_SCHEMA)[1] for folder in (second, ensemble))
    assert resumed.files == whole.files
    assert resumed.digest == whole.digest  # metrics are among its properties
    assert (second / "curves").read_bytes() == (ensemble / "curves").read_bytes()


def test_what_an_ensemble_leaves_behind(ensemble: Path, rated_inputs: Mapping[str, Any]) -> None:
    directory, manifest = artifacts.open_sealed(ensemble / "reward_model", REWARD_SCHEMA)
    metrics = json.loads((ensemble / "metrics").read_text())
    reference = reference_of(Path(read_reference(rated_inputs["base_model"]).location))
    _, members = load_reward_members(modeling.load_base(reference), "reward", directory)

    assert {name for name in manifest.files if name.endswith("head.safetensors")} == {
        "head.safetensors",
        "safety_head.safetensors",
        "member-1/head.safetensors",
        "member-1/safety_head.safetensors",
    }
    assert [member.adapter for member in members] == ["reward", "reward_1"]
    assert all(member.safety_head is not None for member in members)
    assert not torch.equal(members[0].head.linear.weight, members[1].head.linear.weight)
    assert metrics["accuracy"] > 0.9
    assert metrics["ensemble_std"] > 0
    assert 0 < metrics["ensemble_correlation"] < 1
    assert min(metrics["member_0_accuracy"], metrics["member_1_accuracy"]) > 0.5
    assert metrics["score_mean"] == members[0].normalisation.mean
    assert metrics["safety_n"] == 24
    assert metrics["safety_error"] < metrics["safety_constant_error"] == pytest.approx(1.5)
    assert metrics["safety_correlation"] > 0.5
    assert metrics["reload_difference"] <= 1e-5
    page = (ensemble / "curves").read_text()
    assert page.count("<svg") == 6
    assert "2 members" in page
    assert "they share errors" in page
    assert f"{metrics['safety_error']:.3f}" in page


def test_each_member_has_its_curves_in_the_tracking_server(ensemble: Path) -> None:
    client = MlflowClient(f"sqlite:///{ensemble.parent}/mlflow.db")
    (run,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])

    for prefix in ("", "member-1/"):
        history = client.get_metric_history(run.info.run_id, f"{prefix}validation/safety_error")
        assert [point.step for point in history] == [6, 12, 18, 24]


def test_the_first_member_of_an_ensemble_is_the_model_that_stands_alone(run: Run, inputs: Mapping[str, Any]) -> None:
    short = {**CONFIG, "num_epochs": 1}
    alone, first = run("alone", short) / "reward_model", run("two", {**short, "ensemble_size": 2}) / "reward_model"

    names = sorted(path.name for path in alone.iterdir() if path.name != artifacts.MANIFEST)
    assert names == ["adapter_config.json", "adapter_model.safetensors", "head.safetensors", "normalisation.json"]
    assert all((alone / name).read_bytes() == (first / name).read_bytes() for name in names)


def test_a_safety_head_without_ratings_is_refused_before_training(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="train: safety_head is set, but none of 24 pairs has a number"):
        run("wrong", {**CONFIG, "safety_head": True})
    assert not (tmp_path / "wrong" / "reward_model").exists()
