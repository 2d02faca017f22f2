"""Placeholders: `[PERSON_1]`, the same wherever the same person's rows mention the same thing; and what the input already holds of them."""

import re
from collections.abc import Mapping

PLACEHOLDER = re.compile(r"\[([A-Z]+)_(\d+)\]")
"""The form of a placeholder, also where the input already holds some."""


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
