"""Every row of a file is accepted or quarantined, and what comes twice or contradicts itself comes once or not at all."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.shared.errors import ContractError
from components.shared.storage import digest
from components.validate_data.config import ValidateDataConfig
from components.validate_data.intake import Intake, take_in
from components.validate_data.stage import DIALOGUES, PAIRS

RULES = ValidateDataConfig()


def dialogue(number: int, text: str, **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}, {"role": "assistant", "content": "I hear you."}]
    return {"id": f"d{number}", "person_id": f"p{number}", "source": "test", "messages": messages, **fields}


def pair(number: int, chosen: str, rejected: str) -> dict[str, Any]:
    return {"id": f"q{number}", "person_id": "p", "source": "test", "prompt": "why", "chosen": chosen, "rejected": rejected}


def taken(tmp_path: Path, rows: list[Any], kind: Any = DIALOGUES, rules: ValidateDataConfig = RULES) -> tuple[Intake, list[str]]:
    """Return the intake and the ids of the rows in the written file."""
    path = tmp_path / "raw.jsonl"
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    out = tmp_path / "out"
    out.mkdir()
    intake = take_in(str(path), digest(str(path)), kind, out, rules)
    assert [item.name for item in out.iterdir()] == [kind.file]  # no working file is left
    return intake, [json.loads(line)["id"] for line in (out / kind.file).read_text(encoding="utf-8").splitlines()]


def test_every_row_is_accounted_for(tmp_path: Path):
    rows = [dialogue(1, "one"), "not json\n", dialogue(2, "two", messages=[]), "\n", dialogue(3, "three", source=None)]
    intake, written = taken(tmp_path, rows)
    assert written == ["d1", "d3"]
    assert [row["row_id"] for row in intake.accepted] == written
    assert intake.rows_in == 4
    assert intake.invalid_fraction == 0.5
    file = str(tmp_path / "raw.jsonl")
    assert intake.quarantined == [
        {"file": file, "line": 2, "id": None, "codes": ["INVALID_JSON"], "at": [""], "severity": "error"},
        {"file": file, "line": 3, "id": "d2", "codes": ["TOO_FEW_TURNS"], "at": ["messages"], "severity": "error"},
    ]
    repaired = {"file": file, "line": 5, "id": "d3", "codes": ["SOURCE_FROM_FILE"], "at": ["source"], "severity": "info"}
    assert intake.repaired == [repaired]
    assert intake.summary() == "INVALID_JSON 1 (line 2); TOO_FEW_TURNS 1 (line 3)"


def test_the_later_of_two_rows_with_one_id_or_one_content_is_refused(tmp_path: Path):
    rows = [dialogue(1, "one"), dialogue(1, "other"), dialogue(2, "  ONE "), dialogue(1, "one"), dialogue(3, "three")]
    intake, written = taken(tmp_path, rows)
    assert written == ["d1", "d3"]
    codes = [["DUPLICATE_ID"], ["EXACT_DUPLICATE"], ["DUPLICATE_ID", "EXACT_DUPLICATE"]]
    assert [entry["codes"] for entry in intake.quarantined] == codes


def test_a_refused_row_does_not_use_up_its_id(tmp_path: Path):
    intake, written = taken(tmp_path, [dialogue(1, "x", messages=[]), dialogue(1, "x")])
    assert written == ["d1"]
    assert len(intake.quarantined) == 1


def test_two_pairs_that_contradict_each_other_are_both_refused(tmp_path: Path):
    rows = [pair(1, "a", "b"), pair(2, "c", "d"), pair(3, "B", "a"), pair(4, "a", "e")]
    intake, written = taken(tmp_path, rows, PAIRS)
    assert written == ["q2", "q4"]
    assert [(entry["line"], entry["id"], entry["codes"]) for entry in intake.quarantined] == [
        (1, "q1", ["REVERSED_PAIR"]),
        (3, "q3", ["REVERSED_PAIR"]),
    ]
    assert [entry["line"] for entry in intake.repaired] == [2, 4]  # text as message


def test_lists_of_lines_in_messages_stay_short(tmp_path: Path):
    intake, _ = taken(tmp_path, ["{\n"] * 7 + [dialogue(1, "x")])
    assert intake.summary() == "INVALID_JSON 7 (lines 1, 2, 3, 4, 5, ...)"


def test_bytes_that_preflight_did_not_see_stop_the_stage(tmp_path: Path):
    (tmp_path / "raw.jsonl").write_text(json.dumps(dialogue(1, "x")), encoding="utf-8")
    with pytest.raises(ContractError, match=r"raw\.jsonl has changed since preflight"):
        take_in(str(tmp_path / "raw.jsonl"), "0" * 64, DIALOGUES, tmp_path, RULES)
    assert [path.name for path in tmp_path.iterdir()] == ["raw.jsonl"]


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_file_without_rows_is_refused(content: str, tmp_path: Path):
    with pytest.raises(ContractError, match="is empty: it has no row"):
        taken(tmp_path, [content])


def test_near_duplicates_are_listed_or_refused_by_configuration_and_the_earlier_one_stays(tmp_path: Path):
    long = "Every evening I sit in the kitchen and think about the years that my mother and I lost to that stupid quarrel over the house."
    rows = [dialogue(1, long), dialogue(2, f"{long} Yes."), dialogue(3, "Something short."), dialogue(4, "Something short!")]
    intake, written = taken(tmp_path, rows)
    assert written == ["d1", "d2", "d3", "d4"]
    file = str(tmp_path / "raw.jsonl")
    entry = {"file": file, "line": 2, "id": "d2", "codes": ["NEAR_DUPLICATE"], "at": [""], "severity": "warning"}
    assert intake.reviewed == [entry]
    assert [row["near_duplicate"] for row in intake.accepted] == [False, True, False, False]
    (tmp_path / "strict").mkdir()
    strict = ValidateDataConfig(quarantine_codes=("NEAR_DUPLICATE",))
    refused, written = taken(tmp_path / "strict", rows, rules=strict)
    assert written == ["d1", "d3", "d4"]
    assert refused.reviewed == []
    assert [item["codes"] for item in refused.quarantined] == [["NEAR_DUPLICATE"]]


def test_an_unsafe_reply_is_refused_unless_it_is_to_be_listed_only(tmp_path: Path):
    rows = [dialogue(1, "I want to die."), dialogue(1, "I am fine today."), dialogue(2, "Hello.")]
    rows[0]["messages"][1]["content"] = "What did you eat?"
    intake, written = taken(tmp_path, rows)
    assert written == ["d1", "d2"]  # the refused row does not use up its id
    assert (intake.quarantined[0]["codes"], intake.quarantined[0]["severity"]) == (["UNSAFE_CRISIS_REPLY"], "critical")
    (tmp_path / "lax").mkdir()
    listed, written = taken(tmp_path / "lax", [rows[0], rows[2]], rules=ValidateDataConfig(quarantine_codes=()))
    assert written == ["d1", "d2"]
    assert [(item["line"], item["codes"]) for item in listed.reviewed] == [(1, ["UNSAFE_CRISIS_REPLY"])]


def test_repaired_text_is_what_is_written_compared_and_measured(tmp_path: Path):
    entities = [{"message": 0, "start": 0, "end": 4, "type": "PERSON"}, {"message": 1, "start": 0, "end": 1, "type": "PERSON"}]
    rows = [dialogue(1, "\u200bAnna itâ€™s &lt;3", meta={"entities": entities}), dialogue(2, "anna it’s <3")]
    intake, written = taken(tmp_path, rows)
    assert written == ["d1"]
    assert intake.quarantined[0]["codes"] == ["EXACT_DUPLICATE"]
    row = json.loads((tmp_path / "out" / "conversations.jsonl").read_text(encoding="utf-8"))
    assert row["messages"][0]["content"] == "Anna it’s <3"
    assert row["meta"]["entities"] == entities[1:]  # offsets of the repaired message no longer hold
    [entry] = intake.repaired
    assert entry["codes"] == ["MOJIBAKE_REPAIRED", "INVISIBLE_REMOVED", "HTML_REMOVED", "META_OFFSETS_DROPPED"]
    assert entry["at"] == ["messages[0]"] * 3 + ["meta"]
    assert intake.accepted[0]["text_repaired"]


def test_direct_identifiers_in_metadata_stay_behind(tmp_path: Path):
    meta = {"email": "x", "name": "Anna", "contact": "anna@example.org", "language": "en", "topic": "t"}
    rows = [dialogue(1, "x", meta=meta), dialogue(2, "y", source="anna@example.org"), dialogue(3, "z", id="+998901234567")]
    intake, written = taken(tmp_path, rows)
    assert written == ["d1", "d2"]
    kept = [json.loads(line) for line in (tmp_path / "out" / "conversations.jsonl").read_text(encoding="utf-8").splitlines()]
    assert kept[0]["meta"] == {"language": "en", "topic": "t"}
    assert kept[1]["source"] == "raw.jsonl"
    assert [entry["at"] for entry in intake.repaired] == [["meta.email", "meta.name", "meta.contact"], ["source"]]
    assert [entry["codes"] for entry in intake.quarantined] == [["INVALID_ID"]]
    assert "99890" not in str(intake.quarantined)


def _json(row: dict[str, Any]) -> bytes:
    return json.dumps(row).encode()


LINES = st.sampled_from(
    [
        _json(dialogue(1, "I am sad today.")),
        _json(dialogue(1, "The same id.")),
        _json(dialogue(2, "I am sad today.")),
        _json(dialogue(3, "I want to die.")),
        _json(dialogue(4, "no messages", messages=[])),
        _json(dialogue(5, "\u200b\ufeff")),
        _json(dialogue(6, "<script>x</script>")),
        _json({"prompt": "why", "chosen": "a", "rejected": "b"}),
        _json({"prompt": "why", "chosen": "b", "rejected": "a"}),
        _json({"prompt": "why", "chosen": "a", "rejected": "a"}),
        b"{not json",
        b"[1, 2]",
        b"null",
        b"[" * 5000,
        b'{"id": "x", "messages": "\xff\xfe"}',
        '{"id": "привет"}'.encode("utf-16"),
        b'{"id": "' + b"x" * 3000 + b'"}',
        b"",
        b"  ",
        b"\xef\xbb\xbf{}",
        b"\x00",
    ]
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(LINES | st.binary(max_size=40), min_size=1, max_size=12),
    ending=st.sampled_from([b"\n", b"\r\n"]),
    bom=st.booleans(),
    zipped=st.booleans(),
    kind=st.sampled_from([DIALOGUES, PAIRS]),
)
def test_rows_in_are_rows_out_and_quarantined_whatever_the_file_holds(
    tmp_path_factory: Any, lines: list[bytes], ending: bytes, bom: bool, zipped: bool, kind: Any
):
    folder = tmp_path_factory.mktemp("any")
    content = b"\xef\xbb\xbf" * bom + ending.join(lines)
    path = folder / ("raw.jsonl.gz" if zipped else "raw.jsonl")
    path.write_bytes(gzip.compress(content) if zipped else content)
    (folder / "out").mkdir()
    rows = [line for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
    rules = ValidateDataConfig(max_row_bytes=2048)
    if not rows:
        with pytest.raises(ContractError, match="is empty"):
            take_in(str(path), digest(str(path)), kind, folder / "out", rules)
        return
    intake = take_in(str(path), digest(str(path)), kind, folder / "out", rules)
    written = (folder / "out" / kind.file).read_text(encoding="utf-8").splitlines()
    assert intake.rows_in == len(rows)
    assert len(written) + len(intake.quarantined) == len(rows)
    places = sorted([*intake.lines, *(entry["line"] for entry in intake.quarantined)])
    assert places == sorted(set(places))  # each row is in one place
    assert {entry["line"] for entry in [*intake.repaired, *intake.reviewed]} <= set(intake.lines)
    assert all(entry["codes"] and entry["severity"] in ("critical", "error") for entry in intake.quarantined)
    assert all(set(entry) == {"file", "line", "id", "codes", "at", "severity"} for entry in intake.quarantined)
