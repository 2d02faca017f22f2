"""The register stage with a real adapter on a tiny model, a real registry, and fresh processes that know only its name."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import pytest
import torch
from kfp import dsl
from mlflow import MlflowClient

from components.register import bundle, chat_model, stage, versions
from components.register.chat_model import SupportChatModel
from components.register.probe import PROBE
from components.shared import artifacts, modeling
from components.shared.errors import ContractError
from components.shared.lora import LoraSettings
from pipelines import registry
from tests import evaluations
from tests.tiny_model import build_tiny_model, reference_of

NAME = "attune-test"
AUTO = {"model_name": NAME, "promote": "auto", "max_new_tokens": 12}


class Stage:
    """Runs the stage as KFP would, on artifacts in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base_directory = build_tiny_model(folder / "base_model")
        self.reference = reference_of(self.base_directory)
        self.base = self.reference.model_dump_json()

    def artifact(self, kind: type, name: str) -> Any:
        return kind(name=name, uri=str(self.folder / name), metadata={})

    def adapter(self, seed: int) -> Any:
        """An adapter with weights that change the model."""
        torch.manual_seed(seed)
        model = modeling.new_adapter(modeling.load_base(self.reference), "policy", LoraSettings(r=4, alpha=16))
        for _, parameter in modeling.adapter_parameters(model, "policy"):
            torch.nn.init.normal_(parameter, std=0.3)
        artifact = self.artifact(dsl.Model, f"adapter{seed}")
        modeling.save_adapter(model, "policy", artifacts.start(artifact.path))
        artifacts.seal(artifact, modeling.ADAPTER_SCHEMA, parents={"train": "c" * 64})
        return artifact

    def run(self, adapter: Any, *, empathy: float) -> dict[str, Any]:
        """Run the stage once and return what it wrote."""
        manifest = artifacts.open_sealed(adapter, modeling.ADAPTER_SCHEMA)[1]
        report = evaluations.good_report(adapter_digest=manifest.digest, base_digest=self.reference.digest)
        written = evaluations.write(self.artifact(dsl.Dataset, "report"), report, evaluations.items(empathy))
        audit = evaluations.privacy_report(adapter_digest=manifest.digest, base_digest=self.reference.digest)
        audited = evaluations.write_privacy(self.artifact(dsl.Dataset, "audit"), audit)
        version = self.folder / "out" / "model_version"
        decision, card = self.artifact(dsl.Artifact, "decision"), self.artifact(dsl.Markdown, "cards/card.md")
        stage.run(written, audited, self.base, adapter, str(version), decision, card, self.artifact(dsl.Metrics, "metrics"), AUTO)
        document = json.loads((Path(decision.path) / "decision.json").read_text())
        return {"version": version.read_text(), "decision": decision, "document": document, "card": Path(card.path).read_text()}


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Stage]:
    """A registry whose version 1 passed the gate."""
    folder = tmp_path_factory.mktemp("register")
    shutil.copy(empty_store, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        patch.setenv("MLFLOW_EXPERIMENT_NAME", "test")
        patch.setenv("ATTUNE_ARTIFACT_LOCATION", str(folder / "store"))
        patch.setenv("ATTUNE_RUN_ID", "run-of-the-test")
        patch.delenv("MLFLOW_RUN_ID", raising=False)
        made = Stage(folder)
        made.first = made.run(made.adapter(1), empathy=0.5)  # type: ignore[attr-defined]
        yield made


def client() -> MlflowClient:
    return MlflowClient(os.environ["MLFLOW_TRACKING_URI"])


def alias(name: str) -> str | None:
    version = versions.with_alias(client(), NAME, name)
    return versions.number(version) if version else None


def in_fresh_process(program: str) -> Any:
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=200, check=False)
    assert process.returncode == 0, process.stderr[-2000:]
    return json.loads(process.stdout.strip().splitlines()[-1])


def test_the_champion_answers_in_a_fresh_process_with_the_trained_logits(registered: Stage) -> None:
    answers = in_fresh_process(f"""
import json, mlflow
model = mlflow.pyfunc.load_model("models:/{NAME}@champion")
question = {{"input": [{{"role": "user", "content": "I cannot sleep before the exam."}}], "temperature": 0}}
replies = [model.predict(question)["output"][0]["content"][0]["text"] for _ in range(2)]
logits = model.get_raw_model().logits({PROBE!r})
print(json.dumps({{"replies": replies, "logits": logits.tolist()}}))
""")
    assert answers["replies"][0] == answers["replies"][1] != ""
    reloaded, trained = torch.tensor(answers["logits"]), bundle.trained_logits(registered.reference, registered.folder / "adapter1")
    assert reloaded.shape == trained.shape
    assert (reloaded - trained).abs().max() <= 1e-5
    ids = modeling.load_tokenizer(registered.reference).apply_chat_template(PROBE, add_generation_prompt=True)["input_ids"]
    base = modeling.load_base(registered.reference)(input_ids=torch.tensor([ids])).logits[0]
    assert (base - trained).abs().max() > 0.1  # else the comparison above could not tell adapter from base
    experiment = client().get_experiment_by_name("test")
    assert client().search_traces(locations=[experiment.experiment_id]) == []  # nobody recorded what was said


