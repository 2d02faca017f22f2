# ruff: noqa: E501 - a pattern is read as one line or not at all
"""Numbers of Russian papers: passport, SNILS, INN, OGRN, insurance policy, plates, driving licence, records of a clinic."""

import re
from collections.abc import Iterator

from stdnum.ru import inn, ogrn

from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer

_PLATE_LETTER = "АВЕКМНОРСТУХABEKMHOPCTYX"
_NO_DIGIT_BEFORE = r"(?<![\w.,-])"
_NO_DIGIT_AFTER = r"(?![\w-]|[.,]\d)"
_SEPARATED = r"(?:[ -]?\d)"
_GAP = r"(?:[^\n␞\d]{0,30}?)"

_SNILS = re.compile(rf"{_NO_DIGIT_BEFORE}\d{{3}}[ -]\d{{3}}[ -]\d{{3}}[ -]?\d\d{_NO_DIGIT_AFTER}")
_SNILS_GLUED = re.compile(rf"{_NO_DIGIT_BEFORE}\d{{11}}{_NO_DIGIT_AFTER}")
_TAX = re.compile(rf"{_NO_DIGIT_BEFORE}\d{{10}}(?:\d\d)?{_NO_DIGIT_AFTER}")
_OGRN = re.compile(rf"{_NO_DIGIT_BEFORE}[1-9]\d{{12}}(?:\d\d)?{_NO_DIGIT_AFTER}")
_PASSPORT = re.compile(
    rf"{_NO_DIGIT_BEFORE}\d\d\s?\d\d\s?(?:No|N|№|#)?\s\d{{6}}{_NO_DIGIT_AFTER}|{_NO_DIGIT_BEFORE}\d{{4}}-\d{{6}}{_NO_DIGIT_AFTER}"
)
_PLATE = re.compile(rf"(?<!\w)[{_PLATE_LETTER}]\s?\d{{3}}\s?[{_PLATE_LETTER}]{{2}}\s?\d{{2,3}}(?:\s?(?:RUS|РУС))?(?!\w)", re.IGNORECASE)
_PLATE_SHORT = re.compile(rf"(?<!\w)[{_PLATE_LETTER}]\s?\d{{3}}\s?[{_PLATE_LETTER}]{{2}}(?!\w)", re.IGNORECASE)
_RECORD = re.compile(r"(?<![\w./-])\d{2,6}/\d{2,4}-\d{2,6}(?![\w/-])|(?<![\w./-])\d{4,6}-\d{2,4}/\d{2,4}(?![\w/-])")
_TOLD = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:медкарт\w+|(?:амбулаторн|медицинск)\w+\s+карт\w+|карт\w+\s+(?:пациента|больного|пациентки)|истори\w+\s+болезни|табельн\w+\s+номер\w*|номер\s+пациента)\s*(?:№|номер|no\.?|[:#-])?\s*(?P<code>(?:[A-Za-zА-Яа-яЁё]{1,3}[-/ ]?)?\d{3,}(?:[/-]\w+){0,3})(?![\w-]|[.,]\d)",
        rf"\b(?:паспорт\w*|загранпаспорт\w*|загран\w*)(?:\s+рф)?{_GAP}(?P<code>\d\d\s?\d\d\s?(?:№|no\.?|номер|н\.|,)?\s?\d{{3}}\s?\d{{3}}|\d{{2}}\s?(?:№|no\.?)?\s?\d{{7}}){_NO_DIGIT_AFTER}",
        rf"\b(?:серия|серии)\s*:?\s*(?P<code>\d\d\s?\d\d\s*,?\s*(?:№|no\.?|номер)?\s*:?\s*\d{{6}}){_NO_DIGIT_AFTER}",
        rf"\bснилс\w*{_GAP}(?P<code>\d{_SEPARATED}{{10}}){_NO_DIGIT_AFTER}",
        rf"\b(?:инн|иин|бин){_GAP}(?P<code>\d{_SEPARATED}{{8,13}}){_NO_DIGIT_AFTER}",
        rf"\bогрн(?:ип)?{_GAP}(?P<code>\d{_SEPARATED}{{12,14}}){_NO_DIGIT_AFTER}",
        rf"\b(?:полис\w*|омс|дмс|страхов\w+|енп){_GAP}(?P<code>\d{_SEPARATED}{{8,15}}|[А-ЯЁA-Z]{{2,4}}[ -]?(?:№|no\.?)?\s?\d{{6,10}}){_NO_DIGIT_AFTER}",
        rf"\b(?:права|водительск\w+(?:\s+удостоверени\w+)?|ву){_GAP}(?P<code>\d\d\s?(?:\d\d|[А-ЯЁA-Z]{{2}})\s?(?:№|no\.?)?\s?\d{{6}}){_NO_DIGIT_AFTER}",
        rf"\b(?:карт[аыеу]|карточк[аиеу]|карт[её]|карте|картой)(?:\s+(?:мир|виза|visa|сбер\w*|тинькофф|хумо|узкард|humo|uzcard|банк\w*|номер))*{_GAP}(?P<code>\d{{4}}[ -]?\d{{4}}[ -]?\d{{4}}[ -]?\d{{4}}(?:[ -]?\d{{1,3}})?){_NO_DIGIT_AFTER}",
        r"\b(?:амбулаторн\w+\s+карт\w+|медицинск\w+\s+карт\w+|медкарт\w+|истори[яиюей]+\s+болезни|карт\w+\s+(?:пациента|больного|стационарного\s+больного)|номер\s+карты|карт\w+|дел[оа]|уголовн\w+\s+дел\w+|талон\w*|направлени[ея]|рецепт\w*|больничн\w+(?:\s+лист\w*)?|выписк[аи]|заявлени[ея]|договор\w*|удостоверени[ея]|студенческ\w+(?:\s+билет\w*)?|зач[её]тк\w+|свидетельств\w+|заказ\w*|обращени[ея]|табельн\w+)"
        r"(?:\s+(?:пациента|номер|о\s+рождении|в\s+\w+|у\s+\w+|мо[йяеё]))*\s*(?:№|no\.?|номер|n|#|:|-)+\s*:?\s*(?P<code>(?=[\w/-]*\d)[A-Za-zА-Яа-яЁё\d][\w]*(?:[/-]\w+){0,4})",
        rf"\b(?:сч[её]т\w*|р/с|расч[её]тн\w+){_GAP}(?P<code>\d{{5}}[ .]?\d{{3}}[ .]?\d[ .]?\d{{4}}[ .]?\d{{7}}|\d{{20}}){_NO_DIGIT_AFTER}",
        rf"\b(?:гос\.?\s?номер\w*|госномер\w*|номер\w*\s+(?:машины|авто\w*)|машин[аыуе]\s+(?:с\s+)?номер\w*|номера){_GAP}(?P<code>[{_PLATE_LETTER}]\s?\d{{3}}\s?[{_PLATE_LETTER}]{{2}}(?:\s?\d{{2,3}})?|\d{{3,4}}\s?[{_PLATE_LETTER}]{{2,3}}\s?\d{{2}}){_NO_DIGIT_AFTER}",
        rf"\b(?:вин|vin)(?:-?код\w*|-?номер\w*)?{_GAP}(?P<code>[A-HJ-NPR-Z0-9]{{17}}){_NO_DIGIT_AFTER}",
    )
)
_CONTEXT = re.compile(r"снилс|инн|огрн|паспорт|пенсион|налог|страхов|полис|серия|докумен|номер|snils|inn\b|passport|pasport", re.IGNORECASE)
_CONTEXT_CHARACTERS = 60


