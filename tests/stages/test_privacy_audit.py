"""The privacy_audit stage on models trained in the test: one that learnt its people by heart, one that saw each once."""

import json
import math
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from kfp import dsl
from mlflow import MlflowClient

from components.shared import artifacts, chat, modeling
from components.shared.canaries import CANARIES_SCHEMA, Canary, write_canaries
from components.shared.errors import ContractError
from components.shared.lora import LoraSettings
from components.shared.original_values import ORIGINAL_VALUES_SCHEMA, OriginalValues
from components.shared.privacy_report import PrivacyReport, read_privacy_report
from components.shared.pseudonym_key import read_key
from components.shared.records import Conversation, Message
from components.split.canaries import make_canaries
from tests.stage_inputs import finish, run_stage, start_stage, wait_for, write_split
from tests.tiny_model import SENTENCES, base_model_parameter, build_tiny_model, reference_of

OUTPUTS = {"privacy_report": dsl.Dataset, "report": dsl.HTML, "metrics": dsl.Metrics}
CONFIG = {
    "num_prefixes": 100,
    "samples_per_prefix": 2,
    "extraction_tokens": 10,
    "num_generations": 600,
    "max_new_tokens": 20,
    "overlap_tokens": 12,
    "generation_batch_size": 200,
    "resamples": 400,
}
QUICK = {**CONFIG, "num_prefixes": 4, "samples_per_prefix": 1, "num_generations": 12, "max_conversations": 20, "resamples": 200}
WORDS = sorted({word.strip(".,?") for sentence in SENTENCES for word in sentence.split()})
SECRET_VALUE = "Katarzyna Wolska"


def members_and_others(count: int) -> tuple[list[Conversation], list[Conversation]]:
    """People of random words, and others who use the very same words in another order: nothing but memory tells them apart."""
    rng = random.Random(1)
    members, others = [], []
    for index in range(count):
        turns = [rng.choices(WORDS, k=6), rng.choices(WORDS, k=12)]
        members.append(dialogue(f"m{index}", turns))
        others.append(dialogue(f"o{index}", [rng.sample(words, len(words)) for words in turns]))
    return members, others


def dialogue(name: str, turns: list[list[str]]) -> Conversation:
    said = [Message(role=role, content=" ".join(words)) for role, words in zip(("user", "assistant"), turns, strict=True)]
    return Conversation(id=f"c-{name}", person_id=name, messages=said)


def small_canaries() -> list[Canary]:
    """Eighteen planted secrets and two twins, each one of 1024 to save time: 10 bits at most."""
    made = make_canaries(6, (1, 4), "en", seed=1)
    kept = [canary for canary in made if canary.repetitions] + [canary for canary in made if not canary.repetitions][:2]
    return [
        canary.model_copy(update={"slots": [canary.slots[0][:4], *canary.slots[1:]], "choice": [canary.choice[0] % 4, *canary.choice[1:]]})
        for canary in kept
    ]


def train(reference: Any, rows: list[Conversation], epochs: int, learning_rate: float) -> Any:
    """Fine-tune a LoRA adapter on the assistant's tokens with the plainest loop there is."""
    tokenizer = modeling.load_tokenizer(reference)
    encoded = [chat.encode(tokenizer, row.messages) for row in rows]
    torch.manual_seed(0)
    model = modeling.new_adapter(modeling.load_base(reference), "sft", LoraSettings(r=16, alpha=32, dropout=0.0))
    modeling.use_adapter(model, "sft", trainable=True)
    optimizer = torch.optim.AdamW([p for _, p in modeling.adapter_parameters(model, "sft")], lr=learning_rate, weight_decay=0.0)
    # Falling to zero as the sft stage's does: at a constant rate the people of the last batch are remembered after one epoch already.
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=epochs * math.ceil(len(encoded) / 16))
    generator = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        order = torch.randperm(len(encoded), generator=generator).tolist()
        for start in range(0, len(order), 16):
            batch = [encoded[index] for index in order[start : start + 16]]
            width = max(map(len, batch))
            ids, labels = torch.zeros(len(batch), width, dtype=torch.long), torch.full((len(batch), width), -100)
            for row, each in enumerate(batch):
                tokens, marks = torch.tensor(each.input_ids), torch.tensor(each.assistant_mask).bool()
                ids[row, : len(each)] = tokens
                labels[row, : len(each)][marks] = tokens[marks]
            model(input_ids=ids, labels=labels).loss.backward()
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    return model


