# ruff: noqa: E501 - a pattern is read as one line or not at all
"""Dates that point at a day or a month, and ages."""

import re
from collections.abc import Iterator

from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer

_MONTH = r"(?:january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec)\.?"
_MONTH_RU = r"(?:январ[яьюе]|феврал[яьюе]|март[ае]?|апрел[яьюе]|ма[яйе]|июн[яьюе]|июл[яьюе]|август[ае]?|сентябр[яьюе]|октябр[яьюе]|ноябр[яьюе]|декабр[яьюе])"
_MONTH_UZ = r"(?:yanvar|fevral|mart|aprel|may|iyun|iyul|avgust|sentabr|sentyabr|oktabr|oktyabr|noyabr|dekabr)(?:da|dan|ning)?"
_MONTH_ALL = rf"(?:{_MONTH}|{_MONTH_RU}|{_MONTH_UZ})"
_DAY = r"(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?"
_ORDINAL = r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth|(?:twenty|thirty)-\w+)"
_YEAR = r"(?:1[89]\d\d|20\d\d)"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_NUMBER_WORDS = rf"(?:(?:{_TENS})(?:[- ](?:{_ONES}))?|{_TEENS}|{_ONES}|(?:a |one )?hundred(?:\s+and\s+(?:{_ONES}))?)"
_AGE_NUMBER = rf"(?:1[01]\d|\d{{1,2}}|{_NUMBER_WORDS})"


class DateRecognizer(Recognizer):
    """Days and months of a year; a bare year stays (HIPAA Safe Harbor), unless it is a year of birth."""

    TYPE = "DATE"
    _PATTERNS = tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"\b(?:the\s+)?{_DAY}(?:\s+(?:of\s+)?|[-/.]){_MONTH_ALL}(?:,?\s+(?:of\s+)?{_YEAR}|[-/.](?:{_YEAR}|\d\d)|\s+'\d\d)?\b",
            rf"\b{_MONTH}\s+(?:the\s+)?(?:{_DAY}|{_ORDINAL})(?!\d|\s*(?:years|months|weeks|days|hours|minutes|times|people|percent|%|am\b|pm\b))(?:,?\s+{_YEAR}|\s+'\d\d)?(?!\w)",
            rf"\b(?:the\s+)?{_ORDINAL}\s+of\s+{_MONTH}(?:,?\s+{_YEAR})?\b",
            rf"\b{_MONTH_ALL},?\s+(?:of\s+)?{_YEAR}\b(?:\s+(?:года|yil))?",
            rf"\b{_YEAR}[-/.](?:1[0-2]|0?[1-9])[-/.](?:[12]\d|3[01]|0?[1-9])\b(?:[ T,]+\d{{1,2}}:\d{{2}}(?::\d{{2}})?(?:\s?[AP]M)?)?",
            rf"\b(?:[12]\d|3[01]|0?[1-9])[-/.](?:1[0-2]|0?[1-9])[-/.](?:{_YEAR}|\d\d)\b",
            rf"\b(?:1[0-2]|0?[1-9])[-/.](?:[12]\d|3[01]|0?[1-9])[-/.](?:{_YEAR}|\d\d)\b",
            rf"\b(?:in|since|until|till|by|last|next|this|during|before|after|early|late|mid|around|from|of|back\s+in)[\s-]+(?P<only>{_MONTH})(?=\s*(?:[,.;!?)]|$|and\b|when\b|because\b|after\b|so\b|but\b|i\b|we\b|she\b|he\b|my\b|it\b))",
            r"\b(?:on|due|since|until|by|from)\s+(?P<only>(?:1[0-2]|0?[1-9])/(?:[12]\d|3[01]|0?[1-9]))\b(?!/)",
            rf"\b(?:born|birth\s?year|dob|birthday|date\s+of\s+birth|родил\w+|tug'ilgan\w*)(?:\s*(?:on|in|is|was|:|в|the|year))*\s+(?P<only>{_YEAR}|\d{{1,2}}[./-]\d{{1,2}}(?:[./-]\d{{2,4}})?)",
            r"\b(?:on|due|until|by|turn(?:ed|ing)?\s+\d+\s+on)\s+(?P<only>the\s+(?:[12]?\d|3[01])(?:st|nd|rd|th))\b(?!\s+(?:floor|grade|time|year|day|street|st\b|ave))",
        )
    )

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield dates; "May" and "March" count only beside a day, a year or a preposition."""
        text = document.text
        for pattern in self._PATTERNS:
            for match in pattern.finditer(text):
                group = "only" if "only" in pattern.groupindex else 0
                if (
                    group == "only"
                    and match.group(group).casefold() in {"may", "march", "mar", "dec", "jan", "sep"}
                    and not match.group(group)[0].isupper()
                ):
                    continue
                yield match.start(group), match.end(group), 0.85


class AgeRecognizer(Recognizer):
    """Ages in years, in figures or words."""

    TYPE = "AGE"
    _PATTERNS = tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"\b(?P<age>{_AGE_NUMBER})(?:[\s-]*(?:years?|yrs?)[\s-]*(?:old|of\s+age)|\s?y/?o)\b",
            rf"\b(?:aged?|age\s+of|age\s+is|age:|turn(?:ed|ing|s)?|am|i'm|im|he's|she's|is|was)\s+(?P<age>1[01]\d|9\d|ninety(?:[- ](?:{_ONES}))?)\b(?!\s*(?:%|percent|dollars|minutes|hours|days|weeks|months|lbs|kg|pounds|miles|km))",
            r"\b(?:aged?|age\s+of|age\s+is|age:|turn(?:ed|ing|s)?)\s+(?P<age>\d{1,2})\b(?!\s*(?:%|percent|dollars|minutes|hours|days|weeks|months))",
            r"\b(?P<age>\d{1,3})\s*(?:лет|года|год|yosh\w*|ёш\w*)\b",
        )
    )

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield the number only: the words around it tell nothing."""
        text = document.text
        for pattern in self._PATTERNS:
            for match in pattern.finditer(text):
                yield match.start("age"), match.end("age"), 0.8
