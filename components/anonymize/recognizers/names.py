"""Names of people: word lists of many cultures, cue phrases, and capitals where a capital means something."""

import re
from collections.abc import Iterator

from components.anonymize import lexicon
from components.anonymize.document import Document
from components.anonymize.foreign import english_view
from components.anonymize.recognizers.base import Finding, Recognizer
from components.anonymize.recognizers.name_cues import Cue, cued
from components.anonymize.recognizers.name_evidence import (
    is_called_on,
    is_evident,
    is_small_person,
    is_subject,
    is_unknown_capital,
    is_unknown_pair,
    speaks_ascii,
)
from components.anonymize.recognizers.name_parts import extend
from components.anonymize.recognizers.name_sequences import syllable_runs
from components.anonymize.tokens import Token

_FORMAL_TITLE = re.compile(r"\b(?:mr|mrs|ms|miss|mx|dr|prof|professor)\.?\s$", re.IGNORECASE)
_TITLE_CHARACTERS = 12
_FORMAL = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof"})
_CALLINGS = _FORMAL | {"doctor", "professor", "nurse"}
"""Titles after which even an ordinary word with a capital is a name, unless it goes on the calling ("Nurse Practitioner")."""
_JOINS = frozenset({"and", "or", "и", "va"})
_LIST_GAPS = frozenset({", ", " ", " & ", " / ", ",", "/", ", & "})

Words = tuple[int, int, float]
"""First and last word (inclusive) and score."""


