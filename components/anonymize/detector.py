"""Finding personal data in the turns of a row: the one interface behind which engines stand, and their union."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from components.anonymize.operators import PLACEHOLDER
from components.anonymize.spans import Span, merge_by_type


class Detector(Protocol):
    """Anything that finds personal data."""

    name: str

    def find(self, turns: Sequence[str]) -> list[list[Span]]:
        """Return what the turns of one row hold: for each turn spans in order, with offsets into the turn as it was given.

        Spans of one type are disjoint; spans of several types may overlap, because which types count is not the engine's to decide.
        """
        ...


@runtime_checkable
class ManyAtOnce(Protocol):
    """An engine that works faster when it sees the turns of many rows before it is asked about each."""

    def prepare(self, turns: Sequence[str]) -> None:
        """Look at turns that are about to be searched, and remember what is found."""
        ...


class UnionDetector:
    """Several engines as one: what any of them finds is found; placeholders of an earlier pass are never touched."""

    def __init__(self, engines: Sequence[Detector]) -> None:
        self.name = "+".join(engine.name for engine in engines)
        self._engines = engines

    def prepare(self, turns: Sequence[str]) -> None:
        """Show turns that are about to be searched to the engines that gain by it."""
        for engine in self._engines:
            if isinstance(engine, ManyAtOnce):
                engine.prepare(turns)

    def find(self, turns: Sequence[str]) -> list[list[Span]]:
        """Return the findings of all engines, united type by type."""
        findings = [engine.find(turns) for engine in self._engines]
        united = (merge_by_type(span for found in findings for span in found[number]) for number in range(len(turns)))
        return [_outside_placeholders(turn, spans) for turn, spans in zip(turns, united, strict=True)]


def _outside_placeholders(turn: str, spans: list[Span]) -> list[Span]:
    kept = [match.span() for match in PLACEHOLDER.finditer(turn)]
    return [span for span in spans if not any(span.start < end and start < span.end for start, end in kept)]
