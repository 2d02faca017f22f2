"""Near-duplicates, against hand-made cases and brute force."""

import random

import pytest

from components.shared.near_duplicates import NearDuplicateIndex, shingles

WORDS = [f"word{number}" for number in range(400)]


def jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    return len(first & second) / len(first | second)


def test_shingles_blank_placeholders_and_case() -> None:
    assert shingles("I saw [PERSON_1] today") == shingles("i SAW [PERSON_77], today!") == {"i saw _", "saw _ today"}
    assert shingles("hi") == {"hi"}


def test_near_duplicates_are_found_and_others_not() -> None:
    rng = random.Random(7)
    base = [rng.choice(WORDS) for _ in range(120)]
    near = [*base[:60], "other", *base[61:]]  # one word of 120: 3 of 118 triples change, Jaccard 115/121
    far = [*base[:40], *(rng.choice(WORDS) for _ in range(80))]
    assert jaccard(shingles(" ".join(base)), shingles(" ".join(near))) == pytest.approx(115 / 121)
    index = NearDuplicateIndex(0.7)
    index.add(0, " ".join(base))
    assert list(dict.fromkeys(index.matches(" ".join(near)))) == [0]
    assert list(index.matches(" ".join(far))) == []
    exact = NearDuplicateIndex(1.0)
    exact.add(5, " ".join(base))
    assert list(exact.matches(" ".join(near))) == []
    assert list(exact.matches(" ".join(base).upper())) == [5]


def test_one_step_looks_up_and_remembers() -> None:
    rng = random.Random(3)
    base = " ".join(rng.choice(WORDS) for _ in range(80))
    index = NearDuplicateIndex(0.7)
    assert index.match_and_add(0, base) == []
    assert index.match_and_add(1, f"{base} other") == [0]
    assert index.match_and_add(2, " ".join(rng.choice(WORDS) for _ in range(80))) == []
    assert index.match_and_add(3, base) == [0, 1]
