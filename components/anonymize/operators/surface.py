"""How a value is written: its case, its words, and the smallest questions that can be asked of its letters and figures."""

import re

WORD = re.compile(r"[^\W\d_]+(?:['’ʻʼ‘`-][^\W\d_]+)*")
"""A word with apostrophes and hyphens inside; figures are no words."""
_YEARS = re.compile(
    r"(?:the\s+|in\s+)?(?:1[89]|20)\d\d(?:\s*(?:-|–|/)\s*(?:(?:1[89]|20)\d\d|\d\d))?\s*(?:год\w*|гг?\.?|-?\s*(?:yil|йил)\w*)?\.?"
)


def holds_only_years(value: str) -> bool:
    """Say whether a date is a bare year or a range of years, which names no day and no month."""
    return _YEARS.fullmatch(value.strip().casefold()) is not None


def in_case_of(replacement: str, surface: str) -> str:
    """Write a replacement in capitals or in lower case where the surface is; a single capital letter tells neither."""
    letters = [character for character in surface if character.isalpha()]
    if len(letters) > 1 and all(character.isupper() for character in letters):
        return replacement.upper()
    if letters and all(character.islower() for character in letters):
        return replacement.lower()
    return replacement


def is_cyrillic(text: str) -> bool:
    """Say whether most letters are Cyrillic."""
    letters = [character for character in text if character.isalpha()]
    return 2 * sum("Ѐ" <= character <= "ӿ" for character in letters) > len(letters)
