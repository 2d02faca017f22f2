# ruff: noqa: E501 - a pattern is read as one line or not at all
"""Ways to reach a person in the net: e-mail addresses and links."""

import re
from collections.abc import Iterator

from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer

_LONGEST_MAILBOX = 64
"""Characters before the sign, RFC 5321; it also keeps the search linear."""
_MAILBOX_SIGNS = frozenset("._+%'-&=~!#$*/^{|}?")
_EDGES = "'.-?!*/|{}=~^#$&%"


class EmailRecognizer(Recognizer):
    """E-mail addresses whatever their domain, and those written with "at" and "dot"."""

    TYPE = "EMAIL"
    _DOMAIN = re.compile(r"\w[\w-]{0,62}(?:\.[\w-]{1,63}){1,8}")
    _SPACED_DOMAIN = re.compile(r"\s\w[\w-]{0,62}(?:\.[\w-]{1,63}){1,8}")
    _SPOKEN = re.compile(
        r"\s?(?:\(at\)|\[at\]|\{at\}|(?<=\s)at(?=\s))\s?[\w-]{1,63}"
        r"(?:\s?(?:\(dot\)|\[dot\]|\{dot\}|(?<=\s)dot(?=\s))\s?|\.)(?:com|net|org|edu|gov|io|me|co|ru|uz|uk|de|fr|info|mail|gmail|yahoo)\b"
        r"(?:(?:\sdot\s|\.)(?:uk|au|br|com|za|in|ru|uz)\b)?"
    )

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield addresses."""
        text = document.text
        at = text.find("@") if "@" in document.characters else -1
        while at >= 0:
            spaced = text[at - 1 : at].isspace()
            domain = (self._SPACED_DOMAIN if spaced else self._DOMAIN).match(text, at + 1)
            if domain is not None:
                start = _mailbox(text, at - spaced)
                if start < at - spaced:
                    yield start, domain.end(), 0.9
            at = text.find("@", at + 1)
        if "at" in document.keys:
            for match in self._SPOKEN.finditer(document.folded):
                before = match.start() - text[match.start() - 1 : match.start()].isspace()
                start = _mailbox(text, before)
                if start < before:
                    yield start, match.end(), 0.9


def _mailbox(text: str, end: int) -> int:
    """Return where the name before the sign begins; ``end`` itself where there is none."""
    start, earliest = end, max(0, end - _LONGEST_MAILBOX)
    while start > earliest and (text[start - 1].isalnum() or text[start - 1] in _MAILBOX_SIGNS):
        start -= 1
    return end - len(text[start:end].lstrip(_EDGES))


class LinkRecognizer(Recognizer):
    """Addresses of pages and profiles, with or without a scheme."""

    TYPE = "URL"
    _REST = r"[^\s<>\"']"
    _HOSTS = r"t\.me|wa\.me|vk\.com|vk\.ru|ok\.ru|fb\.com|fb\.me|m\.me|bit\.ly|youtu\.be|about\.me|linktr\.ee|discord\.gg|lnkd\.in|onlyfans\.com|instagr\.am"
    _ENDINGS = r"com|org|net|edu|gov|info|biz|blog|site|online|store|app|dev|ai|io|co\.uk|org\.uk|ac\.uk|nhs\.uk|uk|ru|uz|kz|ua|de|fr|it|es|nl|pl|eu|su|tr|in|vn|ng|рф"
    _LINK = re.compile(
        rf"(?:(?<![a-z0-9])(?:https?|ftp|tg)://|(?<![\w.])www\.|(?<![\w.])(?:{_HOSTS})/){_REST}+"
        rf"|(?<![@\w.-])(?:[a-zа-яё0-9](?:[a-zа-яё0-9-]{{0,61}}[a-zа-яё0-9])?\.){{1,8}}(?:{_ENDINGS})(?![\w@-])(?:/{_REST}*)?"
    )
    _GLUED = re.compile(r"[a-z]{2,}\.(?:in|it|es|de|me|is)")

    def applies(self, document: Document) -> bool:
        """A link has a dot or a scheme."""
        return "." in document.characters or "/" in document.characters

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield links without the punctuation that ends a sentence."""
        folded = document.folded
        for match in self._LINK.finditer(folded):
            link = match.group().rstrip(".,;:!?)]}…")
            if "." in link and not self._GLUED.fullmatch(link):  # "there.it was": a missing space
                yield match.start(), match.start() + len(link), 0.9
