"""Each kind of bad row has its code, and no finding holds a word of the row."""

from typing import Any

import pytest

from components.shared.records import Conversation, PreferencePair
from components.validate_data.config import ValidateDataConfig
from components.validate_data.reading import RawRow
from components.validate_data.reasons import REFUSALS, REPAIRS
from components.validate_data.rows import Checked, check_conversation, check_pair

SECRET = "Rumpelstilzchen"
RULES = ValidateDataConfig()
STRICT = ValidateDataConfig(trim_to_reply=False)


def user(text: Any = "u") -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: Any = "a") -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def dialogue(*messages: Any, **fields: Any) -> dict[str, Any]:
    return {"id": "d1", "person_id": "p1", "source": "test", "messages": list(messages), **fields}


def pair(**fields: Any) -> dict[str, Any]:
    row = {
        "id": "q1",
        "person_id": "p1",
        "source": "test",
        "prompt": [user()],
        "chosen": [assistant("good")],
        "rejected": [assistant("bad")],
    }
    return {**row, **fields}


def checked(value: dict[str, Any], rules: ValidateDataConfig = RULES) -> Checked:
    check = check_pair if "chosen" in value or "prompt" in value else check_conversation
    return check(RawRow(7, value), "file.jsonl", rules)


def findings(result: Checked) -> list[tuple[str, str]]:
    return [(finding.code, finding.at) for finding in result.findings]


def without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


BAD_DIALOGUES = {
    "no messages": (without(dialogue(), "messages"), ("MISSING_FIELD", "messages")),
    "null messages": (dialogue(messages=None), ("MISSING_FIELD", "messages")),
    "messages are text": (dialogue(messages=SECRET), ("WRONG_TYPE", "messages")),
    "a message is text": (dialogue(user(), SECRET), ("WRONG_TYPE", "messages[1]")),
    "no content": (dialogue(user(), {"role": "assistant"}), ("MISSING_FIELD", "messages[1].content")),
    "no role": (dialogue({"content": SECRET}, assistant()), ("MISSING_FIELD", "messages[0].role")),
    "content is a number": (dialogue(user(), assistant(5)), ("WRONG_TYPE", "messages[1].content")),
    "unknown role": (dialogue(user(), {"role": SECRET, "content": SECRET}), ("UNKNOWN_ROLE", "messages[1].role")),
    "role is a list": (dialogue(user(), {"role": [], "content": "x"}), ("UNKNOWN_ROLE", "messages[1].role")),
    "empty": (dialogue(user(""), assistant()), ("EMPTY_CONTENT", "messages[0].content")),
    "blank": (dialogue(user(), assistant(" \n\t\u00a0")), ("EMPTY_CONTENT", "messages[1].content")),
    "1 MB turn": (dialogue(user(SECRET + "x" * (1 << 20)), assistant()), ("TURN_TOO_LONG", "messages[0].content")),
    "NUL": (dialogue(user(f"{SECRET}\0"), assistant()), ("CONTROL_CHARACTERS", "messages[0].content")),
    "reversed direction": (dialogue(user(f"{SECRET}\u202e"), assistant()), ("CONTROL_CHARACTERS", "messages[0].content")),
    "lost characters": (dialogue(user(f"{SECRET} \ufffd"), assistant()), ("WRONG_ENCODING", "messages[0].content")),
    "lone surrogate": (dialogue(user(f"{SECRET} \udce9"), assistant()), ("WRONG_ENCODING", "messages[0].content")),
    "two users": (dialogue(user(), user(SECRET), assistant()), ("ROLES_DO_NOT_ALTERNATE", "messages[1].role")),
    "two users at the end": (dialogue(user(), assistant(), user(), user()), ("ROLES_DO_NOT_ALTERNATE", "messages[3].role")),
    "late system": (dialogue(user(), {"role": "system", "content": SECRET}, assistant()), ("SYSTEM_NOT_FIRST", "messages[1].role")),
    "no message": (dialogue(), ("TOO_FEW_TURNS", "messages")),
    "user only": (dialogue(user(SECRET)), ("TOO_FEW_TURNS", "messages")),
    "assistant only": (dialogue(assistant(SECRET)), ("TOO_FEW_TURNS", "messages")),
    "201 turns": (dialogue(*[user(), assistant()] * 101), ("TOO_MANY_TURNS", "messages")),
    "id is text": (dialogue(user(), assistant(), id=f"{SECRET} wrote"), ("INVALID_ID", "id")),
    "id is an address": (dialogue(user(), assistant(), id=f"{SECRET}@example.org"), ("INVALID_ID", "id")),
    "person is an address": (dialogue(user(), assistant(), person_id=f"{SECRET}@example.org"), ("INVALID_ID", "person_id")),
    "id is a list": (dialogue(user(), assistant(), id=[SECRET]), ("WRONG_TYPE", "id")),
    "source is text": (dialogue(user(), assistant(), source=SECRET * 20), ("WRONG_TYPE", "source")),
    "meta is text": (dialogue(user(), assistant(), meta=SECRET), ("WRONG_TYPE", "meta")),
}
BAD_PAIRS = {
    "no chosen": (without(pair(), "chosen"), ("MISSING_FIELD", "chosen")),
    "prompt ends with assistant": (pair(prompt=[user(), assistant(SECRET)]), ("PROMPT_NOT_ENDING_WITH_USER", "prompt")),
    "empty prompt": (pair(prompt=[]), ("PROMPT_NOT_ENDING_WITH_USER", "prompt")),
    "two users in the prompt": (pair(prompt=[user(), user()]), ("ROLES_DO_NOT_ALTERNATE", "prompt[1].role")),
    "two replies": (pair(chosen=[assistant(), assistant()]), ("NOT_A_SINGLE_REPLY", "chosen")),
    "reply by the user": (pair(rejected=[user(SECRET)]), ("NOT_A_SINGLE_REPLY", "rejected")),
    "same replies": (pair(rejected=[assistant(" GOOD ")]), ("IDENTICAL_REPLIES", "")),
    "empty reply": (pair(rejected=[assistant("")]), ("EMPTY_CONTENT", "rejected[0].content")),
    "rating out of range": (pair(meta={"ratings": {"chosen": {"empathy": 6}}}), ("INVALID_RATING", "meta.ratings")),
    "rating is text": (pair(meta={"ratings": {"chosen": {"empathy": "4"}}}), ("INVALID_RATING", "meta.ratings")),
    "rating is a flag": (pair(meta={"ratings": {"chosen": True}}), ("INVALID_RATING", "meta.ratings")),
    "no rating in ratings": (pair(meta={"ratings": {}}), ("INVALID_RATING", "meta.ratings")),
}


