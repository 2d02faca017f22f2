"""A stage in several processes: outputs once, errors once with their exit code, a stop for all."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from components.shared import processes
from components.shared.errors import ContractError

ROOT = Path(__file__).parents[3]
STAGE = """
import logging, os, signal, time
from pathlib import Path
from kfp import dsl
from components.shared import distributed, shutdown
from components.shared.errors import ContractError, DataGateError, Interrupted

DATA_PARALLEL = True
RANK = distributed.place().rank

def run(made: dsl.Output[dsl.Artifact], config: dict = {}):
    folder, kind, SECRET = Path(config["folder"]), config["kind"], "kumquat"
    (folder / f"ran-{RANK}").touch()
    logging.getLogger("toy").info("the stage runs")
    if kind == "contract everywhere":
        raise ContractError("row 3: empty content; remove the row")
    if kind == "unforeseen everywhere":
        raise RuntimeError(SECRET)
    if kind == "wait for SIGTERM":
        (folder / f"waits-{RANK}").touch()
        while not shutdown.requested():
            time.sleep(0.01)
        (folder / f"saved-{RANK}").touch()
        raise Interrupted
    if kind in ("gate on one", "killed one"):
        import torch
        from components.ppo.parallel import from_environment
        parallel = from_environment()
        parallel.sum_(torch.ones(1))
        if RANK == 1 and kind == "gate on one":
            raise DataGateError("12 of 20 rows refused")
        if RANK == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        parallel.sum_(torch.ones(1))
    Path(made.path).write_text(f"rank {RANK}", encoding="utf-8")
    made.metadata["by"] = RANK
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "toy.py").write_text(STAGE, encoding="utf-8")
    (tmp_path / "alone.py").write_text(STAGE.replace("DATA_PARALLEL = True", ""), encoding="utf-8")
    return tmp_path


