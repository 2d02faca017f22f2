"""Phone numbers of Russia, Kazakhstan and Uzbekistan, in figures (local forms, too) and spelled out in Russian."""

import re
from collections.abc import Iterator

from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer

_S = r"[\s().-]{0,3}"
_BEFORE = r"(?<![\w.,/@-])"
_AFTER = r"(?![\w@]|[.,]\d|-\d)"
_FORMS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_BEFORE}(?:\+\s?7|8|7){_S}\(?[3-9]\d\d\)?{_S}\d{{3}}{_S}\d\d{_S}\d\d{_AFTER}",
        rf"{_BEFORE}\(?[3-9]\d\d\)?[\s-]\d{{3}}[\s-]\d\d[\s-]\d\d{_AFTER}",
        rf"{_BEFORE}(?:\+\s?)?998{_S}\d\d{_S}\d{{3}}{_S}\d\d{_S}\d\d{_AFTER}",
        rf"{_BEFORE}\(?(?:9[0134578]|33|50|55|6[1256789]|7[0-9]|88|20|77)\)?[\s-]\d{{3}}[\s-]\d\d[\s-]\d\d{_AFTER}",
        rf"{_BEFORE}\(?(?:9[0134578]|33|50|55|77|88)\)?[\s-]?\d{{3}}[\s-]\d{{4}}{_AFTER}",
        rf"{_BEFORE}\d{{3}}-\d\d-\d\d{_AFTER}",
        rf"{_BEFORE}(?:\+\s?7|8){_S}\(\d{{3,5}}\){_S}\d{{1,3}}{_S}\d\d{_S}\d\d{_AFTER}",
        rf"{_BEFORE}8{_S}800{_S}\d{{3}}{_S}\d\d{_S}\d\d{_AFTER}",
    )
)
_CONTEXT = re.compile(
    r"(?:телефон\w*|тел\b|тел\.|номер\w*|звон\w*|позвон\w*|набер\w+|наби\w+|ватсап\w*|вотсап\w*|вайбер\w*|телеграм\w*|телег[аеуи]|смс\w*|сотов\w+|мобильн\w+|домашн\w+|связ\w+|связаться|пишите|контакт\w*|telefon\w*|raqam\w*|nomer\w*|tel\b|qo'ng'iroq\w*|телефоним|рақам\w*|қўнғироқ\w*|phone|call|text)[^\n␞]{0,40}$",
    re.IGNORECASE,
)
_BARE = re.compile(rf"{_BEFORE}\d(?:[\s-]?\d){{6,11}}{_AFTER}")
_WORD = (
    r"(?:ноль|нол[ья]|нуль|один|одна|раз|два|две|три|четыре|пять|шесть|семь|восемь|девять|десять|одиннадцать|двенадцать|тринадцать|четырнадцать|пятнадцать|шестнадцать|семнадцать|восемнадцать|девятнадцать"
    r"|двадцать|тридцать|сорок|пятьдесят|шестьдесят|семьдесят|восемьдесят|девяносто|сто|двести|триста|четыреста|пятьсот|шестьсот|семьсот|восемьсот|девятьсот|дважды|трижды|плюс|тире|дефис)"
)
_SPELLED = re.compile(rf"(?<!\w){_WORD}(?:[\s,.-]+(?:{_WORD}|\d{{1,3}})(?!\w)){{5,}}", re.IGNORECASE)
_SPELLED_SHORT = re.compile(rf"(?<!\w){_WORD}(?:[\s,.-]+(?:{_WORD}|\d{{1,3}})(?!\w)){{3,}}", re.IGNORECASE)


class RussianPhoneRecognizer(Recognizer):
    """Numbers in the forms of the region, bare ones with context, and numbers spelled out."""

    TYPE = "PHONE"

    def applies(self, document: Document) -> bool:
        """Figures occur, or Cyrillic words that may spell them."""
        return document.has_digit or document.has_cyrillic

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield numbers: 0.85 by form or context, 0.75 spelled out."""
        text = document.text
        if document.has_digit:
            for pattern in _FORMS:
                for match in pattern.finditer(text):
                    yield match.start(), match.end(), 0.85
            for match in _BARE.finditer(text):
                if _CONTEXT.search(text, max(0, match.start() - 60), match.start()):
                    yield match.start(), match.end(), 0.8
        if document.has_cyrillic:
            for match in _SPELLED.finditer(text):
                yield match.start(), match.end(), 0.75
            for match in _SPELLED_SHORT.finditer(text):
                if _CONTEXT.search(text, max(0, match.start() - 60), match.start()):
                    yield match.start(), match.end(), 0.75
