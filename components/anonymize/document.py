"""A text as the recognizers see it: normalised, with what several of them need computed once, when first asked for."""

from collections.abc import Sequence
from functools import cached_property

from components.anonymize.spans import Span
from components.anonymize.tokens import BOUNDARY, Token, tokenize
from components.shared.normalize import normalize


class Document:
    """One normalised text (usually the turns of a row, joined by ``BOUNDARY``)."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def tokens(self) -> list[Token]:
        """The words."""
        return tokenize(self.text)

    @cached_property
    def folded(self) -> str:
        """The text in lower case with the same offsets (or as it is, where lower case would be longer)."""
        lowered = self.text.lower()
        return lowered if len(lowered) == len(self.text) else self.text

    @cached_property
    def has_digit(self) -> bool:
        """Some figure occurs."""
        return any(character.isdigit() for character in self.text)

    @cached_property
    def has_cyrillic(self) -> bool:
        """Some Cyrillic letter occurs."""
        return any("\u0400" <= character <= "\u04ff" for character in self.text)


class Turns:
    """Several texts searched as one document, so that a question in one turn explains the answer in the next."""

    def __init__(self, turns: Sequence[str]) -> None:
        self._normalized = [normalize(turn) for turn in turns]
        self.document = Document(BOUNDARY.join(normalized.text for normalized in self._normalized))

    def separate(self, spans: Sequence[Span]) -> list[list[Span]]:
        """Cut spans of the document into those of its turns, with offsets into each turn as it was given."""
        separated: list[list[Span]] = []
        offset = 0
        for normalized in self._normalized:
            end = offset + len(normalized.text)
            here = []
            for span in spans:
                if span.start < end and span.end > offset:
                    start, stop = normalized.original(max(span.start, offset) - offset, min(span.end, end) - offset)
                    here.append(Span(start, stop, span.type, span.engine, span.score))
            separated.append(here)
            offset = end + len(BOUNDARY)
        return separated
