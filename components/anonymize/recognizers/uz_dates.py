"""Dates, years of birth and ages in Uzbek talk, Latin and Cyrillic."""

import re
from collections.abc import Iterator

from components.anonymize.document import Document
from components.anonymize.recognizers import uz_words
from components.anonymize.recognizers.base import Finding, Recognizer

_MONTH = (
    r"(?:yanvar|fevral|mart|aprel|may|iyun|iyul|avgust|sentabr|sentyabr|oktabr|oktyabr|noyabr|dekabr|январ|феврал|март|апрел|май|июн|июл|август|сентабр|сентябр|октабр|октябр|ноябр|декабр)ь?"
    r"(?:da|dan|ning|ga|gacha|dagi|ni|i|ida|idan|iga|да|дан|нинг|га|гача|даги|ни)?"
)
_DAY = r"(?:[12]\d|3[01]|0?[1-9])"
_YEAR = r"(?:1[89]\d\d|20\d\d)"
_OF_YEAR = r"(?:-?\s?(?:yil|йил)(?:da|dan|ning|i|gi|lar|да|дан|нинг|ги|gacha)?)"
_TENS = "o'n|yigirma|o'ttiz|qirq|ellik|oltmish|yetmish|sakson|to'qson|ўн|йигирма|ўттиз|қирқ|эллик|олтмиш|етмиш|саксон|тўқсон"
_ONES = "bir|ikki|uch|to'rt|besh|olti|yetti|sakkiz|to'qqiz|бир|икки|уч|тўрт|беш|олти|етти|саккиз|тўққиз"
_NUMBER_WORDS = rf"(?:(?:bir\s+)?yuz(?:\s+(?:{_ONES}))?|(?:{_TENS})(?:\s+(?:{_ONES}))?|{_ONES})"


class UzbekDateRecognizer(Recognizer):
    """Days of a month, months of a year, years of birth."""

    TYPE = "DATE"
    _PATTERNS = tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"(?<![\w.])(?P<only>(?:{_YEAR}{_OF_YEAR}?,?\s+)?{_DAY}(?:\s?-\s?|\s|inchi\s|-inchi\s){_MONTH}(?:\s+kuni)?(?:,?\s+{_YEAR}{_OF_YEAR}?)?)(?!\w)",
            rf"(?<!\w)(?P<only>{_YEAR}{_OF_YEAR}?,?\s+{_MONTH})(?!\w)|(?<!\w)(?P<only2>{_MONTH},?\s+{_YEAR}{_OF_YEAR}?)(?!\w)",
            rf"(?<![\w.])(?P<only>(?:[12]\d|3[01]|0?[1-9])[./-](?:1[0-2]|0?[1-9])[./-](?:{_YEAR}|\d\d){_OF_YEAR}?)(?!\w)",
            rf"(?<!\w)(?:(?:tug'ilgan|tugilgan|туғилган|tavallud)\w*|t\.?\s?y\.?)\s*(?:yilim|yili|yil|sanam|sana|sanasi|kunim|kuni|йилим|санам|куним)?\s*[:,-]?\s*(?P<only>{_YEAR}(?:{_OF_YEAR})?|{_DAY}[./]\d\d(?:[./]\d{{2,4}})?)",
            rf"(?<!\w)(?P<only>{_YEAR}{_OF_YEAR}?|\d\d-?\s?(?:yil|йил)(?:da)?)\s+(?:tug'il|tugil|туғил|tavallud|dunyoga)\w+",
        )
    )

    def applies(self, document: Document) -> bool:
        """Some word of Uzbek occurs, and a figure."""
        return document.has_digit and uz_words.speaks_uzbek(document.folded)

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield dates."""
        text = document.text
        for pattern in self._PATTERNS:
            for match in pattern.finditer(text):
                group = "only" if match["only"] else "only2"
                yield match.start(group), match.end(group), 0.85


class UzbekAgeRecognizer(Recognizer):
    """Ages in years."""

    TYPE = "AGE"
    _PATTERNS = tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"(?<!\w)(?P<age>1[01]\d|\d{{1,2}}|{_NUMBER_WORDS})(?=[\s-]*(?:yosh|ёш)(?:da|dan|li|ga|man|daman|dasan|dagi|im|i|imda|ida|siz|dalar|damiz|даман|да|дан|га|ли|им)*\b)",
            rf"(?<!\w)(?:yosh|ёш)(?:im|i|ing|ингиз|ingiz|им|и)\s*[:-]?\s*(?P<age>1[01]\d|\d{{1,2}}|{_NUMBER_WORDS})(?:\s?(?:da|ga|ta|larda))?(?!\w)",
            r"(?<!\w)(?P<age>\d{1,3})\s?(?:ga|га)\s+(?:to'ld|kird|тўлд|кирд)\w+",
        )
    )

    def applies(self, document: Document) -> bool:
        """The word for age or for becoming occurs."""
        return bool(re.search(r"yosh|ёш|to'ld|kird|тўлд|кирд", document.folded))

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield the number only."""
        text = document.text
        for pattern in self._PATTERNS:
            for match in pattern.finditer(text):
                yield match.start("age"), match.end("age"), 0.8
