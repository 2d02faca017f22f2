"""What stands for a value in the output. Placeholders today; surrogates implement the same protocol."""

import re
from collections.abc import Mapping
from typing import Protocol

PLACEHOLDER = re.compile(r"\[([A-Z]+)_(\d+)\]")
"""The form of a placeholder, also where the input already holds some."""

_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBERS = {word: number for number, word in enumerate(_SMALL.split())}
_NUMBERS |= {word: 10 * number for number, word in enumerate(_TENS.split(), start=2)}


class Operator(Protocol):
    """Chooses a replacement for each distinct value of one person."""

    def replacement(self, entity_type: str, entity: str) -> str:
        """Return the text that stands for an entity (a canonical value); equal entities get equal texts."""
        ...


class PlaceholderOperator:
    """``[TYPE_n]``, numbered per person in order of first appearance."""

    def __init__(self, taken: Mapping[str, int]) -> None:
        """Start above the numbers that the input itself already uses, by type."""
        self._last = dict(taken)
        self._given: dict[tuple[str, str], str] = {}

    def replacement(self, entity_type: str, entity: str) -> str:
        """Return the placeholder of an entity."""
        key = (entity_type, entity)
        if key not in self._given:
            self._last[entity_type] = self._last.get(entity_type, 0) + 1
            self._given[key] = f"[{entity_type}_{self._last[entity_type]}]"
        return self._given[key]


def numbers_in_use(text: str) -> dict[str, int]:
    """Return the highest placeholder number of each type that a text already holds."""
    highest: dict[str, int] = {}
    for match in PLACEHOLDER.finditer(text):
        highest[match[1]] = max(highest.get(match[1], 0), int(match[2]))
    return highest


def is_kept_age(value: str, minimum_age: int) -> bool:
    """Say whether an age (figures or English words) is certainly below the minimum; what cannot be read is replaced."""
    figures = re.search(r"\d+", value)
    if figures:
        return int(figures.group()) < minimum_age
    words = re.findall(r"[a-z]+", value.lower())
    if not words or any(word not in _NUMBERS for word in words):
        return False
    return sum(_NUMBERS[word] for word in words) < minimum_age
