"""The suites, run by Great Expectations itself: each critical expectation is met by good features and missed by bad ones."""

import json
from typing import Any

import pytest

from components.shared.records import Conversation, Message, PreferencePair
from components.validate_data.checks import suite_parameters
from components.validate_data.config import ValidateDataConfig
from components.validate_data.expectations import SUITES, CheckResult
from components.validate_data.expectations import run_suite as run
from components.validate_data.features import Features, mark_repeated_replies, of_conversation, of_pair
from components.validate_data.reasons import Finding
from components.validate_data.review import review_conversation, review_pair

SECRET = "Rumpelstilzchen"
RULES = ValidateDataConfig(max_turns=10, max_turn_characters=100)
LIMITS = suite_parameters(RULES)


def run_suite(suite: str, rows: list[Features], limits: dict[str, float]) -> list[CheckResult]:
    return run(suite, rows, limits).results


def conversations(count: int = 4) -> list[Features]:
    rows = []
    for index in range(count):
        texts = [f"{SECRET} {index}", "I am with you, please tell me more.", "I will try", "Take the time that you need."]
        messages = [Message(role="assistant" if turn % 2 else "user", content=text) for turn, text in enumerate(texts)]
        row = Conversation(id=f"d{index}", person_id=f"p{index}", messages=messages, source="test")
        review = review_conversation(row, range(len(messages)), RULES)
        rows.append({**of_conversation(row, []), **review.features, "near_duplicate": False})
    mark_repeated_replies(rows)
    return rows


def preferences(count: int = 4) -> list[Features]:
    rows = []
    for index in range(count):
        chosen, rejected = ("longer", "short") if index % 2 else ("short", "longer")
        replies = {name: [Message(role="assistant", content=text)] for name, text in (("chosen", chosen), ("rejected", rejected))}
        prompt = [Message(role="user", content=f"{SECRET} {index}")]
        meta = {"ratings": {"chosen": {"empathy": 2}}}
        row = PreferencePair(id=f"q{index}", person_id=f"p{index}", prompt=prompt, source="test", meta=meta, **replies)
        rows.append({**of_pair(row, []), **review_pair(row, [0], RULES).features, "near_duplicate": False})
    return rows


def missed(suite: str, rows: list[Features]) -> list[tuple[str, str]]:
    return [(result.column, result.severity) for result in run_suite(suite, rows, LIMITS) if not result.success]


@pytest.mark.parametrize(("suite", "rows"), [("conversations", conversations()), ("preferences", preferences())])
def test_good_rows_meet_every_expectation_in_the_order_of_the_file(suite: str, rows: list[Features]):
    results = run_suite(suite, rows, LIMITS)
    assert [result for result in results if not result.success] == []
    written = json.loads((SUITES / f"{suite}.json").read_text(encoding="utf-8"))["expectations"]
    assert [result.about for result in results] == [item["meta"]["about"] for item in written]
    assert [result.severity for result in results] == [item["severity"] for item in written]


CRITICAL_CONVERSATIONS = {
    "row_id": "d0",
    "person_id": None,
    "content_hash": conversations(2)[0]["content_hash"],
    "starts_with_user": False,
    "ends_with_assistant": False,
    "roles_alternate": False,
    "turns": 11,
    "shortest_characters": 0,
    "longest_characters": 101,
}
CRITICAL_PREFERENCES = {
    "row_id": "q0",
    "person_id": None,
    "content_hash": preferences(2)[0]["content_hash"],
    "ends_with_user": False,
    "single_replies": False,
    "replies_differ": False,
    "shortest_characters": 0,
    "longest_characters": 101,
}


def critical_columns(suite: str) -> set[str]:
    items = json.loads((SUITES / f"{suite}.json").read_text(encoding="utf-8"))["expectations"]
    return {item["kwargs"]["column"] for item in items if item["severity"] == "critical" and "column" in item["kwargs"]}


@pytest.mark.parametrize(
    ("suite", "rows", "bad"),
    [("conversations", conversations(), CRITICAL_CONVERSATIONS), ("preferences", preferences(), CRITICAL_PREFERENCES)],
)
def test_one_bad_value_misses_its_critical_expectation(suite: str, rows: list[Features], bad: dict[str, Any]):
    assert critical_columns(suite) == set(bad)
    broken = [{**row} for row in rows]
    broken[-1] |= bad
    found = missed(suite, broken)
    assert {column for column, severity in found if severity == "critical"} == set(bad)


def test_fewer_than_three_people_cannot_be_split():
    rows = [{**row, "person_id": f"p{index % 2}"} for index, row in enumerate(conversations())]
    assert ("person_id", "critical") in missed("conversations", rows)


def test_a_length_that_gives_the_preference_away_is_a_warning_in_both_directions():
    for direction in (0.0, 1.0):
        rows = [{**row, "longer_is_chosen": direction} for row in preferences()]
        assert missed("preferences", rows) == [("longer_is_chosen", "warning")]