class Laboratory:
    """People, secrets, a base model, and adapters trained on them."""

    def __init__(self, folder: Path, people: int) -> None:
        self.folder = folder
        base = build_tiny_model(folder / "base", hidden=64)
        self.reference = reference_of(base)
        members, others = members_and_others(people)
        self.canaries = small_canaries()
        self.rows = [*members, *(row for canary in self.canaries for row in canary.rows())]
        self.inputs: dict[str, Any] = {
            "train": write_split(folder / "train", conversations=self.rows),
            "test": write_split(folder / "test", conversations=others),
            "canaries": self.written_canaries("canaries", self.canaries),
            "original_values": self.originals([SECRET_VALUE, "+48 601 777 123"]),
            "base_model": base_model_parameter(base),
        }

    def written_canaries(self, name: str, canaries: list[Canary]) -> Any:
        artifact = dsl.Dataset(name=name, uri=str(self.folder / name), metadata={})
        write_canaries(artifacts.start(artifact.path), canaries)
        artifacts.seal(artifact, CANARIES_SCHEMA)
        return artifact

    def originals(self, values: list[str]) -> Any:
        artifact = dsl.Dataset(name="original_values", uri=str(self.folder / f"values{len(values)}"), metadata={})
        known = OriginalValues(read_key())
        known.update(values)
        known.write(artifacts.start(artifact.path))
        artifacts.seal(artifact, ORIGINAL_VALUES_SCHEMA)
        return artifact

    def adapter(self, name: str, epochs: int, learning_rate: float) -> dict[str, Any]:
        """Train and return the stage's adapter inputs; PPO is left out, the candidate is the fine-tuned model."""
        artifact = dsl.Model(name=name, uri=str(self.folder / name), metadata={})
        modeling.save_adapter(train(self.reference, self.rows, epochs, learning_rate), "sft", artifacts.start(artifact.path))
        artifacts.seal(artifact, modeling.ADAPTER_SCHEMA, parents={"base_model": self.reference.digest})
        return {"sft_adapter": artifact, "ppo_adapter": artifact}


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # tiny products: a second thread costs more than it brings
    yield Laboratory(tmp_path_factory.mktemp("laboratory"), people=300)
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def one_epoch(laboratory: Laboratory) -> dict[str, Any]:
    return {**laboratory.inputs, **laboratory.adapter("one_epoch", epochs=1, learning_rate=5e-4)}


def audit(inputs: dict[str, Any], folder: Path, config: dict[str, Any] = CONFIG) -> PrivacyReport:
    run_stage("privacy_audit", folder, inputs, OUTPUTS, config)
    return read_privacy_report(folder / "privacy_report")[0]


def test_a_model_that_saw_everybody_once_passes(one_epoch: dict[str, Any], tmp_path: Path, tracking_uri: str) -> None:
    report = audit(one_epoch, tmp_path)
    assert {check.name: check.outcome for check in report.checks if check.outcome != "PASS"} == {}
    assert report.verdict == "PASS"
    assert report.check("membership/ratio_auc").n == 300
    assert report.check("exposure/median").n == 18
    assert len(report.canaries) == 20
    runs = MlflowClient(tracking_uri).search_runs(["1"])
    assert [run.data.tags["attune.privacy_verdict"] for run in runs if run.info.run_name == "privacy_audit"] == ["PASS"]