def test_lineage_leads_from_the_version_to_run_data_and_decision(registered: Stage) -> None:
    first: dict[str, Any] = registered.first  # type: ignore[attr-defined]
    assert first["version"] == f"{NAME}/1"
    tags = client().get_model_version(NAME, "1").tags
    manifest = artifacts.open_sealed(registered.folder / "adapter1", modeling.ADAPTER_SCHEMA)[1]
    assert tags["adapter.digest"] == manifest.digest
    assert tags["base.digest"] == registered.reference.digest
    assert tags["attune.run_id"] == "run-of-the-test"
    assert tags["data.test_digest"] == "t" * 64
    assert json.loads(tags["adapter.parents"]) == {"train": "c" * 64}
    parent = client().get_run(tags["mlflow.parent_run_id"])
    assert parent.data.tags["attune.run_id"] == "run-of-the-test"
    assert tags["gate.verdict"] == tags["privacy_verdict"] == "PASS"
    assert tags["gate.sha256"] == artifacts.digest_of(first["document"])
    assert mlflow.artifacts.load_dict(f"models:/{NAME}/1/decision.json") == first["document"]
    _, sealed = artifacts.open_sealed(first["decision"], "decision/v1")
    assert sealed.properties == {"verdict": "PASS", "model_version": f"{NAME}/1", "promoted": True, "champion_seen": ""}
    assert set(sealed.parents) == {"eval_report", "privacy_report", "adapter"}


