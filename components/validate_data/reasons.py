"""Why a row was refused or changed: codes, what they mean and what to do. No code and no place ever holds a word of the row."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

REFUSALS = {
    "INVALID_JSON": "not valid JSON; write one JSON object a line (in CSV, a JSON list in the cell)",
    "NOT_AN_OBJECT": "JSON, but not an object with named fields; write {...} a line",
    "WRONG_ENCODING": "not UTF-8, or characters were lost in an earlier conversion; export as UTF-8",
    "ROW_TOO_LONG": "the line is longer than max_row_bytes; check the line breaks",
    "WRONG_COLUMN_COUNT": "more cells than the CSV header has columns; check quoting",
    "WRONG_KIND": "a preference pair among the conversations, or the reverse; check which file is given where",
    "MISSING_FIELD": "a required field is missing or null",
    "WRONG_TYPE": "a field has another type than the row format wants",
    "INVALID_ID": "an id is a label of at most 128 letters, digits and ._:/+#=-; text, e-mail addresses and telephone numbers are refused",
    "EMPTY_CONTENT": "a message without text",
    "UNKNOWN_ROLE": "a role other than system, user, assistant; rename the speakers",
    "SYSTEM_NOT_FIRST": "a system message after the first position",
    "ROLES_DO_NOT_ALTERNATE": "two messages of one role in a row; join them",
    "TOO_FEW_TURNS": "fewer messages than min_turns (after trimming): no user turn with a reply to it",
    "TOO_MANY_TURNS": "more messages than max_turns; cut the row into sessions",
    "STARTS_WITH_ASSISTANT": "the first turn is not the user's, and trim_to_reply is off",
    "DOES_NOT_END_WITH_ASSISTANT": "the last turn is not a reply, and trim_to_reply is off",
    "TURN_TOO_LONG": "a message longer than max_turn_characters",
    "PAGE_CODE": "HTML scripts, styles or forms in a message; export the text, not the page",
    "CONTROL_CHARACTERS": "control or text-direction characters in a message; strip them",
    "DUPLICATE_ID": "an earlier row has this id",
    "EXACT_DUPLICATE": "an earlier row has the same messages (case and spacing aside)",
    "PROMPT_NOT_ENDING_WITH_USER": "the prompt's last message is not the user's",
    "NOT_A_SINGLE_REPLY": "chosen and rejected are each one assistant message",
    "IDENTICAL_REPLIES": "chosen and rejected are the same (case and spacing aside)",
    "REVERSED_PAIR": "another row prefers the other reply to the same prompt; both are refused",
    "INVALID_RATING": "a value in meta.ratings is no number between 0 and max_rating",
}
"""The row is not used; it is listed in ``quarantine.jsonl``."""

REPAIRS = {
    "TRIMMED_START": "assistant turns before the first user turn were cut",
    "TRIMMED_END": "user turns after the last reply were cut",
    "ID_FROM_LINE": "no id; made from file name and line number",
    "PERSON_FROM_ROW_ID": "nobody is named; the row counts as its own person",
    "SOURCE_FROM_FILE": "no source; the file's name was taken",
    "TEXT_AS_MESSAGE": "plain text where a list of messages belongs; taken as one message",
    "UNKNOWN_FIELD": "a field that no stage reads was left out",
    "META_TEXT_DROPPED": "free text in meta was left out (see keep_meta)",
    "META_IDENTIFIER_DROPPED": "a field of meta, or source, that is or is called a direct identifier was left out",
    "META_OFFSETS_DROPPED": "facts in meta about characters of a repaired message were left out, for the characters have moved",
    "INVISIBLE_REMOVED": "zero-width and other invisible characters were removed",
    "MOJIBAKE_REPAIRED": "UTF-8 that had been decoded as windows-1252 or windows-1251 was decoded again",
    "HTML_REMOVED": "HTML tags and entities were replaced by what they stand for",
}
"""The row is used, with this change; it is listed in ``repaired.jsonl``."""

TEXT_REPAIRS = frozenset({"INVISIBLE_REMOVED", "MOJIBAKE_REPAIRED", "HTML_REMOVED"})
"""Repairs that move characters."""

REVIEWS = {
    "UNSAFE_CRISIS_REPLY": "a crisis is mentioned and no reply shows care, asks about safety or points to help, or it is waved aside",
    "TOXIC_REPLY": "the assistant insults",
    "DIAGNOSIS": "the assistant diagnoses",
    "MEDICATION_ADVICE": "the assistant advises on medicines or doses",
    "NEAR_DUPLICATE": "an earlier dialogue is nearly the same (near_duplicate_similarity)",
    "OTHER_LANGUAGE": "written in none of the allowed languages",
    "LANGUAGE_MISMATCH": "written in another language than declared",
    "CODE_SWITCHING": "two languages, each with a fifth of the words or more",
    "IDENTIFIER_IN_META": "a key of keep_meta holds what looks like a direct identifier",
}
"""Somebody should look at the row. It is listed in ``review.jsonl`` and used, or refused where ``quarantine_codes`` names the code."""

Severity = Literal["critical", "error", "warning", "info"]
_SEVERITIES: tuple[tuple[Severity, frozenset[str]], ...] = (
    ("critical", frozenset({"UNSAFE_CRISIS_REPLY", "TOXIC_REPLY", "REVERSED_PAIR", "INVALID_ID", "WRONG_KIND"})),
    ("error", frozenset(REFUSALS)),
    ("warning", frozenset(REVIEWS) | {"META_IDENTIFIER_DROPPED", "MOJIBAKE_REPAIRED", "PERSON_FROM_ROW_ID"}),
    ("info", frozenset(REPAIRS)),
)


def severity(codes: Iterable[str]) -> Severity:
    """Return the gravest severity of some codes.

    ``critical``: the row would harm people or teach the opposite of what is meant; ``error``: it cannot be used; ``warning``: somebody
    should look; ``info``: it was changed, and nothing was lost.
    """
    given = set(codes)
    return next(level for level, members in _SEVERITIES if given & members)


@dataclass(frozen=True)
class Finding:
    """One reason and where in the row it was found, such as ``messages[3].content``."""

    code: str
    at: str = ""
