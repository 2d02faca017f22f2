# ruff: noqa: E501 - a pattern is read as one line or not at all
"""Street addresses in Uzbek talk, Latin and Cyrillic."""

import re
from collections.abc import Iterator

from components.anonymize.document import Document
from components.anonymize.recognizers import uz_words
from components.anonymize.recognizers.base import Finding, Recognizer

_WORD = r"[^\W\d_][\w'-]*"
_KIND = r"(?:ko'cha|kocha|tor\s+ko'cha|shoh\s?ko'cha|mahalla|mfy|daha|mavze|massiv|kvartal|prospekt|berk\s+ko'cha|кўча|тор\s+кўча|маҳалла|махалла|мфй|даҳа|мавзе|массив|квартал)(?:si|i|сида|lar|да|даги|ning|нинг|сининг|sining|sida|ida|ida|сида|da|dagi|си|и|siga|сига)?"
_NUMBER = r"\d{1,4}(?:[/-]\d{1,4})?[a-dA-D]?"
_PART = rf"(?:\s*,?\s*(?:{_NUMBER}-?\s?(?:uy|xonadon|kvartira|kv|dom|daha|mavze|qavat|padyezd|уй|хонадон|квартира|қават)(?:da|dan|ning|га|да|ga)?|(?:uy|xonadon|kv|dom|kvartira|уй|хонадон|кв|дом)\.?\s?(?:№|no\.?|raqami|рақами)?\s?{_NUMBER}|{_NUMBER}(?![\w'%-])))"
_NAMED = re.compile(rf"(?<![\w'-])(?P<name>(?:{_WORD}\s+){{0,2}}{_WORD})\s+{_KIND}(?![\w'])(?P<house>{_PART}{{0,4}})", re.IGNORECASE)
_NUMBERED = re.compile(
    rf"(?<![\w'-])(?:[A-ZА-ЯЎҚҒҲ][\w']+\s)?\d{{1,3}}-?\s?(?:daha|mavze|kvartal|mikrorayon|массив|даҳа|мавзе|квартал)(?:si|i|sida|da|dagi)?(?![\w'])(?:{_PART}){{0,3}}",
    re.IGNORECASE,
)
_HOUSE = re.compile(
    rf"(?<![\w'-]){_NUMBER}-?\s?(?:uy|уй)(?:da|dan|ning)?\s*,?\s*{_NUMBER}-?\s?(?:xonadon|kvartira|kv|хонадон|квартира)(?:da|dan)?(?![\w'])|(?<![\w'-])\d{{1,4}}-\s?(?:xonadon|kvartira|uy|хонадон|уй)(?:da|dan|ning|ga|да)?(?![\w'])",
    re.IGNORECASE,
)
_NO_NAME = frozenset(
    [
        "bu",
        "shu",
        "o'sha",
        "bizning",
        "mening",
        "sizning",
        "ularning",
        "o'z",
        "hamma",
        "har",
        "bir",
        "butun",
        "katta",
        "kichik",
        "bosh",
        "yangi",
        "eski",
        "qaysi",
        "boshqa",
        "uning",
        "bitta",
        "asosiy",
        "markaziy",
        "va",
        "tor",
        "berk",
        "shoh",
        "uzun",
        "keng",
        "qorong'i",
        "gavjum",
        "u",
        "tinch",
        "sokin",
        "бу",
        "шу",
        "ўша",
        "бизнинг",
        "менинг",
        "ўз",
        "ҳар",
        "бир",
        "катта",
        "кичик",
        "янги",
        "эски",
        "қайси",
        "бошқа",
        "унинг",
        "ва",
        "тор",
    ]
)


class UzbekAddressRecognizer(Recognizer):
    """Streets, mahallas and blocks with house and flat."""

    TYPE = "ADDRESS"

    def applies(self, document: Document) -> bool:
        """Some word of Uzbek occurs."""
        return uz_words.speaks_uzbek(document.folded)

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield addresses; a street without a name of its own is none."""
        text = document.text
        for match in _NAMED.finditer(text):
            start = _name_start(match["name"])
            if start is not None:
                yield match.start("name") + start, match.start() + len(match.group().rstrip(" ,.")), 0.8
        for pattern in (_NUMBERED, _HOUSE):
            for match in pattern.finditer(text):
                yield match.start(), match.start() + len(match.group().rstrip(" ,.")), 0.75


def _name_start(words: str) -> int | None:
    """Return where the name of a street begins in the words before its kind: the run of capitals, or the last small word that is no ordinary one."""
    pieces = [(piece.start(), piece.group()) for piece in re.finditer(r"\S+", words)]
    last = pieces[-1][1]
    if last.casefold() in _NO_NAME:
        return None
    if last[0].isupper():
        start = len(pieces) - 1
        while start > 0 and pieces[start - 1][1][0].isupper() and pieces[start - 1][1].casefold() not in _NO_NAME:
            start -= 1
        return pieces[start][0]
    return None if uz_words.common(last.casefold()) else pieces[-1][0]
