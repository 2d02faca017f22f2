"""Addresses: another street and other numbers, in the same form; words such as "street" stay."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path

from components.anonymize.operators import phrases
from components.anonymize.operators.keyed import KeyedChoice
from components.anonymize.operators.mention import Mention
from components.anonymize.operators.phrases import in_alphabet
from components.anonymize.operators.surface import in_case_of, is_cyrillic
from components.shared.normalize import canonical

_FOLDER = Path(__file__).parent.parent / "surrogate_names"
_PIECE = re.compile(r"(?P<code>\b(?=\w*\d)\w+\b)|(?P<word>[^\W\d_]+(?:['’ʻʼ‘`-][^\W\d_]+)*)")
_LETTERS_OF_CODE = "QVXJZ"
"""Letters with which no British postcode begins."""
_ATTEMPTS_PER_LENGTH = 100


@cache
def _sections() -> dict[str, tuple[str, ...]]:
    sections: dict[str, list[str]] = {}
    for line in (_FOLDER / "streets.txt").read_text(encoding="utf-8").splitlines()[1:]:
        if line.startswith("# "):
            entries = sections.setdefault(line[2:].strip(), [])
        else:
            entries.extend(line.split())
    return {section: tuple(entries) for section, entries in sections.items()}


class Addresses:
    """Candidates for one person's addresses."""

    def __init__(self, keyed: KeyedChoice) -> None:
        self._keyed = keyed

    def candidates(self, mention: Mention) -> Iterator[str]:
        """Yield replacements without end."""
        for attempt in count():
            yield self._changed(mention, f"{mention.entity}/{attempt}", attempt // _ATTEMPTS_PER_LENGTH)

    def _changed(self, mention: Mention, seed: str, extra: int) -> str:
        language = phrases.written_in(mention)
        names = _sections()[language]
        kept = frozenset(_sections()["kept"])
        order = self._keyed.walk(names, "ADDRESS", seed)

        def other(match: re.Match[str]) -> str:
            start = str(match.start())
            if match["code"]:
                return self._code(match["code"], seed, start)
            word = match["word"]
            if canonical(word).rstrip(".") in kept or (len(word) < 2 and not is_cyrillic(word)):
                return word
            name = next(order, None) or names[self._keyed.number("ADDRESS", seed, start) % len(names)]
            if language == "uz":
                name = in_alphabet(name, mention)
            return in_case_of(name, word)

        return _PIECE.sub(other, mention.surface) + (f"/{self._keyed.digits(extra, 'ADDRESS', seed)}" if extra else "")

    def _code(self, code: str, seed: str, start: str) -> str:
        """Return other figures (not the same, no zero in front) and other letters for a house number or a postcode."""
        own = self._keyed.digits(2 * len(code), "ADDRESS", seed, start)
        pieces = []
        for position, character in enumerate(code):
            figure = int(own[position])
            if character.isdecimal():
                changed = (int(character) + 1 + figure % 9) % 10
                first = position == 0 or not code[position - 1].isdecimal()
                pieces.append(str(changed or (1 if character != "1" else 2)) if first and len(code) < 5 else str(changed))
            elif character.isascii() and len(code) > 1 and code[position:].lower() not in ("st", "nd", "rd", "th"):
                letter = _LETTERS_OF_CODE[figure % len(_LETTERS_OF_CODE)]
                pieces.append(letter if character.isupper() else letter.lower())
            else:
                pieces.append(character)
        return "".join(pieces)
