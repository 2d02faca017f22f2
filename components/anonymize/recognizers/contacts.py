# ruff: noqa: E501 - a pattern is read as one line or not at all
"""Ways to reach a person: e-mail, phone, handles, links."""

import re
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers

from components.anonymize import lexicon
from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer

_DIGIT_WORDS = (
    "zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple|plus|ноль|один|два|три|четыре|пять|шесть|семь|восемь|девять|плюс"
)
_PHONE_CONTEXT = re.compile(
    r"\b(?:phone|telephone|tel|cell|cellphone|mobile|call(?:ed|ing)?|text(?:ed|ing)?|sms|whats ?app|viber|signal|telegram|number|ring|dial|reach|contact|fax|hotline|landline"
    r"|телефон|тел|номер|звон\w*|позвон\w*|ватсап|telefon|raqam\w*|nomer\w*)\b",
    re.IGNORECASE,
)
_PHONE_SHAPE = re.compile(
    r"(?<![\w.@/$€£₽#-])(?:\(?\+\s?|00)?\(?\d(?:[\s().\-/]{0,3}\d){5,16}(?:\s?(?:x|ext\.?|extension)\s?\d{1,5})?(?![\w@]|[.,]\d)",
    re.IGNORECASE,
)
_DATE_SHAPE = re.compile(r"(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|(?:19|20)\d\d\s?[-/]\s?(?:19|20)\d\d)(?:\s+\d{1,2}.*)?")
_THOUSANDS = re.compile(r"\d{1,3}(?:[ ,.]000)+")
_LOCAL_CONTEXT_CHARACTERS = 60
_PLATFORM = (
    r"instagram|insta|ig|telegram|tg|snapchat|snap|twitter|discord|tik ?tok|kik|skype|reddit|steam|facebook|fb|vk|line|wechat|viber|xbox|psn|gamertag|linkedin|youtube"
    r"|user ?name|user|handle|nick(?:name)?|login|account|profile|screen ?name|id"
)


class PhoneRecognizer(Recognizer):
    """Phone numbers of all countries, by the plan of the country or by what is said before them; also digits spelled out."""

    TYPE = "PHONE"
    _SPELLED = re.compile(rf"\b(?:{_DIGIT_WORDS})(?:[\s,-]+(?:{_DIGIT_WORDS}|\d{{1,3}})){{5,}}\b", re.IGNORECASE)

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield numbers; a shape without a country, separators or context is left to the record numbers."""
        text = document.text
        for match in _PHONE_SHAPE.finditer(text):
            shape = match.group()
            if _DATE_SHAPE.fullmatch(shape.strip()) or _THOUSANDS.fullmatch(shape):
                continue
            digits = re.sub(r"\D", "", re.split(r"(?i)\s?(?:x|ext)", shape)[0])
            if not 7 <= len(digits) <= 16:
                continue
            before = text[max(0, match.start() - _LOCAL_CONTEXT_CHARACTERS) : match.start()]
            if shape.startswith(("+", "(+", "00")) or _PHONE_CONTEXT.search(before) or dialable(shape):
                yield match.start(), match.end(), 0.85
        for match in self._SPELLED.finditer(text):
            yield match.start(), match.end(), 0.7


@lru_cache(maxsize=4096)
def dialable(shape: str) -> bool:
    """Say whether some country's numbering plan has this number."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(shape, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