class RussianDocumentRecognizer(Recognizer):
    """Numbers that prove themselves by check digits or form, and those that the words before them make what they are."""

    TYPE = "ID"

    def applies(self, document: Document) -> bool:
        """Every such number has figures."""
        return document.has_digit

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield numbers: 1.0 with a check that holds, 0.9 with context, 0.7 by form alone, 0.3 for a bare form whose check holds by chance one time in ten."""
        text = document.text
        for pattern in (_SNILS, _PASSPORT, _PLATE):
            for match in pattern.finditer(text):
                yield match.start(), match.end(), 1.0 if pattern is _SNILS and snils_holds(match.group()) else 0.7
        for match in _RECORD.finditer(text):
            yield match.start(), match.end(), 0.75
        if not document.has_cyrillic and not _CONTEXT.search(text):
            return
        for match in _PLATE_SHORT.finditer(text):
            yield match.start(), match.end(), 0.6
        for pattern, holds in ((_SNILS_GLUED, snils_holds), (_TAX, inn.is_valid), (_OGRN, ogrn.is_valid)):
            for match in pattern.finditer(text):
                if holds(match.group()):
                    near = _CONTEXT.search(text, max(0, match.start() - _CONTEXT_CHARACTERS), match.start())
                    yield match.start(), match.end(), 1.0 if near else 0.6
        for pattern in _TOLD:
            for match in pattern.finditer(text):
                if any(character.isdigit() for character in match["code"]) and not re.fullmatch(r"\d{1,2}", match["code"]):
                    yield match.start("code"), match.end("code"), 0.9


def snils_holds(code: str) -> bool:
    """Say whether the check number of a SNILS holds: digits weighted 9 to 1, modulo 101, where 100 counts as 0."""
    digits = [int(character) for character in code if character.isdigit()]
    if len(digits) != 11:
        return False
    total = sum(weight * digit for weight, digit in zip(range(9, 0, -1), digits, strict=False))
    return total % 101 % 100 == digits[9] * 10 + digits[10]
