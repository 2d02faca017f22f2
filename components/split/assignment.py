"""Who goes where: people linked by near-duplicates form a group, groups are ranked by a seeded hash and cut at the wanted shares."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping

SPLITS = ("train", "validation", "test")
_OVERSIZE = 0.5
"""A group heavier than this part of the smaller held-out split belongs to train: held out, it would be most of that split."""


class Groups:
    """People who must stay together (union-find with path halving)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def add(self, person: str) -> None:
        """Know a person."""
        self._parent.setdefault(person, person)

    def link(self, person: str, other: str) -> None:
        """Keep two people together; the smaller id represents them, whatever the order of the calls."""
        first, second = sorted((self.of(person), self.of(other)))
        self._parent[second] = first

    def of(self, person: str) -> str:
        """Return the representative of a person's group."""
        while self._parent[person] != person:
            self._parent[person] = self._parent[self._parent[person]]
            person = self._parent[person]
        return person


def weigh(groups: Groups, conversations: Mapping[str, int], pairs: Mapping[str, int]) -> dict[str, float]:
    """Return the weight of each group: its share of all conversations plus its share of all pairs, halved; the weights sum to 1.

    Args:
        groups: who belongs together.
        conversations: conversations of each person.
        pairs: preference pairs of each person.
    """
    weights: dict[str, float] = defaultdict(float)
    kinds = [counts for counts in (conversations, pairs) if sum(counts.values())]
    for counts in kinds:
        total = sum(counts.values()) * len(kinds)
        for person, number in counts.items():
            weights[groups.of(person)] += number / total
    return dict(weights)


def assign(weights: Mapping[str, float], fractions: Mapping[str, float], seed: int) -> dict[str, str]:
    """Return the split of each group.

    Groups stand in the order of a hash of seed and group. The first fill test, the next validation, the rest is train; a group belongs
    where the middle of its weight falls. New people move only groups near a cut.

    Args:
        weights: weight of each group, summing to 1.
        fractions: wanted share of each split.
        seed: of the order.
    """
    limit = _OVERSIZE * min(fractions["validation"], fractions["test"])
    chosen = {group: "train" for group, weight in weights.items() if weight > limit}
    position = 0.0
    for group in sorted(weights.keys() - chosen.keys(), key=lambda group: rank(group, seed)):
        middle = position + weights[group] / 2
        position += weights[group]
        if middle < fractions["test"]:
            chosen[group] = "test"
        else:
            chosen[group] = "validation" if middle < fractions["test"] + fractions["validation"] else "train"
    return chosen


def rank(group: str, seed: int) -> bytes:
    """Return the place of a group in the order of a seed."""
    return hashlib.sha256(f"{seed}\0{group}".encode()).digest()
