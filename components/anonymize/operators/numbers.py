"""Numbers that identify a person: the same form, from ranges that are never given out, or with a check digit that is wrong."""

import re
import string
from collections.abc import Iterator
from itertools import count

from components.anonymize.operators.check_digits import valid_somewhere
from components.anonymize.operators.keyed import KeyedChoice
from components.anonymize.operators.mention import Mention

_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_IPV6 = re.compile(r"(?=[\da-f:]*:[\da-f:]*:)[\da-f:]+", re.IGNORECASE)
_MAC = re.compile(r"[\da-f]{2}(?:[:-][\da-f]{2}){5}", re.IGNORECASE)
_SSN = re.compile(r"\d{3}-\d{2}-\d{4}")
_RUSSIAN_PLATE = re.compile(r"([A-ZА-Я])\s?(\d{3})\s?([A-ZА-Я]{2})\s?(\d{2,3})", re.IGNORECASE)
_UZBEK_PLATE = re.compile(r"\d{2}\s?(?:[A-ZА-Я]\s?\d{3}\s?[A-ZА-Я]{2}|\d{3}\s?[A-ZА-Я]{3})", re.IGNORECASE)
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?:[\s-]?[A-Z\d]{1,4}){3,}", re.IGNORECASE)
_DOCUMENTATION = ("192.0.2", "198.51.100", "203.0.113")
"""Networks for documentation (RFC 5737)."""
_CYRILLIC = "АБВГДЕЖИКЛМНОПРСТУФХЦ"
_ATTEMPTS_PER_LENGTH = 200
"""A short number has few others of its length; after so many candidates it grows by a figure."""


class Numbers:
    """Candidates for one person's numbers."""

    def __init__(self, keyed: KeyedChoice) -> None:
        self._keyed = keyed

    def candidates(self, mention: Mention) -> Iterator[str]:
        """Yield replacements without end."""
        for attempt in count():
            seed = f"{mention.entity}/{attempt}"
            changed = self._same_form(mention.surface, seed) + self._keyed.digits(attempt // _ATTEMPTS_PER_LENGTH, "ID tail", seed)
            if not valid_somewhere("".join(filter(str.isalnum, changed))):
                yield changed

    def _same_form(self, surface: str, seed: str) -> str:
        bare = surface.strip()
        if _MAC.fullmatch(bare):
            separator = bare[2]
            return separator.join(["00", "00", "5E", "00", "53", f"{self._keyed.number('MAC', seed) % 256:02X}"])  # RFC 7042
        if _IPV4.fullmatch(bare):
            number = self._keyed.number("IPv4", seed)
            return f"{_DOCUMENTATION[number % 3]}.{1 + number // 3 % 254}"
        if _IPV6.fullmatch(bare):
            number = self._keyed.number("IPv6", seed)
            return f"2001:db8::{number % 65536:x}:{number // 65536 % 65536:x}"  # RFC 3849
        changed = self._other_characters(surface, seed)
        if _SSN.fullmatch(bare):
            return "000" + changed[3:]  # no area 000 (SSA)
        if _IBAN.fullmatch(bare):
            return surface[:2] + "00" + changed[4:]  # check digits are 02 to 98
        plate = _RUSSIAN_PLATE.fullmatch(bare)
        if plate:
            start, end = plate.span(4)
            return changed[:start] + "0" * (end - start)  # no region 00
        if _UZBEK_PLATE.fullmatch(bare):
            return "00" + changed[2:]  # regions are 01 to 95
        digits = [character for character in surface if character.isdecimal()]
        if len(digits) == 14 and len(bare) == 14:
            return "0" + changed[1:]  # the first figure of a PINFL tells sex and century, 1 to 6
        return changed

    def _other_characters(self, surface: str, seed: str) -> str:
        """Return a figure for every figure and a letter of the same alphabet and case for every letter of a code; words stay."""
        digits = iter(self._keyed.digits(len(surface), "ID", seed))
        letters = self._keyed.number("ID letters", seed)
        pieces = []
        for position, character in enumerate(surface):
            if character.isdecimal():
                pieces.append(next(digits))
            elif character.isalpha() and not _in_a_word(surface, position):
                alphabet = _CYRILLIC if "Ѐ" <= character <= "ӿ" else string.ascii_uppercase
                letter = alphabet[(letters >> (4 * position % 120)) % len(alphabet)]
                pieces.append(letter if character.isupper() else letter.lower())
            else:
                pieces.append(character)
        return "".join(pieces)


def _in_a_word(surface: str, position: int) -> bool:
    """Say whether a letter belongs to a word of the language ("серия", "MRN:"), not to a code."""
    start = end = position
    while start > 0 and surface[start - 1].isalpha():
        start -= 1
    while end < len(surface) and surface[end].isalpha():
        end += 1
    word = surface[start:end]
    beside_figure = (start > 0 and surface[start - 1].isdecimal()) or (end < len(surface) and surface[end].isdecimal())
    return len(word) > 2 and not beside_figure
