"""Every row of a file is accepted or quarantined, and what comes twice or contradicts itself comes once or not at all."""

import json
from pathlib import Path
from typing import Any

import pytest

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


def taken(tmp_path: Path, rows: list[Any], kind: Any = DIALOGUES) -> tuple[Intake, list[str]]:
    """Return the intake and the ids of the rows in the written file."""
    path = tmp_path / "raw.jsonl"
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    out = tmp_path / "out"
    out.mkdir()
    intake = take_in(str(path), digest(str(path)), kind, out, RULES)
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
