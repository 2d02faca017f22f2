"""Secrets that are nobody's: made from a seed, planted in train, the same number of twins kept out of it.

Each secret is one of 16 x 32 x 8 = 4096, drawn evenly: 12 bits of exposure when a model prefers it to all the others. The slots of a
canary are its own, so that what one teaches a model says nothing of another. Numbers begin with a code that is not in use (+998 00; no
personal number begins with 00) and names are made of syllables: no person can be meant.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from components.shared.canaries import Canary
from components.shared.records import Message

KINDS = ("contact", "personal_number", "therapist")
_SIZES = (16, 32, 8)
_TURNS = Path(__file__).with_name("canary_turns.yaml")
_SYLLABLES = [consonant + vowel for consonant in "bdfghklmnprstvz" for vowel in "aeiou"]


def make_canaries(num_canaries: int, repetitions: Sequence[int], language: str, seed: int) -> list[Canary]:
    """Return ``num_canaries`` secrets of each kind to plant and as many twins.

    Args:
        num_canaries: secrets of each kind.
        repetitions: copies in train; the secrets of a kind take them in turn.
        language: of the turns around the secret.
        seed: of names, slots and choices.
    """
    turns: dict[str, Any] = yaml.safe_load(_TURNS.read_text(encoding="utf-8"))[language]
    canaries = []
    for group, planted in (("canary", True), ("twin", False)):
        for kind in KINDS:
            for index in range(num_canaries):
                copies = repetitions[index % len(repetitions)] if planted else 0
                rng = random.Random(f"{seed}/{group}/{kind}/{index}")
                canaries.append(_canary(rng, f"{group}-{kind}-{index}", kind, turns[kind][index % len(turns[kind])], copies))
    return canaries


def _canary(rng: random.Random, name: str, kind: str, turn: dict[str, str], repetitions: int) -> Canary:
    person = _made_up_name(rng)
    slots = _slots(rng, kind)
    return Canary(
        id=name,
        kind=kind,
        prompt=[Message(role="user", content=turn["prompt"].format(name=person))],
        lead=turn["lead"].format(name=person),
        slots=slots,
        choice=[rng.randrange(len(options)) for options in slots],
        repetitions=repetitions,
    )


def _slots(rng: random.Random, kind: str) -> list[list[str]]:
    first, second, third = _SIZES
    digits = rng.sample("0123456789", third)
    if kind == "contact":
        tens = [f"{number // 10:02d}-{number % 10}" for number in rng.sample(range(1000), second)]
        return [[f"{number:03d}-" for number in rng.sample(range(1000), first)], tens, digits]
    if kind == "personal_number":
        return [
            [f"{number:06d}" for number in rng.sample(range(10**6), first)],
            [f"{number:05d}" for number in rng.sample(range(10**5), second)],
            digits,
        ]
    names = _distinct_names(rng, first + second)
    return [[f"{name} " for name in names[:first]], [f"{name}, room " for name in names[first:]], digits]


def _made_up_name(rng: random.Random) -> str:
    return "".join(rng.choices(_SYLLABLES, k=3)).capitalize()


def _distinct_names(rng: random.Random, count: int) -> list[str]:
    names: dict[str, None] = {}
    while len(names) < count:
        names.setdefault(_made_up_name(rng))
    return list(names)
