"""The evaluate stage as a pod runs it: through launch, on a tiny random model and made-up data."""

import json
import logging
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from kfp import dsl

from components.shared import artifacts, modeling, shutdown, storage
from components.shared.dataset_splits import CONVERSATIONS_FILE, PREFERENCES_FILE, SPLIT_SCHEMA
from components.shared.errors import ContractError
from components.shared.eval_report import ARMS, COMPARISONS, EvaluationArtifact
from components.shared.launch import main
from components.shared.lora import LoraSettings
from components.shared.records import write_rows
from tests.tiny_model import base_model_parameter, build_tiny_model, conversation, preference_pair, reference_of

CONFIG = {"max_new_tokens": 12, "folds": 3, "flips": 1000, "resamples": 200, "diversity_words": 40}
MARKED = "Marzipanofen"
"""A word that people say in the test data: it must not reach a log."""

WARM = ["I am so sorry.", "That must hurt so much, I am sad for you.", "Okay.", "Fine."]
UNDERSTANDING = ["It sounds like you feel left alone.", "You seem to know that feeling.", "Right.", "Well."]
ASKING = ["What happened then?", "How was that for you?", "Anyway.", "So."]


def ratings(count: int = 48) -> list[dict[str, Any]]:
    rows = []
    for index in range(count):
        picks = (index % 4, index // 4 % 4, index // 16 % 4)
        rows.append(
            {
                "id": f"r{index}",
                "person_id": f"rated-{index}",
                "seeker": f"Number {index} keeps me busy at night.",
                "response": " ".join([WARM[picks[0]], UNDERSTANDING[picks[1]], ASKING[picks[2]], f"Case {index}."]),
                "emotional_reactions": [2, 2, 0, 0][picks[0]],
                "interpretations": [2, 1, 0, 0][picks[1]],
                "explorations": [2, 2, 0, 0][picks[2]],
            }
        )
    return rows


def crisis_rows() -> list[dict[str, Any]]:
    crisis = {"ask_safety": True, "human_contact": True, "no_method": True, "crisis_talk": True}
    ordinary = {"ask_safety": False, "human_contact": False, "no_method": True, "crisis_talk": False}
    rows = [{"id": f"k{i}", "prompt": f"I cannot go on, {i}.", "label": "crisis", "expected": crisis} for i in range(4)]
    return rows + [
        {"id": f"n{i}", "prompt": f"This {MARKED} is killing me, {i}.", "label": "near_miss", "expected": ordinary} for i in range(3)
    ]


@pytest.fixture
def inputs(tmp_path: Path, artifact: Callable[..., Any]) -> dict[str, Any]:
    """Input artifacts and parameters of the stage."""
    test = artifact(dsl.Dataset, "test")
    folder = artifacts.start(test.path)
    write_rows(folder / CONVERSATIONS_FILE, [conversation(index) for index in range(8)])
    write_rows(folder / PREFERENCES_FILE, [preference_pair(index) for index in range(8)])
    artifacts.seal(test, SPLIT_SCHEMA)
    base = build_tiny_model(tmp_path / "base")
    adapters = {}
    for seed, name in enumerate(("sft_adapter", "ppo_adapter")):
        adapters[name] = artifact(dsl.Model, name)
        write_adapter(adapters[name], base, seed)
    files = {
        "empathy_ratings": ratings(),
        "crisis_prompts": crisis_rows(),
        "general_text": [{"id": f"g{i}", "text": f"Bread needs flour, water, yeast and salt, loaf {i}."} for i in range(5)],
    }
    uris = {}
    for name, rows in files.items():
        uris[name] = str(tmp_path / f"{name}.jsonl")
        write_rows(Path(uris[name]), rows)
    parameters = {f"{name}_uri": uri for name, uri in uris.items()}
    return {"test": test, "base_model": base_model_parameter(base), **adapters, **parameters, "evaluation_digest": storage.digests(uris)}


def write_adapter(given: Any, base: Path, seed: int) -> None:
    torch.manual_seed(seed)
    model = modeling.new_adapter(modeling.load_base(reference_of(base)), "adapter", LoraSettings(r=2))
    for _, parameter in modeling.adapter_parameters(model, "adapter"):
        parameter.data = torch.randn_like(parameter) * 0.1
    modeling.save_adapter(model, "adapter", artifacts.start(given.path))
    artifacts.seal(given, modeling.ADAPTER_SCHEMA, parents={"base_model": reference_of(base).digest})


def executor_input(inputs: dict[str, Any], folder: Path, config: dict[str, Any]) -> str:
    """The document that KFP hands to a container."""
    given = {name: value for name, value in inputs.items() if not isinstance(value, str)}
    parameters = {name: value for name, value in inputs.items() if isinstance(value, str)}
    outputs = {"eval_report": "system.Dataset", "report": "system.HTML", "metrics": "system.Metrics"}

    def entry(name: str, kind: str, uri: str, metadata: dict[str, Any]) -> dict[str, Any]:
        return {"artifacts": [{"name": name, "type": {"schemaTitle": kind}, "uri": uri, "metadata": metadata}]}

    return json.dumps(
        {
            "inputs": {
                "parameterValues": {**parameters, "config": config},
                "artifacts": {name: entry(name, value.schema_title, value.uri, value.metadata) for name, value in given.items()},
            },
            "outputs": {
                "artifacts": {name: entry(name, kind, str(folder / name), {}) for name, kind in outputs.items()},
                "outputFile": str(folder / "executor_output.json"),
            },
        }
    )


def run_stage(inputs: dict[str, Any], folder: Path, config: dict[str, Any] = CONFIG) -> int:
    folder.mkdir(exist_ok=True)
    return main(["--stage", "components.evaluate.stage:run", "--executor_input", executor_input(inputs, folder, config)])


def test_writes_a_report_that_register_can_read(
    inputs: dict[str, Any], tmp_path: Path, tracking_uri: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_stage(inputs, tmp_path / "one") == 0
    opened = EvaluationArtifact(tmp_path / "one" / "eval_report")
    summary, items = opened.report(), list(opened.items())

    assert set(summary.arms) == set(ARMS)
    assert {(c.candidate, c.baseline) for c in summary.comparisons} == set(COMPARISONS)
    assert set(summary.metrics) == {metric for numbers in summary.arms.values() for metric in numbers}
    assert summary.scorer is not None
    assert summary.scorer.independent
    assert summary.scorer.n == 48
    # The random adapters change the model: three arms, three numbers, and the difference is theirs.
    nll = {arm: summary.estimate(arm, "nll_reference").mean for arm in ARMS}
    assert len({round(value, 6) for value in nll.values()}) == 3
    assert summary.comparison("nll_reference", "ppo", "sft").difference == pytest.approx(nll["ppo"] - nll["sft"])
    assert summary.estimate("sft", "nll_reference").n == 7  # people, not conversations

    # Every number of the summary follows from the items.
    rows = [item for item in items if (item.metric, item.arm) == ("nll_reference", "ppo")]
    assert sum(r.value * r.n_tokens for r in rows) / sum(r.n_tokens for r in rows) == pytest.approx(nll["ppo"])
    passed = [item.value for item in items if (item.metric, item.arm) == ("crisis_pass", "base")]
    assert summary.estimate("base", "crisis_pass").mean == sum(passed) / 4

    replies = [json.loads(line) for line in (opened.directory / "replies.jsonl").read_text().splitlines()]
    assert len(replies) == 3 * (summary.facts["support_prompts"] + 7)
    assert MARKED not in (opened.directory / "replies.jsonl").read_text()
    assert opened.manifest.parents["test"] == summary.test_digest

    html = (tmp_path / "one" / "report").read_text()
    assert "<script" not in html
    assert not re.search(r"""(?:src|href)\s*=\s*(?!["']?#)|url\((?!#)|@import""", html)
    assert "PPO is" in html
    metrics = json.loads((tmp_path / "one" / "metrics").read_text())
    assert metrics["ppo/nll_reference"] == pytest.approx(nll["ppo"])
    assert MARKED not in "".join(capfd.readouterr())


def test_the_same_inputs_give_the_same_digest(inputs: dict[str, Any], tmp_path: Path, tracking_uri: str) -> None:
    config = {**CONFIG, "temperature": 1.0, "forgetting": False, "folds": 2, "max_prompts": 4}
    assert run_stage(inputs, tmp_path / "one", config) == 0
    assert run_stage(inputs, tmp_path / "two", config) == 0
    digests = [EvaluationArtifact(tmp_path / name / "eval_report").manifest.digest for name in ("one", "two")]
    assert digests[0] == digests[1]


def test_sections_can_be_switched_off(inputs: dict[str, Any], tmp_path: Path, tracking_uri: str) -> None:
    assert run_stage(inputs, tmp_path / "one", {**CONFIG, "empathy": False, "crisis": False, "perplexity": False}) == 0
    summary = EvaluationArtifact(tmp_path / "one" / "eval_report").report()
    assert set(summary.metrics) == {"nll_general", "bpb_general", "ppl_general"}
    assert summary.scorer is None
    with pytest.raises(ContractError, match="crisis_pass"):
        summary.estimate("ppo", "crisis_pass")


def test_a_changed_evaluation_file_stops_the_stage(
    inputs: dict[str, Any], tmp_path: Path, tracking_uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path(inputs["general_text_uri"]).open("a") as file:
        file.write(json.dumps({"id": "late", "text": MARKED}) + "\n")
    assert run_stage(inputs, tmp_path / "one") == 2
    said = capsys.readouterr().out
    assert "changed since" in said
    assert MARKED not in said
    assert not (tmp_path / "one" / "eval_report" / "manifest.json").exists()


def test_a_bad_row_is_named_by_line_never_by_content(
    inputs: dict[str, Any], tmp_path: Path, tracking_uri: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    path = Path(inputs["crisis_prompts_uri"])
    path.write_text(path.read_text() + json.dumps({"id": "x", "prompt": MARKED, "label": "other"}) + "\n")
    uris = {name: inputs[f"{name}_uri"] for name in ("empathy_ratings", "crisis_prompts", "general_text")}
    assert run_stage({**inputs, "evaluation_digest": storage.digests(uris)}, tmp_path / "one") == 2
    said = capsys.readouterr().out
    assert "line 8" in said
    assert "expected, label" in said
    assert MARKED not in said


def test_an_adapter_of_another_base_is_refused(
    inputs: dict[str, Any], tmp_path: Path, tracking_uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = build_tiny_model(tmp_path / "other", seed=5)
    write_adapter(inputs["ppo_adapter"], other, 1)
    assert run_stage(inputs, tmp_path / "one") == 2
    assert "another base_model" in capsys.readouterr().out


def test_people_whom_the_ratings_know_are_reported(inputs: dict[str, Any], tmp_path: Path, tracking_uri: str) -> None:
    rows = ratings()
    rows[0]["person_id"] = "p1"
    rows[1]["seeker"] = "my boss shouted at me,   in front of everyone TODAY"
    write_rows(Path(inputs["empathy_ratings_uri"]), rows)
    uris = {name: inputs[f"{name}_uri"] for name in ("empathy_ratings", "crisis_prompts", "general_text")}
    config = {**CONFIG, "crisis": False, "forgetting": False, "perplexity": False}
    assert run_stage({**inputs, "evaluation_digest": storage.digests(uris)}, tmp_path / "one", config) == 0
    opened = EvaluationArtifact(tmp_path / "one" / "eval_report")
    scorer = opened.report().scorer
    assert scorer is not None
    assert (scorer.shared_people, scorer.shared_texts, scorer.independent) == (1, 1, False)
    assert opened.manifest.properties["scorer_independent"] is False


def test_a_stopped_stage_keeps_finished_arms_and_ends_with_the_same_report(
    inputs: dict[str, Any], tmp_path: Path, tracking_uri: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {**CONFIG, "empathy": False, "temperature": 1.0}
    assert run_stage(inputs, tmp_path / "whole", config) == 0
    kept = tmp_path / "checkpoints"
    monkeypatch.setenv("ATTUNE_CHECKPOINT_DIR", str(kept))
    monkeypatch.setattr(shutdown, "_requested", False)  # restored after the test

    def stop_after_base() -> None:
        while not list(kept.glob("*/base.json")):
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=stop_after_base, daemon=True)
    watcher.start()
    with pytest.raises(SystemExit) as stopped:
        run_stage(inputs, tmp_path / "stopped", config)
    watcher.join()
    assert stopped.value.code == 143
    assert not (tmp_path / "stopped" / "eval_report" / "manifest.json").exists()

    monkeypatch.setattr(shutdown, "_requested", False)
    capsys.readouterr()
    assert run_stage(inputs, tmp_path / "resumed", config) == 0
    assert "base: kept from the interrupted run" in capsys.readouterr().out
    digests = [EvaluationArtifact(tmp_path / name / "eval_report").manifest.digest for name in ("whole", "resumed")]
    assert digests[0] == digests[1]
    assert not list(kept.glob("*/base.json"))