class NameRecognizer(Recognizer):
    """Full names, given names, family names, also in lower case where the word is nothing else."""

    TYPE = "PERSON"

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield names with a score by the strength of the evidence: 0.9 cue, 0.8 list, 0.6 capital or neighbours alone, less: a guess."""
        document = english_view(document)
        text, tokens = document.text, document.tokens
        found: dict[int, tuple[int, float]] = {}
        for first, last, score in [*_cued(document), *_listed(document), *syllable_runs(tokens)]:
            _add(found, *extend(tokens, first, last), score, tokens)
        for first, last, score in list(_enumerated(tokens, found)):
            _add(found, first, last, score, tokens)
        for first, (last, score) in found.items():
            start = tokens[first].start
            title = _FORMAL_TITLE.search(text, max(0, start - _TITLE_CHARACTERS), start)
            yield title.start() if title else start, tokens[last].end, score


def _add(found: dict[int, tuple[int, float]], first: int, last: int, score: float, tokens: list[Token]) -> None:
    if first == last and len(tokens[first].word) == 1:
        return
    if first in found:
        last, score = max(last, found[first][0]), max(score, found[first][1])
    found[first] = (last, score)


def _cued(document: Document) -> Iterator[Words]:
    """Names that follow a phrase which announces one."""
    tokens = document.tokens
    for number, cue in cued(document):
        score = _cued_score(tokens, number, cue)
        if score:
            yield number, number, score


def _cued_score(tokens: list[Token], number: int, cue: Cue) -> float:
    token = tokens[number]
    if len(token.word) == 1:
        return 0.9 * (token.letter and (cue in {Cue.NAMED, Cue.TITLE} or _dotted(tokens, number)))  # an initial: the name follows
    if token.capitalised:
        return 0.9 * _capital_after(tokens, number, cue)
    if token.function:
        return 0.0
    if token.shouted:
        return 0.9 * (cue is not Cue.PRESENTED and (token.name or (cue in {Cue.NAMED, Cue.ANSWER} and not token.ordinary)))
    return _small_after(tokens, number, cue)


def _dotted(tokens: list[Token], number: int) -> bool:
    """A dot and a further capital follow the initial: "Yours, T. Said"."""
    return number + 1 < len(tokens) and tokens[number + 1].before == ". " and tokens[number + 1].capitalised


def _capital_after(tokens: list[Token], number: int, cue: Cue) -> bool:
    token = tokens[number]
    if cue is Cue.TITLE and _is_called(tokens, number):
        return True
    if token.function or token.ordinary:
        heading = (
            tokens[number - 1].capitalised and not tokens[number - 1].initial and cue is not Cue.TITLE and not _greets(tokens[number - 1])
        )
        capitalised = token.facts & lexicon.CAPITALISED and not token.given
        return token.name and not heading and not capitalised and not (token.function and (token.initial or not token.given))
    return True


def _is_called(tokens: list[Token], number: int) -> bool:
    """A word with a capital after "Dr." or "Nurse" in running text: a name, whatever else it means."""
    title, token = tokens[number - 1], tokens[number]
    if title.key not in _CALLINGS or not title.capitalised or _heading(tokens, number):
        return False
    return not token.function and not token.facts & lexicon.CAPITALISED and token.key not in lexicon.words("professions")


def _heading(tokens: list[Token], number: int) -> bool:
    """A capital stands on both sides of the title and of what follows it."""
    before, after = tokens[number - 2] if number > 1 else None, tokens[number + 1] if number + 1 < len(tokens) else None
    return bool(before and before.capitalised and not before.initial and after and after.capitalised and after.before == " ")


def _greets(token: Token) -> bool:
    return token.key in {"hi", "hello", "hey", "dear", "thanks", "i'm"}


def _small_after(tokens: list[Token], number: int, cue: Cue) -> float:
    """Score of a word in small letters after a cue: a name where it is in the list, or no word at all."""
    token = tokens[number]
    if cue in {Cue.NAMED, Cue.ANSWER}:
        return 0.9 * (not token.ordinary or (token.given and cue is Cue.NAMED and not _commonly_after(token)))
    if cue is Cue.TITLE and tokens[number - 1].key in _FORMAL and not token.facts & lexicon.CAPITALISED:
        return 0.8 * (token.name or not token.ordinary)
    if token.ordinary:
        return 0.8 * (cue in {Cue.KIN, Cue.TITLE} and token.given and not _commonly_after(token) and _acts(tokens, number))
    if token.name and (token.given or cue in {Cue.KIN, Cue.TITLE}):
        return 0.9
    if len(token.key) < 3 or token.facts & lexicon.PLACE or lexicon.is_misspelt(token.key):
        return 0.0
    return 0.7 if cue is Cue.KIN else 0.6 * (len(token.key) > 3 and _acts(tokens, number))


def _acts(tokens: list[Token], number: int) -> bool:
    """The word is followed by the end of the clause or by what a person does."""
    if number + 1 >= len(tokens):
        return True
    following = tokens[number + 1]
    if following.before[:1] in {",", ".", "!", "?", ";", ":", ")"}:
        return True
    if (
        following.key in lexicon.words("personal_verbs")
        or following.key in _JOINS
        or following.key in {"again", "here", "from", "speaking"}
    ):
        return True
    return following.small and not following.facts & ~lexicon.FAMILY and not lexicon.is_misspelt(following.key)


def _commonly_after(token: Token) -> bool:
    return token.key in lexicon.words("after_names")


def _listed(document: Document) -> Iterator[Words]:
    """Names known from the lists or, in the middle of a sentence, by their capital alone."""
    tokens = document.tokens
    small = document.keys if not document.has_capital else {token.key for token in tokens if token.small}
    short = lexicon.words("short_names")
    foreign = not document.text.isascii() and speaks_ascii(tokens)
    for number, token in enumerate(tokens):
        if len(token.word) < 2 or token.function:
            continue
        if token.small:
            if token.name and not token.ordinary and (len(token.key) >= (4 if token.given else 5) or token.key in short):
                yield number, number, 0.8 if token.given else 0.6
            elif (foreign and not token.word.isascii() and not token.facts and len(token.key) > 1) or (
                not token.facts
                and len(token.key) > 3
                and token.key.isalpha()
                and is_small_person(tokens, number)
                and not lexicon.is_misspelt(token.key)
            ):
                yield number, number, 0.55
        elif token.name:
            if not token.ordinary or is_evident(tokens, number):
                yield number, number, 0.8
        elif (
            token.key not in small
            and token.unknown
            and (
                is_unknown_capital(tokens, number)
                or is_unknown_pair(tokens, number)
                or (token.initial and is_subject(tokens, number))
                or is_called_on(tokens, number)
                or (number > 0 and tokens[number - 1].letter and token.before == ". ")
            )
        ):
            yield number, number, 0.6


def _enumerated(tokens: list[Token], found: dict[int, tuple[int, float]]) -> Iterator[Words]:
    """Unknown words in a list with a name: "anna, xylina and tom"."""
    lasts = {last for last, _ in found.values()}
    inside = {number for first, (last, _) in found.items() for number in range(first, last + 1)}
    for number in sorted(lasts):
        after = _next_in_list(tokens, number)
        while after is not None and after not in inside and _list_item(tokens, after):
            yield after, after, 0.6
            inside.add(after)
            after = _next_in_list(tokens, after)


def _next_in_list(tokens: list[Token], number: int) -> int | None:
    """Number of the word that a comma or "and" joins to this one."""
    if number + 1 >= len(tokens) or tokens[number].possessive or tokens[number + 1].before not in _LIST_GAPS:
        return None
    if tokens[number + 1].key in _JOINS:
        return number + 2 if number + 2 < len(tokens) and tokens[number + 2].before == " " else None
    return number + 1 if tokens[number + 1].before != " " else None


def _list_item(tokens: list[Token], number: int) -> bool:
    token = tokens[number]
    if token.function or token.ordinary or token.facts & lexicon.PLACE or len(token.key) < 3:
        return False
    if token.capitalised:
        return True
    return token.small and not lexicon.is_misspelt(token.key)
