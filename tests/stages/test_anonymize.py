"""The anonymize stage as the pipeline starts it: a process, sealed artifacts, a tracking server. Everybody here is invented."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from components.shared import artifacts, launch
from components.shared.errors import EXIT_CONTRACT, EXIT_GATE
from tests.data_stages import run_process

CONTRACT = {
    "conversations": "system.Dataset",
    "preferences": "system.Dataset",
    "anonymized_conversations": "system.Dataset",
    "anonymized_preferences": "system.Dataset",
    "quarantine": "system.Dataset",
    "report": "system.HTML",
    "metrics": "system.Metrics",
}
INPUTS = ("conversations", "preferences")


def conversation(number: int, person: str, first: str, **fields: Any) -> dict[str, Any]:
    turns = [first, "That sounds heavy. What happened then?", "I could not sleep.", "Let us look at that."]
    messages = [{"role": role, "content": text} for role, text in zip(["user", "assistant"] * 2, turns, strict=True)]
    return {"id": f"c{number}", "person_id": person, "messages": messages, "source": "test", "meta": {}, **fields}


def pair(number: int, person: str, prompt: str) -> dict[str, Any]:
    def turn(role: str, text: str) -> list[dict[str, str]]:
        return [{"role": role, "content": text}]

    chosen, rejected = turn("assistant", "I hear you."), turn("assistant", "Stop it.")
    return {
        "id": f"q{number}",
        "person_id": person,
        "prompt": turn("user", prompt),
        "chosen": chosen,
        "rejected": rejected,
        "source": "test",
        "meta": {},
    }


def good_rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    first = conversation(0, "p1", "My wife Marisol Quispe left on 3 May 2021.")
    first["meta"] = {
        "entities": [{"message": 0, "start": 8, "end": 22, "type": "PERSON"}, {"message": 0, "start": 31, "end": 41, "type": "DATE"}]
    }
    talks = [first, conversation(1, "p2", "I work at Northgate Foods."), conversation(2, "p1", "marisol wrote: +998 90 123 45 67.")]
    return talks, [pair(0, "p1", "What shall I tell Marisol?"), pair(1, "p2", "I am tired.")]


def arguments(folder: Path, rows: tuple[list[dict[str, Any]], list[dict[str, Any]]] | None, config: dict[str, Any]) -> list[str]:
    """Seal the rows and return the container arguments of the stage."""
    described: dict[str, Any] = {}
    for name, title in CONTRACT.items():
        source = dsl.Dataset(name=name, uri=str(folder / name), metadata={})
        if name in INPUTS and rows is not None:
            content = rows[INPUTS.index(name)]
            target = artifacts.start(source.path) / f"{name}.jsonl"
            target.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content), encoding="utf-8")
            artifacts.seal(source, f"{name}/v1", properties={"rows": len(content)})
        described[name] = {"artifacts": [{"name": name, "uri": source.uri, "metadata": {}, "type": {"schemaTitle": title}}]}
    outputs = {name: described[name] for name in CONTRACT if name not in INPUTS}
    executor_input = {
        "inputs": {"parameterValues": {"config": config}, "artifacts": {name: described[name] for name in INPUTS}},
        "outputs": {"artifacts": outputs, "outputFile": str(folder / "executor_output.json")},
    }
    return ["--stage", "components.anonymize.stage:run", "--executor_input", json.dumps(executor_input)]


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def test_stage_writes_sealed_rows_a_report_and_metrics(tmp_path: Path, tracking_uri: str) -> None:
    done = run_process(["--executor", "kfp.dsl.executor_main", *arguments(tmp_path, good_rows(), {})])
    assert done.code == 0, done.output
    talks = lines(tmp_path, "anonymized_conversations/conversations.jsonl")
    assert [row["id"] for row in talks] == ["c0", "c1", "c2"]
    assert talks[0]["messages"][0]["content"] == "My wife [PERSON_1] left on [DATE_1]."
    assert talks[0]["meta"] == {}
    assert talks[1]["messages"][0]["content"] == "I work at [ORGANIZATION_1]."
    assert talks[2]["messages"][0]["content"] == "[PERSON_1] wrote: [PHONE_1]."
    assert lines(tmp_path, "anonymized_preferences/preferences.jsonl")[0]["prompt"][0]["content"] == "What shall I tell [PERSON_1]?"
    _, manifest = artifacts.open_sealed(tmp_path / "anonymized_conversations", "conversations/v1")
    assert manifest.properties["anonymized"] is True
    assert manifest.properties["rows"] == 3
    assert set(manifest.files) == {"conversations.jsonl"}
    assert lines(tmp_path, "quarantine/quarantine.jsonl") == []
    metrics = json.loads((tmp_path / "metrics").read_text(encoding="utf-8"))
    assert metrics["rows/in"] == metrics["rows/out"] == 5
    assert metrics["recall/direct"] == metrics["recall/DATE"] == 1.0
    assert metrics["entities/PERSON"] == 3
    page = (tmp_path / "report").read_text(encoding="utf-8")
    written = page + done.output + (tmp_path / "metrics").read_text(encoding="utf-8")
    assert "5 of 5 rows passed" in page
    assert not [word for word in ("Marisol", "Quispe", "Northgate", "998 90") if word.casefold() in written.casefold()]

    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri)
    runs = client.search_runs([client.get_experiment_by_name("test").experiment_id], filter_string="tags.`attune.stage` = 'anonymize'")
    assert runs[0].info.status == "FINISHED"
    assert runs[0].data.metrics["recall/direct"] == 1.0
    assert runs[0].data.params["anonymize.minimum_age"] == "90"


def test_two_runs_and_any_number_of_processes_write_equal_bytes(
    artifact: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from components.anonymize import stage, workers
    from components.anonymize.config import AnonymizeConfig
    from components.anonymize.people import Spool

    monkeypatch.setattr(workers, "_SINGLE_PROCESS_BYTES", 0)
    talks, pairs = good_rows()
    talks = [dict(row, id=f"{row['id']}-{n}", person_id=f"{row['person_id']}-{n % 40}") for n in range(50) for row in talks]
    paths = [tmp_path / "conversations.jsonl", tmp_path / "preferences.jsonl"]
    for path, rows in zip(paths, (talks, pairs), strict=True):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    outputs = []
    for number in (1, 2, 1):
        spools = [Spool(tmp_path / f"spool{i}") for i in range(2)]
        _, counts, rows_in = stage._anonymize(paths, spools, AnonymizeConfig(workers=number))
        assert rows_in == 152 == sum(map(len, spools))
        outputs.append((b"".join(spools[0].in_order()), b"".join(spools[1].in_order()), counts))
    assert outputs[0] == outputs[1] == outputs[2]
    assert [json.loads(line)["id"] for line in outputs[0][0].splitlines()] == [row["id"] for row in talks]


def test_a_leak_is_quarantined_and_too_many_fail_the_stage(tmp_path: Path, tracking_uri: str, capfd: pytest.CaptureFixture[str]) -> None:
    talks, pairs = good_rows()
    talks.append(conversation(9, "p1", "Nothing new.", source="inbox of Marisol"))
    assert launch.main(arguments(tmp_path / "a", (talks, pairs), {"max_leak_fraction": 0.5})) == 0
    assert [row["id"] for row in lines(tmp_path / "a", "anonymized_conversations/conversations.jsonl")] == ["c0", "c1", "c2"]
    entry = {
        "file": "conversations.jsonl",
        "line": 4,
        "id_digest": artifacts.digest_of("c9")[:16],
        "codes": ["LEAK_IN_IDENTIFIER"],
        "severity": "critical",
    }
    assert lines(tmp_path / "a", "quarantine/quarantine.jsonl") == [entry]
    assert json.loads((tmp_path / "a" / "metrics").read_text(encoding="utf-8"))["leaks"] == 1

    assert launch.main(arguments(tmp_path / "b", (talks, pairs), {"max_leak_fraction": 0.0})) == EXIT_GATE
    printed = "".join(capfd.readouterr())
    assert "Original values survived in 1 of 6 rows (LEAK_IN_IDENTIFIER: 1)" in printed
    assert "Marisol" not in printed
    assert list((tmp_path / "b" / "anonymized_conversations").iterdir()) == []


def test_recall_below_the_minimum_fails(tmp_path: Path, tracking_uri: str, capfd: pytest.CaptureFixture[str]) -> None:
    talks, pairs = good_rows()
    talks[0]["meta"]["entities"].append({"message": 0, "start": 3, "end": 7, "type": "PERSON"})  # "wife": nobody replaces it
    assert launch.main(arguments(tmp_path, (talks, pairs), {"min_recall": 0.9})) == EXIT_GATE
    assert "Recall of direct identifiers is 0.5000 (1 of 2 gold spans)" in "".join(capfd.readouterr())
    assert not (tmp_path / "anonymized_conversations" / "manifest.json").exists()


def test_a_broken_row_is_named_by_line(tmp_path: Path, tracking_uri: str, capfd: pytest.CaptureFixture[str]) -> None:
    talks, pairs = good_rows()
    talks[1]["messages"] = [{"role": "user", "content": "secret words"}]
    assert launch.main(arguments(tmp_path, (talks, pairs), {})) == EXIT_CONTRACT
    printed = "".join(capfd.readouterr())
    assert "conversations.jsonl, line 2: not a valid Conversation" in printed
    assert "secret" not in printed


def test_unsealed_input_is_refused(tmp_path: Path, tracking_uri: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert launch.main(arguments(tmp_path, None, {})) == EXIT_CONTRACT
    assert "has no manifest.json" in "".join(capfd.readouterr())
