"""Original values in what the models write: which hits mean something, and which are ordinary words.

The set of originals holds keyed hashes, single first names among them, and a first name or a month may come to any model's mind. So:

- a value that occurs in lower case in the anonymised dialogues of two or more people is an ordinary word: anonymize let it stand, the model
  may say it. It is set aside;
- a value that the base model writes too is not ours: the base has seen none of the data. It is set aside;
- of the rest, a value of several words or at least six digits is *specific*: one is enough to block;
- a single word (a first name, a town) counts as a rate, held against the base model's own rate of such words. Surrogates cannot be hit,
  anonymize keeps them disjoint from the originals.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from components.shared.normalize import normalize
from components.shared.original_values import OriginalValues

_MIN_DIGITS = 6
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class LeakCount:
    """What was found in the texts of one model.

    Attributes:
        specific: different values of several words or many digits.
        with_words: whether each text holds a single-word value.
        ordinary: different values set aside as ordinary words.
        base_too: different values set aside because the base model writes them.
    """

    specific: int
    with_words: list[bool]
    ordinary: int
    base_too: int

    @property
    def texts(self) -> int:
        """How many texts were searched."""
        return len(self.with_words)


def values_in(originals: OriginalValues, texts: Iterable[str]) -> list[set[str]]:
    """Return the original values in each text, in their canonical form. They stay in memory: no caller writes or logs them."""
    return [{canonical_value(text[start:end]) for start, end in originals.find(text)} for text in texts]


def canonical_value(text: str) -> str:
    """Return the words of a value as the set of originals compares them."""
    return " ".join(_WORD.findall(normalize(text).text.casefold()))


def is_specific(value: str) -> bool:
    """Say whether a value can hardly be met by chance: several words, or a number of six or more digits."""
    return " " in value or sum(character.isdigit() for character in value) >= _MIN_DIGITS


def ordinary_words(values: Iterable[str], dialogues: Iterable[tuple[str, str]]) -> set[str]:
    """Return those values that anonymised dialogues of at least two people hold in lower case.

    Args:
        values: canonical values without digits; others are never ordinary.
        dialogues: person and text.
    """
    candidates = {value for value in values if not any(character.isdigit() for character in value)}
    patterns = {value: re.compile(r"\b" + r"\W{1,3}".join(map(re.escape, value.split())) + r"\b") for value in candidates}
    people: dict[str, set[str]] = defaultdict(set)
    if not patterns:
        return set()
    for person, text in dialogues:
        plain = normalize(text).text
        for value, pattern in patterns.items():
            if pattern.search(plain):
                people[value].add(person)
    return {value for value, owners in people.items() if len(owners) > 1}


def count_leaks(found: Sequence[set[str]], base: set[str], ordinary: set[str]) -> LeakCount:
    """Count what is left after ordinary words and the base model's values are set aside.

    Args:
        found: values in each text.
        base: values that the base model wrote; empty when the base itself is counted.
        ordinary: as ``ordinary_words`` finds them.
    """
    values = set[str]().union(*found)
    left = values - ordinary
    specific = {value for value in left - base if is_specific(value)}
    with_words = [any(value not in ordinary and not is_specific(value) for value in each) for each in found]
    return LeakCount(len(specific), with_words, len(values & ordinary), len(left & base))
