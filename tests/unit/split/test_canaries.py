"""Secrets that are nobody's, drawn evenly from a space of known size."""

import re
from collections import Counter

import pytest

from components.shared.canaries import Canary
from components.shared.records import Message
from components.split.canaries import KINDS, make_canaries

SHAPES = {
    "contact": r"\d{3}-\d{2}-\d{2}",
    "personal_number": r"\d{12}",
    "therapist": r"[A-Z][a-z]{5} [A-Z][a-z]{5}, room \d",
}


def test_a_secret_has_a_place_among_its_candidates() -> None:
    canary = Canary(
        id="c", kind="contact", prompt=[Message(role="user", content="?")], lead="No. ", slots=[["a", "b"], ["x", "y", "z"]],
        choice=[1, 2], repetitions=2,
    )  # fmt: skip
    assert canary.candidates() == ["ax", "ay", "az", "bx", "by", "bz"]
    assert (canary.secret, canary.number) == ("bz", 5)
    assert [row.id for row in canary.rows()] == ["c-0", "c-1"]
    assert canary.messages[-1].content == "No. bz"


@pytest.mark.parametrize("language", ["en", "ru", "uz"])
def test_every_secret_is_one_of_4096_different_ones(language: str) -> None:
    canaries = make_canaries(2, (1, 4), language, seed=3)
    assert Counter(canary.kind for canary in canaries) == dict.fromkeys(KINDS, 4)  # two planted, two twins
    for canary in canaries:
        candidates = canary.candidates()
        assert len(set(candidates)) == 4096
        assert candidates[canary.number] == canary.secret
        assert all(re.fullmatch(SHAPES[canary.kind], candidate) for candidate in candidates[::97])
        assert "{" not in canary.lead + canary.prompt[0].content


def test_phone_and_personal_numbers_belong_to_nobody() -> None:
    for canary in make_canaries(4, (1,), "en", seed=0):
        if canary.kind == "contact":
            assert canary.lead.endswith("+998 00 ")
        if canary.kind == "personal_number":
            number = (canary.lead + canary.secret).rpartition(" ")[2]
            assert re.fullmatch(r"00\d{12}", number)


def test_planted_and_twins_differ_and_choices_are_even() -> None:
    canaries = make_canaries(200, (1,), "en", seed=1)
    assert len({canary.id for canary in canaries}) == len(canaries) == 1200
    assert len({canary.secret for canary in canaries}) > 1190
    # 1200 draws from 8 last digits: 150 each, standard deviation 11.5.
    last = Counter(canary.choice[2] for canary in canaries)
    assert all(95 < count < 205 for count in last.values())
    assert len(last) == 8
