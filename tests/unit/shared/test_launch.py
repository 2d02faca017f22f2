"""The container entry point: exit codes, and errors that do not repeat what a person said."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

STAGE = """
from kfp import dsl
from components.shared.errors import ContractError, DataGateError

SECRET = "kumquat"

def run(config: dict = {}):
    kind = config["kind"]
    if kind == "contract":
        raise ContractError("file x, row 3: empty content; remove the row")
    if kind == "gate":
        raise DataGateError("12 of 20 rows refused")
    if kind == "disk":
        raise OSError(28, "No space left on device", "/out/x")
    if kind == "unforeseen":
        try:
            {}[SECRET]
        except KeyError as error:
            raise RuntimeError(f"cannot handle {SECRET}") from error
"""


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    (tmp_path / "stage_under_test.py").write_text(STAGE, encoding="utf-8")
    return tmp_path


def launch(folder: Path, kind: str, **environment: str) -> subprocess.CompletedProcess[str]:
    executor_input = {"inputs": {"parameterValues": {"config": {"kind": kind}}}, "outputs": {"outputFile": str(folder / "output.json")}}
    command = [
        sys.executable,
        "-m",
        "components.shared.launch",
        "--stage",
        "stage_under_test:run",
        "--executor_input",
        json.dumps(executor_input),
    ]
    variables = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", **environment}
    return subprocess.run(command, capture_output=True, text=True, env=variables, cwd=folder, check=False)


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        ("fine", 0, ""),
        ("contract", 2, "error: file x, row 3: empty content; remove the row"),
        ("gate", 4, "error: 12 of 20 rows refused"),
        ("disk", 2, "error: the disk is full while writing /out/x; free some room there and start the run again"),
    ],
)
def test_a_user_error_is_one_line_with_an_exit_code(stage: Path, kind: str, code: int, message: str) -> None:
    result = launch(stage, kind)
    assert result.returncode == code
    assert result.stdout.strip() == message
    assert result.stderr == ""


def test_an_unforeseen_error_shows_where_but_not_what(stage: Path) -> None:
    result = launch(stage, "unforeseen")
    assert result.returncode == 1
    assert "unforeseen RuntimeError" in result.stdout
    assert "unforeseen KeyError" in result.stdout
    assert "stage_under_test.py:19 in run" in result.stdout
    assert "kumquat" not in result.stdout + result.stderr


def test_its_message_is_shown_on_request(stage: Path) -> None:
    assert "cannot handle kumquat" in launch(stage, "unforeseen", ATTUNE_SHOW_ERRORS="1").stdout
