"""The ppo stage as a container runs it: killed and started again, refused input, what it leaves behind."""

import json
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from kfp import dsl
from mlflow import MlflowClient
from safetensors.torch import load_file

from components.shared import artifacts, modeling
from components.shared.base_model import read_reference
from components.shared.reward_model import REWARD_SCHEMA
from tests.stage_inputs import finish, start_stage, tracking_in, wait_for, write_split
from tests.tiny_model import base_model_parameter, conversation, preference_pair
from tests.unit.ppo.family import SMALL, build_family

OUTPUTS = {"adapter": dsl.Model, "rollouts": dsl.Dataset, "metrics": dsl.Metrics, "curves": dsl.HTML}
STEPS = 10
CONFIG = {**SMALL, "total_episodes": 8 * STEPS, "kl_controller": "adaptive", "kl_target": 0.5, "kl_horizon": 50, "eval_steps": 3}

Start = Callable[..., Any]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("inputs")
    family = build_family(folder / "family")
    sft = dsl.Model(name="sft_adapter", uri=str(family.sft), metadata={})
    reward = dsl.Model(name="reward_model", uri=str(family.reward), metadata={})
    manifest = artifacts.seal(sft, modeling.ADAPTER_SCHEMA, parents={"base_model": family.reference.digest})
    artifacts.seal(reward, REWARD_SCHEMA, parents={"base_model": family.reference.digest, "sft_adapter": manifest.digest})
    return {
        "train": write_split(folder / "train", conversations=[conversation(i, 1 + i % 4) for i in range(24)]),
        "validation": write_split(
            folder / "validation",
            conversations=[conversation(i, 2) for i in range(4)],
            pairs=[preference_pair(i) for i in range(2)],
        ),
        "base_model": base_model_parameter(family.base),
        "sft_adapter": sft,
        "reward_model": reward,
    }


