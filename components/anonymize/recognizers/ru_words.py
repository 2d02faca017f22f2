"""What the Russian dictionary and the lists know of a word: is it a name, and is it anything else?

The dictionary is pymorphy3's, loaded when the first Russian word asks for it, never on import.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from components.anonymize.inflection import russian_given_names, russian_name_forms, word_list
from components.anonymize.ru_declension import every_form, paradigm
from components.shared.errors import ContractError

INSTALL = "pip install 'attune[anonymize]'"


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
    short: bool
    """Some reading is a short adjective (готова), which says something of a name beside it."""
    cases: frozenset[str]
    """Cases of its readings as a name (``nomn``, ``gent`` ...)."""
    other: float
    """Probability that it is an ordinary word: neither name nor place."""

    @property
    def name(self) -> float:
        """Probability that it is any part of a person's name."""
        return self.given + self.family + self.patronymic


@cache
def dictionary() -> Any:
    """Return the analyser, loaded once.

    Raises:
        ContractError: pymorphy3 is not installed.
    """
    try:
        import pymorphy3
    except ImportError:
        raise ContractError(
            f"anonymize: Russian text needs the dictionary of pymorphy3, which is not installed; install it with {INSTALL}"
        ) from None
    return pymorphy3.MorphAnalyzer()


_WORD_NAMES = frozenset(word_list("ru_word_names"))
_EVER_NAMES = frozenset(word_list("ru_ever_names"))
"""Forms of names that are also forms of rare words (``катя`` of a verb); in talk they are names."""


@lru_cache(maxsize=131072)
def look_up(word: str) -> RussianWord:
    """Return what is known of a word, in lower case.

    Raises:
        ContractError: pymorphy3 is not installed.
    """
    analyser = dictionary()
    parses = analyser.parse(word)
    known = analyser.word_is_known(word)
    total = sum(parse.score for parse in parses) or 1.0
    given = family = patronymic = place = other = 0.0
    cases = set()
    nominal = short = False
    for parse in parses:
        grammemes = parse.tag.grammemes
        share = parse.score / total
        nominal = nominal or parse.tag.POS in {"NOUN", "ADJF", None}
        short = short or parse.tag.POS in {"ADJS", "PRTS"}
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
    if listed:
        cases |= _listed_cases(plain)
    if listed and plain not in _WORD_NAMES and (not known or (other < 0.5 and given + place + other > 0) or plain in _EVER_NAMES):
        given, other = 1.0, 0.0 if not known or plain in _EVER_NAMES else other
    elif listed and known and plain in _WORD_NAMES:
        other = max(other, 0.6)
    return RussianWord(known, given if known or listed else 0.0, family, patronymic, place, nominal, short, frozenset(cases), other)


def _listed_cases(plain: str) -> set[str]:
    """Return the cases (as the dictionary names them) of which a listed name has this form."""
    base = russian_name_forms()[plain]
    genders = {"m": (False,), "f": (True,), "u": (False, True)}[russian_given_names()[base]]
    cells = [(cell, forms) for woman in genders for cell, forms in paradigm(base, woman).items() if cell[0] == "sg"]
    return {_CASE_NAMES[case] for (_, case), forms in cells if plain in {form.replace("ё", "е") for form in forms}}


_CASE_NAMES = {"nom": "nomn", "gen": "gent", "dat": "datv", "acc": "accs", "ins": "ablt", "loc": "loct"}


@lru_cache(maxsize=4096)
def cases_of(word: str) -> frozenset[str]:
    """Return the cases of all readings of a word (lower case)."""
    return frozenset(str(parse.tag.case) for parse in dictionary().parse(word))


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
def function_words() -> frozenset[str]:
    """Return words that name nobody, whatever stands before them, and slang that the dictionary does not hold."""
    return frozenset(word_list("ru_function_words")) | frozenset(word_list("ru_slang"))


@cache
def capitalised_words() -> frozenset[str]:
    """Return every form of the words that have a capital without naming a person or a place below a country."""
    return frozenset(form for name in word_list("ru_capitalised") for form in {name, *every_form(name)})


def ordinary(word: str) -> bool:
    """Say whether a Russian word (lower case) is an ordinary word, too, so that its capital must say whether a name is meant."""
    entry = look_up(word)
    return entry.known and entry.other >= 0.4


@cache
def town_forms() -> dict[str, bool]:
    """Return every case form of the listed Russian towns (ё as е), and whether it counts only in context, being also a word or a name."""
    forms: dict[str, bool] = {}
    for entry in word_list("ru_towns"):
        name = entry.rstrip("*").replace("ё", "е")
        for form in _phrase_forms(name):
            forms[form] = forms.get(form, True) and entry.endswith("*")
    return forms


_FIXED_PARTS = frozenset(
    {"-", "на", "дону", "амуре", "усть", "санкт", "йошкар", "улан", "нур", "алма", "ханты", "горно", "каменск", "мирзо"}
)


def _phrase_forms(name: str) -> set[str]:
    """Return the case forms of a place of one or several words, its parts in agreement; ``на`` and ``по`` stay."""
    parts = name.replace("-", " - ").split()
    cells: dict[tuple[str, str], str] = {}
    for cell in paradigm("а"):
        words = [part if part in _FIXED_PARTS else _place_form(part, cell) for part in parts]
        cells[cell] = " ".join(words).replace(" - ", "-")
    return {name, *(form for (number, _), form in cells.items() if number == "sg")}


def _place_form(word: str, cell: tuple[str, str]) -> str:
    if word.endswith("ний"):
        return word[:-2] + {"nom": "ий", "gen": "его", "dat": "ему", "acc": "ий", "ins": "им", "loc": "ем"}[cell[1]]
    if word.endswith(("ий", "ый")):
        return paradigm(word)[cell][0]
    if word.endswith(("ово", "ево", "ино", "ыно")):
        stem = word[:-1]
        return stem + {"nom": "о", "gen": "а", "dat": "у", "acc": "о", "ins": "ом", "loc": "е"}[cell[1]] if cell[0] == "sg" else word
    if word.endswith("ы") or word.endswith("и"):
        return word[:-1] + {"nom": word[-1], "gen": "", "dat": "ам", "acc": word[-1], "ins": "ами", "loc": "ах"}[cell[1]]
    if word.endswith(("ов", "ев", "ин")) and cell == ("sg", "ins"):
        return word + "ом"
    return paradigm(word, word.endswith(("ань", "ерь", "мь", "рь", "ть", "нь", "ль")))[cell][0]
