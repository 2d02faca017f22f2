# ruff: noqa: E501, SIM905 - a pattern is read as one line or not at all
"""Dates that point at a day or a month; relative ones ("last Tuesday") point at nothing without the day of the talk and stay."""

import re
from collections.abc import Iterator

from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer

_MONTHS = "january february march april may june july august september october november december jan feb mar apr jun jul aug sept sep oct nov dec".split()
_MONTH = rf"(?:{'|'.join(_MONTHS)})\.?"
_MONTH_RU = r"(?:январ[яьюе]|феврал[яьюе]|март[ае]?|апрел[яьюе]|ма[яйе]|июн[яьюе]|июл[яьюе]|август[ае]?|сентябр[яьюе]|октябр[яьюе]|ноябр[яьюе]|декабр[яьюе])"
_MONTH_UZ = r"(?:yanvar|fevral|mart|aprel|may|iyun|iyul|avgust|sentabr|sentyabr|oktabr|oktyabr|noyabr|dekabr)(?:da|dan|ning)?"
_MONTH_ALL = rf"(?:{_MONTH}|{_MONTH_RU}|{_MONTH_UZ})"
_ANY_MONTH = re.compile(
    r"january|february|march|april|may|june|july|august|september|october|november|december|\b(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b"
    r"|январ|феврал|март|апрел|ма[яйе]|июн|июл|август|сентябр|октябр|ноябр|декабр|yanvar|fevral|mart|aprel|iyun|iyul|avgust|sent|okt|noyabr|dekabr"
)
_DAY = r"(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?"
_DAY_NUMBER = r"(?:[12]\d|3[01]|0?[1-9])"
_MONTH_NUMBER = r"(?:1[0-2]|0?[1-9])"
_ORDINAL = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth"
    r"|nineteenth|twentieth|thirtieth|(?:twenty|thirty)-\w{4,8})"
)
_YEAR = r"(?:1[89]\d\d|20\d\d)"
_UNIT_AFTER = r"(?!\d|\s*(?:years|months|weeks|days|hours|minutes|times|people|percent|%|am\b|pm\b))"
_BEFORE_MONTH = r"(?:in|since|until|till|by|last|next|this|during|before|after|early|late|mid|around|from|of|back\s+in)"
_CLAUSE_END = r"(?=\s*(?:[,.;!?)]|$|and\b|when\b|because\b|after\b|so\b|but\b|i\b|we\b|she\b|he\b|my\b|it\b))"
_BORN = r"(?:born|birth\s?year|dob|birthday|date\s+of\s+birth|year\s+of\s+birth|родил\w{1,8}|tug'ilgan\w{0,8})"


class DateRecognizer(Recognizer):
    """Days and months of a year; a bare year stays (HIPAA Safe Harbor), unless it is a year of birth."""

    TYPE = "DATE"
    _WITH_MONTH = tuple(
        re.compile(pattern)
        for pattern in (
            rf"\b(?:the\s)?{_DAY}(?:\s?(?:-|and|to|&)\s?{_DAY})?(?:\s(?:of\s)?|[-/.]){_MONTH_ALL}(?:,?\s(?:of\s)?{_YEAR}|[-/.](?:{_YEAR}|\d\d)|\s'\d\d)?\b",
            rf"\b{_MONTH}\s(?:the\s)?(?:{_DAY}|{_ORDINAL}){_UNIT_AFTER}(?:\s?(?:-|and|to|&)\s?{_DAY}\b{_UNIT_AFTER})?(?:,?\s{_YEAR}|\s'\d\d)?(?!\w)",
            rf"\b(?:the\s)?{_ORDINAL}\sof\s{_MONTH}(?:,?\s{_YEAR})?\b",
            rf"\b{_MONTH_ALL}(?:\s?[-/]\s?{_MONTH_ALL})?(?:,?\s(?:of\s)?|[-/]){_YEAR}\b(?:\s(?:года|yil))?",
            rf"\b{_BEFORE_MONTH}[\s-](?P<only>{_MONTH}){_CLAUSE_END}",
        )
    )
    _IN_FIGURES = tuple(
        re.compile(pattern)
        for pattern in (
            rf"\b{_YEAR}[-/.]{_MONTH_NUMBER}[-/.]{_DAY_NUMBER}\b(?:[ t,]{{1,3}}\d{{1,2}}:\d{{2}}(?::\d{{2}})?(?:\s?[ap]m)?)?",
            rf"\b(?:{_DAY_NUMBER}[-/.]{_MONTH_NUMBER}|{_MONTH_NUMBER}[-/.]{_DAY_NUMBER})[-/.](?:{_YEAR}|\d\d)\b",
            rf"\b(?:on|due|since|until|by|from)\s(?P<only>{_MONTH_NUMBER}/{_DAY_NUMBER})\b(?!/)",
            rf"\b{_BORN}(?:\s?(?:on|in|is|was|:|в|the|year)){{0,3}}\s(?P<only>{_YEAR}|\d{{1,2}}[./-]\d{{1,2}}(?:[./-]\d{{2,4}})?)",
            r"\b(?:on|due|until|by|turn(?:ed|ing)?\s\d{1,3}\son)\s(?P<only>the\s(?:[12]?\d|3[01])(?:st|nd|rd|th))\b(?!\s(?:floor|grade|time|year|day|street|st\b|ave))",
        )
    )
    _BARE_YEAR = re.compile(rf"\b(?:in|since|until|from|during|of|and|before|after)\s(?P<only>{_YEAR})\b(?![-/.,]\d)")
    _WORDS = frozenset({"may", "march", "mar", "dec", "jan", "sep", "mart"})
    """Months that are also words or names: alone they need a capital."""

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield dates; bare years come as weak findings."""
        folded, text = document.folded, document.text
        if _ANY_MONTH.search(folded):
            for pattern in self._WITH_MONTH:
                for match in pattern.finditer(folded):
                    group = "only" if "only" in pattern.groupindex else 0
                    if group == 0 or match[group].rstrip(".") not in self._WORDS or text[match.start(group)].isupper():
                        yield match.start(group), match.end(group), 0.85
        if document.has_digit:
            for pattern in self._IN_FIGURES:
                for match in pattern.finditer(folded):
                    group = "only" if "only" in pattern.groupindex else 0
                    yield match.start(group), match.end(group), 0.85
            for match in self._BARE_YEAR.finditer(folded):
                yield match.start("only"), match.end("only"), 0.4