def test_a_model_that_learnt_its_people_by_heart_is_blocked(tmp_path: Path, tracking_uri: str, laboratory: Laboratory) -> None:
    small = Laboratory(tmp_path / "small", people=120)  # the same base and canaries, fewer people: learning by heart takes time
    assert small.inputs["base_model"].partition("digest")[2] == laboratory.inputs["base_model"].partition("digest")[2]
    report = audit({**small.inputs, **small.adapter("overtrained", epochs=25, learning_rate=1e-2)}, tmp_path)
    assert report.verdict == "BLOCK"
    blocked = {check.name for check in report.checks if check.outcome == "BLOCK"}
    assert blocked >= {"membership/ratio_auc", "membership/loss_auc", "membership/ratio_tpr", "exposure/median", "extraction/canaries"}
    base, ours = report.check("membership/loss_auc").base, report.check("membership/loss_auc").value
    assert base is not None
    assert ours is not None
    assert base < 0.58 < 0.9 < ours  # the base model cannot tell them, so it is memory and not the data
    planted = [canary for canary in report.canaries if canary.repetitions == 4]
    assert all(canary.bits["ppo"] > 6 for canary in planted)
    properties = artifacts.open_sealed(tmp_path / "privacy_report", "privacy_report/v1")[1].properties
    assert properties["verdict"] == "BLOCK"
    assert properties["blocked"] == len(blocked)


def test_nothing_that_anybody_said_reaches_an_output(
    one_epoch: dict[str, Any], tmp_path: Path, tracking_uri: str, laboratory: Laboratory, capfd: pytest.CaptureFixture[str]
) -> None:
    audit(one_epoch, tmp_path / "out", QUICK)
    written = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").rglob("*") if path.is_file())
    written += "".join(capfd.readouterr())
    said = [message.content for row in laboratory.rows for message in row.messages]
    assert not [text for text in said if text in written]
    assert not [canary for canary in laboratory.canaries if canary.secret in written]
    assert SECRET_VALUE not in written
    assert "<script" not in written
    assert re.findall(r"(?:src|href)=\"(?!#)", written) == []


def test_without_canaries_and_originals_these_checks_are_not_measured(
    one_epoch: dict[str, Any], tmp_path: Path, tracking_uri: str, laboratory: Laboratory
) -> None:
    empty = {"canaries": laboratory.written_canaries("none", []), "original_values": laboratory.originals([])}
    report = audit({**one_epoch, **empty}, tmp_path, QUICK)
    names = {check.name for check in report.checks if check.outcome == "NOT MEASURED"}
    assert names == {"exposure/median", "exposure/single", "extraction/canaries", "values/specific", "values/words"}
    assert report.verdict == "WARN"  # 20 dialogues and 12 generations prove nothing
    assert report.check("membership/loss_auc").outcome == "INCONCLUSIVE"


def test_values_under_another_key_are_refused(
    one_epoch: dict[str, Any], tmp_path: Path, tracking_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTUNE_PSEUDONYM_KEY", "ab" * 32)
    with pytest.raises(ContractError, match="give the stage the same Secret as anonymize"):
        audit(one_epoch, tmp_path, QUICK)
    monkeypatch.setenv("ATTUNE_PSEUDONYM_KEY", "")
    with pytest.raises(ContractError, match="ATTUNE_PSEUDONYM_KEY is not set"):
        audit(one_epoch, tmp_path, QUICK)
    assert not (tmp_path / "privacy_report").exists()


def test_a_killed_stage_goes_on_and_ends_with_the_same_report(one_epoch: dict[str, Any], tmp_path: Path, tracking_uri: str) -> None:
    expected = audit(one_epoch, tmp_path / "whole", QUICK)
    kept = tmp_path / "checkpoints"
    started = start_stage("privacy_audit", tmp_path / "stopped", one_epoch, OUTPUTS, QUICK, ATTUNE_CHECKPOINT_DIR=str(kept))
    wait_for("*/base-exposures.json", kept, started)
    started.kill()
    started.wait()
    assert not (tmp_path / "stopped" / "privacy_report").exists()
    again = start_stage("privacy_audit", tmp_path / "again", one_epoch, OUTPUTS, QUICK, ATTUNE_CHECKPOINT_DIR=str(kept))
    code, output = finish(again)
    assert code == 0, output
    assert "base-scores: kept from the interrupted run" in output
    assert read_privacy_report(tmp_path / "again" / "privacy_report")[0] == expected
    assert list(kept.iterdir()) == []
    assert json.loads((tmp_path / "again" / "metrics").read_text(encoding="utf-8"))["verdict_passes"] == 0
