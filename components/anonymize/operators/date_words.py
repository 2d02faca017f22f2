"""The words of dates in three languages: which month or day a word means, and the same form for another one."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from components.shared.languages import Language
from components.shared.normalize import canonical

Form = Callable[[int], str]
"""Writes a month (1-12) or a day (1-31) as a word in the form of the word that was read."""


@cache
def _words() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "date_words.yaml").read_text(encoding="utf-8"))
    return document


def _plain(word: str) -> str:
    return canonical(word).replace("ё", "е")


@cache
def _months(first: Language) -> dict[str, tuple[int, Form]]:
    """Return every form of a month with its number and the way to write others alike; "may" is of the first language."""
    months = _words()["months"]
    found: dict[str, tuple[int, Form]] = {}
    tables: dict[Language, list[list[str]]] = {
        "en": [[row[column] for row in months["en"]] for column in (0, 1)],
        "ru": [[row[column] for row in months["ru"]] for column in range(6)],
        "uz": [
            [month + ending for month in months[name]]
            for name in ("uz", "uz_old", "uz_cyrillic")
            for ending in _words()["uz_endings"]
            if not ending or (name == "uz_cyrillic") == ("а" <= ending[0] <= "я")
        ],
    }
    for table in [*tables[first], *(table for language in tables if language != first for table in tables[language])]:
        for number, word in enumerate(table, start=1):
            found.setdefault(_plain(word), (number, _writer(table)))
    return found | {"sep": found["sept"], "сент": found["сен"]}


@cache
def _ordinals() -> dict[str, tuple[int, Form]]:
    found: dict[str, tuple[int, Form]] = {}
    for table in _words()["ordinals"].values():
        for number, word in enumerate(table, start=1):
            found[_plain(word)] = (number, _writer(table))
    return found


def _writer(table: list[str]) -> Form:
    return lambda number: table[number - 1]


def month(word: str, language: Language) -> tuple[int, Form] | None:
    """Return the number of the month that a word means; other languages than that of the turn are tried, too."""
    return _months(language).get(_plain(word))


def ordinal(words: str) -> tuple[int, Form] | None:
    """Return the day of a month that an ordinal (one word or two) means."""
    return _ordinals().get(re.sub(r"\s+", " ", _plain(words)))


@cache
def beside_a_date() -> frozenset[str]:
    """Return the words that may stand beside figures in a date."""
    return frozenset(map(_plain, _words()["beside"])) | relative_words()


@cache
def relative_words() -> frozenset[str]:
    """Return the words that tell a time by its distance, its place in the week or in the year."""
    return frozenset(map(_plain, _words()["relative"]))
