"""The containers: built from the Dockerfiles, then the data stages run in them through kfp.local.DockerRunner.

``make test-images BASE=... PIP_ARGS=... DOCKER_ARGS=...`` passes on what a closed network needs.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def engine_is_here() -> bool:
    return shutil.which("docker") is not None and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not engine_is_here(), reason="no container engine runs here"),
]


@pytest.fixture(scope="module", params=["data", "train"])
def image(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Name and tag of a freshly built image."""
    tag = f"attune-test/python-{request.param}:test"
    command = ["docker", "build", *os.environ.get("DOCKER_ARGS", "").split(), "-f", f"images/{request.param}/Dockerfile", "-t", tag]
    for argument in ("BASE", "PIP_ARGS"):
        if value := os.environ.get(argument):
            command += ["--build-arg", f"{argument}={value}"]
    built = subprocess.run([*command, "."], cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
    return request.param, tag


def in_container(tag: str, *command: str) -> str:
    run = subprocess.run(["docker", "run", "--rm", "--network", "none", tag, *command], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout


def test_the_package_in_the_image_is_ours(image: tuple[str, str]) -> None:
    assert (
        in_container(image[1], "python3", "-c", "import components; print(components.__file__)")
        .strip()
        .endswith("site-packages/components/__init__.py")
    )


def test_torch_is_only_where_it_is_needed(image: tuple[str, str]) -> None:
    found = in_container(image[1], "python3", "-c", "import importlib.util as u; print(bool(u.find_spec('torch')))").strip()
    assert found == str(image[0] == "train")


def test_containers_do_not_run_as_root(image: tuple[str, str]) -> None:
    assert in_container(image[1], "id", "-u").strip() == "10001"


def test_every_stage_of_the_image_imports(image: tuple[str, str]) -> None:
    data = ("preflight", "validate_data", "anonymize", "split", "notify")
    stages = data if image[0] == "data" else ("sft", "reward", "ppo", "privacy_audit", "evaluate", "register")
    script = "; ".join(["import importlib", *(f"importlib.import_module('components.{stage}.stage')" for stage in stages)])
    in_container(image[1], "python3", "-c", script)


def test_a_stage_runs_offline_in_its_container(image: tuple[str, str], tmp_path: Path) -> None:
    """validate_data on the sample data, through the compiled command, without any network."""
    if image[0] != "data":
        pytest.skip("a stage of the data image")
    from components.shared import storage

    digests = {name: storage.digest(f"builtin:{name}") for name in ("conversations", "preferences")}
    outputs = ("conversations", "preferences", "quarantine", "checks", "report", "metrics")
    kinds = {"report": "system.HTML", "metrics": "system.Metrics", "checks": "system.Artifact"}
    executor_input = {
        "inputs": {
            "parameterValues": {
                **{f"{name}_uri": f"builtin:{name}" for name in digests},
                **{f"{name}_digest": digest for name, digest in digests.items()},
                "config": {},
            }
        },
        "outputs": {
            "artifacts": {
                name: {
                    "artifacts": [
                        {"name": name, "type": {"schemaTitle": kinds.get(name, "system.Dataset")}, "uri": f"/out/{name}", "metadata": {}}
                    ]
                }
                for name in outputs
            },
            "outputFile": "/out/executor_output.json",
        },
    }
    tmp_path.chmod(0o777)
    place = ["-v", f"{tmp_path}:/out", "-w", "/out", "-e", "MLFLOW_TRACKING_URI=sqlite:////out/mlflow.db"]
    launch = ["python3", "-u", "-m", "components.shared.launch", "--executor", "kfp.dsl.executor_main"]
    stage = ["--stage", "components.validate_data.stage:run", "--executor_input", json.dumps(executor_input)]
    subprocess.run(["docker", "run", "--rm", "--network", "none", *place, image[1], *launch, *stage], check=True)
    manifest = json.loads((tmp_path / "conversations" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["schema_id"] == "conversations/v1"
    assert manifest["properties"]["rows"] >= 400
