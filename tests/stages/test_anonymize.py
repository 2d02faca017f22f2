"""The anonymize stage as the pipeline starts it: a process, sealed artifacts, a tracking server. Everybody here is invented."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from components.anonymize import passes, workers
from components.anonymize.config import AnonymizeConfig
from components.anonymize.corpus import CorpusRun
from components.anonymize.people import Spool
from components.anonymize.vault import VAULT_KEY_VARIABLE, Vault
from components.shared import artifacts, launch, shutdown
from components.shared.errors import EXIT_CONTRACT, EXIT_GATE, Interrupted
from components.shared.original_values import ORIGINAL_VALUES_SCHEMA, OriginalValues
from components.shared.pseudonym_key import KEY_VARIABLE
from tests.data_stages import run_process

CONTRACT = {
    "conversations": "system.Dataset",
    "preferences": "system.Dataset",
    "anonymized_conversations": "system.Dataset",
    "anonymized_preferences": "system.Dataset",
    "original_values": "system.Dataset",
    "quarantine": "system.Dataset",
    "report": "system.HTML",
    "metrics": "system.Metrics",
}
INPUTS = ("conversations", "preferences")
RULES = {"engines": {"morphology": "off", "neural": "off"}}
PLACEHOLDERS = {**RULES, "policy": "placeholders"}
KEY = "5e" * 32


@pytest.fixture(autouse=True)
def pseudonym_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)


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


def arguments(
    folder: Path,
    rows: tuple[list[dict[str, Any]], list[dict[str, Any]]] | None,
    config: dict[str, Any],
    known: Path | None = None,
    secrets_digest: str = "",
) -> list[str]:
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
    parameters = {"config": config, "known_values_uri": str(known or ""), "secrets_digest": secrets_digest}
    executor_input = {
        "inputs": {
            "parameterValues": parameters,
            "artifacts": {name: described[name] for name in INPUTS},
        },
        "outputs": {"artifacts": outputs, "outputFile": str(folder / "executor_output.json")},
    }
    return ["--stage", "components.anonymize.stage:run", "--executor_input", json.dumps(executor_input)]


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def test_stage_writes_sealed_rows_a_report_and_metrics(tmp_path: Path, tracking_uri: str) -> None:
    done = run_process(["--executor", "kfp.dsl.executor_main", *arguments(tmp_path, good_rows(), PLACEHOLDERS)])
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
    assert set(manifest.files) == {"conversations.jsonl", "review.jsonl"}
    facts = lines(tmp_path, "anonymized_conversations/review.jsonl")
    assert [fact["replaced"] for fact in facts] == [
        [2, 0, 0, 0],
        [1, 0, 0, 0],
        [2, 0, 0, 0],
    ]
    folder, _ = artifacts.open_sealed(tmp_path / "original_values", ORIGINAL_VALUES_SCHEMA)
    assert "marisol QUISPE" in OriginalValues.read(folder, bytes.fromhex(KEY))
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
    assert runs[0].data.params["anonymize.policy.minimum_age"] == "90"


def many_rows() -> list[bytes]:
    talks, pairs = good_rows()
    talks = [dict(row, id=f"{row['id']}-{n}", person_id=f"{row['person_id']}-{n % 40}") for n in range(50) for row in talks]
    return ["".join(json.dumps(row) + "\n" for row in rows).encode() for rows in (talks, pairs)]


def run_corpus(folder: Path, checkpoint: Path | None = None, **config: Any) -> tuple[bytes, bytes, bytes, Any]:
    """Run both passes over many rows; return the finished rows, the review facts and the counts."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "conversations.jsonl", folder / "preferences.jsonl"]
    for path, content in zip(paths, many_rows(), strict=True):
        path.write_bytes(content)
    spools = [Spool(folder / f"spool{i}") for i in range(2)]
    reviews = Spool(folder / "reviews")
    result = CorpusRun(paths, AnonymizeConfig.parse({**RULES, **config}), checkpoint).run(spools, reviews)
    assert result.rows_in == 152 == sum(map(len, spools)) + len(result.quarantined)
    talks, pairs, facts = (b"".join(spool.in_order()) for spool in (*spools, reviews))
    return talks, pairs, facts, result.counts


def test_two_runs_and_any_number_of_processes_write_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_SINGLE_PROCESS_BYTES", 0)
    outputs = [run_corpus(tmp_path / str(n), workers=number) for n, number in enumerate((1, 2, 1))]
    assert outputs[0] == outputs[1] == outputs[2]
    wanted = [json.loads(line)["id"] for line in many_rows()[0].splitlines()]
    assert [json.loads(line)["id"] for line in outputs[0][0].splitlines()] == wanted
    monkeypatch.setenv(KEY_VARIABLE, "7a" * 32)
    assert run_corpus(tmp_path / "other")[0] != outputs[0][0]


