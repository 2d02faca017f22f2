"""Broader words for values, in the language of the turn; the words stand in ``phrases.yaml``."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from components.anonymize import uz_suffixes
from components.anonymize.inflection import inflect_like, lemma, word_list
from components.anonymize.operators.mention import Mention
from components.anonymize.operators.surface import WORD, is_cyrillic
from components.anonymize.ru_declension import paradigm
from components.shared.languages import Language
from components.shared.normalize import canonical, normalize

_FILE = Path(__file__).parent / "phrases.yaml"


@cache
def _phrases() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return document


def written_in(mention: Mention) -> Language:
    """Return the language of a mention; where the turn tells none, its letters do."""
    return mention.language or ("ru" if is_cyrillic(mention.surface) else "en")


def phrase(group: str, entry: str, mention: Mention) -> str:
    """Return the only phrase of an entry, in the language and alphabet of a mention."""
    return in_alphabet(str(_phrases()[group][entry][written_in(mention)]), mention)


def variants(group: str, entry: str, mention: Mention) -> Sequence[str]:
    """Return the phrases of an entry that tell several values of one kind apart."""
    return [in_alphabet(text, mention) for text in _phrases()[group][entry][written_in(mention)]]


def decade(year: int, mention: Mention) -> str | None:
    """Return the words for the decade of a year, None before 1930 or after 2029."""
    text = _phrases()["decades"][written_in(mention)].get(year // 10 * 10)
    return None if text is None else in_alphabet(text, mention)


@cache
def class_of(group: str, value: str) -> str:
    """Return the class of a value by the stems of a group; the last class takes what has none."""
    lowered = normalize(value).text.casefold()
    starts = {match.start() for match in WORD.finditer(lowered)}
    classes: dict[str, list[str]] = _phrases()["stems"][group]
    for name, stems in classes.items():
        if any(lowered.startswith(stem, start) for start in starts for stem in stems):
            return name
    return list(classes)[-1]


@cache
def country_of(place: str) -> str | None:
    """Return the country (two letters) of a town (canonical, nominative), None where the list does not hold it."""
    return next((country for country, towns in _phrases()["towns"].items() if place in towns), None)


def inflected(noun: str, mention: Mention) -> str:
    """Write a noun in the case in which the first word of a mention stands, in Russian and Uzbek."""
    language = written_in(mention)
    first = WORD.search(normalize(mention.surface).text)
    if language == "en" or first is None:
        return noun
    word = first.group() if language == "ru" else WORD.findall(normalize(mention.surface).text)[-1]
    head, _, tail = noun.rpartition(" ")
    base = nominative(word, language)
    if language == "ru" and is_cyrillic(word):
        return f"{head} {_declined(tail, canonical(word), base)}".strip()
    # The capitals of a proper name are no model for a common noun.
    return f"{head} {inflect_like(tail, word.lower(), base).lower()}".strip()


def _declined(noun: str, form: str, base: str) -> str:
    """Write a noun in the case of a form of another one: of a place or a body the prepositional is likelier than the dative."""
    # A soft sign is of a town in most cases a woman's (Казань), and the tables must be told.
    tables = [paradigm(base, woman) for woman in ((True, None) if base.endswith("ь") else (None,))]
    cases = ("nom", "loc", "gen", "acc", "dat", "ins")
    case = next((case for table in tables for case in cases if form in table["sg", case]), "nom")
    # The tables decline people; the accusative of a thing without -а is its nominative.
    inanimate = case == "acc" and noun[-1] not in "ая"
    return noun if inanimate else paradigm(noun)["sg", case][0]


@cache
def nominative(word: str, language: Language) -> str:
    """Return the base form of a noun or of the name of a place, canonical."""
    lowered = canonical(word)
    if language == "en":
        return lowered
    if language == "uz" or not is_cyrillic(lowered):
        return canonical(lemma(lowered, "uz"))
    known = _known_nouns()
    stems = (
        lowered,
        lowered[:-1] + "а",
        lowered[:-1] + "я",
        lowered[:-1] + "ь",
        lowered[:-1] + "й",
        lowered[:-1],
        lowered[:-2] + "а",
        lowered[:-2],
    )
    candidates = [stem for stem in stems if len(stem) > 2 and any(lowered in forms for forms in paradigm(stem).values())]
    listed = [candidate for candidate in candidates if candidate in known]
    hard = [candidate for candidate in candidates if candidate != lowered and candidate[-1] in "бвгджзклмнпрстфхцчшщ"]
    return next(iter([*listed, *hard, lowered]))


@cache
def _known_nouns() -> frozenset[str]:
    towns = (town for towns in _phrases()["towns"].values() for town in towns)
    return frozenset([*_phrases()["nouns"], *word_list("ru_towns"), *towns])


def in_alphabet(text: str, mention: Mention) -> str:
    """Write an Uzbek text in the alphabet of a mention; other languages have one."""
    if written_in(mention) != "uz" or not is_cyrillic(mention.surface):
        return text
    changed = " ".join(uz_suffixes.to_cyrillic(word) for word in text.lower().split(" "))
    return changed[:1].upper() + changed[1:] if text[:1].isupper() else changed
