"""Towns and regions. Countries and states stay (HIPAA Safe Harbor asks for less than a state), unless they follow a town."""

import re
from collections.abc import Iterator

from components.anonymize import lexicon
from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer
from components.anonymize.tokens import Token

_PLACE_PREPOSITIONS = frozenset({"in", "from", "near", "outside", "visit", "visited", "visiting"})
_SMALL_BEFORE = frozenset("in from to near at around visit visiting leave left of outside в из".split())  # noqa: SIM905 - read as words
_SKIPPED = frozenset({"the", "a", "little", "small"})
_JOINTS = frozenset({" ", "-"})
_LONGEST = 4
"""Words of the longest place that is grown from a cue."""


class TownRecognizer(Recognizer):
    """Towns and regions: by list, by kind ("X County"), and by what is said before an unknown capitalised word."""

    TYPE = "LOCATION"
    _COUNTRY = re.compile(r",\s(?P<country>[A-Z][a-z]{1,30}(?:\s[A-Z][a-z]{1,30})?|[A-Z]{2,3})\b")

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield towns of the list, then unknown names after a cue of place; with the state or country that follows a town."""
        text, tokens = document.text, document.tokens
        for first, last, score in _towns(document):
            end = tokens[last].end
            tail = self._COUNTRY.match(text, end)
            known = tail is not None and all(lexicon.is_capitalised_word(word) for word in lexicon.fold(tail["country"]).split())
            yield tokens[first].start, tail.end() if tail is not None and known else end, score


def _towns(document: Document) -> Iterator[tuple[int, int, float]]:
    tokens = document.tokens
    yield from _listed(document)
    if not document.has_capital:
        return
    kinds, heads = lexicon.words("place_kinds"), lexicon.words("place_heads")
    for number, token in enumerate(tokens):
        if not token.capitalised:
            if token.shouted and _labelled(tokens, number):
                yield number, number, 0.6
            continue
        if _place_like(token) and (_announced(tokens, number) or _labelled(tokens, number)):
            last = number
            while (
                last + 1 < len(tokens)
                and last + 1 - number < _LONGEST
                and tokens[last + 1].before in _JOINTS
                and _place_like(tokens[last + 1])
            ):
                last += 1
            yield number, last, 0.6
        if token.key in kinds:
            yield from _by_kind(tokens, number)
        if token.key in heads and number + 1 < len(tokens) and tokens[number + 1].before in {" ", ". "} and _own(tokens[number + 1]):
            yield number, number + 1, 0.6


def _by_kind(tokens: list[Token], number: int) -> Iterator[tuple[int, int, float]]:
    """Find "Vrbovec County": up to three capitals before a kind, one of them no ordinary word."""
    first = number
    while (
        first > 0
        and number - first < 3
        and tokens[first].before == " "
        and tokens[first - 1].capitalised
        and not tokens[first - 1].function
    ):
        first -= 1
    if any(_own(token) for token in tokens[first:number]):
        yield first, number, 0.6


def _announced(tokens: list[Token], number: int) -> bool:
    """A preposition of place stands before the word, or one of direction after a verb of moving."""
    before = number - 1
    while before >= 0 and number - before < 3 and tokens[before].key in _SKIPPED and tokens[before + 1].before == " ":
        before -= 1
    if before < 0 or tokens[before + 1].before != " ":
        return False
    key, token = tokens[before].key, tokens[number]
    if key in _PLACE_PREPOSITIONS:
        return not (key == "from" and token.given and not token.ordinary)
    if before == 0:
        return False
    earlier = [tokens[other].key for other in range(max(0, before - 3), before)]
    if key in {"to", "through", "via"}:
        return not lexicon.words("moving").isdisjoint(earlier[-2:])
    if key in {"at", "around"}:
        return not lexicon.words("living").isdisjoint(earlier)
    return key in {"of", "called"} and earlier[-1] in lexicon.words("place_cues")


def _labelled(tokens: list[Token], number: int) -> bool:
    """Say whether a label stands before: "Location: X"."""
    return (
        number > 0
        and tokens[number - 1].key in {"location", "city", "town", "hometown", "birthplace"}
        and tokens[number].before in {": ", ":"}
    )


def _listed(document: Document) -> Iterator[tuple[int, int, float]]:
    tokens, lengths = document.tokens, lexicon.phrase_lengths("places")
    number = 0
    while number < len(tokens):
        length = _place_length(document, number) if tokens[number].key in lengths else 0
        if length and _meant(tokens, number, length):
            yield number, number + length - 1, 0.75
        number += max(1, length)


def _place_length(document: Document, number: int) -> int:
    """Number of words from ``number`` that are a listed place, the longest match."""
    tokens = document.tokens
    for length in lexicon.phrase_lengths("places")[tokens[number].key]:
        last = number + length - 1
        if last >= len(tokens) or any(token.before not in {" ", "-", ". "} for token in tokens[number + 1 : last + 1]):
            continue
        if lexicon.is_place(lexicon.fold(document.text[tokens[number].start : tokens[last].end])):
            return length
    return 0


def _meant(tokens: list[Token], number: int, length: int) -> bool:
    """Say whether a listed place is meant: a name or an ordinary word needs a capital and a preposition of place."""
    token = tokens[number]
    if length > 1:
        return True
    if not (token.capitalised or token.shouted):
        return not (token.ordinary or token.name) and len(token.key) > 3
    if token.ordinary or token.name:
        return number > 0 and tokens[number - 1].key in _SMALL_BEFORE
    return True


def _place_like(token: Token) -> bool:
    return token.capitalised and len(token.word) > 2 and not token.ordinary


def _own(token: Token) -> bool:
    return token.capitalised and not token.ordinary