def test_warnings_of_conversations():
    flags = {
        "composed": False,
        "markup": True,
        "mojibake": True,
        "letters_fraction": 0.1,
        "trimmed": True,
        "own_person": True,
        "repeated_reply": True,
        "text_repaired": True,
        "language_mismatch": True,
        "other_language": True,
        "code_switched": True,
        "unsafe_crisis_reply": True,
        "toxic_reply": True,
        "diagnosis": True,
        "medication_advice": True,
        "identifier_in_meta": True,
        "near_duplicate": True,
    }
    rows = conversations()
    rows[0] |= flags
    assert sorted(missed("conversations", rows)) == sorted((column, "warning") for column in flags)


def test_warnings_of_pairs():
    flags = {"unsafe_crisis_reply": True, "toxic_reply": True, "diagnosis": True, "medication_advice": True, "ratings_agree": False}
    rows = preferences()
    rows[0] |= flags
    assert sorted(missed("preferences", rows)) == sorted((column, "warning") for column in flags)


def test_information_about_crisis_and_identifiers():
    rows = [{**row, "crisis": 1.0, "identifier_density": 2.0} for row in conversations()]
    assert sorted(missed("conversations", rows)) == [("crisis", "info"), ("identifier_density", "info")]


def test_how_many_faults_are_too_many_is_configured():
    rows = conversations(20)
    rows[0] |= {"toxic_reply": True}
    for allowed, met in ((0.02, False), (0.05, True)):
        limits = suite_parameters(RULES.model_copy(update={"max_review_fraction": allowed}))
        results = {result.column: result.success for result in run_suite("conversations", rows, limits)}
        assert results["toxic_reply"] is met


def test_a_check_that_cannot_be_evaluated_counts_as_missed_and_says_why():
    rows = [{key: value for key, value in row.items() if key != "turns"} for row in conversations()]
    results = {(result.column, result.severity): result for result in run_suite("conversations", rows, LIMITS)}
    result = results["turns", "critical"]
    assert not result.success
    assert 'column "turns"' in result.error


def test_features_and_results_hold_no_text():
    for suite, rows in (("conversations", conversations()), ("preferences", preferences())):
        rows[0] |= {"longest_characters": 1000, "row_id": rows[1]["row_id"]}
        done = run(suite, rows, LIMITS)
        results, document = done.results, json.dumps(done.document)
        assert document.count("expectation_config") == len(results)
        assert SECRET.casefold() not in document.casefold()
        assert '"d1"' not in document
        assert not all(result.success for result in results)
        assert SECRET.casefold() not in json.dumps(rows).casefold()
        assert SECRET.casefold() not in json.dumps([result.to_json() for result in results]).casefold()
        assert "d1" not in json.dumps([result.to_json() for result in results])  # BOOLEAN_ONLY: not even ids


def test_text_features_are_what_they_are_called():
    def features(text: str, findings: list[Finding] | None = None) -> Features:
        messages = [Message(role="user", content=text), Message(role="assistant", content="yes")]
        return of_conversation(Conversation(id="d", person_id="p", messages=messages), findings or [])

    plain = features("Ich kann nicht mehr schlafen, 3 Uhr.")
    assert (plain["markup"], plain["mojibake"], plain["composed"], plain["trimmed"], plain["own_person"]) == (
        False,
        False,
        True,
        False,
        False,
    )
    assert features("see <b>this</b>")["markup"]
    assert features("a &amp; b")["markup"]
    assert not features("I <3 you & me, 2 > 1")["markup"]
    assert features("itâ€™s")["mojibake"]
    assert features("cafÃ©")["mojibake"]
    assert not features("café, Ãgua, naïve")["mojibake"]
    assert not features("cafe\u0301")["composed"]
    assert features("12 34")["letters_fraction"] == 3 / 7
    assert features("x", [Finding("TRIMMED_END", "messages")])["trimmed"]
    assert features("x", [Finding("PERSON_FROM_ROW_ID", "person_id")])["own_person"]


def test_great_expectations_own_document_quotes_no_value_even_when_it_fails():
    rows = conversations()
    rows[0]["turns"] = f"{SECRET} is no number"  # comparing it with a limit raises inside Great Expectations
    done = run("conversations", rows, LIMITS)
    result = next(result for result in done.results if result.column == "turns" and result.severity == "critical")
    assert not result.success
    assert SECRET not in json.dumps(done.document) + json.dumps([item.to_json() for item in done.results])


def test_a_long_reply_in_two_rows_marks_both():
    def row(index: int, *replies: str) -> Features:
        messages = [Message(role=role, content=text) for reply in replies for role, text in (("user", f"{index}"), ("assistant", reply))]
        return of_conversation(Conversation(id=f"d{index}", person_id="p", messages=messages), [])

    long = "This is a reply of more than forty characters."
    rows = [row(0, long, "thanks"), row(1, "thanks"), row(2, long.upper()), row(3, f"{long}!", f"{long}!")]
    mark_repeated_replies(rows)
    assert [r["repeated_reply"] for r in rows] == [True, False, True, False]
