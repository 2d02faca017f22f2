"""Shapes of direct identifiers: how dense they are before anonymization, and where they have no business, in metadata.

This is a count for a report and a guard for labels, not the detector: anonymization is a stage of its own.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"\b(?:https?://|www\.)\S+|\b(?:t\.me|wa\.me|vk\.com)/\S+", re.IGNORECASE)
_PHONE = re.compile(r"(?<![\w.])(?:\+\d|\(\d{2,4}\)|\d{2,4}[ -])[\d ()-]{6,20}\d(?!\w)")
_DATE = re.compile(r"(?:\d{4}-\d{2}-\d{2}|\d{2}-\d{2}-\d{4})")
_FIELDS = Path(__file__).parent / "lexicons" / "identifying_fields.txt"
_SEPARATORS = re.compile(r"[\W_]+")


def count_shapes(text: str) -> int:
    """Return how many e-mail addresses, telephone numbers and web addresses a text shows."""
    if "@" not in text and not any(character.isdigit() for character in text) and "www" not in text and "/" not in text:
        return 0
    phones = sum(not _DATE.fullmatch(match.group().strip()) for match in _PHONE.finditer(text))
    return len(_EMAIL.findall(text)) + len(_URL.findall(text)) + phones


def names_identifier(key: str) -> bool:
    """Say whether a field is called like a direct identifier (``email``, ``first_name``, ``телефон``)."""
    return _SEPARATORS.sub("", key).casefold() in _identifying_fields()


def holds_identifier(value: Any) -> bool:
    """Say whether metadata hold an address or number of that shape, or a field that is called like one, at any depth."""
    if isinstance(value, dict):
        return any((names_identifier(key) and item not in (None, "")) or holds_identifier(item) for key, item in value.items())
    if isinstance(value, list):
        return any(holds_identifier(item) for item in value)
    return isinstance(value, str) and count_shapes(value) > 0


@cache
def _identifying_fields() -> frozenset[str]:
    return frozenset(_FIELDS.read_text(encoding="utf-8").split())