@pytest.fixture
def start(tmp_path: Path, inputs: Mapping[str, Any], tracking_uri: str) -> Start:
    def start_once(name: str, config: Mapping[str, Any] = CONFIG, **changed: Any) -> Any:
        return start_stage(
            "ppo", tmp_path / name, {**inputs, **changed}, OUTPUTS, config, ATTUNE_CHECKPOINT_DIR=str(tmp_path / "checkpoints")
        )

    return start_once


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, inputs: Mapping[str, Any]) -> Path:
    """What the stage writes when nothing happens to it."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    process = start_stage("ppo", folder / "out", inputs, OUTPUTS, CONFIG, **tracking_in(folder))
    code, output = finish(process)
    assert code == 0, output
    return folder / "out"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_stage_ends_with_the_same_adapter(start: Start, tmp_path: Path, uninterrupted: Path, stop: signal.Signals) -> None:
    first = start("first")
    state = wait_for("checkpoints/ppo-*/state.pt", tmp_path, first, timeout=150)
    written = state.stat().st_mtime_ns
    while stop is signal.SIGKILL and state.stat().st_mtime_ns == written:
        assert first.poll() is None, "it ended before it could be killed"
        time.sleep(0.002)
    first.send_signal(stop)
    code, output = finish(first)
    assert code == (143 if stop is signal.SIGTERM else -stop), output
    assert not (tmp_path / "first" / "adapter" / artifacts.MANIFEST).exists()
    done = torch.load(state, weights_only=True)["steps_done"]
    assert 0 < done < STEPS, "it was killed too late to tell anything"

    code, output = finish(start("second"))

    assert code == 0, output
    assert f"continuing after step {done} of {STEPS}" in output
    ours, theirs = (load_file(path / "adapter" / modeling.WEIGHTS_FILE) for path in (tmp_path / "second", uninterrupted))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    for folder in ("adapter", "rollouts"):
        digests = {
            (json.loads((path / folder / artifacts.MANIFEST).read_text()))["files"].values().__repr__()
            for path in (tmp_path / "second", uninterrupted)
        }
        assert len(digests) == 1, folder
    assert json.loads((tmp_path / "second" / "metrics").read_text()) == json.loads((uninterrupted / "metrics").read_text())
    assert list((tmp_path / "checkpoints").glob("*/*")) == [], "checkpoints go when the stage has finished"


def test_what_the_stage_leaves_behind(uninterrupted: Path, inputs: Mapping[str, Any]) -> None:
    directory, manifest = artifacts.open_sealed(uninterrupted / "adapter", modeling.ADAPTER_SCHEMA)
    start = load_file(Path(inputs["sft_adapter"].path) / modeling.WEIGHTS_FILE)
    end = load_file(directory / modeling.WEIGHTS_FILE)
    assert start.keys() == end.keys()
    assert all(not torch.equal(start[key], end[key]) for key in start)
    assert manifest.parents["base_model"] == manifest.properties["base_model_digest"] == read_reference(inputs["base_model"]).digest
    assert manifest.parents["sft_adapter"] == inputs["sft_adapter"].metadata["digest"]
    metrics = json.loads((uninterrupted / "metrics").read_text())
    assert metrics["validation_score_gain_low"] < metrics["validation_score_gain"] < metrics["validation_score_gain_high"]
    assert metrics["validation_score_gain"] == pytest.approx(metrics["validation_score"] - metrics["validation_score_before"])
    assert manifest.properties["validation_score"] == metrics["validation_score"]
    assert metrics["validation_kl"] != 0.0

    rollouts, _ = artifacts.open_sealed(uninterrupted / "rollouts", "rollouts/v1")
    rows = [json.loads(line) for line in (rollouts / "rollouts.jsonl").read_text().splitlines()]
    along = [row for row in rows if row["a"] == 1]
    assert [row["step"] for row in along] == [step for step in (0, 3, 6, 9, 10) for _ in range(4)]
    assert len(rows) == len(along) + 3 * 4, "the interpolations that were tried are among them"
    assert all(row["kl"] == 0.0 for row in rows if row["step"] == 0), "before the first step the policy is the SFT policy"
    assert all(set(row) == {"prompt_id", "step", "response", "num_tokens", "score", "kl", "truncated", "a"} for row in rows)
    kept = [row["score"] for row in rows if (row["step"], row["a"]) == (metrics["kept_step"], metrics["kept_interpolation"])]
    assert sum(kept) / 4 == pytest.approx(metrics["validation_score"])
    page = (uninterrupted / "curves").read_text()
    assert page.count("<svg") == 3
    assert page.count('<g id="axes_') == 21
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace("http://creativecommons.org", "")


def test_curves_are_in_the_tracking_server(uninterrupted: Path) -> None:
    client = MlflowClient(f"sqlite:///{uninterrupted.parent}/mlflow.db")
    (run,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    wanted = {
        "objective/kl", "objective/entropy", "objective/scores", "objective/rlhf_reward", "policy/approxkl", "policy/clipfrac",
        "loss/policy", "loss/value", "loss/ptx", "val/ratio", "value/explained_variance", "policy/grad_norm", "timing/rollout_seconds",
    }  # fmt: skip
    for name in wanted:
        assert [point.step for point in client.get_metric_history(run.info.run_id, name)] == list(range(STEPS)), name
    assert [point.step for point in client.get_metric_history(run.info.run_id, "eval/kl")] == [0, 3, 6, 9, 10]
    assert run.data.params["ppo.cliprange"] == "0.2"
    assert {entry.dataset.name for entry in run.inputs.dataset_inputs} == {"train", "validation"}


def test_inputs_of_another_family_are_refused_and_nothing_is_left(start: Start, tmp_path: Path, inputs: Mapping[str, Any]) -> None:
    other = dsl.Model(name="sft_adapter", uri=str(tmp_path / "other"), metadata={})
    folder = artifacts.start(other.path)
    for path in Path(inputs["sft_adapter"].path).glob("adapter*"):
        (folder / path.name).write_bytes(path.read_bytes())
    artifacts.seal(other, modeling.ADAPTER_SCHEMA, parents={"base_model": "of another model"})
    code, output = finish(start("refused", sft_adapter=other))
    assert code == 2
    assert "sft_adapter was trained on another base_model (of another m)" in output
    assert "Traceback" not in output
    assert not (tmp_path / "refused" / "adapter" / artifacts.MANIFEST).exists()


def test_a_split_without_prompts_is_refused(start: Start, tmp_path: Path) -> None:
    empty = write_split(tmp_path / "empty", conversations=[], pairs=[])
    code, output = finish(start("empty", train=empty))
    assert (code, "no prompts" in output) == (2, True), output
    code, output = finish(start("no-validation", validation=empty))
    assert (code, "the validation split has 0 prompts" in output) == (2, True), output
