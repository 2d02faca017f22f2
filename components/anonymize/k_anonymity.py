"""k-anonymity of what conversations tell beside names: how many people share each combination of age, sex, place, job and rare event.

Streaming: memory holds one short tuple of generalised words for each distinct combination, never a text. Reported are numbers only.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from components.anonymize.operators import phrases
from components.anonymize.operators.ages import age_of
from components.anonymize.operators.mention import Mention
from components.anonymize.operators.person_names import read_name
from components.shared.languages import Language
from components.shared.normalize import canonical

Attribute = Literal["age", "sex", "place", "job", "event"]
ATTRIBUTES: tuple[Attribute, ...] = ("age", "sex", "place", "job", "event")
UNKNOWN = ""
"""The conversations do not tell it."""
K = 5
"""People who should share a combination; usual for health data of a small house."""
_AGE_BAND = 10
"""Years."""
_Tuple = tuple[str, ...]


def generalised(entity_type: str, surface: str, language: Language | None) -> tuple[Attribute, str] | None:
    """Return the attribute that a value tells and its generalised value; None where it tells none of the five.

    Args:
        entity_type: type of the span.
        surface: the original value.
        language: of the turn.
    """
    mention = Mention(entity_type, canonical(surface), surface, language)
    if entity_type == "AGE":
        age = age_of(surface)
        return None if age is None else ("age", "90+" if age >= 90 else str(age // _AGE_BAND * _AGE_BAND))
    if entity_type == "LOCATION":
        written = phrases.written_in(mention)
        country = phrases.country_of(" ".join(phrases.nominative(word, written) for word in surface.split()))
        return "place", country or "elsewhere"
    if entity_type == "PROFESSION":
        return "job", phrases.class_of("jobs", surface)
    if entity_type == "EVENT":
        return "event", phrases.class_of("events", surface)
    return None


def sex_of_name(name: str, language: Language | None) -> tuple[Attribute, str] | None:
    """Return the sex that a person's own name tells; None where it tells none."""
    words = [word for word in canonical(name).replace("-", " ").split() if word]
    gender = read_name(words, language, in_order=True).gender if words else "neutral"
    return None if gender == "neutral" else ("sex", gender)


@dataclass(frozen=True)
class Anonymity:
    """How well people hide among each other; numbers only."""

    people: int
    """People of whom at least one attribute is told."""
    combinations: int
    k_min: int
    """Size of the smallest group; 0 where there are no people."""
    unique: int
    """Combinations that only one person has."""
    below_k: float
    """Share of people in groups smaller than ``K``, 0-1."""
    suppress: tuple[Attribute, ...]
    """Attributes to suppress, in this order, so that every group has ``K`` people or more (greedy); empty where all have."""
    reached: bool
    """Whether that suppression suffices; with fewer than ``K`` people none does."""


class QuasiIdentifiers:
    """Counts combinations of attributes, person by person; adds up over processes."""

    def __init__(self) -> None:
        self._counts: Counter[_Tuple] = Counter()

    def add(self, told: Iterable[tuple[Attribute, str]]) -> None:
        """Count one person by all that the rows tell; several places or jobs of one person are one combined value."""
        values: dict[Attribute, set[str]] = {name: set() for name in ATTRIBUTES}
        for name, value in told:
            values[name].add(value)
        combination = tuple("+".join(sorted(values[name])) or UNKNOWN for name in ATTRIBUTES)
        if any(combination):
            self._counts[combination] += 1

    def merge(self, other: "QuasiIdentifiers") -> None:
        """Add the people of another count."""
        self._counts.update(other._counts)

    def anonymity(self, k: int = K) -> Anonymity:
        """Return the figures of the report."""
        people = self._counts.total()
        exposed = _exposed(self._counts, k)
        suppress, reached = _suppressed(self._counts, k)
        return Anonymity(
            people=people,
            combinations=len(self._counts),
            k_min=min(self._counts.values(), default=0),
            unique=sum(size == 1 for size in self._counts.values()),
            below_k=exposed / people if people else 0.0,
            suppress=suppress,
            reached=reached,
        )

    def metrics(self, k: int = K) -> dict[str, float]:
        """Return the figures as metrics."""
        found = self.anonymity(k)
        return {
            "k_anonymity/people": found.people,
            "k_anonymity/k_min": found.k_min,
            "k_anonymity/unique": found.unique,
            f"k_anonymity/below_{k}_fraction": found.below_k,
        }


def _exposed(counts: Mapping[_Tuple, int], k: int) -> int:
    return sum(size for size in counts.values() if size < k)


def _suppressed(counts: Counter[_Tuple], k: int) -> tuple[tuple[Attribute, ...], bool]:
    """Suppress the attribute that exposes fewest people when it is gone, again and again, until all groups are large enough."""
    dropped: list[Attribute] = []
    while _exposed(counts, k) and len(dropped) < len(ATTRIBUTES):
        left = [name for name in ATTRIBUTES if name not in dropped and any(key[ATTRIBUTES.index(name)] for key in counts)]
        if not left:
            break
        without = {name: _without(counts, ATTRIBUTES.index(name)) for name in left}
        best = min(left, key=lambda name: (_exposed(without[name], k), ATTRIBUTES.index(name)))
        counts = without[best]
        dropped.append(best)
    return tuple(dropped), not _exposed(counts, k)


def _without(counts: Mapping[_Tuple, int], position: int) -> Counter[_Tuple]:
    merged: Counter[_Tuple] = Counter()
    for key, size in counts.items():
        merged[_blanked(key, position)] += size
    return merged


def _blanked(key: Sequence[str], position: int) -> _Tuple:
    return (*key[:position], UNKNOWN, *key[position + 1 :])
