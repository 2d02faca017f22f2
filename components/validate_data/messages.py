"""Checks of messages: text, roles, order; and the trimming of conversations that open or close on the wrong side."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any

from components.shared.records import Message
from components.validate_data.cleaning import clean, holds_page
from components.validate_data.config import ValidateDataConfig
from components.validate_data.reasons import Finding

ROLES = ("system", "user", "assistant")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_LOST = re.compile("[\ufffd\ud800-\udfff]")


def check_messages(value: Any, at: str, rules: ValidateDataConfig) -> tuple[list[Message], list[Finding]]:
    """Check a raw list of messages one by one.

    Returns:
        The messages, repaired, and no refusals, or no messages and the refusals; repairs and unknown message fields come with either.
    """
    if not isinstance(value, list):
        return [], [Finding("WRONG_TYPE", at)]
    if len(value) > rules.max_turns:
        return [], [Finding("TOO_MANY_TURNS", at)]
    findings: list[Finding] = []
    messages = []
    for index, item in enumerate(value):
        place = f"{at}[{index}]"
        if isinstance(item, dict) and isinstance(item.get("content"), str):
            text, repairs = clean(item["content"])
            findings += [Finding(code, place) for code in repairs]
            item = {**item, "content": text} if repairs else item
        found = check_message(item, place, rules)
        findings += found
        if not found:
            messages.append(Message(role=item["role"], content=item["content"]))
        if isinstance(item, dict) and set(item) - {"role", "content"}:
            findings.append(Finding("UNKNOWN_FIELD", f"{at}[]"))
    return (messages if len(messages) == len(value) else []), list(dict.fromkeys(findings))


def check_message(item: Any, at: str, rules: ValidateDataConfig) -> list[Finding]:
    """Return what is wrong with one raw message."""
    if not isinstance(item, dict):
        return [Finding("WRONG_TYPE", at)]
    findings = [Finding("MISSING_FIELD", f"{at}.{name}") for name in ("role", "content") if item.get(name) is None]
    if findings:
        return findings
    if item["role"] not in ROLES:
        findings.append(Finding("UNKNOWN_ROLE", f"{at}.role"))
    return findings + check_text(item["content"], f"{at}.content", rules.max_turn_characters)


def check_text(text: Any, at: str, max_characters: int) -> list[Finding]:
    """Return what is wrong with the text of a message."""
    if not isinstance(text, str):
        return [Finding("WRONG_TYPE", at)]
    if not text.strip():
        return [Finding("EMPTY_CONTENT", at)]
    if len(text) > max_characters:
        return [Finding("TURN_TOO_LONG", at)]
    found = (("WRONG_ENCODING", _LOST), ("CONTROL_CHARACTERS", _CONTROL))
    return [Finding(code, at) for code, pattern in found if pattern.search(text)] + [Finding("PAGE_CODE", at)] * holds_page(text)


def check_order(messages: Sequence[Message], at: str) -> list[Finding]:
    """Refuse a system message that is not first and two turns of one side in a row."""
    findings = []
    for index, (before, message) in enumerate(pairwise(messages), start=1):
        if message.role == "system":
            findings.append(Finding("SYSTEM_NOT_FIRST", f"{at}[{index}].role"))
        elif message.role == before.role:
            findings.append(Finding("ROLES_DO_NOT_ALTERNATE", f"{at}[{index}].role"))
    return findings


def opening(messages: Sequence[Message]) -> tuple[int, int]:
    """Return the range of assistant turns before the first user turn, after a system message: start and end index."""
    start = 1 if messages and messages[0].role == "system" else 0
    end = start
    while end < len(messages) and messages[end].role == "assistant":
        end += 1
    return start, end


def replied(messages: Sequence[Message]) -> int:
    """Return how many messages there are up to and including the last reply."""
    end = len(messages)
    while end > 0 and messages[end - 1].role != "assistant":
        end -= 1
    return end


def realign(meta: dict[str, Any], length: int, kept: Sequence[int]) -> dict[str, Any]:
    """Keep facts about messages in step with trimming.

    Args:
        meta: facts of the row; a list with one entry a message, and a list of objects with a ``message`` index, are about messages.
        length: number of messages before trimming.
        kept: indices of the messages that stay, ascending.
    """
    position = {old: new for new, old in enumerate(kept)}
    result = dict(meta)
    for key, value in meta.items():
        if not isinstance(value, list) or not value:
            continue
        if all(isinstance(item, dict) and isinstance(item.get("message"), int) for item in value):
            result[key] = [{**item, "message": position[item["message"]]} for item in value if item["message"] in position]
        elif len(value) == length:
            result[key] = [value[old] for old in kept]
    return result


def without_offsets(meta: dict[str, Any], changed: Collection[int]) -> dict[str, Any]:
    """Leave out facts about characters (objects with ``message`` and ``start``) of the messages whose text was repaired."""
    result = {}
    for key, value in meta.items():
        about_characters = isinstance(value, list) and bool(value) and all(isinstance(item, dict) and "start" in item for item in value)
        result[key] = [item for item in value if item.get("message") not in changed] if about_characters else value
    return result


def normalized(text: str) -> str:
    """Return the text as duplicates are compared: NFKC, lower case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
