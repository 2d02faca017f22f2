# ruff: noqa: E501, SIM905 - a pattern or a list of words is read as one line
"""User names: @name, u/name, name#1234, what is said after the name of a platform, and words glued with figures."""

import re
from collections.abc import Iterator

from components.anonymize import lexicon
from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer

_PLATFORM = (
    r"instagram|insta|ig|telegram|tg|snapchat|snap|twitter|discord|tik ?tok|kik|skype|reddit|steam|facebook|fb|vk|line|wechat|viber|xbox|psn|gamertag|linkedin|youtube"
    r"|twitch|threads|bluesky|mastodon|signal|whats ?app|github|roblox|user ?name|user|handle|nick(?:name)?|login|account|profile|screen ?name|id"
)
_PLATFORM_WORDS = frozenset(
    "instagram insta ig telegram tg snapchat snap twitter discord tiktok tik kik skype reddit steam facebook fb vk line wechat viber xbox psn gamertag linkedin youtube"
    " twitch threads bluesky mastodon signal whatsapp whats github roblox username user handle nick nickname login account profile screenname screen id".split()
)
_HANDLE = r"(?P<handle>[A-Za-z0-9_][\w.-]{2,31})"
_LINKING = r"(?:is|was|as|at|under|:|=|-|it's|called|named)"


class HandleRecognizer(Recognizer):
    """User names and gamer tags."""

    TYPE = "HANDLE"
    _SIGNED = re.compile(r"(?<![\w.@])@[\w](?:[\w.]{0,60}\w)?|(?<![\w/])/?[ur]/[A-Za-z0-9_-]{3,60}|\b[A-Za-z][\w.]{1,31}#\d{4}\b")
    _TOLD = re.compile(
        rf"\b(?:{_PLATFORM})(?:\s+(?:user ?name|handle|name|account|id|profile|page))?\s?(?:{_LINKING}\s?){{1,3}}[\"'@(]?{_HANDLE}",
        re.IGNORECASE,
    )
    _AFTER = re.compile(rf"(?<![\w.-]){_HANDLE}\s+(?:on|in|@)\s+(?:{_PLATFORM})\b", re.IGNORECASE)
    _TELLING = re.compile(r"[\d_.]|[a-z][A-Z]")
    _GLUED = re.compile(
        r"(?<![\w@.#/-])[A-Za-z](?:[A-Za-z]|[._](?=[A-Za-z\d])){0,40}\d{2,20}(?:[._]?[A-Za-z]{1,30}\d{0,10})?(?![\w@]|[./-]\d)"
    )
    _JOINED = re.compile(r"(?<![\w@./])[A-Za-z]{2,40}\d{0,10}_[A-Za-z0-9_]{2,60}(?![\w@])")
    _CAMEL = re.compile(r"(?<![\w@#./])[A-Z][a-z]{2,40}(?:[A-Z][a-z]{1,40}){1,5}(?![\w@])")
    _INNER_CAPITAL = re.compile(r"[a-z][A-Z]")
    _PARTS = re.compile("[A-Z][a-z]+")
    _PREFIXES = frozenset({"Mac", "Van", "De", "La"})
    _KNOWN = re.compile(
        r"(?:covid|sars|cov|mp|ps|xbox|windows|win|gpt|ios|iphone|galaxy|ch|chapter|page|vol|no|day|week|year|age|top|route|hwy|i|am|pm|b|h|r|g|c|usd|eur|gcse|level|grade"
        r"|phq|gad|dsm|icd|omega|vitamin|mg|ml|kg|lbs)[._-]?\d+\w*",
        re.IGNORECASE,
    )

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield handles with their sign."""
        text, characters = document.text, document.characters
        if not characters.isdisjoint("@/#"):
            for match in self._SIGNED.finditer(text):
                yield match.start(), match.end(), 0.85
        if not document.keys.isdisjoint(_PLATFORM_WORDS):
            yield from self._named(text)
        if self._INNER_CAPITAL.search(text):
            yield from self._names_run_together(text)
        for pattern, applies in ((self._GLUED, document.has_digit), (self._JOINED, "_" in characters)):
            for match in pattern.finditer(text) if applies else ():
                if sum(character.isalpha() for character in match.group()) >= 3 and not self._KNOWN.fullmatch(match.group()):
                    yield match.start(), match.end(), 0.7

    def _named(self, text: str) -> Iterator[Finding]:
        """What is said after or before a platform, where it looks like no word."""
        for pattern in (self._TOLD, self._AFTER):
            for match in pattern.finditer(text):
                handle = match["handle"].rstrip(".-")
                if self._TELLING.search(handle) and not self._KNOWN.fullmatch(handle) and not handle.isdigit():
                    yield match.start("handle"), match.start("handle") + len(handle), 0.85

    def _names_run_together(self, text: str) -> Iterator[Finding]:
        for match in self._CAMEL.finditer(text):
            parts = self._PARTS.findall(match.group())
            names = (lexicon.is_given_name(part.lower()) and not lexicon.is_ordinary(part.lower()) for part in parts)
            if parts[0] not in self._PREFIXES and any(names):
                yield match.start(), match.end(), 0.7
