"""Spans of personal data: their types, and how findings of several engines become one answer."""

from collections.abc import Iterable
from dataclasses import dataclass, field

TYPES = (
    "PERSON", "EMAIL", "PHONE", "HANDLE", "URL", "ID", "ADDRESS", "DATE", "AGE", "ORGANIZATION", "LOCATION",
    "PROFESSION", "DEMOGRAPHIC", "QUANTITY", "EVENT",
)  # fmt: skip
"""Every type that a detector may report, the most telling first; on equal length the earlier one names the merged span."""

DIRECT_TYPES = frozenset({"PERSON", "PHONE", "EMAIL", "HANDLE", "ID", "URL", "ADDRESS"})
"""Types that name a person by themselves."""

PROPAGATION = "propagation"
"""Engine of spans that repeat what an engine found elsewhere in the person's rows; an engine's own finding names a merged span first."""

_RANK = {name: rank for rank, name in enumerate(TYPES)}


@dataclass(frozen=True, order=True)
class Span:
    """Characters ``start`` (inclusive) to ``end`` (exclusive) of a text, and what they are."""

    start: int
    end: int
    type: str
    engine: str = ""
    score: float = field(default=1.0, compare=False)
    """How sure the engine is, 0-1; a merged span has the highest of its parts."""

    def __post_init__(self) -> None:
        assert 0 <= self.start < self.end, "a span holds at least one character"
        assert self.type in _RANK, f"unknown span type {self.type}"


def merge(spans: Iterable[Span]) -> list[Span]:
    """Unite overlapping spans: every character that any engine found stays found; the longest, then surest span gives type and engine.

    Returns:
        Disjoint spans in order of position, the same for any order of the input.
    """
    merged: list[Span] = []
    longest: Span | None = None
    for span in sorted(set(spans)):
        if merged and span.start < merged[-1].end:
            assert longest is not None
            longest = min(longest, span, key=_prominence)
            score = max(merged[-1].score, span.score)
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end), longest.type, longest.engine, score)
        else:
            longest = span
            merged.append(span)
    return merged


def merge_by_type(spans: Iterable[Span]) -> list[Span]:
    """Unite overlapping spans of one type; spans of several types may still overlap.

    What engines find is united so, because the policy comes later: a number inside a longer span of a type that stays must not stay, too.
    """
    by_type: dict[str, list[Span]] = {}
    for span in spans:
        by_type.setdefault(span.type, []).append(span)
    return sorted(span for group in by_type.values() for span in merge(group))


def covered(start: int, end: int, spans: Iterable[Span]) -> bool:
    """Say whether every character from ``start`` to ``end`` lies in one of the disjoint, ordered spans."""
    position = start
    for span in spans:
        if span.start <= position < span.end:
            position = span.end
        if position >= end:
            return True
    return position >= end


def _prominence(span: Span) -> tuple[int, bool, float, int, int, str]:
    return (span.start - span.end, span.engine == PROPAGATION, -span.score, _RANK[span.type], span.start, span.engine)
