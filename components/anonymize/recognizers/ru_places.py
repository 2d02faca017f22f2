# ruff: noqa: E501 - a pattern is read as one line or not at all
"""Towns, districts and villages in Russian talk, in any case form."""

import re
from collections.abc import Iterator

from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer
from components.anonymize.recognizers.ru_words import capitalised_words, listed_name, look_up, town_forms

_IN = frozenset(
    {
        "в",
        "во",
        "из",
        "под",
        "около",
        "на",
        "до",
        "через",
        "по",
        "город",
        "города",
        "городе",
        "г",
        "район",
        "районе",
        "области",
        "от",
        "ради",
    }
)
_KIND = re.compile(
    r"\b(?:город(?:а|е|ом|ок|ке)?|г\.|пос[её]л(?:ок|ке|ка)|пгт|пос\.|сел[оеау]|с\.|деревн(?:я|е|и|ю)|дер\.|станиц(?:а|е|ы)|аул(?:а|е)?|кишлак(?:а|е)?|район(?:а|е)?|мкр\.?|микрорайон(?:а|е)?|массив(?:а|е)?|станци(?:я|и)\s+метро|метро|хутор(?:а|е)?)\s+[\"']?(?P<name>[А-ЯЁ][а-яёўқғҳ]+(?:[- ][А-ЯЁ][а-яё]+)?)"
)
_KIND_AFTER = re.compile(
    r"(?P<name>(?<![\w-])[А-ЯЁ][а-яё]+(?:ск|цк|н|ов|ев|ин)(?:ий|ого|ому|ом|им|ая|ой|ую|ый)(?:\s[А-ЯЁ][а-яё]+)?)\s+(?:район|област|кра[йяею]|округ|сельсовет|улус|волост|махалл|мест[ео]чк)\w*",
    re.IGNORECASE,
)
_KIND_AFTER_SMALL = re.compile(
    r"(?<![\w-])[а-яё]{3,}(?:ск|цк)(?:ий|ого|ому|ом|им|ая|ой|ую)\s+(?:район|област|кра[йяею]\b|округ)\w*", re.IGNORECASE
)


class RussianTownRecognizer(Recognizer):
    """Towns by list, places by their kind, and unknown capitalised words after a preposition of place."""

    TYPE = "LOCATION"

    def applies(self, document: Document) -> bool:
        """Cyrillic letters occur."""
        return document.has_cyrillic

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield places: 0.75 by list, 0.7 by kind, 0.6 after a preposition alone."""
        text = document.text
        tokens = document.tokens
        forms = town_forms()
        number = 0
        while number < len(tokens):
            token = tokens[number]
            key = token.key.replace("ё", "е")
            if not "Ѐ" <= key[0] <= "ӿ" or len(key) < 3:
                number += 1
                continue
            previous = tokens[number - 1].key if number > 0 else ""
            pair = f"{key} {tokens[number + 1].key}" if number + 1 < len(tokens) and tokens[number + 1].before == " " else ""
            if pair in forms:
                yield token.start, tokens[number + 1].end, 0.75
                number += 2
                continue
            if key in forms:
                if _meant(key, forms[key], small=not token.capitalised, initial=token.initial, previous=previous):
                    yield token.start, token.end, 0.75
            elif token.capitalised and previous in {"в", "во", "из", "под", "около"} and not token.initial and _unknown_place(key):
                yield token.start, token.end, 0.6
            number += 1
        for pattern in (_KIND, _KIND_AFTER):
            for match in pattern.finditer(text):
                if match["name"][0].isupper() and match["name"].casefold() not in capitalised_words():
                    yield match.start("name"), match.end() if pattern is _KIND_AFTER else match.end("name"), 0.7
        for match in _KIND_AFTER_SMALL.finditer(text):
            yield match.start(), match.end(), 0.6


def _meant(key: str, doubtful: bool, *, small: bool, initial: bool, previous: str) -> bool:
    """Say whether a listed form means the place: one that is also a word or a name needs a capital and a preposition."""
    entry = look_up(key)
    if doubtful or listed_name(key):
        return not small and previous in _IN
    if small:
        return entry.other < 0.3 and entry.given < 0.3 and len(key) > 3
    return entry.other < 0.6 or (previous in _IN and not initial)


def _unknown_place(key: str) -> bool:
    entry = look_up(key)
    if key in capitalised_words() or listed_name(key):
        return False
    return (not entry.known and len(key) > 3) or entry.place >= 0.3