def test_people_get_surrogates_of_their_own_that_nobody_really_has(tmp_path: Path) -> None:
    talks = [json.loads(line) for line in run_corpus(tmp_path)[0].splitlines()]
    first = {talk["person_id"]: talk["messages"][0]["content"] for talk in talks if talk["id"].startswith("c0-")}
    again = {talk["person_id"]: talk["messages"][0]["content"] for talk in talks if talk["id"].startswith("c2-")}
    assert not [text for text in (*first.values(), *again.values()) if "Marisol" in text or "Quispe" in text or "marisol" in text]
    names = {person: text.removeprefix("My wife ").split(" left on ")[0] for person, text in first.items()}
    assert len(set(names.values())) > 20  # forty people, forty draws from one pool
    for person, name in names.items():
        assert again[person].split(" wrote")[0] == name.split()[0].lower()


def test_a_killed_attempt_continues_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after the first batch of people, then started again: the same bytes, and those people are not searched again."""
    whole = run_corpus(tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(shutdown, "requested", lambda: True)
        with pytest.raises(Interrupted):
            run_corpus(tmp_path / "a", tmp_path / "checkpoint")
    kept = (tmp_path / "checkpoint" / "found.jsonl").read_bytes()
    people = kept.count(b"\n")
    assert 0 < people < 80
    assert not [word for word in (b"Marisol", b"marisol", b"Northgate") if word in kept]
    with (tmp_path / "checkpoint" / "found.jsonl").open("ab") as file:
        file.write(b'{"spans": [[')  # the line that the kill cut short
    searched: list[int] = []
    detect = passes.detect_person
    monkeypatch.setattr(passes, "detect_person", lambda rows, *rest: searched.append(len(rows)) or detect(rows, *rest))
    assert run_corpus(tmp_path / "b", tmp_path / "checkpoint") == whole
    assert len(searched) == 82 - people
    assert not (tmp_path / "checkpoint" / "found.jsonl").exists()


def test_a_leak_is_quarantined_and_too_many_fail_the_stage(tmp_path: Path, tracking_uri: str, capfd: pytest.CaptureFixture[str]) -> None:
    talks, pairs = good_rows()
    talks.append(conversation(9, "p1", "Nothing new.", source="inbox of Marisol"))
    assert launch.main(arguments(tmp_path / "a", (talks, pairs), {**PLACEHOLDERS, "max_leak_fraction": 0.5})) == 0
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

    assert launch.main(arguments(tmp_path / "b", (talks, pairs), PLACEHOLDERS)) == EXIT_GATE
    printed = "".join(capfd.readouterr())
    assert "Original values survived in 1 of 6 rows (LEAK_IN_IDENTIFIER: 1)" in printed
    assert "Marisol" not in printed
    assert list((tmp_path / "b" / "anonymized_conversations").iterdir()) == []


def test_recall_below_the_minimum_fails(tmp_path: Path, tracking_uri: str, capfd: pytest.CaptureFixture[str]) -> None:
    talks, pairs = good_rows()
    talks[0]["meta"]["entities"].append({"message": 0, "start": 3, "end": 7, "type": "PERSON"})  # "wife": nobody replaces it
    assert launch.main(arguments(tmp_path, (talks, pairs), {**PLACEHOLDERS, "min_recall": 0.9})) == EXIT_GATE
    assert "Recall of direct identifiers is 0.5000 (1 of 2 gold spans)" in "".join(capfd.readouterr())
    assert not (tmp_path / "anonymized_conversations" / "manifest.json").exists()


def test_a_broken_row_is_named_by_line(tmp_path: Path, tracking_uri: str, capfd: pytest.CaptureFixture[str]) -> None:
    talks, pairs = good_rows()
    talks[1]["messages"] = [{"role": "user", "content": "secret words"}]
    assert launch.main(arguments(tmp_path, (talks, pairs), RULES)) == EXIT_CONTRACT
    printed = "".join(capfd.readouterr())
    assert "conversations.jsonl, line 2: not a valid Conversation" in printed
    assert "secret" not in printed


def test_unsealed_input_is_refused(tmp_path: Path, tracking_uri: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert launch.main(arguments(tmp_path, None, RULES)) == EXIT_CONTRACT
    assert "has no manifest.json" in "".join(capfd.readouterr())


def test_without_a_key_nothing_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv(KEY_VARIABLE)
    assert launch.main(arguments(tmp_path, good_rows(), RULES)) == EXIT_CONTRACT
    assert "ATTUNE_PSEUDONYM_KEY is not set" in "".join(capfd.readouterr())


def test_known_values_are_found_exactly_inflected_and_at_the_head_of_a_sentence(tmp_path: Path, tracking_uri: str) -> None:
    known = tmp_path / "known.csv"
    known.write_text("# staff\nHope\nzzyx klinik,organization\nОлимжон\n", encoding="utf-8")
    talks, pairs = good_rows()
    talks += [
        conversation(5, "p3", "Hope helped me. I hope so, at Zzyx Klinik."),
        conversation(6, "p3", "Мен Олимжонга айтдим."),
    ]
    assert launch.main(arguments(tmp_path / "run", (talks, pairs), PLACEHOLDERS, known)) == 0
    contents = [row["messages"][0]["content"] for row in lines(tmp_path / "run", "anonymized_conversations/conversations.jsonl")]
    assert contents[3] == "[PERSON_1] helped me. I hope so, at [ORGANIZATION_1]."
    assert contents[4].startswith("Мен [PERSON_2]")


@pytest.mark.parametrize(
    ("content", "message"), [("", "no value in it"), ("Hope,CAT\n", "line 1: the second cell is no known type"), (None, "no such file")]
)
def test_a_broken_list_of_known_values_is_named(
    tmp_path: Path, tracking_uri: str, capfd: pytest.CaptureFixture[str], content: str | None, message: str
) -> None:
    known = tmp_path / "known.csv"
    if content is not None:
        known.write_text(content, encoding="utf-8")
    assert launch.main(arguments(tmp_path / "run", good_rows(), RULES, known)) == EXIT_CONTRACT
    printed = "".join(capfd.readouterr())
    assert message in printed
    assert "Hope" not in printed


def test_a_missing_engine_stops_the_stage_or_is_counted(
    tmp_path: Path, tracking_uri: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "components.anonymize.morphology", None)
    engines = {"morphology": "on", "neural": "off"}
    assert launch.main(arguments(tmp_path / "a", good_rows(), {"engines": engines})) == EXIT_CONTRACT
    assert "the engine 'morphology' cannot be loaded" in "".join(capfd.readouterr())
    assert launch.main(arguments(tmp_path / "b", good_rows(), {"engines": {**engines, "on_missing": "degrade"}})) == 0
    assert json.loads((tmp_path / "b" / "metrics").read_text(encoding="utf-8"))["engines_missing"] == 1


def test_a_vault_is_encrypted_away_from_the_artifacts_and_gives_the_values_back(
    tmp_path: Path, tracking_uri: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    config = {**RULES, "vault": str(tmp_path / "vault")}
    assert launch.main(arguments(tmp_path / "a", good_rows(), config)) == EXIT_CONTRACT
    assert "ATTUNE_VAULT_KEY is not set" in "".join(capfd.readouterr())
    monkeypatch.setenv(VAULT_KEY_VARIABLE, "c4" * 32)
    assert launch.main(arguments(tmp_path / "b", good_rows(), config)) == 0
    kept = (tmp_path / "vault" / "vault.jsonl").read_bytes()
    assert b"Marisol" not in kept
    assert kept.count(b"\n") == 2
    way_back = Vault(bytes.fromhex("c4" * 32)).open(tmp_path / "vault", "p1")
    text = lines(tmp_path / "b", "anonymized_conversations/conversations.jsonl")[0]["messages"][0]["content"]
    assert way_back[text.removeprefix("My wife ").split(" left on ")[0]] == "Marisol Quispe"


def test_k_anonymity_counts_what_is_told_beside_names(tmp_path: Path, tracking_uri: str) -> None:
    talks, pairs = good_rows()
    talks += [conversation(20 + n, f"q{n}", f"I am {31 + n} years old, I live in Tashkent.") for n in range(4)]
    talks.append(conversation(30, "q9", "I am 67 years old, I live in Tashkent."))
    assert launch.main(arguments(tmp_path / "run", (talks, pairs), PLACEHOLDERS)) == 0
    metrics = json.loads((tmp_path / "run" / "metrics").read_text(encoding="utf-8"))
    assert metrics["k_anonymity/people"] == 5
    assert metrics["k_anonymity/k_min"] == metrics["k_anonymity/unique"] == 1
    assert metrics["k_anonymity/below_5_fraction"] == 1.0
    assert "1 belong to one person alone" in (tmp_path / "run" / "report").read_text(encoding="utf-8")


def test_a_key_or_list_that_changed_since_preflight_stops_the_stage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert launch.main(arguments(tmp_path, good_rows(), RULES, secrets_digest="0" * 64)) == EXIT_CONTRACT
    assert "has changed since preflight; start the run again" in "".join(capfd.readouterr())
