# ruff: noqa: E501, SIM905 - a pattern or a list of words is read as one line
"""Ages in years, in figures or words; which of them are replaced is the policy's choice."""

import re
from collections.abc import Iterator

from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer

_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ONES = "one two three four five six seven eight nine".split()
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_SMALL = "|".join(_ONES)
_NUMBER_WORDS = rf"(?:(?:{'|'.join(_TENS)})(?:[- ](?:{_SMALL}))?|{'|'.join(_TEENS)}|{_SMALL}|(?:a |one )?hundred(?:\sand\s(?:{_SMALL}))?)"
_AGE_NUMBER = rf"(?:1[01]\d|\d{{1,2}}|{_NUMBER_WORDS})"
_UNIT = r"(?!\s*(?:%|percent|dollars|minutes|hours|days|weeks|months|lbs|kg|pounds|miles|km|times|people|of\s|out\s|/|:|,\d|\.\d))"
_CUES = frozenset(
    "years year yrs yr yo y old aged age turn turned turning turns am i'm im he's she's is was m f male female лет года год yosh yoshda yoshli ёш ёшда birthday".split()
)


class AgeRecognizer(Recognizer):
    """Ages of people."""

    TYPE = "AGE"
    _PATTERNS = tuple(
        re.compile(pattern)
        for pattern in (
            rf"\b(?P<age>{_AGE_NUMBER})(?:[\s-]{{1,3}}(?:years?|yrs?)[\s-]{{1,3}}(?:old|of\sage)|[\s-]?y[/.]?o)\b",
            rf"\b(?:aged?|age\sof|age\sis|age:|turn(?:ed|ing|s)?|am|i'm|im|he's|she's|is|was)\s(?P<age>1[01]\d|9\d|ninety(?:[- ](?:{_SMALL}))?)\b{_UNIT}",
            rf"\b(?:aged?|age\sof|age\sis|age:|turn(?:ed|ing|s)?)\s(?P<age>\d{{1,2}})\b{_UNIT}",
            rf"\b(?:i'm|i\sam|im|he's|she's|he\sis|she\sis)\s(?:only\s|just\s|now\s|almost\s|nearly\s)?(?P<age>[1-8]\d)\b{_UNIT}(?=\s?(?:[,.;!?)]|$|and\b|years?\b|with\b|but\b|now\b|\())",
            r"\(?\b(?P<age>[1-9]\d)\s?/?[mf]\b|\b[mf]\s?/?(?P<second>[1-9]\d)\b",
            r"\b(?P<age>\d{1,3})\s?(?:лет|года|год|yosh\w{0,8}|ёш\w{0,8})\b",
            rf"\b(?P<age>\d{{1,3}}|{_NUMBER_WORDS})(?:st|nd|rd|th)\sbirthday\b",
        )
    )

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield the number only: the words around it tell nothing."""
        if not document.has_digit and document.keys.isdisjoint(_CUES):
            return
        for pattern in self._PATTERNS:
            for match in pattern.finditer(document.folded):
                group = "age" if match["age"] is not None else "second"
                yield match.start(group), match.end(group), 0.8
