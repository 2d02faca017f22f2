"""Division by person, against hand-made cases and brute force."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.errors import ContractError
from components.split.assignment import SPLITS, Groups, assign, weigh
from components.split.config import SplitConfig

FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}


def test_groups_do_not_depend_on_the_order_of_links() -> None:
    links = [("b", "c"), ("d", "e"), ("c", "d"), ("x", "y")]
    results = []
    for seed in range(5):
        groups = Groups()
        for person in "abcdexyz":
            groups.add(person)
        for person, other in random.Random(seed).sample(links, len(links)):
            groups.link(person, other)
        results.append({person: groups.of(person) for person in "abcdexyz"})
    assert results[0] == {"a": "a", "b": "b", "c": "b", "d": "b", "e": "b", "x": "x", "y": "x", "z": "z"}
    assert all(result == results[0] for result in results)


def test_weights_count_conversations_and_pairs_alike() -> None:
    groups = Groups()
    for person in "abc":
        groups.add(person)
    groups.link("a", "c")
    weights = weigh(groups, {"a": 1, "b": 3}, {"c": 10, "b": 30})
    assert weights == pytest.approx({"a": 1 / 8 + 10 / 80, "b": 3 / 8 + 30 / 80})


@settings(max_examples=50)
@given(st.integers(60, 400), st.integers(0, 1000))
def test_shares_are_hit_within_a_group(people: int, seed: int) -> None:
    rng = random.Random(people)
    raw = {f"p{number}": rng.randint(1, 4) for number in range(people)}
    weights = {person: number / sum(raw.values()) for person, number in raw.items()}
    chosen = assign(weights, FRACTIONS, seed)
    assert chosen.keys() == weights.keys()
    heaviest = max(weights.values())
    for split in SPLITS:
        share = sum(weight for person, weight in weights.items() if chosen[person] == split)
        assert abs(share - FRACTIONS[split]) <= heaviest + 1e-9


def test_new_people_move_few_others() -> None:
    before = assign({f"p{n}": 1 / 1000 for n in range(1000)}, FRACTIONS, 3)
    after = assign({f"p{n}": 1 / 1050 for n in range(1050)}, FRACTIONS, 3)
    moved = sum(before[person] != after[person] for person in before)
    assert moved < 30
    assert {person for person in before if before[person] == "test"} != {
        person for person in before if assign({f"p{n}": 1 / 1000 for n in range(1000)}, FRACTIONS, 4)[person] == "test"
    }


def test_a_heavy_group_goes_to_train() -> None:
    weights = {"big": 0.4, **{f"p{n}": 0.6 / 100 for n in range(100)}}
    for seed in range(20):
        assert assign(weights, FRACTIONS, seed)["big"] == "train"


def test_fractions_must_sum_to_one() -> None:
    with pytest.raises(ContractError, match=r"is 1\.1, but 1 is wanted"):
        SplitConfig.parse({"train_fraction": 0.9})