def start(folder: Path, kind: str, stage: str = "toy", starter: tuple[str, ...] = (), **environment: str) -> subprocess.Popen[str]:
    artifact = {"name": "made", "type": {"schemaTitle": "system.Artifact"}, "uri": str(folder / "made"), "metadata": {}}
    document = {
        "inputs": {"parameterValues": {"config": {"kind": kind, "folder": str(folder)}}},
        "outputs": {"artifacts": {"made": {"artifacts": [artifact]}}, "outputFile": str(folder / "output.json")},
    }
    variables = {"PYTHONPATH": f"{ROOT}:{folder}", "PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", **environment}
    command = [sys.executable, *starter, "-m", "components.shared.launch", "--stage", f"{stage}:run"]
    return subprocess.Popen(
        [*command, "--executor_input", json.dumps(document)],
        env=variables,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Wait; return the exit code and the lines written, what libraries put on stderr apart."""
    out, _ = process.communicate(timeout=120)
    return process.returncode, out.splitlines()


def names(folder: Path, pattern: str) -> set[str]:
    return {path.name for path in folder.glob(pattern)}


def written(folder: Path) -> Any:
    return json.loads((folder / "output.json").read_text(encoding="utf-8"))["artifacts"]["made"]["artifacts"][0]["metadata"]


@pytest.mark.parametrize("starter", [(), ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")])
def test_every_rank_runs_and_one_writes(folder: Path, starter: tuple[str, ...]) -> None:
    own = {} if starter else {processes.PROCESSES_VARIABLE: "2"}
    code, lines = finished(start(folder, "fine", starter=starter, **own))
    assert (code, lines) == (0, ["the stage runs"])
    assert names(folder, "ran-*") == {"ran-0", "ran-1"}
    assert (folder / "made").read_text(encoding="utf-8") == "rank 0"
    assert written(folder) == {"by": 0}


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        ("contract everywhere", 2, "error: row 3: empty content; remove the row"),
        ("gate on one", 4, "error: 12 of 20 rows refused"),
        ("killed one", 1, "error: process 1 of the stage was ended by SIGKILL; if that was for memory, give the stage more"),
    ],
)
def test_an_error_is_one_line_with_its_own_exit_code(folder: Path, kind: str, code: int, message: str) -> None:
    result, lines = finished(start(folder, kind, ATTUNE_PROCESSES_PER_NODE="2"))
    assert (result, lines) == (code, ["the stage runs", message])
    assert not (folder / "output.json").exists()


def test_an_unforeseen_error_is_said_once_without_its_message(folder: Path) -> None:
    code, lines = finished(start(folder, "unforeseen everywhere", ATTUNE_PROCESSES_PER_NODE="2"))
    assert code == 1
    assert sum("unforeseen RuntimeError" in line for line in lines) == 1
    assert "kumquat" not in "".join(lines)


@pytest.mark.parametrize("target", ["parent", "parent killed"])
def test_a_stop_reaches_every_process(folder: Path, target: str) -> None:
    process = start(folder, "wait for SIGTERM", ATTUNE_PROCESSES_PER_NODE="2")
    until(lambda: names(folder, "waits-*") == {"waits-0", "waits-1"}, process)
    process.send_signal(signal.SIGTERM if target == "parent" else signal.SIGKILL)
    code, _ = finished(process)
    assert code == (143 if target == "parent" else -9)
    until(lambda: names(folder, "saved-*") == {"saved-0", "saved-1"})


def until(condition: Any, process: subprocess.Popen[str] | None = None) -> None:
    """Wait for something that another process does; fail if that process ends first or a minute passes."""
    for _ in range(6000):
        if condition():
            return
        assert process is None or process.poll() is None, "the stage ended too early"
        time.sleep(0.01)
    raise AssertionError("not within a minute")


def test_a_stage_that_does_not_divide_its_work_runs_once(folder: Path) -> None:
    code, _ = finished(start(folder, "fine", "alone", ATTUNE_PROCESSES_PER_NODE="2"))
    assert code == 0
    assert names(folder, "ran-*") == {"ran-0"}


def test_torchrun_around_such_a_stage_is_refused(folder: Path) -> None:
    variables = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}
    code, lines = finished(start(folder, "fine", "alone", **variables))
    assert (code, lines) == (2, ["rank 0: error: alone:run runs in one process, not in 2; start it without torchrun"])


def test_a_wrong_number_of_processes_is_refused(folder: Path) -> None:
    code, lines = finished(start(folder, "fine", ATTUNE_PROCESSES_PER_NODE="two"))
    assert code == 2
    assert lines == [
        "error: ATTUNE_PROCESSES_PER_NODE is 'two'; give a whole number of at least 1, or unset it for one process per GPU",
    ]


def test_a_process_does_not_wait_for_a_lost_peer() -> None:
    code = """
import sys, tempfile, time
from components.shared import distributed, processes
processes.GRACE_SECONDS = 0.1
processes.take_note(distributed.Place(1, 2, 1, 2), int(sys.argv[1]), ["error"])
processes.leave_with_peers(distributed.Place(0, 2, 0, 2))
time.sleep(float(sys.argv[2]))
sys.exit(7)
"""

    def exit_code(folder: str, peer: int, seconds: float) -> int:
        variables = {**os.environ, "PYTHONPATH": str(ROOT), processes.NOTES_VARIABLE: folder}
        return subprocess.run([sys.executable, "-c", code, str(peer), str(seconds)], env=variables, cwd=ROOT, check=False).returncode

    with tempfile.TemporaryDirectory() as folder:
        assert exit_code(folder, 2, 60) == 1, "a peer that failed"
        assert exit_code(folder, 143, 1.5) == 7, "a peer that stopped on request"
        assert exit_code(folder, 0, 1.5) == 7, "a peer that is done"


def test_a_peer_that_vanished_is_lost(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert processes._lost(processes.Note(gone.pid))
    assert not processes._lost(processes.Note(os.getpid()))
    assert not processes._lost(None)


@pytest.mark.parametrize(("chosen", "count"), [(None, 3), ("", 0), ("0", 1), ("2,0", 2), ("0,-1,1", 1), ("0,1,2,3", 3)])
def test_gpus_are_counted_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str | None, count: int) -> None:
    for name in ("nvidia0", "nvidia1", "nvidia7", "nvidiactl", "nvidia-uvm", "sda"):
        (tmp_path / name).touch()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert processes.visible_gpus(tmp_path) == count


def test_a_stage_declares_itself_in_its_source(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setenv(processes.PROCESSES_VARIABLE, "4")
    assert processes.wanted("toy") == 4
    assert processes.wanted("alone") == 1
    assert processes.wanted("no.such.module") == 1
    assert "toy" not in sys.modules
    monkeypatch.setenv("RANK", "0")
    assert processes.wanted("toy") == 1, "a process that torchrun started starts no more"
    monkeypatch.setenv(processes.PROCESSES_VARIABLE, "0")
    with pytest.raises(ContractError, match="whole number of at least 1"):
        processes.wanted("toy")
