"""Names of several short syllables, of which each alone may be an English word: Vietnamese ones."""

from collections.abc import Iterator

from components.anonymize import lexicon
from components.anonymize.tokens import Token

_SCORE = 0.7
_LONGEST = 5
_GRAMMAR = frozenset({"do", "to", "an", "ai"})
"""Syllables that are English grammar in small letters: part of a name only between or before clear ones."""
_MIDDLE = frozenset({"van", "thi"})
"""What stands between family and given name of most: "do van dat"."""


def syllable_runs(tokens: list[Token]) -> Iterator[tuple[int, int, float]]:
    """Yield first and last word and score of two to five syllables of names in a row that cannot be read as English."""
    known = lexicon.words("vietnamese_syllables")
    number = 0
    while number < len(tokens):
        if tokens[number].key not in known:
            number += 1
            continue
        end = number + 1
        while end < len(tokens) and end - number < _LONGEST and _goes_on(tokens, end, known):
            end += 1
        if end - number > 1:
            first, last = _trimmed(tokens, number, end - 1)
            if last > first and _is_name(tokens, first, last):
                yield first, last, _SCORE
        number = end


def _goes_on(tokens: list[Token], number: int, known: frozenset[str]) -> bool:
    token, before = tokens[number], tokens[number - 1]
    return token.key in known and token.before == " " and not before.possessive and token.small == before.small


def _trimmed(tokens: list[Token], first: int, last: int) -> tuple[int, int]:
    """Leave away English grammar at the edges: "do linh and mai", "ask linh to", but keep "do van dat"."""
    while first < last and _is_grammar(tokens[first]) and (tokens[first].key != "do" or last - first < 2):
        first += 1
    while last > first and tokens[last - 1].word.isascii() and _is_grammar(tokens[last]) and _is_followed(tokens, last):
        last -= 1
    return first, last


def _is_followed(tokens: list[Token], number: int) -> bool:
    return number + 1 < len(tokens) and tokens[number + 1].before == " "


def _is_grammar(token: Token) -> bool:
    return token.small and token.key in _GRAMMAR and token.word.isascii()


def _is_name(tokens: list[Token], first: int, last: int) -> bool:
    run = tokens[first : last + 1]
    if any(not token.word.isascii() or token.key not in lexicon.words("vietnamese_ambiguous") for token in run):
        return True
    if len(run) > 2 and run[1].key in _MIDDLE:
        return True
    if run[0].small or any(not token.capitalised for token in run):
        return False
    beside = [tokens[number] for number in (first - 1, last + 1) if 0 <= number < len(tokens)]
    heading = any(token.capitalised and token.key != "i" and not token.initial for token in beside)
    return not heading and not {"son", "to"} & {token.key for token in run[1:]} and not all(token.function for token in run)
