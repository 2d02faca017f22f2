"""validate_data from its entry point: what it writes, what stops it, and that refused rows leave no word anywhere."""

import gzip
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.shared import launch
from components.shared.artifacts import open_sealed
from components.shared.dataset_splits import CONVERSATIONS_FILE, CONVERSATIONS_SCHEMA, PREFERENCES_FILE, PREFERENCES_SCHEMA
from components.shared.records import Conversation, PreferencePair, read_rows
from components.shared.storage import digest
from tests.data_stages import arguments, error_lines, run_process

SECRET = "Rumpelstilzchen"
ARTIFACTS = {
    "conversations": "system.Dataset",
    "preferences": "system.Dataset",
    "quarantine": "system.Dataset",
    "checks": "system.Artifact",
    "report": "system.HTML",
    "metrics": "system.Metrics",
}
LOOSE = {"max_invalid_fraction": 0.5}


def dialogue(index: int, **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": f"I worry about day {index}."}, {"role": "assistant", "content": f"What about day {index}?"}]
    return {"id": f"d{index}", "person_id": f"p{index % 5}", "source": "test", "messages": messages, **fields}


def pair(index: int, **fields: Any) -> dict[str, Any]:
    row = {"id": f"q{index}", "person_id": f"p{index % 5}", "source": "test", "prompt": [{"role": "user", "content": f"Day {index}?"}]}
    replies = (
        {"chosen": "Tell me more.", "rejected": "Forget it, it is over."} if index % 2 else {"chosen": "I hear you.", "rejected": "No."}
    )
    return row | {name: [{"role": "assistant", "content": text}] for name, text in replies.items()} | fields


def turns(*messages: tuple[Any, Any]) -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for role, content in messages]


BAD_DIALOGUES: dict[str, bytes] = {
    "INVALID_JSON": f'{{"id": "x1", "messages": "{SECRET}'.encode(),
    "WRONG_ENCODING": f'{{"id": "x2", "messages": "{SECRET} \xe9"}}'.encode("latin-1"),
    "MISSING_FIELD": json.dumps({"id": "x3", "text": SECRET}).encode(),
    "EMPTY_CONTENT": json.dumps(dialogue(104, messages=turns(("user", SECRET), ("assistant", " ")))).encode(),
    "UNKNOWN_ROLE": json.dumps(dialogue(105, messages=turns(("user", SECRET), (SECRET, SECRET)))).encode(),
    "ROLES_DO_NOT_ALTERNATE": json.dumps(dialogue(106, messages=turns(("user", SECRET), ("user", SECRET), ("assistant", "x")))).encode(),
    "TURN_TOO_LONG": json.dumps(dialogue(107, messages=turns(("user", SECRET + "x" * (1 << 20)), ("assistant", "x")))).encode(),
    "DUPLICATE_ID": json.dumps(dialogue(1, messages=turns(("user", SECRET), ("assistant", "x")))).encode(),
    "CONTROL_CHARACTERS": json.dumps(dialogue(109, messages=turns(("user", f"{SECRET}\0"), ("assistant", "x")))).encode(),
    "TOO_FEW_TURNS": json.dumps(dialogue(110, messages=turns(("user", SECRET)))).encode(),
    "PAGE_CODE": json.dumps(dialogue(112, messages=turns(("user", f"<script>{SECRET}</script>"), ("assistant", "x")))).encode(),
    "UNSAFE_CRISIS_REPLY": json.dumps(dialogue(113, messages=turns(("user", f"I want to die. {SECRET}"), ("assistant", "Hm.")))).encode(),
    "INVALID_ID": json.dumps(dialogue(111, id=f"{SECRET} says")).encode(),
}
BAD_PAIRS: dict[str, bytes] = {
    "IDENTICAL_REPLIES": json.dumps(pair(201, chosen=turns(("assistant", SECRET)), rejected=turns(("assistant", SECRET)))).encode(),
    "PROMPT_NOT_ENDING_WITH_USER": json.dumps(pair(202, prompt=turns(("user", SECRET), ("assistant", SECRET)))).encode(),
    "INVALID_RATING": json.dumps(pair(203, meta={"ratings": {"chosen": SECRET}})).encode(),
}


