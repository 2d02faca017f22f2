"""The texts of a row: its turns in order, and every string of its metadata (which may hold a person's words, too)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from components.shared.errors import ContractError
from components.shared.records import Conversation, Message, PreferencePair

GOLD_KEY = "entities"
"""Metadata key of gold spans: ``[{message, start, end, type}]``, offsets in the original turn; removed from the output."""

AnyRow = Conversation | PreferencePair


@dataclass(frozen=True)
class GoldSpan:
    """A span that a human or a generator marked as personal."""

    message: int
    start: int
    end: int
    type: str


def turns(row: AnyRow) -> list[Message]:
    """Return the turns of a conversation, or of a pair: prompt, chosen, rejected."""
    return row.messages if isinstance(row, Conversation) else [*row.prompt, *row.chosen, *row.rejected]


def texts(row: AnyRow) -> list[str]:
    """Return the contents of the turns, then the strings of the metadata in order."""
    return [*(turn.content for turn in turns(row)), *_strings(_public_meta(row))]


def rebuild(row: AnyRow, replaced: list[str]) -> AnyRow:
    """Return the row with other texts, in the order of ``texts``."""
    remaining = iter(replaced)
    if isinstance(row, Conversation):
        changed: dict[str, Any] = {"messages": _with_contents(row.messages, remaining)}
    else:
        changed = {name: _with_contents(getattr(row, name), remaining) for name in ("prompt", "chosen", "rejected")}
    changed["meta"] = _substitute(_public_meta(row), remaining)
    return row.model_copy(update=changed)


def gold(row: AnyRow) -> list[GoldSpan] | None:
    """Return the gold spans of a row, None where it has none to measure against.

    Raises:
        ContractError: ``meta.entities`` is there but is no list of such spans within the turns.
    """
    if GOLD_KEY not in row.meta:
        return None
    lengths = [len(turn.content) for turn in turns(row)]
    try:
        spans = [GoldSpan(int(item["message"]), int(item["start"]), int(item["end"]), str(item["type"])) for item in row.meta[GOLD_KEY]]
        valid = all(0 <= span.message < len(lengths) and 0 <= span.start < span.end <= lengths[span.message] for span in spans)
    except (TypeError, KeyError, ValueError):
        valid = False
    if not valid:
        raise ContractError(
            f"row {row.id!r}: meta.{GOLD_KEY} must be a list of {{message, start, end, type}} within the turns; correct or remove it"
        )
    return spans


def _public_meta(row: AnyRow) -> dict[str, Any]:
    return {key: value for key, value in row.meta.items() if key != GOLD_KEY}


def _with_contents(messages: list[Message], contents: Iterator[str]) -> list[Message]:
    return [message.model_copy(update={"content": next(contents)}) for message in messages]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _substitute(value: Any, remaining: Iterator[str]) -> Any:
    if isinstance(value, str):
        return next(remaining)
    if isinstance(value, dict):
        return {key: _substitute(item, remaining) for key, item in value.items()}
    return [_substitute(item, remaining) for item in value] if isinstance(value, list) else value
