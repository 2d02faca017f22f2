"""Telephone numbers of the same form that reach nobody.

| country | range | why it is nobody's |
|---|---|---|
| +1 (and ten figures in English) | area code + 555-0100 to 0199 | reserved for fiction in every area (ATIS-0300115) |
| +44, 0... of Britain | 7700 900000-900999, 1632 960000-960999 | reserved for drama by Ofcom |
| +7, 8... | code 0xx | codes of the Russian plan begin with 3, 4, 8, 9, of the Kazakh with 6, 7 |
| +998 | code 0x | operator and area codes begin with 2 to 9 |
| others | 00 after the country code, or 000 without one | no national number begins so, and no country code |
"""

import re
from collections.abc import Iterator
from itertools import count

from components.anonymize.operators import number_words, phrases
from components.anonymize.operators.keyed import KeyedChoice
from components.anonymize.operators.mention import Mention

_EXTENSION = re.compile(r"\s*(?:ext|x|доб|ichki)\.?\s*\d{1,6}$", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_TWO_FIGURE_CODES = frozenset(
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86"  # noqa: SIM905 - codes are read as codes
    " 90 91 92 93 94 95 98".split()
)
"""Country codes of two figures (ITU-T E.164); 1 and 7 have one, all others three."""
_ATTEMPTS_PER_LENGTH = 500
_RESERVED_ATTEMPTS = 30
"""After so many candidates a reserved block of 100 numbers counts as full, and a number without an area follows."""


class Phones:
    """Candidates for one person's telephone numbers."""

    def __init__(self, keyed: KeyedChoice) -> None:
        self._keyed = keyed

    def candidates(self, mention: Mention) -> Iterator[str]:
        """Yield replacements without end; separators and the number of figures stay."""
        surface = mention.surface
        if not any(character.isdecimal() for character in surface):
            yield from self._spelled(mention)
            return
        extension = _EXTENSION.search(surface)
        main = surface[: extension.start()] if extension else surface
        for attempt in count():
            seed = f"{mention.entity}/{attempt}"
            # A short form has few numbers; at last it grows.
            main = main if attempt % _ATTEMPTS_PER_LENGTH else main + "0" * (attempt > 0)
            digits = re.sub(r"\D", "", main)
            changed = self._national(digits, main.lstrip("( ").startswith("+"), mention, seed, attempt >= _RESERVED_ATTEMPTS)
            tail = self._keyed.digits(len(surface), "PHONE extension", seed)
            yield _filled(main, changed) + (_filled(surface[extension.start() :], tail) if extension else "")

    def _national(self, digits: str, international: bool, mention: Mention, seed: str, full: bool) -> str:
        """Return other figures, as many as were given."""
        own = self._keyed.digits(len(digits), "PHONE", seed)
        size = len(digits)
        if full and not international:
            return _local(own)  # seven figures or fewer reach nobody without the area
        language = phrases.written_in(mention)
        if digits.startswith("1") and size == 11:
            return "1" + _american(own[1:])
        if international or (digits.startswith("998") and size == 12):
            return self._international(digits, own)
        if digits[0] in "78" and size == 11:
            return digits[0] + "0" + own[2:]
        if digits[0] == "0" and size in (10, 11) and language == "en":
            return _british(digits[1:], own[1:], "0")
        if size == 10 and language == "en":
            return _american(own)
        if size == 7 and language == "en":
            return "55501" + own[5:]
        if size == 9 and language == "uz":
            return _local(own)
        return ("000" + own[3:])[:size]

    @staticmethod
    def _international(digits: str, own: str) -> str:
        if digits.startswith("44") and len(digits) == 12:
            return _british(digits[2:], own[2:], "44")
        length = 1 if digits[0] in "17" else 2 if digits[:2] in _TWO_FIGURE_CODES else 3
        code = digits[:length]
        zeros = "0" if code in ("7", "998") else "00"
        return (code + zeros + own[length + len(zeros) :])[: len(digits)]

    def _spelled(self, mention: Mention) -> Iterator[str]:
        """Yield spelled-out figures for spelled-out figures; other words ("plus") stay."""
        words = [match for match in _WORD.finditer(mention.surface) if number_words.digit(match.group()) is not None]
        for attempt in count():
            own = self._keyed.digits(len(words), "PHONE", f"{mention.entity}/{attempt}")
            if len(words) < 3:
                yield f"{phrases.phrase('numbers', 'number', mention)} {own}{attempt or ''}"
                continue
            pieces = []
            position = 0
            for figure, match in zip("0" + own[1:], words, strict=True):
                pieces += [mention.surface[position : match.start()], number_words.digit_like(int(figure), match.group())]
                position = match.end()
            yield "".join([*pieces, mention.surface[position:]])


def _american(own: str) -> str:
    """Ten figures: an area code of the form [2-9][0-8]x, then 555-01xx."""
    return f"{2 + int(own[0]) % 8}{int(own[1]) % 9}{own[2]}55501{own[-2:]}"


def _british(national: str, own: str, prefix: str) -> str:
    """Ten (or nine) figures after the prefix, mobile for mobile."""
    block = "7700900" if national.startswith("7") else "1632960"
    return prefix + (block + own[len(block) :])[: len(national)]


def _local(own: str) -> str:
    """Return a number with one leading zero; two would dial another country."""
    return "0" + own[1:2].replace("0", "1") + own[2:]


def _filled(form: str, digits: str) -> str:
    """Write figures in the places of those of a form."""
    remaining = iter(digits)
    return "".join(next(remaining) if character.isdecimal() else character for character in form)
