"""Names in Russian talk: full, short and pet names, patronymics, family names, initials, in any case form and in small letters, too."""

import re
from collections.abc import Iterator

from components.anonymize.document import Document
from components.anonymize.recognizers import uz_words
from components.anonymize.recognizers.base import Finding, Recognizer
from components.anonymize.recognizers.ru_name_cues import (
    ABSTRACT,
    ADDRESSED,
    CALLED,
    DITHEMATIC,
    EASTERN,
    FAMILY_ENDING,
    FAMILY_LIKE,
    GREETING,
    INITIALS,
    MEANT,
    PATRONYMIC_LIKE,
    SELF,
    SHORT,
    SIGNED,
    SIGNOFF,
    SLANG,
    SON_OF,
    SPEAKS,
    SPEECH,
    SPOKEN_TO,
    STOP,
    WITH,
)
from components.anonymize.recognizers.ru_words import capitalised_words, cases_of, family_forms, listed_name, look_up, town_forms
from components.anonymize.tokens import Token


class RussianNameRecognizer(Recognizer):
    """Names of people in Cyrillic Russian; the dictionary and the lists say what a word is, cues and capitals what is meant."""

    TYPE = "PERSON"

    def applies(self, document: Document) -> bool:
        """Cyrillic letters occur."""
        return document.has_cyrillic

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield names: 0.9 after a cue, 0.8 by list, 0.7 by initials, 0.6 by a capital or an ending alone."""
        text, tokens = document.text, document.tokens
        words = [_Word(token) for token in tokens]
        index = {token.start: number for number, token in enumerate(tokens)}
        uzbek = uz_words.speaks_uzbek(document.folded)
        seeds = {
            number: score
            for number in range(len(words))
            if words[number].cyrillic
            for score in [_score(text, words, number, uzbek)]
            if score
        }
        for number in _cued(text, words, index, uzbek):
            seeds[number] = 0.9
        covered = -1
        for number in sorted(seeds):
            if number <= covered:
                continue
            first, last = _extend(words, number)
            covered = last
            yield tokens[first].start, tokens[last].end, max(seeds.get(other, 0.0) for other in range(first, last + 1))
        yield from _with_initials(text)


class _Word:
    """A token with its Russian key."""

    __slots__ = ("cyrillic", "key", "small", "token")

    def __init__(self, token: Token) -> None:
        self.token = token
        self.key = token.key.replace("ё", "е")
        self.cyrillic = "Ѐ" <= self.key[0] <= "ӿ"
        self.small = not token.capitalised


def _score(text: str, words: list[_Word], number: int, uzbek: bool) -> float:
    """Say how surely a word is a name by itself."""
    word = words[number]
    key = word.key
    if len(key) < (3 if word.small else 2) or (key in STOP and (word.small or word.token.initial or not listed_name(key))):
        return 0.0
    if "-" in key:
        return _compound(words, number)
    if uzbek and (word.small or not listed_name(key)) and uz_words.common(key):
        return 0.0
    if uzbek and (word.small or word.token.initial) and (base := uz_words.name_base(key)) and uz_words.ambiguous(base):
        return 0.0  # the Uzbek rules decide
    entry = look_up(key)
    if word.small:
        if key in SLANG:
            return 0.0
        if (
            entry.given >= 0.5
            and entry.other < 0.5
            and (entry.given > entry.place or key not in town_forms())
            and (len(key) > 3 or key in SHORT)
        ):
            return 0.8
        if listed_name(key) and _beside_family(words, number, entry.cases):
            return 0.75
        if entry.patronymic >= 0.5 or (not entry.known and PATRONYMIC_LIKE.fullmatch(key) and entry.other < 0.3):
            return 0.8
        if entry.known and entry.family >= 0.75 and entry.other < 0.2:
            return 0.75
        if (
            listed_name(key)
            and (entry.other < 0.97 or SPEECH.match(text, word.token.end))
            and not ABSTRACT.fullmatch(key)
            and SPEAKS.match(text, word.token.end)
            and "nomn" in entry.cases
        ):
            return 0.7
        if ABSTRACT.fullmatch(key) and "nomn" in entry.cases and SPEECH.match(text, word.token.end):
            return 0.7
        return 0.6 if not entry.known and len(key) >= 5 and (EASTERN.fullmatch(key) or DITHEMATIC.fullmatch(key)) else 0.0
    if key in capitalised_words():
        return 0.0
    if word.token.initial:
        return _leading(text, words, number)
    town = town_forms().get(key)
    if town is False and entry.given + entry.patronymic < 0.3:
        return 0.0
    if entry.name > 0.02 or listed_name(key) or key in family_forms():
        return 0.8 if _lower_before(words, number) or entry.name >= 0.5 else 0.0 if entry.other >= 0.5 else 0.6
    if town is None and len(key) > 4 and _lower_before(words, number) and FAMILY_ENDING.fullmatch(key):
        return 0.6  # an ordinary word by its form (ситниковой, зыков), but its capital says otherwise
    place = town is not None or entry.place >= 0.3 or (number > 0 and words[number - 1].key in {"в", "во", "из", "под", "около", "на"})
    return 0.6 if not entry.known and entry.nominal and not place and _lower_before(words, number) and len(key) > 3 else 0.0


def _beside_family(words: list[_Word], number: int, cases: frozenset[str]) -> bool:
    """Say whether a listed family name in the same case stands beside, written small, too."""
    for other in (number - 1, number + 1):
        if 0 <= other < len(words) and words[other].small and _adjacent(words, min(number, other)):
            key = words[other].key
            if key in family_forms() and (look_up(key).cases & cases or not look_up(key).cases):
                return True
    return False


def _leading(text: str, words: list[_Word], number: int) -> float:
    """A capitalised word at the head of a sentence: its capital says nothing."""
    word = words[number]
    entry = look_up(word.key)
    if (
        entry.given >= 0.5 and entry.other < 0.5 and (entry.given > entry.place or word.key not in town_forms())
    ) or entry.patronymic >= 0.5:
        return 0.8
    if entry.known and entry.family >= 0.6 and entry.other < 0.4:
        return 0.75
    follower = words[number + 1] if number + 1 < len(words) and _adjacent(words, number) else None
    possible = entry.name > 0.01 or listed_name(word.key)
    if follower is not None and follower.token.capitalised and (possible or not entry.known):
        after = look_up(follower.key)
        if after.name >= 0.3 or (not after.known and (FAMILY_LIKE.fullmatch(follower.key) or PATRONYMIC_LIKE.fullmatch(follower.key))):
            return 0.8
    if listed_name(word.key) and "nomn" in entry.cases and SPOKEN_TO.match(text, word.token.end):
        return 0.75
    if possible and "nomn" in entry.cases:
        speaks = SPEECH if ABSTRACT.fullmatch(word.key) else SPEAKS
        if speaks.match(text, word.token.end):
            return 0.75
    if not entry.known and len(word.key) > 4 and (EASTERN.fullmatch(word.key) or (FAMILY_LIKE.fullmatch(word.key) and entry.family >= 0.5)):
        return 0.6
    return 0.6 if not entry.known and entry.nominal and word.key not in SLANG and SPEAKS.match(text, word.token.end) else 0.0


def _compound(words: list[_Word], number: int) -> float:
    """Hyphenated words: a double name, a name with a particle (``Маша-то``), a double family name."""
    parts = words[number].key.split("-")
    entries = [look_up(part) for part in parts if len(part) > 2]
    if not entries:
        return 0.0
    if entries[0].given >= 0.5 and entries[0].other < 0.5:
        return 0.8
    family = [entry.family >= 0.3 or FAMILY_LIKE.fullmatch(part) for entry, part in zip(entries, parts, strict=False)]
    if words[number].token.capitalised and all(family) and len(entries) == len(parts) > 1:
        return 0.75
    return 0.0


def _cued(text: str, words: list[_Word], index: dict[int, int], uzbek: bool) -> Iterator[int]:
    """Names that a phrase announces."""
    for match in CALLED.finditer(text):
        number = index.get(match.end())
        if number is not None and _announced(words[number], strict=match.group().casefold().startswith(("ник", "имен"))):
            yield number
    for match in MEANT.finditer(text):
        number = index.get(match.end())
        if number is not None and _after_kin(words, number, match.group(), uzbek):
            yield number
    for match in SELF.finditer(text):
        number = index.get(match.end())
        if (
            number is not None
            and words[number].cyrillic
            and words[number].token.capitalised
            and words[number].key not in capitalised_words()
        ):
            entry = look_up(words[number].key)
            if words[number].key not in STOP and (entry.given > 0.02 or (not entry.known and len(words[number].key) > 3 and entry.nominal)):
                yield number
    for match in SIGNOFF.finditer(text):
        number = index.get(match.end())
        if number is not None and words[number].cyrillic and words[number].key not in STOP and listed_name(words[number].key):
            yield number
    for match in (*SIGNED.finditer(text), *GREETING.finditer(text), *ADDRESSED.finditer(text)):
        number = index.get(match.end())
        if number is not None and words[number].cyrillic and (listed_name(words[number].key) or look_up(words[number].key).name > 0.02):
            yield number
    for case, pattern in WITH.items():
        for match in pattern.finditer(text):
            number = index.get(match.end())
            if number is not None and _in_case(words[number], case):
                yield number


def _announced(word: _Word, strict: bool) -> bool:
    """After "зовут" anything may follow that is no function word; small letters ask for a name, or for no word of the dictionary."""
    if not word.cyrillic or word.key in STOP or len(word.key) < 2:
        return False
    entry = look_up(word.key)
    if entry.name > 0.0 or listed_name(word.key) or uz_words.name_base(word.key):
        return True
    if word.token.capitalised:
        return (not entry.known or entry.nominal) and not strict
    return not entry.known and entry.nominal and word.key not in SLANG and len(word.key) > 2


def _after_kin(words: list[_Word], number: int, kin: str, uzbek: bool) -> bool:
    word = words[number]
    if not word.cyrillic or word.key in STOP or len(word.key) < 3 or word.key in SLANG or (uzbek and uz_words.common(word.key)):
        return False
    entry = look_up(word.key)
    if word.token.capitalised:
        return word.key not in capitalised_words() and (entry.name > 0.01 or listed_name(word.key) or (not entry.known and entry.nominal))
    if entry.other < 0.5 and (entry.given > 0.05 or listed_name(word.key)):
        return True
    if "," in kin or ":" in kin:
        return False
    agrees = bool(cases_of(re.split(r"\W+", kin.casefold())[0]) & entry.cases)
    if (entry.given > 0.0 or listed_name(word.key)) and agrees:
        return not (ABSTRACT.fullmatch(word.key) and "nomn" not in entry.cases) and not word.key.startswith("жен")
    if (entry.family >= 0.3 or word.key in family_forms()) and agrees and number + 1 < len(words):
        after = look_up(words[number + 1].key)
        if after.given >= 0.5 or (listed_name(words[number + 1].key) and after.cases & entry.cases):
            return True
    return not entry.known and entry.nominal and len(word.key) >= 4 and EASTERN.fullmatch(word.key) is not None


def _in_case(word: _Word, case: str) -> bool:
    """After a verb of dealing with people a name that is also a word counts in the right case."""
    if not word.cyrillic or word.key in STOP or len(word.key) < 3 or not word.small:
        return False
    if ABSTRACT.fullmatch(word.key) and (case != "datv" or word.key.startswith("жен")):
        return False
    entry = look_up(word.key)
    if not listed_name(word.key) or case not in entry.cases:
        return False
    return entry.given >= 0.02 and (entry.other < 0.75 if case in {"gent", "accs", "nomn"} else entry.other < 0.995)


def _extend(words: list[_Word], number: int) -> tuple[int, int]:
    """Grow a name over the neighbouring parts written alike."""
    first = last = number
    while last + 1 < len(words) and last - first < 4 and _adjacent(words, last) and _part(words[last + 1], words[last], after=True):
        last += 1
    while first > 0 and last - first < 4 and _adjacent(words, first - 1) and _part(words[first - 1], words[first], after=False):
        first -= 1
    return first, last


def _part(word: _Word, beside: _Word, after: bool) -> bool:
    """Say whether a word beside a name belongs to it."""
    key = word.key
    if not word.cyrillic or key in STOP or len(key) < 2:
        return False
    if key in SON_OF:
        return after
    if word.small != beside.small:
        return False
    entry = look_up(key)
    if entry.patronymic > 0.0 or PATRONYMIC_LIKE.fullmatch(key):
        return entry.other < 0.5 or not entry.known
    family = entry.family > 0.0 or key in family_forms() or (not entry.known and FAMILY_LIKE.fullmatch(key) is not None)
    if not word.small:
        if not after and word.token.initial and entry.known and entry.name < 0.3:
            return (listed_name(key) and entry.other < 0.9) or (
                FAMILY_ENDING.fullmatch(key) is not None and look_up(beside.key).given >= 0.5
            )
        if FAMILY_ENDING.fullmatch(key) and not word.token.initial:
            return True
        return (key not in capitalised_words() or listed_name(key)) and (
            family or entry.given > 0.0 or listed_name(key) or (not entry.known and len(key) > 2)
        )
    neighbour = look_up(beside.key)
    if family and (entry.family >= 0.1 or not entry.known or (key in family_forms() and entry.other < 0.9)):
        return True
    if FAMILY_ENDING.fullmatch(key) and entry.known and not entry.short and (neighbour.given >= 0.5 or neighbour.patronymic >= 0.5):
        return "nomn" in neighbour.cases or not key.endswith(("ов", "ев", "ин"))  # мясников платон: by its form a plural
    if (entry.given > 0.0 or listed_name(key)) and (neighbour.family >= 0.5 or neighbour.patronymic >= 0.5):
        return True
    return (entry.given >= 0.3 or listed_name(key)) and entry.other < 0.7


def _with_initials(text: str) -> Iterator[Finding]:
    for match in INITIALS.finditer(text):
        name = match["family"] or match["after"] or match["small"] or match["smallafter"]
        key = name.casefold().replace("ё", "е").split("-")[0]
        entry = look_up(key)
        if key in STOP or key in capitalised_words() or (name.islower() and entry.family < 0.3 and key not in family_forms()):
            continue
        if entry.name > 0.0 or key in family_forms() or not entry.known or FAMILY_LIKE.fullmatch(key) or match.group().count(".") > 1:
            yield match.start(), match.end(), 0.7


def _lower_before(words: list[_Word], number: int) -> bool:
    """The word before is written small, or nothing in the sentence is: no heading in capitals."""
    return number > 0 and (
        words[number - 1].token.word.islower() or words[number - 1].key in {"я", "и", "а"} or words[number - 1].token.initial
    )


def _adjacent(words: list[_Word], number: int) -> bool:
    return words[number + 1].token.before in {" ", "  "}
