"""What the Russian dictionary and the lists know of a word: is it a name, and is it anything else?

The dictionary is pymorphy3's, loaded when the first Russian word asks for it, never on import.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from components.anonymize.inflection import russian_given_names, russian_name_forms, word_list
from components.anonymize.ru_declension import every_form
from components.shared.errors import ContractError

INSTALL = "pip install 'attune[morphology]'"


@dataclass(frozen=True)
class RussianWord:
    """A word in lower case, ё as е."""

    known: bool
    """The dictionary holds it, as whatever."""
    given: float
    """Probability that it is a given name, 0-1; 1 for listed forms that are no other word."""
    family: float
    patronymic: float
    place: float
    nominal: bool
    """Some reading is a noun, an adjective or an abbreviation; without one, an unknown word is no name either."""
    cases: frozenset[str]
    """Cases of its readings as a name (``nomn``, ``gent`` ...)."""
    other: float
    """Probability that it is an ordinary word: neither name nor place."""

    @property
    def name(self) -> float:
        """Probability that it is any part of a person's name."""
        return self.given + self.family + self.patronymic


@cache
def _dictionary() -> Any:
    try:
        import pymorphy3
    except ImportError:
        raise ContractError(f"anonymize: Russian text needs the dictionary of pymorphy3, which is not installed; install it with {INSTALL}") from None
    return pymorphy3.MorphAnalyzer()


@lru_cache(maxsize=131072)
def look_up(word: str) -> RussianWord:
    """Return what is known of a word, in lower case.

    Raises:
        ContractError: pymorphy3 is not installed.
    """
    dictionary = _dictionary()
    parses = dictionary.parse(word)
    known = dictionary.word_is_known(word)
    total = sum(parse.score for parse in parses) or 1.0
    given = family = patronymic = place = other = 0.0
    cases = set()
    nominal = False
    for parse in parses:
        grammemes = parse.tag.grammemes
        share = parse.score / total
        nominal = nominal or parse.tag.POS in {"NOUN", "ADJF", None}
        if "Patr" in grammemes:
            patronymic += share
        elif "Name" in grammemes:
            given += share
        elif "Surn" in grammemes:
            family += share
        elif "Geox" in grammemes:
            place += share
        else:
            other += share
        if grammemes & {"Name", "Surn", "Patr"}:
            cases.add(parse.tag.case)
    plain = word.replace("ё", "е")
    listed = plain in russian_name_forms()
    if listed and (not known or (other < 0.5 and given + place + other > 0) or plain in _EVER_NAMES):
        given, other = 1.0, 0.0 if not known or plain in _EVER_NAMES else other
    return RussianWord(known, given if known or listed else 0.0, family, patronymic, place, nominal, frozenset(cases), other)


_EVER_NAMES = frozenset(
    "маша маше машу машей катя коля толя валя варя лена лене лену леной люда люде саня соня зоя галя дина рита тоня тося тома вова паша пашу паше миша мише женя ира ире оля оле юля яна жанна жора гоша гена стас".split()
)
"""Names whose forms are also forms of rare words (``катя`` of a verb); in talk they are names."""


def listed_name(word: str) -> bool:
    """Say whether a word (lower case) is a case form of a listed given name, whatever else it may be."""
    return word.replace("ё", "е") in russian_name_forms()


def nominative_of(word: str) -> str | None:
    """Return the listed given name behind a form, None for others."""
    return russian_name_forms().get(word.replace("ё", "е"))


def gender_of(word: str) -> str | None:
    """Return the gender of the listed given name behind a form: m, f, u (both), None for unlisted ones."""
    base = nominative_of(word)
    return russian_given_names().get(base) if base else None


@cache
def family_forms() -> frozenset[str]:
    """Return every form of the listed family names, men's, women's and plural."""
    return frozenset(form.replace("ё", "е") for name in word_list("ru_family_names") for form in every_form(name))


@cache
def capitalised_words() -> frozenset[str]:
    """Return every form of the words that have a capital without naming a person or a place below a country."""
    return frozenset(form for name in word_list("ru_capitalised") for form in {name, *every_form(name)})


def ordinary(word: str) -> bool:
    """Say whether a Russian word (lower case) is more likely an ordinary word than a name or a place; for what searches names whatever their case."""
    entry = look_up(word)
    return entry.known and entry.other >= 0.4
