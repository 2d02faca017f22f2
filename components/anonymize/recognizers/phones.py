# ruff: noqa: E501, SIM905 - a pattern is read as one line or not at all
"""Phone numbers of all countries: by sign, by context, by grouping, by the numbering plan; and digits spelled out."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import phonenumbers

from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer

_DIGIT_WORDS = (
    "zero oh nought one two three four five six seven eight nine double triple plus ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
    " twenty thirty forty fifty sixty seventy eighty ninety hundred ноль один два три четыре пять шесть семь восемь девять плюс"
).split()
_CONTEXT_CHARACTERS = 60
_REGIONS = ("US", "GB", "RU", "UZ", "IN", "TR", "VN", "NG", "DE", "FR", "UA", "EG", "BR", "AU")
"""Countries whose plan decides on a bare number, the most frequent first; elsewhere sign, grouping or context decide."""


class PhoneRecognizer(Recognizer):
    """Phone numbers; a shape without sign, grouping, context or plan is left to the record numbers."""

    TYPE = "PHONE"
    _SHAPE = re.compile(
        r"(?<![\w.@/$€£₽#-])(?:\(?\+\s?|00)?\(?\d(?:[\s().\-/]{0,3}\d){5,16}(?:\s?(?:x|ext\.?|extension)\s?\d{1,5})?(?![\w@]|[.,]\d)"
    )
    _CONTEXT = re.compile(
        r"\b(?:phone|telephone|tel|cell|cellphone|mobile|call(?:ed|ing)?|text(?:ed|ing)?|sms|whats ?app|viber|signal|telegram|number|ring|dial|reach|contact|fax|hotline|landline"
        r"|телефон|тел|номер|звон\w{0,8}|позвон\w{0,8}|ватсап|telefon|raqam\w{0,8}|nomer\w{0,8})\b"
    )
    _DATE = re.compile(r"(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|(?:19|20)\d\d\s?[-/]\s?(?:19|20)\d\d)(?:\s+\d{1,2}.{0,20})?")
    _THOUSANDS = re.compile(r"\d{1,3}(?:[ ,.]\d00)+")
    _GROUPED = re.compile(r"\(?\d{2,5}\)?(?:\s?[-.\s/]\s?|(?<=\))\s?)\d{2,4}(?:[-.\s/]\d{2,5}){0,4}")
    _EXTENSION = re.compile(r"\s?(?:x|ext)")
    _SPELLED = re.compile(rf"\b(?:{'|'.join(_DIGIT_WORDS)})(?:[\s,-]{{1,3}}(?:{'|'.join(_DIGIT_WORDS)}|\d{{1,3}})){{5,}}\b")

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield numbers, and runs of six or more spelled digits."""
        if document.has_digit:
            yield from self._written(document.folded)
        if len(document.tokens) > 5 and not document.keys.isdisjoint(_DIGIT_WORDS):
            for match in self._SPELLED.finditer(document.folded):
                if not _counts_up(match.group()):
                    yield match.start(), match.end(), 0.7

    def _written(self, folded: str) -> Iterator[Finding]:
        for match in self._SHAPE.finditer(folded):
            shape = match.group()
            number = self._EXTENSION.split(shape)[0]
            digits = sum(character.isdigit() for character in number)
            if not 7 <= digits <= 16 or self._DATE.fullmatch(shape.strip()) or self._THOUSANDS.fullmatch(shape):
                continue
            signed = shape.startswith(("+", "(+", "00"))
            if signed or self._CONTEXT.search(folded, max(0, match.start() - _CONTEXT_CHARACTERS), match.start()):
                yield match.start(), match.end(), 0.85
            elif (9 <= digits <= 12 and self._GROUPED.fullmatch(number.strip())) or _dialable(number):
                yield match.start(), match.end(), 0.75


def _counts_up(spelled: str) -> bool:
    """Say whether this is "one, two, three, four, five, six" is counting."""
    places = [_DIGIT_WORDS.index(word) for word in re.findall(r"[^\W\d_]+", spelled)]
    return all(after - before == 1 for before, after in pairwise(places))


@lru_cache(maxsize=4096)
def _dialable(number: str) -> bool:
    """Say whether the numbering plan of one of the regions has this number."""
    for region in _REGIONS:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(number, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False