def test_a_version_needs_no_attune_and_carries_no_base_weights(registered: Stage, tmp_path: Path) -> None:
    local = Path(mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{NAME}/1", dst_path=str(tmp_path / "download")))
    assert sorted(path.name for path in local.rglob("*.safetensors")) == ["adapter_model.safetensors", "probe.safetensors"]
    assert "torch==2" in (local / "requirements.txt").read_text()
    assert list(local.rglob("replies.jsonl")) == []
    card = (local / "model_card.md").read_text()
    assert "Not for crisis" in card
    assert "| superiority: empathy over sft | PASS | 300 |" in card
    assert "## Privacy audit: PASS" in card
    assert "| Membership | PASS | 0.5 | - | 100 |" in card
    moved = shutil.copytree(registered.base_directory, tmp_path / "elsewhere")
    program = f"""
import json, os, sys
sys.path = [entry for entry in sys.path if not os.path.isdir(os.path.join(entry or ".", "components"))]
sys.meta_path = [finder for finder in sys.meta_path if "attune" not in str(finder)]
os.environ["ATTUNE_BASE_MODEL_PATH"] = {str(moved)!r}
import mlflow
model = mlflow.pyfunc.load_model({str(local)!r})
reply = model.predict({{"input": [{{"role": "user", "content": [{{"type": "input_text", "text": "Hello"}}]}}]}})
print(json.dumps([reply["output"][0]["role"], "components" in sys.modules]))
"""
    assert in_fresh_process(program) == ["assistant", False]


def test_a_later_candidate_is_compared_with_the_champion_and_a_retry_finds_its_version(registered: Stage) -> None:
    adapter = registered.adapter(2)
    result = registered.run(adapter, empathy=0.6)
    assert result["document"]["champion"] == "1"
    assert "non-inferiority: empathy to champion" in {rule["rule"] for rule in result["document"]["rules"]}
    assert result["document"]["verdict"] == "PASS"
    assert (alias("champion"), alias("previous"), alias("challenger")) == ("2", "1", "2")
    again = registered.run(adapter, empathy=0.6)
    assert again["version"] == result["version"]
    assert again["document"] == result["document"]  # the one that was made then, not a judgement against itself
    assert len(client().search_model_versions(f"name = '{NAME}'")) == 2


def test_a_version_that_reloads_as_another_model_stops_the_stage(registered: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (alias("champion"), alias("challenger"))
    true_logits = bundle.trained_logits
    monkeypatch.setattr(bundle, "trained_logits", lambda *given: true_logits(*given) + 0.001)
    with pytest.raises(ContractError, match="other logits than the trained model"):
        registered.run(registered.adapter(3), empathy=0.9)
    assert (alias("champion"), alias("challenger")) == before
    newest = client().search_model_versions(f"name = '{NAME}'", order_by=["version_number DESC"])[0]
    assert newest.tags["attune.reload"] == "broken"
    assert versions.CANDIDATE_TAG not in newest.tags


def load(directory: Path) -> SupportChatModel:
    model = SupportChatModel()
    model.load_context(SimpleNamespace(artifacts={"bundle": str(directory)}))
    return model


@pytest.fixture
def files(registered: Stage, tmp_path: Path) -> Path:
    """A copy of version 1's own files."""
    downloaded = mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{NAME}/1/artifacts/bundle", dst_path=str(tmp_path / "copy"))
    return Path(downloaded)


@pytest.mark.parametrize("damaged", ["adapter/adapter_model.safetensors", "adapter/adapter_config.json", "tokenizer/tokenizer.json"])
def test_a_damaged_version_is_not_served(files: Path, damaged: str) -> None:
    load(files)
    content = bytearray((files / damaged).read_bytes())
    content[-20] ^= 1
    (files / damaged).write_bytes(bytes(content))
    with pytest.raises(ValueError, match="is damaged"):
        load(files)


def test_another_base_is_refused(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_BASE_MODEL_PATH", str(build_tiny_model(tmp_path / "other", seed=5)))
    with pytest.raises(ValueError, match=r"model\.safetensors differ"):
        load(files)
    monkeypatch.setenv("ATTUNE_BASE_MODEL_PATH", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="no such directory"):
        load(files)


def test_an_adapter_keeps_its_precision_on_a_half_precision_base(files: Path, registered: Stage) -> None:
    base = modeling.load_base(registered.reference).to(torch.bfloat16)
    model = chat_model._with_adapter(base, files / "adapter")
    adapter = {name: parameter for name, parameter in model.named_parameters() if "lora_" in name}
    assert {parameter.dtype for parameter in adapter.values()} == {torch.float32}
    assert any(not torch.equal(parameter, parameter.bfloat16().float()) for parameter in adapter.values())
    model(input_ids=torch.tensor([[5, 6, 7]]))


def test_sampling_is_asked_for_and_can_be_repeated(files: Path) -> None:
    model = load(files)
    question = [{"role": "user", "content": "Hello"}]

    def reply(**settings: Any) -> str:
        return model.reply(question, **{"temperature": 0.0, "top_p": 1.0, "max_new_tokens": 24, **settings})

    assert reply() == reply()
    assert reply(temperature=1.5, seed=3) == reply(temperature=1.5, seed=3)
    assert len({reply(temperature=1.5, seed=seed) for seed in range(5)}) > 1


def test_a_long_conversation_loses_its_oldest_turns_and_no_other(files: Path) -> None:
    model = load(files)
    turns = [{"role": role, "content": f"{index} words " * 30} for index in range(8) for role in ("user", "assistant")]
    turns = [{"role": "system", "content": "Be kind."}, *turns, {"role": "user", "content": "The end."}]
    ids = model.encode(turns, reserve=100)
    assert ids.shape[1] <= 1024 - 100
    text = model.tokenizer.decode(ids[0])
    assert text.startswith("<|system|>\nBe kind.<|end|>\n<|user|>\n")
    assert text.endswith("The end.<|end|>\n<|assistant|>\n")
    assert "0 words" not in text
    with pytest.raises(ValueError, match="longer than"):
        model.encode([{"role": "user", "content": "x" * 5000}], reserve=0)
    with pytest.raises(ValueError, match="must end with a message of the user"):
        model.encode([{"role": "assistant", "content": "Hello"}], reserve=0)


@pytest.mark.parametrize("judge", ["evaluation", "privacy audit"])
def test_a_judgement_of_another_adapter_is_refused(registered: Stage, judge: str) -> None:
    adapter = registered.adapter(4)
    ours = {"adapter_digest": artifacts.open_sealed(adapter, modeling.ADAPTER_SCHEMA)[1].digest, "base_digest": registered.reference.digest}
    other = {"base_digest": registered.reference.digest}
    report = evaluations.good_report(**(other if judge == "evaluation" else ours))
    audit = evaluations.privacy_report(**(other if judge == "privacy audit" else ours))
    written = evaluations.write(registered.artifact(dsl.Dataset, "other_report"), report, evaluations.items(0.5))
    audited = evaluations.write_privacy(registered.artifact(dsl.Dataset, "other_audit"), audit)
    outputs = [registered.artifact(dsl.Artifact, name) for name in ("other_decision", "other_card", "other_metrics")]
    with pytest.raises(ContractError, match=f"the {judge} judged adapter aaaaaaaaaaaa, but"):
        stage.run(written, audited, registered.base, adapter, str(registered.folder / "other_version"), *outputs)
    assert not (registered.folder / "other_version").exists()


def test_a_person_promotes_and_takes_back(registered: Stage) -> None:
    newest = versions.create(
        client(),
        client().get_model_version(NAME, "1").run_id,
        NAME,
        registered.folder / "base_model",
        {"gate.verdict": "PASS"},
        "No model.",
    )
    registry.promote(NAME, "1", "for the test", check=False)
    versions.promote(client(), NAME, versions.number(newest), "past the check")
    assert registry.rollback(NAME, "it was none") == ("1", versions.number(newest))
    assert alias("champion") == "1"
