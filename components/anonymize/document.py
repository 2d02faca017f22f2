"""A text as the recognizers see it: normalised, with what several of them need computed once, when first asked for."""

from bisect import bisect_right
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
    def keys(self) -> frozenset[str]:
        """Every word that occurs, folded: whether one of a recognizer's cue words is among them is one set operation."""
        return frozenset([token.key for token in self.tokens])

    @cached_property
    def index(self) -> dict[int, int]:
        """The number of the token that begins at an offset."""
        return {token.start: number for number, token in enumerate(self.tokens)}

    @cached_property
    def folded(self) -> str:
        """The text in lower case with the same offsets (a character whose lower case is longer stays as it is)."""
        lowered = self.text.lower()
        if len(lowered) == len(self.text):
            return lowered
        return "".join(low if len(low := character.lower()) == 1 else character for character in self.text)

    @cached_property
    def characters(self) -> frozenset[str]:
        """Every character that occurs."""
        return frozenset(self.text)

    @cached_property
    def has_digit(self) -> bool:
        """Some figure occurs."""
        return any(character.isdigit() for character in self.characters)

    @cached_property
    def has_capital(self) -> bool:
        """Some upper case letter occurs."""
        return any(character.isupper() for character in self.characters)

    @cached_property
    def has_cyrillic(self) -> bool:
        """Some Cyrillic letter occurs."""
        return any("\u0400" <= character <= "\u04ff" for character in self.characters)


class Turns:
    """Several texts searched as one document, so that a question in one turn explains the answer in the next."""

    def __init__(self, turns: Sequence[str]) -> None:
        self._normalized = [normalize(turn) for turn in turns]
        self.document = Document(BOUNDARY.join(normalized.text for normalized in self._normalized))

    def separate(self, spans: Sequence[Span]) -> list[list[Span]]:
        """Cut ordered spans of the document into those of its turns, with offsets into each turn as it was given."""
        separated: list[list[Span]] = [[] for _ in self._normalized]
        offsets = [0]
        for normalized in self._normalized:
            offsets.append(offsets[-1] + len(normalized.text) + len(BOUNDARY))
        for span in spans:
            number = bisect_right(offsets, span.start) - 1
            while number < len(separated) and offsets[number] < span.end:
                normalized, offset = self._normalized[number], offsets[number]
                start, end = max(span.start - offset, 0), min(span.end - offset, len(normalized.text))
                if start < end:
                    separated[number].append(Span(*normalized.original(start, end), span.type, span.engine, span.score))
                number += 1
        return separated
