"""What the head sees of a word beside the encoder's state: case, shape, neighbours, word lists, patterns. The encoder itself is uncased."""

import calendar
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy
from numpy.typing import NDArray

from components.anonymize import lexicon

_MONTHS = frozenset(name.lower() for names in (calendar.month_name, calendar.month_abbr) for name in names if name) | {"sept"}
_SENTENCE_END = re.compile(r"[.!?…:;\n•*>\]\"(][\s\"'(*_~-]*$")
_CAMEL = re.compile(r"[A-Z]?[a-z']+|[A-Z]+(?![a-z])|[^\W\d_]+")
_PATTERNS = (
    re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"),  # e-mail
    re.compile(r"(?:https?://|www\.)\S+|\b[\w-]+\.(?:com|org|net|io|co|me|info|uz|ru)\b(?:/\S*)?", re.IGNORECASE),  # address on the web
    re.compile(r"(?:\+|\()?\d[\d\s().-]{6,}\d"),  # phone or long number
    re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])\w+(?:-\w+)*\b"),  # letters and digits in one
    re.compile(r"(?<![\w@])[@#]\w[\w.]*"),  # handle or hashtag
    re.compile(r"\b\d{1,4}[/.-]\d{1,2}(?:[/.-]\d{1,4})?\b"),  # date or case number in figures
)
WIDTH = 39 + len(_PATTERNS)
"""Number of features of a word."""

LIST_FEATURES = slice(WIDTH - len(_PATTERNS) - 9, WIDTH - len(_PATTERNS))
"""Those that come from word lists; training hides them at times, so that the head lives with names that no list holds."""


@dataclass(frozen=True)
class Word:
    """A word, number or punctuation mark of a text, as the encoder's tokenizer splits it."""

    start: int
    end: int


def word_features(text: str, words: list[Word]) -> NDArray[numpy.float32]:
    """Describe the words of a text.

    Returns:
        Shape (number of words, WIDTH), each value 0-1.
    """
    if not words:
        return numpy.zeros((0, WIDTH), dtype=numpy.float32)
    letters = "".join(filter(str.isalpha, text))
    upper = sum(map(str.isupper, letters)) / max(1, len(letters))
    style = (min(1.0, upper * 3), float(upper == 0.0), float(upper > 0.7), min(1.0, len(words) / 300))
    pieces = [text[word.start : word.end] for word in words]
    places = _places([lexicon.fold(piece) for piece in pieces])
    described = []
    for number, word in enumerate(words):
        shape, dated, listed = _alone(pieces[number])
        described.append((*shape, *_neighbours(text, word), *style, *dated, *listed, places[number], *(0.0,) * len(_PATTERNS)))
    rows = numpy.array(described, dtype=numpy.float32)
    _mark_patterns(text, words, rows)
    return rows


@lru_cache(maxsize=65536)
def _alone(piece: str) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Shape, calendar and word lists: what a word says without its text."""
    key = lexicon.fold(piece)
    year = piece.isdigit() and len(piece) == 4 and piece[:2] in ("19", "20")
    return _shape(piece), (float(key in _MONTHS), float(year)), _listed(piece, key)


def _neighbours(text: str, word: Word) -> tuple[float, ...]:
    before, after = text[max(0, word.start - 1) : word.start], text[word.end : word.end + 1]
    initial = not text[max(0, word.start - 4) : word.start].strip() or _SENTENCE_END.search(text, max(0, word.start - 4), word.start)
    return (
        float(bool(initial)),
        float(not before or before.isspace()),
        float(not after or after.isspace()),
        float(before == "@"),
        float(before == "#"),
        float(before in ("_", ".", "/", "-")),
        float(after in ("_", "@", "/", "-")),
        float(before == "'" or after == "'"),
    )


def _shape(piece: str) -> tuple[float, ...]:
    digits = sum(character.isdigit() for character in piece)
    letters = sum(character.isalpha() for character in piece)
    return (
        piece[0].isupper(),
        len(piece) > 1 and piece.isupper(),
        letters > 1 and any(character.isupper() for character in piece[1:]) and not piece.isupper(),
        digits > 0 and letters > 0,
        digits == len(piece),
        digits == len(piece) and digits <= 2,
        digits == 3,
        digits == 4,
        5 <= digits <= 8,
        digits >= 9,
        letters == 0 and digits == 0,
        letters == 1 and len(piece) == 1,
        len(piece) <= 3,
        len(piece) >= 8,
        min(1.0, len(piece) / 12),
        not piece.isascii(),
    )


def _listed(piece: str, key: str) -> tuple[float, ...]:
    """Given name, family name, ordinary word, capitalised word, unknown word, name within, name at the head, short unknown."""
    if not piece[0].isalpha():
        return (0.0,) * 8
    given, family = lexicon.is_given_name(key), lexicon.is_family_name(key)
    ordinary, capitalised = lexicon.is_ordinary(key), lexicon.is_capitalised_word(key)
    parts = [lexicon.fold(part) for part in _CAMEL.findall(piece)]
    within = len(parts) > 1 and any(len(part) > 2 and (lexicon.is_given_name(part) or lexicon.is_family_name(part)) for part in parts)
    unknown = not (given or family or ordinary or capitalised)
    head = unknown and len(key) > 6 and any(lexicon.is_given_name(key[:size]) for size in range(4, min(len(key) - 1, 10)))
    return (given, family, ordinary, capitalised, unknown, within, head, unknown and len(key) <= 4)


def _places(keys: list[str]) -> list[bool]:
    """Say of each word whether it is part of a listed place of one to three words."""
    found = [False] * len(keys)
    for size in (3, 2, 1):
        for start in range(len(keys) - size + 1):
            if lexicon.is_place(" ".join(keys[start : start + size])):
                found[start : start + size] = [True] * size
    return found


def _mark_patterns(text: str, words: list[Word], rows: NDArray[numpy.float32]) -> None:
    for column, pattern in enumerate(_PATTERNS, start=WIDTH - len(_PATTERNS)):
        number = 0
        for match in pattern.finditer(text):
            while number < len(words) and words[number].end <= match.start():
                number += 1
            while number < len(words) and words[number].start < match.end():
                rows[number, column] = 1.0
                number += 1
