"""Marked texts: court cases (TAB) and social posts (SPIA), type-blind, under the strict policy."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.anonymize.spans import Span
from tests.benchmarks.anonymize_bounds import Line, Table, recall, share
from tests.benchmarks.anonymize_engines import Setup, spans_of_many

_POLICY = "strict"
_TOKEN = re.compile(r"\w+")


@dataclass
class Score:
    """Entities found by mark, missed ones by type, and the masked tokens of each document."""

    found: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    total: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    missed_types: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    tokens: list[tuple[float, float]] = field(default_factory=list)
    """For each document: masked tokens that had to be masked, and all masked tokens (those in ``no_mask`` count in neither)."""


def tab(setup: Setup) -> list[Table]:
    """Score the marked test documents; an entity is a value with its mark, found when all its mentions in the document are."""
    rows = [row for row in _rows(setup, "tab/pii.jsonl") if row["meta"]["marks"] == "one annotator"]
    score = _score(rows, setup, by_value=True)
    lines = _recalls(score, {"DIRECT": 0.995, "QUASI": 0.92})
    lines.append(share("token precision", score.tokens, "at least", 0.60, "bound by resampling documents"))
    remarks = [
        f"{len(rows)} documents marked by one annotator; targets: quasi >= 0.92 at precision >= 0.60, or >= 0.87 at >= 0.80",
        _missed(score),
    ]
    return [Table("1. TAB, court cases (entities, all mentions found)", lines, remarks)]


def spia(setup: Setup) -> list[Table]:
    """Score the social posts, span by span."""
    score = _score(_rows(setup, "spia/pii.jsonl"), setup, by_value=False)
    lines = _recalls(score, {"DIRECT": 0.985, "QUASI": 0.65})
    lines.append(share("token precision", score.tokens, "at least", None, "bound by resampling posts"))
    return [Table("2. SPIA, social posts (spans)", lines, [_missed(score)])]


def _rows(setup: Setup, name: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (setup.data / name).read_text(encoding="utf-8").splitlines()]
    return rows[: max(5, len(rows) // 10)] if setup.quick and "spia" in name else rows


def _score(rows: Sequence[dict[str, Any]], setup: Setup, *, by_value: bool) -> Score:
    score = Score()
    found = spans_of_many([[row["text"]] for row in rows], setup, _POLICY)
    for row, (spans,) in zip(rows, found, strict=True):
        _count_document(row, spans, score, by_value=by_value)
    return score


def _count_document(row: dict[str, Any], spans: Iterable[Span], score: Score, *, by_value: bool) -> None:
    text = row["text"]
    masked = _characters((span.start, span.end) for span in spans)
    gold = [span for span in row["spans"] if span.get("identifier_type") in ("DIRECT", "QUASI")]
    entities: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for number, span in enumerate(gold):
        value = text[span["start"] : span["end"]].casefold() if by_value else number
        entities[span["identifier_type"], value].append(span)
    for (mark, _), mentions in entities.items():
        whole = all(_tokens(text, mention["start"], mention["end"]) <= masked for mention in mentions)
        score.total[mark] += 1
        score.found[mark] += whole
        if not whole:
            score.missed_types[f"{mark} {mentions[0]['type']}"] += 1
    wanted = _characters((span["start"], span["end"]) for span in gold)
    free = _characters((span["start"], span["end"]) for span in row.get("no_mask", ()))
    hidden = [match.start() for match in _TOKEN.finditer(text) if match.start() in masked and match.start() not in free - wanted]
    score.tokens.append((sum(position in wanted for position in hidden), len(hidden)))


def _characters(ranges: Iterable[tuple[int, int]]) -> set[int]:
    return {position for start, end in ranges for position in range(start, end)}


def _tokens(text: str, start: int, end: int) -> set[int]:
    """Return the letters and figures of a mention: what lies between them tells nothing."""
    return {position for position in range(start, end) if text[position].isalnum()}


def _recalls(score: Score, targets: dict[str, float]) -> list[Line]:
    return [recall(f"recall {mark.lower()}", score.found[mark], score.total[mark], target) for mark, target in targets.items()]


def _missed(score: Score) -> str:
    ordered = sorted(score.missed_types.items(), key=lambda item: (-item[1], item[0]))
    return "missed: " + (", ".join(f"{name} {number}" for name, number in ordered) or "none")
