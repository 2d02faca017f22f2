"""k-anonymity on counts that can be redone by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.anonymize.k_anonymity import ATTRIBUTES, Anonymity, Attribute, QuasiIdentifiers, generalised, sex_of_name

Told = list[tuple[Attribute, str]]


def counted(*people: Told) -> QuasiIdentifiers:
    counts = QuasiIdentifiers()
    for told in people:
        counts.add(told)
    return counts


def test_nobody_tells_anything() -> None:
    assert counted([], []).anonymity() == Anonymity(people=0, combinations=0, k_min=0, unique=0, below_k=0.0, suppress=(), reached=True)


def test_figures_of_a_small_house() -> None:
    six: Told = [("age", "30"), ("sex", "female")]
    two: Told = [("age", "40"), ("sex", "male")]
    found = counted(*[six] * 6, *[two] * 2, [("age", "90+")]).anonymity()
    assert (found.people, found.combinations, found.k_min, found.unique) == (9, 3, 1, 1)
    assert found.below_k == pytest.approx(3 / 9)


def test_the_attribute_that_separates_people_is_suppressed() -> None:
    """Ten women of thirty, each with a job of her own but two: without the job all ten are one group."""
    people: list[Told] = [[("age", "30"), ("sex", "female"), ("job", job)] for job in "abcdefghii"]
    found = counted(*people).anonymity()
    assert (found.unique, found.suppress, found.reached) == (8, ("job",), True)


def test_too_few_people_are_never_anonymous() -> None:
    found = counted([("age", "30")], [("age", "40")]).anonymity()
    assert found.reached is False
    assert found.suppress == ("age",)


def test_the_order_in_which_a_person_tells_things_does_not_matter() -> None:
    one: Told = [("place", "uz"), ("place", "ru"), ("age", "30")]
    assert counted(one, one[::-1]).anonymity().combinations == 1


people_strategy = st.lists(st.lists(st.tuples(st.sampled_from(ATTRIBUTES), st.sampled_from("abc")), max_size=4), max_size=40)


@given(people_strategy, people_strategy)
def test_parts_add_up_to_the_whole(first: list[Told], second: list[Told]) -> None:
    parts = counted(*first)
    parts.merge(counted(*second))
    assert parts.anonymity() == counted(*first, *second).anonymity()


@given(people_strategy)
def test_suppression_reaches_k_or_says_so(people: list[Told]) -> None:
    found = counted(*people).anonymity(k=3)
    left = [[(name, value) for name, value in told if name not in found.suppress] for told in people if told]
    counts = counted(*left)
    # Who tells nothing after the suppression hides among all who tell nothing.
    silent = sum(not told for told in left)
    reached = counts.anonymity(k=3).below_k == 0 and (silent == 0 or silent >= 3)
    assert found.reached == reached


@pytest.mark.parametrize(
    ("entity_type", "surface", "language", "expected"),
    [
        ("AGE", "34", "en", ("age", "30")),
        ("AGE", "тридцать четыре", "ru", ("age", "30")),
        ("AGE", "97", "en", ("age", "90+")),
        ("AGE", "thirtyish", "en", None),
        ("LOCATION", "Самаре", "ru", ("place", "ru")),
        ("LOCATION", "Samarqandda", "uz", ("place", "uz")),
        ("LOCATION", "Gotham", "en", ("place", "elsewhere")),
        ("PROFESSION", "a nurse", "en", ("job", "health")),
        ("PROFESSION", "инженером", "ru", ("job", "technology")),
        ("EVENT", "the 2011 earthquake", "en", ("event", "disaster")),
        ("PERSON", "Anna", "en", None),
    ],
)
def test_values_become_broad_words(entity_type: str, surface: str, language: str, expected: tuple[str, str] | None) -> None:
    assert generalised(entity_type, surface, language) == expected  # type: ignore[arg-type]


def test_a_name_may_tell_a_sex() -> None:
    assert sex_of_name("Ирина Соколова", "ru") == ("sex", "female")
    assert sex_of_name("James", "en") == ("sex", "male")
    assert sex_of_name("Zorblat", "en") is None


def test_metrics_hold_numbers_only() -> None:
    metrics = counted([("job", "health")], [("job", "health")]).metrics()
    assert metrics == {"k_anonymity/people": 2, "k_anonymity/k_min": 2, "k_anonymity/unique": 0, "k_anonymity/below_5_fraction": 1.0}
