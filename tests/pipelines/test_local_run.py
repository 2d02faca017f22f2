"""The whole DAG on the sample data: run, repeated, changed. Minutes long; killed stages are shown in tests/stages."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from pipelines.settings import STAGES

ROOT = Path(__file__).parents[2]
ATTUNE = str(Path(sys.executable).with_name("attune"))
pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

QUICK = Path(__file__).parent / "quick.yaml"
"""The local profile with the training shortened: wiring, caching and resume do not depend on how good the model gets."""


class Laptop:
    """A folder of runs and the command in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "ATTUNE_RUN"))}

    def start(self, *sets: str, profile: Path = QUICK) -> subprocess.Popen[str]:
        command = [ATTUNE, "run", "--profile", str(profile), *(part for item in sets for part in ("--set", item))]
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, *sets: str) -> tuple[int, dict[str, str], str]:
        """Run to the end; returns exit code, stage to how it ended, and the output."""
        process = self.start(*sets)
        output, _ = process.communicate()
        rows = [line.split() for line in output.splitlines()]
        ended = {row[0]: row[1] for row in rows if len(row) > 2 and row[0] in STAGES and row[1] in {"done", "reused", "failed"}}
        return process.returncode, ended, output

    def client(self) -> MlflowClient:
        return MlflowClient(f"sqlite:///{self.folder}/runs/mlflow.db")


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    machine = Laptop(tmp_path_factory.mktemp("laptop"))
    shutil.copy(ROOT / "components/builtin/samples/conversations.jsonl.gz", machine.folder / "mine.jsonl.gz")
    return machine


DATA = "data.conversations=mine.jsonl.gz"


def test_1_first_run_does_every_stage_and_registers(laptop: Laptop) -> None:
    code, ended, output = laptop.run(DATA)
    assert code == 0, output
    assert ended == dict.fromkeys(STAGES, "done"), output
    versions = laptop.client().search_model_versions("name = 'attune-support'")
    assert [int(version.version) for version in versions] == [1]
    assert int(laptop.client().get_model_version_by_alias("attune-support", "challenger").version) == 1
    parents = [run for run in laptop.client().search_runs(["1"]) if run.data.tags.get("attune.kind") == "pipeline"]
    children = [run for run in laptop.client().search_runs(["1"]) if run.data.tags.get("mlflow.parentRunId") == parents[0].info.run_id]
    assert len(parents) == 1
    assert parents[0].info.status == "FINISHED"
    assert {run.info.run_name for run in children} == set(STAGES)


def test_2_second_run_reuses_everything_but_preflight(laptop: Laptop) -> None:
    code, ended, output = laptop.run(DATA)
    assert code == 0, output
    assert ended == {"preflight": "done"} | dict.fromkeys(STAGES[1:], "reused"), output


def test_3_a_changed_ppo_setting_reruns_ppo_and_what_follows(laptop: Laptop) -> None:
    code, ended, output = laptop.run(DATA, "ppo.kl_coef=0.2")
    assert code == 0, output
    assert {stage for stage, how in ended.items() if how == "done"} == {"preflight", "ppo", "privacy_audit", "evaluate", "register"}, output


def test_4_another_file_under_the_same_path_reruns_what_reads_it(laptop: Laptop) -> None:
    import gzip

    path = laptop.folder / "mine.jsonl.gz"
    rows = gzip.decompress(path.read_bytes()).decode().splitlines()
    path.write_bytes(gzip.compress("\n".join(rows[:-1]).encode() + b"\n"))
    code, ended, output = laptop.run(DATA)
    assert code == 0, output
    assert ended == dict.fromkeys(STAGES, "done"), output
