# ruff: noqa: E501 - a pattern is read as one line or not at all
"""Dates, years of birth and ages in Russian talk, in figures and spelled out."""

import re
from collections.abc import Iterator

from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer

_MONTH = r"(?:январ[яьюем]+|феврал[яьюем]+|март(?:а|е|у|ом)?|апрел[яьюем]+|ма[яйею]|маем|июн[яьюем]+|июл[яьюем]+|август(?:а|е|у|ом)?|сентябр[яьюем]+|октябр[яьюем]+|ноябр[яьюем]+|декабр[яьюем]+|янв|фев|апр|авг|сент?|окт|нояб?|дек)\.?"
_DAY = r"(?:[12]\d|3[01]|0?[1-9])(?:-?(?:го|е|ого|му|ым))?"
_YEAR = r"(?:1[89]\d\d|20\d\d)"
_OF_YEAR = r"(?:\s?(?:года|году|годом|год|г\.|г\b|гг\.))?"
_ORDINAL = r"(?:перв|втор|четв[её]рт|пят|шест|седьм|восьм|девят|десят|одиннадцат|двенадцат|тринадцат|четырнадцат|пятнадцат|шестнадцат|семнадцат|восемнадцат|девятнадцат|двадцат|тридцат)(?:ого|ое|ому|ым|ый)|треть(?:его|е|ему)"
_SPELLED_DAY = rf"(?:(?:двадцать|тридцать)\s+(?:{_ORDINAL})|{_ORDINAL})"
_TENS = "двадцать|тридцать|сорок|пятьдесят|шестьдесят|семьдесят|восемьдесят|девяносто|двадцати|тридцати|сорока|пятидесяти|шестидесяти|семидесяти|восьмидесяти|девяноста"
_ONES = "один|одна|одного|два|две|двух|три|тр[её]х|четыре|четыр[её]х|пять|пяти|шесть|шести|семь|семи|восемь|восьми|девять|девяти"
_TEENS = "десять|десяти|одиннадцат[ьи]|двенадцат[ьи]|тринадцат[ьи]|четырнадцат[ьи]|пятнадцат[ьи]|шестнадцат[ьи]|семнадцат[ьи]|восемнадцат[ьи]|девятнадцат[ьи]"
_NUMBER_WORDS = rf"(?:(?:{_TENS})(?:\s+(?:{_ONES}))?|{_TEENS}|{_ONES}|сто(?:\s+(?:{_ONES}|{_TEENS}))?)"


class RussianDateRecognizer(Recognizer):
    """Days of a month, months of a year, years of birth."""

    TYPE = "DATE"
    _PATTERNS = tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"(?<![\w.])(?:с\s|до\s)?(?P<only>{_DAY}\s?(?:-\s?{_DAY}\s)?\s?{_MONTH}(?:,?\s+{_YEAR}{_OF_YEAR}|\s+\d\d\s?(?:года|г\.))?)(?!\w)",
            rf"(?<!\w)(?P<only>{_SPELLED_DAY}\s+{_MONTH}(?:\s+{_YEAR}{_OF_YEAR})?)(?!\w)",
            rf"(?<!\w)(?P<only>{_MONTH},?\s+{_YEAR}{_OF_YEAR})(?!\w)",
            rf"(?<![\w.])(?P<only>(?:[12]\d|3[01]|0?[1-9])[./-](?:1[0-2]|0?[1-9])[./-](?:{_YEAR}|\d\d){_OF_YEAR})(?!\w)",
            r"(?<!\w)(?:родил\w+|рожд[её]н\w*|рождени[яеию]|день\s+рождени\w+|дата\s+рождени\w+|д\.?\s?р\.?|др|умер(?:ла|ли)?|погиб(?:ла)?|свадьб\w+|развел\w+|похорон\w+)\s*(?:у\s+\w+\s+|мой|моя|его|е[её])?\s*(?:в|:|—|-|,|был[ао]?|это)?\s*(?P<only>(?:[12]\d|3[01]|0?[1-9])[./](?:1[0-2]|0[1-9])(?:[./](?:\d{4}|\d\d))?)(?![\w.]\d)",
            rf"(?<!\w)(?:родил\w+|рожд[её]н\w*|рождени[яею]|г\.?\s?р\.?)\s*(?:в|:|—|-|,)?\s*(?P<only>{_YEAR}{_OF_YEAR}|\d\d-?(?:м|ом|го)?\s+(?:году|года|г\.))",
            rf"(?<!\w)(?P<only>{_YEAR}(?:-?го)?\s*(?:года?\s+рождени[яею]|г\.?\s?р\.?(?!\w)|г/р))",
            r"(?<!\w)(?P<only>\d\d(?:-?го)?\s+года\s+рождени[яею])",
        )
    )

    def applies(self, document: Document) -> bool:
        """Cyrillic letters occur, with a figure or the name of a month."""
        return document.has_cyrillic

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield dates."""
        text = document.text
        for pattern in self._PATTERNS:
            for match in pattern.finditer(text):
                yield match.start("only"), match.start("only") + len(match["only"].rstrip(" ,")), 0.85


class RussianAgeRecognizer(Recognizer):
    """Ages in years."""

    TYPE = "AGE"
    _PATTERNS = tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"(?<!\w)(?:мне|ей|ему|нам|им|маме|папе|мужу|жене|сыну|дочк?ер?[еи]|дочке|брату|сестре|бабушке|дедушке|деду|отцу|матери|реб[её]нку|подруге|другу|парню|внуку|внучке|тебе|вам)\s+(?:сейчас\s+|уже\s+|было\s+|тогда\s+|будет\s+|скоро\s+|исполнилось\s+|исполнится\s+|всего\s+|только\s+|почти\s+|же\s+){{0,2}}(?P<age>1[01]\d|\d{{1,2}}|{_NUMBER_WORDS})(?=\s*(?:лет|год|года|годик\w*|годов)\b|\s*[.,!?;)]|\s+(?:и|а|но|мне|у|я)\b|\s*$)",
            rf"(?<!\w)\w{{3,}}[уею]\s+(?:уже\s+|сейчас\s+|было\s+)?(?P<age>1[01]\d|[1-9]\d|{_NUMBER_WORDS})(?=\s+(?:лет|год|года|годик\w*)\b(?!\s+назад))",
            rf"(?<!\w)(?P<age>1[01]\d|\d{{1,2}}|{_NUMBER_WORDS})(?=[\s-]*(?:летн\w+|л\.\s))",
            rf"(?<!\w)(?:возраст\w*|возрасте)\s*(?::|—|-)?\s*(?P<age>1[01]\d|\d{{1,2}}|{_NUMBER_WORDS})(?!\w)",
            rf"(?<!\w)(?P<age>9\d|1[01]\d|девяносто(?:\s+(?:{_ONES}))?|сто(?:\s+(?:{_ONES}))?)(?=\s+(?:лет|год|года)\b)",
            rf"(?<!\w)(?:в|с|до|к|под|за)\s+(?P<age>девяносто(?:\s+(?:{_ONES}))?|9\d)(?=\s*(?:[.,!?;)]|$))",
        )
    )

    def applies(self, document: Document) -> bool:
        """Cyrillic letters occur."""
        return document.has_cyrillic

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield the number only: the words around it tell nothing."""
        text = document.text
        for pattern in self._PATTERNS:
            for match in pattern.finditer(text):
                yield match.start("age"), match.end("age"), 0.8
