# ruff: noqa: E501 - a pattern is read as one line or not at all
"""Numbers of Uzbek papers: PINFL, passport and identity card, tax number, plates, bank cards, records of a clinic."""

import re
from collections.abc import Iterator
from datetime import date

from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer

_BEFORE = r"(?<![\w.,-])"
_AFTER = r"(?![\w-]|[.,]\d)"
_GAP = r"(?:[^\n␞\d]{0,30}?)"
_PINFL = re.compile(rf"{_BEFORE}[1-6](?:[ -]?\d){{13}}{_AFTER}")
_PASSPORT = re.compile(
    r"(?<![\w-])(?P<letters>[A-Za-z]{2}|[А-Яа-я]{2})\s?(?:№|no\.?|N|no\.?)?\s?(?P<number>\d{7}|\d{3}\s\d{2}\s\d{2}|\d{3}\s\d{4})(?![\w-]|[.,]\d)"
)
_PLATE = re.compile(
    r"(?<![\w.,-])(?P<region>0[1-9]|[1-9][0-9])(?:\s|-|/)?(?:(?P<person>[A-Za-zА-Яа-я])(?:\s|-)?\d{3}(?:\s|-)?[A-Za-zА-Яа-я]{2}|\d{3}(?:\s|-)?[A-Za-zА-Яа-я]{3})(?![\w-])"
)
_REGIONS = frozenset({"01", "10", "20", "25", "30", "40", "50", "60", "70", "75", "80", "85", "90", "95"})
_CARD = re.compile(rf"{_BEFORE}(?:8600|9860|5614|6262|4073|5440)(?:[ -]?\d{{4}}){{3}}{_AFTER}")
_TOLD = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:pinfl|jshshir|жшшир|пинфл|jsh\s?shir|shaxsiy\s+raqam\w*|personal\s+(?:identification\s+)?number|шахсий\s+рақам\w*|пинфли){_GAP}(?P<code>\d(?:[ -]?\d){{11,14}}){_AFTER}",
        rf"\b(?:stir|стир|инн|inn|soliq\s+(?:to'lovchi\w*\s+)?raqam\w*|солиқ\s+рақам\w*|tax\s+(?:number|id)|tin){_GAP}(?P<code>\d{{3}}[ -]?\d{{3}}[ -]?\d{{3}}){_AFTER}",
        rf"\b(?:pasport\w*|паспорт\w*|passport|id[\s-]?karta\w*|айди\s?карта\w*|id[\s-]?card|guvohnoma\w*|гувоҳнома\w*|seriya\w*|серия\w*){_GAP}(?P<code>[A-Za-zА-Яа-я]{{2}}\s?(?:№|no\.?|raqami|n)?\s?\d{{3}}\s?\d{{2}}\s?\d{{2}}|[A-Za-z]{{2}}\s?(?:№|no\.?)?\s?\d{{7}}){_AFTER}",
        rf"\b(?:karta(?:m|si|ning|raqam\w*|ga|mga|mning|da)?|plastik\w*|humo|uzcard|карта(?:м|си|мга|га|рақам\w*)?|пластик\w*|хумо|узкард|card){_GAP}(?P<code>\d{{4}}[ -]?\d{{4}}[ -]?\d{{4}}[ -]?\d{{4}}){_AFTER}",
        r"\b(?:tibbiy\s+karta\w*|ambulator\s+karta\w*|kasallik\s+tarixi\w*|bemor(?:ning)?\s+(?:karta|raqam)\w*|тиббий\s+карта\w*|амбулатор\s+карта\w*|касаллик\s+тарихи\w*|shartnoma\w*|ariza\w*|buyurtma\w*|guvohnoma\w*|sug'urta\s+(?:polis\w*|raqam\w*)|polis\w*|navbat\w*|talaba\s+(?:guvohnoma|id)\w*|dosye\w*|ishi)"
        r"\s*(?:raqam[\w']*|рақам\w*|№|n|no\.?|#|:|-)+\s*:?\s*(?P<code>(?=[\w/-]*\d)[A-Za-zА-Яа-яЁё\d]\w*(?:[/-]\w+){0,4})",
        rf"\b(?:mashina\w*|moshina\w*|avto\w*|davlat\s+raqam\w*|машина\w*|давлат\s+рақам\w*|nomer\w*|номер\w*|raqam\w*){_GAP}(?P<code>\d\d\s?(?:[A-Za-zА-Яа-я]\s?\d{{3}}\s?[A-Za-zА-Яа-я]{{2}}|\d{{3}}\s?[A-Za-zА-Яа-я]{{3}})){_AFTER}",
        rf"\b(?:hisob\s?raqam\w*|ҳисоб\s?рақам\w*|h/r|х/р){_GAP}(?P<code>\d{{20}}){_AFTER}",
    )
)


class UzbekDocumentRecognizer(Recognizer):
    """Numbers that prove themselves by check digits or form, and those that the words before them make what they are."""

    TYPE = "ID"

    def applies(self, document: Document) -> bool:
        """Every such number has figures."""
        return document.has_digit

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield numbers: 1.0 with a check that holds, 0.9 with context, 0.6-0.8 by form alone."""
        text = document.text
        for match in _PINFL.finditer(text):
            code = re.sub(r"\D", "", match.group())
            if pinfl_dated(code):
                yield match.start(), match.end(), 1.0 if pinfl_holds(code) else 0.7
        for match in _PASSPORT.finditer(text):
            if match["letters"].casefold() not in _NO_SERIES:
                yield match.start(), match.end(), 0.85 if match["letters"].isupper() else 0.65
        for match in _PLATE.finditer(text):
            if match["region"] in _REGIONS:
                yield match.start(), match.end(), 0.8 if match.group().upper() == match.group() else 0.6
        for match in _CARD.finditer(text):
            yield match.start(), match.end(), 0.9
        for pattern in _TOLD:
            for match in pattern.finditer(text):
                if not re.fullmatch(r"\d{1,2}", match["code"]):
                    yield match.start("code"), match.end("code"), 0.9


_NO_SERIES = frozenset(
    {"на", "до", "по", "за", "от", "из", "со", "во", "не", "ну", "no", "is", "at", "to", "of", "in", "on", "or", "by", "my", "va", "bu"}
)
"""Words of two letters that stand before a number of seven digits without being the series of a passport."""


def pinfl_dated(code: str) -> bool:
    """Say whether a PINFL (14 digits) begins with a sex and century digit and a date of birth that exists."""
    if len(code) != 14 or code[0] not in "123456":
        return False
    century = 1800 + (int(code[0]) - 1) // 2 * 100
    try:
        date(century + int(code[5:7]), int(code[3:5]), int(code[1:3]))
    except ValueError:
        return False
    return True


def pinfl_holds(code: str) -> bool:
    """Say whether the check digit of a PINFL holds: weights 7, 3, 1 over the first thirteen, modulo 10, as in travel documents (ICAO 9303)."""
    total = sum(int(digit) * (7, 3, 1)[position % 3] for position, digit in enumerate(code[:13]))
    return total % 10 == int(code[13])
