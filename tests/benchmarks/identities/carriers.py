"""The sentences that carry an identity, and where in them it stands."""

import random
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal, cast, get_args

from tests.benchmarks.identities import numbers
from tests.benchmarks.identities.declension import Case
from tests.benchmarks.identities.people import Origin, Person, make_person
from tests.benchmarks.identities.transliteration import uzbek_cyrillic

Variety = Literal["en", "ru", "uz-latin", "uz-cyrillic"]
"""A language and its script."""
VARIETIES: tuple[Variety, ...] = get_args(Variety)
_HERE = Path(__file__).parent
_SLOT = re.compile(r"\{(?P<form>[a-z_]+)(?:\.(?P<sex>[mf]))?(?::(?P<case>[a-z]+))?\}")
_ENGLISH_ORIGINS: tuple[Origin, ...] = ("en", "en", "en", "en", "en", "eu", "eu", "ru", "uz", "tr", "in", "ar", "vn", "ng")


@dataclass(frozen=True)
class Planted:
    """One sentence with one identity in it."""

    variety: Variety
    kind: str
    """``name`` or the kind of number."""
    cue: str
    """What in the sentence tells that a name comes, then the form of the name after a slash; empty for numbers."""
    origin: str
    sentence: str
    start: int
    surface: str
    person: Person | None = None
    sex_form_case: tuple[str, str, str] = ("", "", "")
    """How the name is written, from which other spellings of it can be made."""


@dataclass(frozen=True)
class Carrier:
    """A sentence with one slot."""

    cue: str
    before: str
    form: str
    sex: str
    case: Case
    after: str

    def fill(self, variety: Variety, person: Person, origin: str) -> Planted:
        """Write a person's name into the slot."""
        surface = person.written(self.form, self.case)
        start = len(self.before)
        after_name = f" {person.son_or_daughter}" if self.form == "fio" and person.son_or_daughter else ""
        sentence = f"{self.before}{surface}{after_name}{self.after}"
        shape = ("f" if person.female else "m", self.form, self.case)
        return Planted(variety, "name", f"{self.cue}/{self.form}", origin, sentence, start, surface, person, shape)


@cache
def name_carriers(variety: Variety) -> tuple[Carrier, ...]:
    """Return the sentences of a language for names."""
    return tuple(_carrier(cue, sentence) for cue, sentence in _lines("carriers", variety))


@cache
def number_carriers(variety: Variety) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return, for each kind of number, its sentences: what stands before and after the value."""
    by_kind: dict[str, list[tuple[str, str]]] = {kind: [] for kind in numbers.makers(variety[:2])}
    for kinds, sentence in _lines("format_carriers", variety):
        before, after = sentence.split("{value}")
        wanted = [kind for kind in by_kind if kind in numbers.SELF_EXPLAINING] if kinds == "self" else kinds.split(",")
        for kind in wanted:
            by_kind[kind].append((before, after))
    return {kind: tuple(sentences) for kind, sentences in by_kind.items()}


@cache
def fillers(variety: Variety) -> tuple[str, ...]:
    """Return sentences without personal data in the language; none in English, where the real turns are English."""
    return tuple(sentence for language, sentence in _read("fillers.txt", variety) if language == variety[:2])


def planted_name(variety: Variety, index: int, generator: random.Random) -> Planted:
    """Return the ``index``-th name of a language: every carrier comes in turn."""
    carriers = name_carriers(variety)
    carrier = carriers[index % len(carriers)]
    origin: Origin = generator.choice(_ENGLISH_ORIGINS) if variety == "en" else cast(Origin, variety[:2])
    female = carrier.sex == "f" or (not carrier.sex and generator.random() < 0.5)
    script = "cyrillic" if variety == "uz-cyrillic" else "latin"
    person = make_person(origin, generator, female=female, latin=variety != "ru", script=script)
    return _with_apostrophe(carrier.fill(variety, person, origin), generator)


def planted_number(variety: Variety, index: int, generator: random.Random) -> Planted:
    """Return the ``index``-th number of a language: every kind comes in turn, in each of its carriers."""
    makers = numbers.makers(variety[:2])
    kind = tuple(makers)[index % len(makers)]
    carriers = number_carriers(variety)[kind]
    position = index // len(makers) % len(carriers)
    before, after = carriers[position]
    value = makers[kind](generator, variety[:2])
    if kind == "spelled" and variety == "uz-cyrillic":
        value = uzbek_cyrillic(value)
    return _with_apostrophe(Planted(variety, kind, "", "", f"{before}{value}{after}", len(before), value), generator)


def _with_apostrophe(planted: Planted, generator: random.Random) -> Planted:
    """Write the apostrophe of Uzbek Latin as people's keyboards do: three characters are in use."""
    sign = generator.choice("''\u02bb\u2019") if planted.variety == "uz-latin" else "'"
    return replace(planted, sentence=planted.sentence.replace("'", sign), surface=planted.surface.replace("'", sign))


def _carrier(cue: str, sentence: str) -> Carrier:
    slot, *others = _SLOT.finditer(sentence)
    assert not others, f"a carrier has one slot: {sentence}"
    case = cast(Case, slot["case"] or "nom")
    return Carrier(cue, sentence[: slot.start()], slot["form"], slot["sex"] or "", case, sentence[slot.end() :])


def _lines(name: str, variety: Variety) -> list[tuple[str, str]]:
    return _read(f"{name}_{variety[:2]}.txt", variety)


def _read(file: str, variety: Variety) -> list[tuple[str, str]]:
    rows = []
    for line in (_HERE / file).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, sentence = line.split("\t")
            rows.append((kind, uzbek_cyrillic(sentence) if variety == "uz-cyrillic" else sentence))
    return rows
