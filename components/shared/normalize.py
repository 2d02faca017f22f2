"""Normalisation before detection, with a map back to the original offsets.

Disguises that a detector must not stumble over: compatibility forms (NFKC), zero-width and soft characters, typographic apostrophes
and dashes, Cyrillic letters inside Latin words and the reverse. The original text itself is never changed by this.
"""

import re
import unicodedata
from dataclasses import dataclass

_APOSTROPHES = dict.fromkeys("‘’ʻʼ`´′ʹ＇", "'")
_DASHES = dict.fromkeys("‐‑‒–—―−", "-")
_SINGLE = {**_APOSTROPHES, **_DASHES, **dict.fromkeys("“”„«»", '"')}
_CYRILLIC = "аАвВеЕкКмМнНоОрРсСтТуУхХіІѕЅјЈ"
_LATIN = "aAbBeEkKmMhHoOpPcCtTyYxXiIsSjJ"
_TO_LATIN = dict(zip(_CYRILLIC, _LATIN, strict=True))
_TO_CYRILLIC = {latin: cyrillic for cyrillic, latin in _TO_LATIN.items() if latin not in "bBiIsSjJ"}
_MIXED_WORD = re.compile(r"(?<![^\W\d_])[^\W\d_]*(?:[A-Za-z][Ѐ-ӿ]|[Ѐ-ӿ][A-Za-z])[^\W\d_]*")


@dataclass(frozen=True)
class NormalizedText:
    """A normalised text; character ``i`` stands for the original characters ``starts[i]`` to ``ends[i]``."""

    text: str
    starts: list[int]
    ends: list[int]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return the original offsets of a normalised, non-empty range; they cover every original character behind it."""
        return self.starts[start], self.ends[end - 1]


def normalize(text: str) -> NormalizedText:
    """Normalise a text and keep the offset map."""
    if text.isascii() and "`" not in text:
        positions = list(range(len(text) + 1))
        return NormalizedText(text, positions[:-1], positions[1:])
    characters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(text):
        for character in _fold(text[start:end]):
            characters.append(character)
            starts.append(start)
            ends.append(end)
    return NormalizedText(_MIXED_WORD.sub(_unmix, "".join(characters)), starts, ends)


def canonical(text: str) -> str:
    """Return the normalised, casefolded text with single spaces: equal for spellings that a reader would call the same."""
    return " ".join(normalize(text).text.casefold().split())


def _clusters(text: str) -> list[tuple[int, int]]:
    """Split into a starter with its combining marks, the unit within which NFKC composes."""
    bounds = [i for i, character in enumerate(text) if not unicodedata.combining(character) or i == 0]
    return list(zip(bounds, [*bounds[1:], len(text)], strict=True))


def _fold(cluster: str) -> str:
    if cluster in _SINGLE:
        return _SINGLE[cluster]
    if unicodedata.category(cluster[0]) == "Cf":
        return ""
    return "".join(_SINGLE.get(character, character) for character in unicodedata.normalize("NFKC", cluster))


def _unmix(match: re.Match[str]) -> str:
    """Write a word of two scripts in the one that most of its letters have; the length stays."""
    word = match.group()
    cyrillic = sum("Ѐ" <= character <= "ӿ" for character in word)
    table = _TO_CYRILLIC if cyrillic * 2 > len(word) else _TO_LATIN
    return "".join(table.get(character, character) for character in word)