class EmailRecognizer(Recognizer):
    """E-mail addresses whatever their domain, and those written with "at" and "dot"."""

    TYPE = "EMAIL"
    _PLAIN = re.compile(r"(?<![\w.+-])[\w.+%'-]*\w(?:@|\s@\s)\w[\w-]*(?:\.[\w-]+)+", re.UNICODE)
    _SPOKEN = re.compile(
        r"\b[\w.+-]+\s?(?:\(at\)|\[at\]|\{at\}|\sat\s)\s?[\w-]+\s?(?:\(dot\)|\[dot\]|\sdot\s|\.)\s?(?:com|net|org|edu|gov|io|me|co|ru|uz|uk|de|fr|info|mail)\b(?:(?:\sdot\s|\.)(?:uk|au|br|com|za|in)\b)?",
        re.IGNORECASE,
    )

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield addresses."""
        text = document.text
        for pattern in (self._PLAIN, self._SPOKEN):
            for match in pattern.finditer(text):
                yield match.start(), match.end(), 0.9


class LinkRecognizer(Recognizer):
    """Addresses of pages and profiles, with or without a scheme."""

    TYPE = "URL"
    _LINK = re.compile(
        r"\b(?:https?|ftp)://[^\s<>\"']+|\bwww\.[^\s<>\"']+|\b(?:t\.me|wa\.me|vk\.com|fb\.com|fb\.me|m\.me|bit\.ly|youtu\.be|about\.me|linktr\.ee|discord\.gg)/[^\s<>\"']+"
        r"|(?<![@\w.-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:com|org|net|edu|gov|info|biz|blog|site|online|store|app|dev|ai|io|co\.uk|org\.uk|ac\.uk|nhs\.uk|uk|ru|uz|kz|ua|de|fr|nl|pl|eu|su|рф)"
        r"(?![\w@-])(?:/[^\s<>\"']*)?",
        re.IGNORECASE,
    )

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield links without the punctuation that ends a sentence."""
        text = document.text
        for match in self._LINK.finditer(text):
            link = match.group().rstrip(".,;:!?)]}…")
            if "." in link:
                yield match.start(), match.start() + len(link), 0.9


class HandleRecognizer(Recognizer):
    """User names: @name, u/name, name#1234, what follows the name of a platform, and words glued with digits."""

    TYPE = "HANDLE"
    _SIGNED = re.compile(r"(?<![\w.@])@[\w](?:[\w.]*\w)?|(?<![\w/])/?[ur]/[A-Za-z0-9_-]{3,}|\b[A-Za-z][\w.]{1,31}#\d{4}\b")
    _TOLD = re.compile(
        rf"\b(?:{_PLATFORM})(?:\s+(?:user ?name|handle|name|account|id|profile|page))?\s*(?:(?:is|was|as|at|under|:|=|-|it's|called|named)\s*)+[\"'@(]*(?P<handle>[A-Za-z0-9_][\w.-]{{2,31}})",
        re.IGNORECASE,
    )
    _AFTER = re.compile(rf"\b(?P<handle>[A-Za-z0-9_][\w.-]{{2,31}})\s+(?:on|in|@)\s+(?:{_PLATFORM})\b", re.IGNORECASE)
    _GLUED = re.compile(r"(?<![\w@.#/-])(?:[A-Za-z]+[._]?)+\d{2,}(?:[._]?[A-Za-z]+\d*)?(?![\w@]|[./-]\d)")
    _CAMEL = re.compile(r"(?<![\w@#./])(?P<head>[A-Z][a-z]{2,})(?P<tail>(?:[A-Z][a-z]+)+)(?![\w@])")
    _JOINED = re.compile(r"(?<![\w@./])(?:[A-Za-z]{2,}\d*[_]){1,}[A-Za-z0-9_]{2,}(?![\w@])")
    _KNOWN = re.compile(
        r"(?:covid|sars|cov|mp|ps|xbox|windows|win|gpt|ios|iphone|galaxy|ch|chapter|page|vol|no|day|week|year|age|top|route|hwy|i|am|pm|b|h|r|g|c|usd|eur|gcse|level|grade)[._-]?\d+\w*",
        re.IGNORECASE,
    )

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield handles with their sign."""
        text = document.text
        for match in self._SIGNED.finditer(text):
            yield match.start(), match.end(), 0.85
        for pattern in (self._TOLD, self._AFTER):
            for match in pattern.finditer(text):
                handle = match.group("handle").rstrip(".-")
                if re.search(r"[\d_.]|[a-z][A-Z]", handle) and not self._KNOWN.fullmatch(handle) and not handle.isdigit():
                    yield match.start("handle"), match.start("handle") + len(handle), 0.85
        for match in self._CAMEL.finditer(text):
            parts = [match.group("head"), *re.findall("[A-Z][a-z]+", match.group("tail"))]
            if any(lexicon.is_given_name(part.lower()) and not lexicon.is_ordinary(part.lower()) for part in parts) and parts[0] not in {
                "Mac",
                "Van",
                "De",
                "La",
            }:
                yield match.start(), match.end(), 0.7
        for pattern in (self._GLUED, self._JOINED):
            for match in pattern.finditer(text):
                letters = sum(character.isalpha() for character in match.group())
                if letters >= 3 and not self._KNOWN.fullmatch(match.group()):
                    yield match.start(), match.end(), 0.7
