"""One definition, three places: what a component compiles to, and that ``run`` has its signature."""

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp import compiler
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from pipelines.alignment import build_pipeline
from pipelines.compile import compile_pipeline
from pipelines.parameters import pipeline_parameters
from pipelines.settings import GPU_STAGES, KEY_STAGES, PROFILES, STAGES, Settings

COMPONENTS = (*STAGES, "notify")
COMMAND = ["python3", "-u", "-m", "components.shared.launch"]


@pytest.fixture(scope="module", params=sorted(path.stem for path in PROFILES.glob("*.yaml")))
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The YAML documents of the compiled pipeline: the IR, and the platform's."""
    path = tmp_path_factory.mktemp("ir") / "pipeline.yaml"
    compile_pipeline(Settings.load(request.param), path)
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def test_every_profile_is_known() -> None:
    assert {path.stem for path in PROFILES.glob("*.yaml")} == {"local", "single-gpu"}


@pytest.mark.parametrize("stage", COMPONENTS)
def test_component_compiles_to_the_launcher(stage: str, tmp_path: Path) -> None:
    component = getattr(importlib.import_module(f"components.{stage}.component"), stage)
    compiler.Compiler().compile(component, str(tmp_path / "c.yaml"))
    document = next(yaml.safe_load_all((tmp_path / "c.yaml").read_text(encoding="utf-8")))
    container = document["deploymentSpec"]["executors"][f"exec-{stage.replace('_', '-')}"]["container"]
    assert container["command"] == COMMAND
    assert container["args"] == [
        "--executor", "kfp.dsl.executor_main", "--stage", f"components.{stage}.stage:run", "--executor_input", "{{$}}",
    ]  # fmt: skip


@pytest.mark.parametrize("stage", COMPONENTS)
def test_run_has_the_signature_of_the_component(stage: str) -> None:
    component = getattr(importlib.import_module(f"components.{stage}.component"), stage)
    run = inspect.signature(importlib.import_module(f"components.{stage}.stage").run)
    inputs, outputs = component.component_spec.inputs or {}, component.component_spec.outputs or {}
    assert set(run.parameters) == {*inputs, *outputs}
    for name, spec in inputs.items():
        if spec.type == "PipelineTaskFinalStatus":
            continue  # KFP fills it in, and so calls it optional
        has_default = run.parameters[name].default is not inspect.Parameter.empty
        assert has_default == spec.optional, f"{stage}.{name}"


def test_ir_parses_strictly(compiled: list[dict[str, Any]]) -> None:
    ir, platform = compiled
    spec = json_format.ParseDict(ir, pipeline_spec_pb2.PipelineSpec())  # an unknown field raises
    for label, executor in ir["deploymentSpec"]["executors"].items():
        parsed = json_format.ParseDict(executor, pipeline_spec_pb2.PipelineDeploymentConfig.ExecutorSpec())
        assert parsed.WhichOneof("spec") == "container", label
    json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    for executor in executors.values():
        json_format.ParseDict(executor, kubernetes_executor_config_pb2.KubernetesExecutorConfig())
    assert spec.pipeline_info.name == "attune-alignment"
    assert len(ir["deploymentSpec"]["executors"]) == len(COMPONENTS) == len(executors)


def test_every_nested_dag_declares_the_inputs_that_it_uses(compiled: list[dict[str, Any]]) -> None:
    ir = compiled[0]
    dags = [component for component in ir["components"].values() if "dag" in component] + [ir["root"]]
    assert len(dags) == 3  # the pipeline, the exit handler's group, the stages
    for dag in dags:
        declared = set(dag.get("inputDefinitions", {}).get("parameters", {}))
        for task in dag["dag"]["tasks"].values():
            used = {
                value["componentInputParameter"]
                for value in task.get("inputs", {}).get("parameters", {}).values()
                if "componentInputParameter" in value
            }
            assert used <= declared, task["taskInfo"]["name"]


def test_every_stage_can_be_placed_at_run_time(compiled: list[dict[str, Any]]) -> None:
    ir, platform = compiled
    parameters = ir["root"]["inputDefinitions"]["parameters"]
    for stage in STAGES:
        container = ir["deploymentSpec"]["executors"][f"exec-{stage.replace('_', '-')}"]["container"]
        config = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"][f"exec-{stage.replace('_', '-')}"]
        assert container["image"] == f"{{{{$.inputs.parameters['pipelinechannel--{stage}_image']}}}}"
        text = json.dumps(container["resources"])
        assert f"{stage}_cpu" in text
        assert f"{stage}_memory" in text
        assert f"{stage}_tolerations" in json.dumps(config["tolerations"])
        assert f"{stage}_node_selector" in json.dumps(config["nodeSelector"])
        assert int(config["activeDeadlineSeconds"]) > 0
        assert {"image", "cpu", "memory", "node_selector", "tolerations", "config"} <= {
            name.removeprefix(f"{stage}_") for name in parameters if name.startswith(f"{stage}_")
        }
        if stage in GPU_STAGES:
            assert f"{stage}_gpu_count" in text
            assert f"{stage}_gpu_type" in text
            assert {mount["mountPath"] for mount in config["pvcMount"]} == {"/checkpoints", "/cache/huggingface"}


def test_the_pseudonym_key_is_a_required_secret_of_those_who_read_it(compiled: list[dict[str, Any]]) -> None:
    executors = compiled[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    holders = set()
    for name, config in executors.items():
        for secret in config.get("secretAsEnv", []):
            if secret["secretName"] == "attune-pseudonym-key":
                assert not secret.get("optional")
                assert secret["keyToEnv"] == [{"envVar": "ATTUNE_PSEUDONYM_KEY", "secretKey": "ATTUNE_PSEUDONYM_KEY"}]
                holders.add(name.removeprefix("exec-").replace("-", "_"))
    assert holders == set(KEY_STAGES) == {"preflight", "anonymize", "privacy_audit"}


def test_stages_are_retried_and_preflight_and_notify_are_never_cached(compiled: list[dict[str, Any]]) -> None:
    ir = compiled[0]
    tasks = {name: task for dag in ir["components"].values() if "dag" in dag for name, task in dag["dag"]["tasks"].items()}
    tasks |= ir["root"]["dag"]["tasks"]
    cached = {name for name, task in tasks.items() if task.get("cachingOptions", {}).get("enableCache") and "exec" not in name}
    assert "preflight" not in cached
    assert "notify" not in cached
    assert {stage.replace("_", "-") for stage in STAGES[1:]} <= cached
    assert tasks["notify"]["triggerPolicy"]["strategy"] == "ALL_UPSTREAM_TASKS_COMPLETED"


def test_parameters_have_types_descriptions_and_a_group_prefix() -> None:
    parameters = pipeline_parameters(Settings.load("single-gpu"))
    component = build_pipeline(Settings.load("single-gpu"))
    inputs = component.component_spec.inputs
    assert {parameter.name for parameter in parameters} == set(inputs)
    groups = (*STAGES, "data", "base_model", "run", "notify")
    for parameter in parameters:
        assert parameter.name.startswith(groups)
        assert inputs[parameter.name].description == parameter.description