def write(path: Path, rows: list[bytes]) -> str:
    content = b"\n".join(rows) + b"\n" if rows else b""
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return str(path)


def good(maker: Any, count: int = 30) -> list[bytes]:
    return [json.dumps(maker(index)).encode() for index in range(count)]


def argv(folder: Path, conversations: str, preferences: str, config: Mapping[str, Any] = {}, **digests: str) -> list[str]:
    parameters = {
        "conversations_uri": conversations,
        "preferences_uri": preferences,
        "conversations_digest": digest(conversations),
        "preferences_digest": digest(preferences),
        "config": dict(config),
        **digests,
    }
    return arguments("validate_data", folder, parameters, ARTIFACTS)


def in_process(capsys: pytest.CaptureFixture[str], *given: Any, **digests: str) -> tuple[int, str]:
    code = launch.main(argv(*given, **digests))
    return code, capsys.readouterr().out


def files_with(text: str, folder: Path) -> list[str]:
    """Return the files below a folder (database included) in which a text occurs, in any case."""
    needle = text.casefold().encode()
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and needle in path.read_bytes().lower()]


def no_manifest(folder: Path) -> bool:
    return not list(folder.rglob("manifest.json"))


def test_bad_rows_are_quarantined_and_the_rest_is_passed_on_without_a_word_of_theirs(
    tracking_uri: str, tmp_path: Path, tmp_path_factory: Any
):
    raw, out = tmp_path_factory.mktemp("raw"), tmp_path / "out"
    conversations = write(raw / "conversations.jsonl.gz", [*good(dialogue), *BAD_DIALOGUES.values()])
    preferences = write(raw / "preferences.jsonl", [*good(pair), *BAD_PAIRS.values()])
    finished = run_process(argv(out, conversations, preferences, LOOSE))
    assert finished.code == 0, finished.output
    folder, manifest = open_sealed(out / "conversations", CONVERSATIONS_SCHEMA)
    assert manifest.properties == {"rows": 30, "people": 5, "anonymized": False}
    assert manifest.parents["conversations"] == digest(conversations)
    assert [row.model_dump() for row in read_rows(folder / CONVERSATIONS_FILE, Conversation)] == [
        {**dialogue(index), "meta": {}} for index in range(30)
    ]
    folder, manifest = open_sealed(out / "preferences", PREFERENCES_SCHEMA)
    assert [row.id for row in read_rows(folder / PREFERENCES_FILE, PreferencePair)] == [f"q{index}" for index in range(30)]
    folder, manifest = open_sealed(out / "quarantine", "quarantine/v1")
    assert manifest.properties == {"rows": len(BAD_DIALOGUES) + len(BAD_PAIRS), "repaired": 0, "reviewed": 0}
    entries = [json.loads(line) for line in (folder / "quarantine.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [entry["codes"] for entry in entries] == [[code] for code in [*BAD_DIALOGUES, *BAD_PAIRS]]
    assert [entry["line"] for entry in entries] == [*range(31, 31 + len(BAD_DIALOGUES)), *range(31, 31 + len(BAD_PAIRS))]
    results = json.loads((open_sealed(out / "checks", "validation_results/v1")[0] / "results.json").read_text(encoding="utf-8"))
    assert len(results) > 30
    assert all(result["success"] for result in results if result["severity"] == "critical")
    metrics = json.loads((out / "metrics").read_text(encoding="utf-8"))
    assert metrics["conversations_rows_in"] == metrics["conversations_rows"] + metrics["conversations_quarantined"] == 43
    assert metrics["length_rule_accuracy"] == 0.5
    assert SECRET.casefold() not in finished.output.casefold()
    assert files_with(SECRET, tmp_path) == []  # outputs, tracking database, tracked files
    assert files_with(SECRET, raw)  # the search can find it
    assert files_with("d107", out)


def test_a_secret_in_text_meta_and_ids_is_in_the_accepted_rows_and_nowhere_else(tracking_uri: str, tmp_path: Path, tmp_path_factory: Any):
    """Of good rows and bad ones. An id that is a label names its row in the lists of refused and changed rows, and only there."""
    text, label = "Quetzalwurm", "zebulon-id"
    raw, out = tmp_path_factory.mktemp("raw"), tmp_path / "out"
    long = f"I want to die, said {text} to me in the long evening of a long day in a long year without any end that I could see"
    talks = [
        dialogue(201, meta={"strategy": text, "note": f"about {text}", text + " x": 1, "email": f"{text}@example.org", "language": "ru"}),
        dialogue(202, id=f"{label}-good", source=text, messages=turns(("user", f"\u200b{long}"), ("assistant", f"I am so sorry, {text}."))),
        dialogue(203, messages=turns(("user", f"{long} now"), ("assistant", f"You have bipolar disorder. I am sorry, {text}."))),
        dialogue(204, id=f"{label}-bad", messages=turns(("user", "I want to die."), ("assistant", text))),
        dialogue(205, id=f"{text} said", person_id=f"{text}@example.org"),
        dialogue(206, messages=[text], meta={"note": text}),
    ]
    pairs = [pair(207, chosen=turns(("assistant", f"{text} one")), meta={"ratings": {"chosen": 4}}), pair(208, prompt=text, chosen=text)]
    conversations = write(raw / "c.jsonl", [*good(dialogue), *(json.dumps(row).encode() for row in talks), f"{{{text}".encode()])
    preferences = write(raw / "p.jsonl", [*good(pair), *(json.dumps(row).encode() for row in pairs)])
    finished = run_process(argv(out, conversations, preferences, {**LOOSE, "keep_meta": ["topic"]}))
    assert finished.code == 0, finished.output
    assert text.casefold() not in finished.output.casefold()
    assert label not in finished.output
    rows = {f"out/conversations/{CONVERSATIONS_FILE}", f"out/preferences/{PREFERENCES_FILE}"}
    assert set(files_with(text, tmp_path)) == rows
    lists = {f"quarantine/{name}.jsonl" for name in ("quarantine", "repaired")}
    named = {name for name in files_with(label, tmp_path) if not name.startswith("mlflow-artifacts")}
    assert named == {f"out/conversations/{CONVERSATIONS_FILE}", *(f"out/{name}" for name in lists)}
    tracked = {name for name in files_with(label, tmp_path) if name.startswith("mlflow-artifacts")}
    assert all("/quarantine/" in name for name in tracked)
    reviewed = [json.loads(line) for line in (out / "quarantine" / "review.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {entry["id"]: entry["codes"] for entry in reviewed} == {
        "d201": ["LANGUAGE_MISMATCH"],
        "d203": ["DIAGNOSIS"],
    }


def test_the_artifact_of_checks_holds_great_expectations_own_results_and_a_profile_that_the_next_run_is_measured_against(
    tracking_uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    conversations, preferences = write(tmp_path / "c.jsonl", good(dialogue)), write(tmp_path / "p.jsonl", good(pair))
    assert in_process(capsys, tmp_path / "a", conversations, preferences)[0] == 0
    folder, _ = open_sealed(tmp_path / "a" / "checks", "validation_results/v1")
    own = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    theirs = json.loads((folder / "gx_results.json").read_text(encoding="utf-8"))
    for suite in ("conversations", "preferences"):
        evaluated = theirs[suite]["results"]
        assert len(evaluated) >= 25
        assert [item["result"] for item in evaluated] == [{}] * len(evaluated)  # BOOLEAN_ONLY
        assert sum(item["success"] for item in evaluated) == sum(item["success"] for item in own if item["suite"] == suite)
    baseline = {"baseline_profile": str(folder / "profile.json")}
    assert in_process(capsys, tmp_path / "same", conversations, preferences, baseline)[0] == 0
    results = json.loads((tmp_path / "same" / "checks" / "results.json").read_text(encoding="utf-8"))
    drift = [item for item in results if item["suite"] == "drift"]
    assert len(drift) > 20
    assert all(item["success"] for item in drift)

    def long(index: int) -> dict[str, Any]:
        return dialogue(index, messages=turns(*(turn for _ in range(4) for turn in (("user", f"Hello {index}"), ("assistant", "Yes.")))))

    changed = write(tmp_path / "long.jsonl", good(long))
    assert in_process(capsys, tmp_path / "warned", changed, preferences, baseline)[0] == 0
    assert json.loads((tmp_path / "warned" / "metrics").read_text(encoding="utf-8"))["largest_drift"] > 1
    assert "conversations: turns as in the baseline profile" in (tmp_path / "warned" / "report").read_text(encoding="utf-8")
    code, output = in_process(capsys, tmp_path / "stopped", changed, preferences, {**baseline, "critical_drift": 0.5})
    assert code == 4
    assert "drift: critical check not met: conversations: turns as in the baseline profile" in error_lines(output)[0]
    assert no_manifest(tmp_path / "stopped")


def test_the_report_stands_alone_and_names_every_reason(tracking_uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    conversations = write(tmp_path / "c.jsonl", [*good(dialogue), *BAD_DIALOGUES.values()])
    code, _ = in_process(capsys, tmp_path / "out", conversations, write(tmp_path / "p.jsonl", good(pair)), LOOSE)
    assert code == 0
    html = (tmp_path / "out" / "report").read_text(encoding="utf-8")
    assert not re.search(r"(src|href)\s*=|https?://|<script|@import|url\(", html)
    assert all(reason in html for reason in BAD_DIALOGUES)
    assert "Usable: 60 rows accepted, 13 refused" in html
    assert html.count('class="verdict good"') == 1


def test_too_many_bad_rows_stop_the_stage_in_one_line_and_leave_nothing_sealed(
    tracking_uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    conversations = write(tmp_path / "c.jsonl", [*good(dialogue), *BAD_DIALOGUES.values()])
    preferences = write(tmp_path / "p.jsonl", good(pair))
    code, output = in_process(capsys, tmp_path / "out", conversations, preferences)
    assert code == 4
    [line] = error_lines(output)
    assert f"{conversations}: 13 of 43 rows refused (30.2%, max_invalid_fraction allows 5.0%)" in line
    assert "INVALID_JSON 1 (line 31)" in line
    assert SECRET not in output
    assert no_manifest(tmp_path / "out")
    html = (tmp_path / "out" / "report").read_text(encoding="utf-8")
    assert "Stopped." in html
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri)
    experiment = client.get_experiment_by_name("test")
    [run] = client.search_runs([experiment.experiment_id], "tags.`attune.stage` = 'validate_data'")
    assert run.info.status == "FAILED"
    assert {item.path for item in client.list_artifacts(run.info.run_id)} >= {"validate_data.html", "quarantine", "checks"}


def test_a_file_of_which_nothing_is_usable_stops_the_stage_whatever_is_allowed(
    tracking_uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    preferences = write(tmp_path / "p.jsonl", [*BAD_PAIRS.values()])
    code, output = in_process(
        capsys, tmp_path / "out", write(tmp_path / "c.jsonl", good(dialogue)), preferences, {"max_invalid_fraction": 1}
    )
    assert code == 4
    assert f"{preferences}: all 3 rows refused" in error_lines(output)[0]


def test_a_critical_check_that_is_not_met_stops_the_stage(tracking_uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    conversations = write(tmp_path / "c.jsonl", [json.dumps(dialogue(index, person_id="p")).encode() for index in range(9)])
    code, output = in_process(capsys, tmp_path / "out", conversations, write(tmp_path / "p.jsonl", good(pair)))
    assert code == 4
    [line] = error_lines(output)
    assert "conversations: critical check not met: At least three people" in line
    assert no_manifest(tmp_path / "out")


def test_no_preferences_unknown_format_changed_bytes_and_unknown_setting(
    tracking_uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    conversations, preferences = write(tmp_path / "c.jsonl", good(dialogue)), write(tmp_path / "p.jsonl", good(pair))
    nothing, spreadsheet = write(tmp_path / "none.jsonl", []), write(tmp_path / "p.xlsx", good(pair))
    cases: list[tuple[tuple[Any, ...], dict[str, str], str]] = [
        ((conversations, nothing), {}, f"error: {nothing} is empty: it has no row; give a file with at least one"),
        ((conversations, spreadsheet), {}, f"error: {spreadsheet}: unknown format; the name must end with one of .jsonl"),
        ((conversations, preferences), {"preferences_digest": "0" * 64}, f"error: {preferences} has changed since preflight"),
        ((conversations, preferences, {"max_invalid": 1}), {}, "error: invalid configuration:"),
        ((conversations, preferences, {"max_invalid_fraction": 2}), {}, "error: invalid configuration:"),
    ]
    for number, (given, digests, expected) in enumerate(cases):
        out = tmp_path / f"out{number}"
        code, output = in_process(capsys, out, *given, **digests)
        assert code == 2
        assert error_lines(output)[0].startswith(expected)
        assert no_manifest(tmp_path)
        assert not (out / "executor_output.json").exists()


def test_a_full_disk_is_one_line_and_nothing_is_sealed(tracking_uri: str, tmp_path: Path):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    out = tmp_path / "out"
    out.mkdir()
    (out / "report").symlink_to("/dev/full")  # every write there fails as on a full disk; the rows are written by then, and not sealed
    conversations, preferences = write(tmp_path / "c.jsonl", good(dialogue)), write(tmp_path / "p.jsonl", good(pair))
    finished = run_process(argv(out, conversations, preferences))
    assert finished.code == 2
    [line] = finished.output.strip().splitlines()
    assert line == f"error: the disk is full while writing below {out}; free some room there and start the run again"
    assert no_manifest(out)
    assert not (out / "executor_output.json").exists()


@pytest.mark.shared_data
def test_real_sets_pass(tracking_uri: str, tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]):
    conversations, preferences = shared_data / "esconv/conversations.train.jsonl", shared_data / "pair/preferences.jsonl"
    code, output = in_process(capsys, tmp_path / "out", str(conversations), str(preferences), {"person_id_field": "meta.prompt_id"})
    assert code == 0, output
    metrics = json.loads((tmp_path / "out" / "metrics").read_text(encoding="utf-8"))
    assert (metrics["conversations_rows"], metrics["conversations_quarantined"]) == (906, 4)  # replies that pass over a crisis
    # Signs in words must be rare in real dialogues, or nobody reads the list.
    signs = [metrics[f"conversations_{name}"] for name in ("unsafe_crisis_reply", "toxic_reply", "diagnosis", "medication_advice")]
    assert max(signs) <= 5
    assert metrics["conversations_language_en"] == 906
    assert metrics["conversations_near_duplicate"] == 0
    assert (metrics["preferences_rows"], metrics["preferences_quarantined"]) == (3703, 3)
    assert metrics["preferences_people"] == 218
    # The set's own documentation counts 589 of all 1,105 dialogues that open with the assistant; this file has 488 of them.
    repaired = (tmp_path / "out" / "quarantine" / "repaired.jsonl").read_text(encoding="utf-8")
    assert repaired.count('"TRIMMED_START"') == 486  # of the 488, two are refused
    first = json.loads(conversations.read_text(encoding="utf-8").splitlines()[0])
    html = (tmp_path / "out" / "report").read_text(encoding="utf-8")
    assert first["messages"][0]["content"] not in html
