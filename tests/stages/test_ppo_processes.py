"""The ppo stage in two processes: one set of outputs, one tracked run, one error line, a stop for both."""

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from mlflow import MlflowClient
from safetensors.torch import load_file

from components.shared import artifacts, modeling
from tests.data_stages import error_lines
from tests.stage_inputs import finish, start_stage, tracking_in, wait_for, write_split
from tests.stages.test_ppo import OUTPUTS, inputs  # noqa: F401 - a fixture
from tests.unit.ppo.family import SMALL

pytestmark = pytest.mark.slow
STEPS = 5
CONFIG = {**SMALL, "total_episodes": 8 * STEPS, "eval_steps": 5}


def start(folder: Path, given: Mapping[str, Any], **environment: str) -> Any:
    places = tracking_in(folder.parent) | {"ATTUNE_CHECKPOINT_DIR": str(folder.parent / "checkpoints")}
    return start_stage("ppo", folder, given, OUTPUTS, CONFIG, **{**places, "ATTUNE_PROCESSES_PER_NODE": "2", **environment})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, inputs: dict[str, Any]) -> tuple[Path, str]:  # noqa: F811
    """Outputs and log of an uninterrupted run of two processes."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    code, output = finish(start(folder, inputs))
    assert code == 0, output
    return folder, output


def test_two_processes_leave_one_set_of_outputs_and_one_tracked_run(whole: tuple[Path, str]) -> None:
    folder, output = whole
    artifacts.open_sealed(folder / "adapter", modeling.ADAPTER_SCHEMA)
    artifacts.open_sealed(folder / "rollouts", "rollouts/v1")
    client = MlflowClient(f"sqlite:///{folder.parent}/mlflow.db")
    (run,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    assert run.info.status == "FINISHED"
    assert [point.step for point in client.get_metric_history(run.info.run_id, "objective/kl")] == list(range(STEPS))
    assert output.count(f"ppo {STEPS}/{STEPS}") == 1, "one process talks"
    assert list((folder.parent / "checkpoints").glob("*/*")) == []


def test_a_stop_and_a_second_start_end_with_the_same_adapter(
    tmp_path: Path,
    inputs: dict[str, Any],  # noqa: F811
    whole: tuple[Path, str],
) -> None:
    first = start(tmp_path / "first", inputs)
    state = wait_for("checkpoints/ppo-*/state.pt", tmp_path, first, timeout=150)
    first.send_signal(signal.SIGTERM)
    code, output = finish(first)
    assert code == 143, output
    assert error_lines(output) == []
    done = torch.load(state, weights_only=True)["steps_done"]
    assert 0 < done < STEPS, "it was stopped too late to tell anything"

    code, output = finish(start(tmp_path / "second", inputs))

    assert code == 0, output
    assert output.count(f"continuing after step {done} of {STEPS}") == 1
    ours, theirs = (load_file(path / "adapter" / modeling.WEIGHTS_FILE) for path in (tmp_path / "second", whole[0]))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_refused_input_is_one_line(tmp_path: Path, inputs: dict[str, Any]) -> None:  # noqa: F811
    empty = write_split(tmp_path / "empty", conversations=[], pairs=[])
    code, output = finish(start(tmp_path / "out", {**inputs, "validation": empty}))
    assert code == 2, output
    (line,) = error_lines(output)
    assert "the validation split has 0 prompts" in line


def test_an_error_of_the_process_that_tracks_is_one_line(tmp_path: Path, inputs: dict[str, Any]) -> None:  # noqa: F811
    code, output = finish(start(tmp_path / "out", inputs, MLFLOW_TRACKING_URI=""))
    assert code == 2, output
    (line,) = error_lines(output)
    assert "MLFLOW_TRACKING_URI is not set" in line, "the other process waits for it in an exchange, and what it says is not the cause"