@pytest.mark.parametrize(("row", "expected"), [*BAD_DIALOGUES.values(), *BAD_PAIRS.values()], ids=[*BAD_DIALOGUES, *BAD_PAIRS])
def test_a_bad_row_is_refused_with_its_code_and_place_and_without_its_words(row: dict[str, Any], expected: tuple[str, str]):
    result = checked(row)
    assert result.row is None
    assert [found for found in findings(result) if found[0] in REFUSALS] == [expected]
    assert SECRET not in repr(result)


def test_files_given_in_each_other_s_place_are_recognised():
    result = check_conversation(RawRow(1, pair()), "f.jsonl", RULES)
    assert findings(result)[0] == ("WRONG_KIND", "")
    assert findings(check_pair(RawRow(1, dialogue(user(), assistant())), "f.jsonl", RULES))[0] == ("WRONG_KIND", "")


def test_a_good_dialogue_passes_unchanged():
    row = dialogue({"role": "system", "content": "s"}, user(), assistant(), meta={"level": 1, "tag": "x"})
    result = checked(row)
    assert result.findings == []
    assert isinstance(result.row, Conversation)
    assert result.row.model_dump() == row


def test_a_good_pair_passes_unchanged():
    row = pair(meta={"ratings": {"chosen": {"empathy": 5, "explorations": 0}, "rejected": {"empathy": 0.5}}})
    result = checked(row)
    assert result.findings == []
    assert isinstance(result.row, PreferencePair)
    assert result.row.model_dump() == row


