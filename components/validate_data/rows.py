"""From a raw row to a Conversation or a PreferencePair, or to the reasons why not."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from components.shared.records import Conversation, Message, PreferencePair
from components.validate_data.config import ValidateDataConfig
from components.validate_data.identifiers import holds_identifier, names_identifier
from components.validate_data.messages import check_messages, check_order, normalized, opening, realign, replied, without_offsets
from components.validate_data.reading import RawRow
from components.validate_data.reasons import REFUSALS, TEXT_REPAIRS, Finding

Row = Conversation | PreferencePair
_LABEL = re.compile(r"[\w.:/+#=<>-]{1,128}")
_ID = re.compile(r"(?!\+\d)[\w.:/+#=-]{1,128}")
_NOT_ID = re.compile(r"[^\w.:/+#=-]")
_COMMON_FIELDS = {"id", "person_id", "source", "meta"}
_MAX_SOURCE_CHARACTERS = 100


@dataclass
class Checked:
    """What became of a raw row.

    Attributes:
        row: the usable row; None when it is refused.
        findings: refusals and repairs.
        row_id: the id to report, where there is one that may be shown.
        kept: for each message of the row (pairs: of its prompt) its place before trimming.
    """

    row: Row | None = None
    findings: list[Finding] = field(default_factory=list)
    row_id: str | None = None
    kept: list[int] = field(default_factory=list)

    @property
    def refusals(self) -> list[Finding]:
        """The findings that keep the row out."""
        return [finding for finding in self.findings if finding.code in REFUSALS]


@dataclass(frozen=True)
class _Identity:
    id: str
    person_id: str
    source: str
    meta: dict[str, Any]


def check_conversation(raw: RawRow, file: str, rules: ValidateDataConfig) -> Checked:
    """Check a raw dialogue: ``messages``, and optionally id, person_id, source, meta.

    Args:
        raw: the row.
        file: name of its file, for what the row does not say of itself.
        rules: limits and options.
    """
    if raw.value is None:
        return Checked(findings=[Finding(raw.problem)])
    value = raw.value
    checked = Checked()
    if value.get("messages") is None:
        checked.findings.append(Finding("WRONG_KIND") if "chosen" in value else Finding("MISSING_FIELD", "messages"))
    identity = _identify(raw.line, value, file, rules, checked)
    _note_unknown(value, {"messages"}, checked)
    messages: list[Message] = []
    if value.get("messages") is not None:
        messages, found = check_messages(value["messages"], "messages", rules)
        checked.findings += found + check_order(messages, "messages")
    if checked.refusals or identity is None:
        return checked
    kept = _trim(messages, rules, checked)
    if len(kept) < rules.min_turns:
        checked.findings.append(Finding("TOO_FEW_TURNS", "messages"))
    if checked.refusals:
        return checked
    checked.kept = kept
    checked.row = Conversation(
        id=identity.id,
        person_id=identity.person_id,
        messages=[messages[index] for index in kept],
        source=identity.source,
        meta=realign(_facts(identity.meta, "messages", checked), len(messages), kept),
    )
    return checked


def check_pair(raw: RawRow, file: str, rules: ValidateDataConfig) -> Checked:
    """Check a raw preference pair: ``prompt``, ``chosen``, ``rejected``, and optionally id, person_id, source, meta.

    Each of the three is a list of messages or, as plain text, one message. Arguments as in ``check_conversation``.
    """
    if raw.value is None:
        return Checked(findings=[Finding(raw.problem)])
    value = raw.value
    checked = Checked()
    parts = ("prompt", "chosen", "rejected")
    missing = [Finding("MISSING_FIELD", name) for name in parts if value.get(name) is None]
    checked.findings += [Finding("WRONG_KIND")] if len(missing) == len(parts) and "messages" in value else missing
    identity = _identify(raw.line, value, file, rules, checked)
    _note_unknown(value, set(parts), checked)
    found = {name: _part(value[name], name, rules, checked) for name in parts if value.get(name) is not None}
    if checked.refusals or identity is None:
        return checked
    prompt, kept = _prompt(found["prompt"], rules, checked)
    for name in ("chosen", "rejected"):
        if [message.role for message in found[name]] != ["assistant"]:
            checked.findings.append(Finding("NOT_A_SINGLE_REPLY", name))
    if not checked.refusals and normalized(found["chosen"][0].content) == normalized(found["rejected"][0].content):
        checked.findings.append(Finding("IDENTICAL_REPLIES"))
    if checked.refusals:
        return checked
    meta = realign(_facts(identity.meta, "prompt", checked), len(found["prompt"]), kept)
    checked.kept = kept
    checked.row = PreferencePair(
        id=identity.id,
        person_id=identity.person_id,
        prompt=prompt,
        chosen=found["chosen"],
        rejected=found["rejected"],
        source=identity.source,
        meta=meta,
    )
    return checked


def _identify(line: int, value: dict[str, Any], file: str, rules: ValidateDataConfig, checked: Checked) -> _Identity | None:
    row_id = value.get("id")
    if row_id is None:
        row_id = f"{_NOT_ID.sub('_', file.partition('.')[0])[:100]}-{line}"
        checked.findings.append(Finding("ID_FROM_LINE", "id"))
    row_id = _as_id(row_id, "id", checked)
    checked.row_id = row_id
    person = _lookup(value, rules.person_id_field)
    if person is not None and rules.person_id_field != "person_id":
        person = f"{rules.person_id_field.rpartition('.')[2]}-{person}" if isinstance(person, str | int) else person
    elif person is None:
        person = value.get("person_id")
    if person is None:
        checked.findings.append(Finding("PERSON_FROM_ROW_ID", rules.person_id_field))
        person = row_id
    else:
        person = _as_id(person, rules.person_id_field, checked)
    source = value.get("source")
    if source is None:
        checked.findings.append(Finding("SOURCE_FROM_FILE", "source"))
        source = file
    elif not isinstance(source, str) or not 0 < len(source) <= _MAX_SOURCE_CHARACTERS:
        checked.findings.append(Finding("WRONG_TYPE", "source"))
    elif holds_identifier(source):
        checked.findings.append(Finding("META_IDENTIFIER_DROPPED", "source"))
        source = file
    meta = _meta(value.get("meta", {}), rules, checked)
    if row_id is None or person is None:
        return None
    return _Identity(row_id, person, str(source), meta)


def _as_id(value: Any, at: str, checked: Checked) -> str | None:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if text is None:
        checked.findings.append(Finding("WRONG_TYPE", at))
    elif not _ID.fullmatch(text):
        checked.findings.append(Finding("INVALID_ID", at))
        text = None
    return text


def _lookup(value: dict[str, Any], path: str) -> Any:
    current: Any = value
    for name in path.split("."):
        current = current.get(name) if isinstance(current, dict) else None
    return current


def _note_unknown(value: dict[str, Any], parts: set[str], checked: Checked) -> None:
    # The name of a field is shown when it is a label: in a broken export even a name can be somebody's sentence.
    for name in value.keys() - _COMMON_FIELDS - parts:
        checked.findings.append(Finding("UNKNOWN_FIELD", name if _LABEL.fullmatch(name) else ""))


def _meta(meta: Any, rules: ValidateDataConfig, checked: Checked) -> dict[str, Any]:
    if not isinstance(meta, dict):
        checked.findings.append(Finding("WRONG_TYPE", "meta"))
        return {}
    result = {}
    for key, value in meta.items():
        known = bool(_LABEL.fullmatch(key))
        if known and key in rules.keep_meta:
            result[key] = value
        elif known and (names_identifier(key) or holds_identifier(value)):
            checked.findings.append(Finding("META_IDENTIFIER_DROPPED", f"meta.{key}"))
        elif known and _holds_labels_only(value):
            result[key] = value
        else:
            checked.findings.append(Finding("META_TEXT_DROPPED", f"meta.{key}" if known else "meta"))
    if "ratings" in result and not _are_ratings(result["ratings"], rules.max_rating):
        checked.findings.append(Finding("INVALID_RATING", "meta.ratings"))
    return result


def _facts(meta: dict[str, Any], at: str, checked: Checked) -> dict[str, Any]:
    places = {finding.at for finding in checked.findings if finding.code in TEXT_REPAIRS}
    changed = {int(place[len(at) + 1 : -1]) for place in places if place.startswith(f"{at}[")}
    kept = without_offsets(meta, changed) if changed else meta
    if kept != meta:
        checked.findings.append(Finding("META_OFFSETS_DROPPED", "meta"))
    return kept


def _holds_labels_only(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_LABEL.fullmatch(key) and _holds_labels_only(item) for key, item in value.items())
    if isinstance(value, list):
        return all(_holds_labels_only(item) for item in value)
    if isinstance(value, str):
        return value == "" or bool(_LABEL.fullmatch(value))
    return value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))


def _are_ratings(value: Any, maximum: float) -> bool:
    if isinstance(value, dict):
        return bool(value) and all(_are_ratings(item, maximum) for item in value.values())
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= maximum


def _trim(messages: Sequence[Message], rules: ValidateDataConfig, checked: Checked) -> list[int]:
    start, first = opening(messages)
    end = replied(messages)
    if first > start:
        checked.findings.append(Finding("TRIMMED_START" if rules.trim_to_reply else "STARTS_WITH_ASSISTANT", "messages"))
    if end < len(messages):
        checked.findings.append(Finding("TRIMMED_END" if rules.trim_to_reply else "DOES_NOT_END_WITH_ASSISTANT", "messages"))
    return [*range(start), *range(first, end)]


def _part(value: Any, name: str, rules: ValidateDataConfig, checked: Checked) -> list[Message]:
    if isinstance(value, str):
        checked.findings.append(Finding("TEXT_AS_MESSAGE", name))
        value = [{"role": "user" if name == "prompt" else "assistant", "content": value}]
    messages, found = check_messages(value, name, rules)
    checked.findings += found
    return messages


def _prompt(messages: list[Message], rules: ValidateDataConfig, checked: Checked) -> tuple[list[Message], list[int]]:
    checked.findings += check_order(messages, "prompt")
    start, first = opening(messages)
    if not messages or messages[-1].role != "user":
        checked.findings.append(Finding("PROMPT_NOT_ENDING_WITH_USER", "prompt"))
    elif first > start:
        checked.findings.append(Finding("TRIMMED_START" if rules.trim_to_reply else "STARTS_WITH_ASSISTANT", "prompt"))
    kept = [*range(start), *range(first, len(messages))]
    return [messages[index] for index in kept], kept
