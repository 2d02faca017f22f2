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
from components.anonymize.ru_declension import nominatives
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
    # The capitals of a proper name are no model for a common noun.
    changed = inflect_like(tail, word.lower(), base).lower()
    return f"{head} {changed}".strip()


@cache
def nominative(word: str, language: Language) -> str:
    """Return the base form of a noun or of the name of a place, canonical."""
    lowered = canonical(word)
    if language == "en":
        return lowered
    if language == "uz" or not is_cyrillic(lowered):
        return canonical(lemma(lowered, "uz"))
    towns = word_list("ru_towns")
    candidates = [lowered, *nominatives(lowered)]
    listed = [candidate for candidate in candidates if candidate in towns or country_of(candidate) is not None]
    return (listed or candidates[1:] or candidates)[0]


def in_alphabet(text: str, mention: Mention) -> str:
    """Write an Uzbek text in the alphabet of a mention; other languages have one."""
    if written_in(mention) != "uz" or not is_cyrillic(mention.surface):
        return text
    changed = " ".join(uz_suffixes.to_cyrillic(word) for word in text.lower().split(" "))
    return changed[:1].upper() + changed[1:] if text[:1].isupper() else changed