def test_trimming_cuts_both_ends_and_keeps_facts_about_messages_in_step():
    messages = [{"role": "system", "content": "s"}, assistant("0"), user("1"), assistant("2"), user("3")]
    meta = {"strategy": ["s", "a", "b", "c", "d"], "entities": [{"message": 1, "start": 0}, {"message": 3, "start": 4}], "two": [1, 2]}
    result = checked(dialogue(*messages, meta=meta))
    assert isinstance(result.row, Conversation)
    assert [message.content for message in result.row.messages] == ["s", "1", "2"]
    assert result.row.meta == {"strategy": ["s", "b", "c"], "entities": [{"message": 2, "start": 4}], "two": [1, 2]}
    assert findings(result) == [("TRIMMED_START", "messages"), ("TRIMMED_END", "messages")]


def test_without_trimming_such_rows_are_refused():
    assert findings(checked(dialogue(assistant(), user(), assistant()), STRICT)) == [("STARTS_WITH_ASSISTANT", "messages")]
    assert findings(checked(dialogue(user(), assistant(), user()), STRICT)) == [("DOES_NOT_END_WITH_ASSISTANT", "messages")]
    assert findings(checked(pair(prompt=[assistant(), user()]), STRICT)) == [("STARTS_WITH_ASSISTANT", "prompt")]


def test_what_a_row_does_not_say_is_filled_in_and_noted():
    result = checked({"messages": [user(), assistant()]})
    assert isinstance(result.row, Conversation)
    assert (result.row.id, result.row.person_id, result.row.source) == ("file-7", "file-7", "file.jsonl")
    assert {code for code, _ in findings(result)} == {"ID_FROM_LINE", "PERSON_FROM_ROW_ID", "SOURCE_FROM_FILE"} <= set(REPAIRS)


def test_the_person_may_stand_elsewhere():
    rules = ValidateDataConfig(person_id_field="meta.prompt_id")
    elsewhere = checked(pair(meta={"prompt_id": 12}), rules).row
    fallback = checked(pair(), rules).row
    assert elsewhere is not None
    assert elsewhere.person_id == "prompt_id-12"  # not "12", which may be a person in the other file
    assert fallback is not None
    assert fallback.person_id == "p1"


def test_free_text_in_meta_stays_behind_unless_it_is_asked_for():
    meta = {
        "situation": f"I am {SECRET}",
        "stage": "early",
        "nested": {"note": "two words"},
        "topic": "new job",
        f"{SECRET} said": 1,
        "n": 0.5,
    }
    result = checked(dialogue(user(), assistant(), meta=meta))
    assert isinstance(result.row, Conversation)
    assert result.row.meta == {"stage": "early", "topic": "new job", "n": 0.5}
    assert findings(result) == [
        ("META_TEXT_DROPPED", "meta.situation"),
        ("META_TEXT_DROPPED", "meta.nested"),
        ("META_TEXT_DROPPED", "meta"),
    ]
    kept = checked(dialogue(user(), assistant(), meta=meta), ValidateDataConfig(keep_meta=("situation",))).row
    assert kept is not None
    assert "situation" in kept.meta


def test_unknown_fields_are_left_out_and_noted_by_name_only_when_it_is_one():
    row = dialogue({**user(), "name": SECRET}, assistant(), score=SECRET, **{f"{SECRET} said": 1})
    result = checked(row)
    assert result.row is not None
    assert sorted(findings(result)) == [("UNKNOWN_FIELD", ""), ("UNKNOWN_FIELD", "messages[]"), ("UNKNOWN_FIELD", "score")]
    assert SECRET not in result.row.model_dump_json()


def test_plain_text_replies_are_messages():
    result = checked(pair(prompt="how", chosen="well", rejected="badly"))
    assert isinstance(result.row, PreferencePair)
    assert [m.model_dump() for m in [*result.row.prompt, *result.row.chosen]] == [user("how"), assistant("well")]
    assert [code for code, _ in findings(result)] == ["TEXT_AS_MESSAGE"] * 3
