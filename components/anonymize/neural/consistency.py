"""What is a name at one place is a name at the others: words of one spelling share the best evidence that any of them has."""

from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

from components.anonymize import lexicon

SHARED = 0.75
"""Share of the best probability that the other mentions inherit: enough to pass a threshold when the best is sure, never as sure as it."""

_MINIMUM_DONOR = 0.5
_MINIMUM_LENGTH = 3
_MINIMUM_FIGURES = 5


def spread(words: Sequence[Sequence[str]], classes: Sequence[NDArray[numpy.float32]]) -> list[NDArray[numpy.float32]]:
    """Raise the probabilities of mentions to those of the best one with the same spelling (compared without case).

    Args:
        words: The words of each turn.
        classes: For each turn the probabilities, shape (words, C), class 0 being "nothing personal"; left as they are.

    Returns:
        Probabilities of the same shapes; only tellable words change, never towards class 0.
    """
    best: dict[str, NDArray[numpy.float32]] = {}
    for turn, rows in zip(words, classes, strict=True):
        for number in map(int, numpy.flatnonzero(rows[:, 0] <= 1 - _MINIMUM_DONOR)):
            key = turn[number].lower()
            if _telling(key) and (key not in best or rows[number, 0] < best[key][0]):
                best[key] = rows[number]
    if not best:
        return list(classes)
    return [_raised(turn, rows, best) for turn, rows in zip(words, classes, strict=True)]


def _raised(turn: Sequence[str], rows: NDArray[numpy.float32], best: dict[str, NDArray[numpy.float32]]) -> NDArray[numpy.float32]:
    rows = rows.copy()
    for number, word in enumerate(turn):
        donor = best.get(word.lower())
        if donor is not None and (1 - donor[0]) * SHARED > 1 - rows[number, 0]:
            rows[number] = donor * SHARED
            rows[number, 0] = 1 - (1 - donor[0]) * SHARED
    return rows


def _telling(key: str) -> bool:
    """Say whether a spelling means the same person, place or number wherever it stands: no ordinary word, no short number."""
    if key.isdigit():
        return len(key) >= _MINIMUM_FIGURES
    return len(key) >= _MINIMUM_LENGTH and not lexicon.is_ordinary(lexicon.fold(key)) and not lexicon.is_capitalised_word(lexicon.fold(key))
