"""Invented persons and their invented personal data.

Every name, number and address is made up. Mail and web addresses use the reserved domains of RFC 2606, and telephone
numbers use ranges kept for fiction (or subscriber blocks of zeros or 555) where a country has one.
"""

import json
import random
from dataclasses import dataclass
from pathlib import Path

MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]
_MAIL_DOMAINS = ("example.com", "example.org", "mail.example.net", "post.example.org")
_GROUP_SIZES = (("student", 28), ("worker", 42), ("older", 10))
_AGES = {"student": (16, 24), "worker": (26, 62), "older": (67, 83)}

#: Slot name -> entity type of the gold span that the slot leaves behind.
SLOT_TYPES = {
    "name": "PERSON",
    "fullname": "PERSON",
    "partner": "PERSON",
    "mum": "PERSON",
    "dad": "PERSON",
    "sister": "PERSON",
    "brother": "PERSON",
    "friend": "PERSON",
    "mate": "PERSON",
    "colleague": "PERSON",
    "cousin": "PERSON",
    "boss": "PERSON",
    "age": "AGE",
    "city": "LOCATION",
    "hometown": "LOCATION",
    "address": "ADDRESS",
    "employer": "ORGANIZATION",
    "school": "ORGANIZATION",
    "phone": "PHONE",
    "other_phone": "PHONE",
    "email": "EMAIL",
    "handle": "HANDLE",
    "other_handle": "HANDLE",
    "record": "ID",
    "url": "URL",
    "birthdate": "DATE",
    "date": "DATE",
    "earlier_date": "DATE",
    "later_date": "DATE",
    "month": "DATE",
}


@dataclass(frozen=True)
class Person:
    """One invented seeker.

    Attributes:
        id: ``p001`` and so on.
        group: ``student``, ``worker`` or ``older``.
        is_woman: whether the person is a woman or a man.
        slots: values for the slots of the phrase bank; the same in every dialogue of the person.
    """

    id: str
    group: str
    is_woman: bool
    slots: dict[str, str]

    @property
    def fits(self) -> frozenset[str]:
        """The ``who`` tags of situations that suit this person."""
        age = int(self.slots["age"])
        spans = {"teen": (0, 20), "young": (0, 46), "under66": (0, 66), "grown": (20, 99), "adult": (23, 66), "parent": (30, 99)}
        return frozenset(
            {"any", self.group, "woman" if self.is_woman else "man"}
            | {tag for tag, (least, below) in spans.items() if least <= age < below}
        )


def make_people() -> list[Person]:
    """Makes 80 persons of ten cultures; the same ones at every call."""
    cultures = json.loads(Path(__file__).with_name("people.json").read_text(encoding="utf-8"))
    rng = random.Random("attune-samples/people")
    groups = [group for group, size in _GROUP_SIZES for _ in range(size)]
    rng.shuffle(groups)
    names = list(cultures)
    people, taken = [], set[str]()
    for index, group in enumerate(groups):
        culture = cultures[names[index % len(names)]]
        slots = _slots(rng, culture, group)
        while slots["fullname"] in taken:
            slots = _slots(rng, culture, group)
        taken.add(slots["fullname"])
        is_woman = slots["name"] in culture["women"]
        people.append(Person(id=f"p{index + 1:03d}", group=group, is_woman=is_woman, slots=slots))
    return people


def dialogue_slots(rng: random.Random, person: Person) -> dict[str, str]:
    """The person's slots plus the dates that belong to one dialogue only."""
    dates = {slot: make_date(rng, year) for slot, year in (("date", 2024), ("earlier_date", 2025), ("later_date", 2026))}
    return person.slots | dates | {"month": rng.choice(MONTHS)}


def make_date(rng: random.Random, year: int) -> str:
    """A date in one of seven common written forms."""
    month, day = rng.randrange(12), rng.randrange(1, 29)
    name = MONTHS[month]
    forms = (
        f"{day} {name} {year}",
        f"{name} {day}, {year}",
        f"{name} {day}",
        f"{day} {name}",
        f"{day:02d}/{month + 1:02d}/{year}",
        f"{day:02d}.{month + 1:02d}.{year}",
        f"{year}-{month + 1:02d}-{day:02d}",
    )
    return rng.choice(forms)


def _slots(rng: random.Random, culture: dict[str, list[str]], group: str) -> dict[str, str]:
    women, men = rng.sample(culture["women"], 7), rng.sample(culture["men"], 6)
    surname, boss_surname = rng.sample(culture["surnames"], 2)
    city, hometown = rng.sample(culture["cities"], 2)
    is_woman, partner_is_woman = rng.random() < 0.55, rng.random() < 0.4
    name = women[0] if is_woman else men[0]
    age = rng.randint(*_AGES[group])
    slug = "".join(c for c in surname.split()[0].lower() if c.isalpha())
    first = name.lower()
    return {
        "name": name,
        "fullname": f"{name} {surname}",
        "partner": women[1] if partner_is_woman else men[1],
        "pe": "she" if partner_is_woman else "he",
        "pE": "She" if partner_is_woman else "He",
        "pis": "her" if partner_is_woman else "his",
        "pim": "her" if partner_is_woman else "him",
        "mum": women[2],
        "sister": women[3],
        "friend": women[4],
        "cousin": women[5],
        "boss": rng.choice((f"{women[6]} {boss_surname}", f"Ms {boss_surname}", women[6])),
        "dad": men[2],
        "brother": men[3],
        "mate": men[4],
        "colleague": men[5],
        "age": str(age),
        "city": city,
        "hometown": hometown,
        "address": _fill_digits(rng, rng.choice(culture["streets"])),
        "employer": rng.choice(culture["employers"]),
        "school": _fill_digits(rng, culture["schools"][age > 18]),
        "phone": _fill_digits(rng, rng.choice(culture["phones"])),
        "other_phone": _fill_digits(rng, rng.choice(culture["phones"])),
        "email": rng.choice((f"{first}.{slug}", f"{first[0]}{slug}{age}", f"{slug}_{first}")) + f"@{rng.choice(_MAIL_DOMAINS)}",
        "handle": rng.choice((f"@{first}_{age}", f"@{slug}{first[0]}", f"@quiet.{first}", f"@{first}writes")),
        "other_handle": f"@{women[4].lower()}{rng.choice(('.sky', '_loves_tea', '88', '_k'))}",
        "record": _record(rng),
        "url": rng.choice((f"https://www.example.org/{slug}", f"http://{first}.example.com/diary", f"www.example.net/~{first}")),
        "birthdate": make_date(rng, 2026 - age),
    }


def _fill_digits(rng: random.Random, pattern: str) -> str:
    """Fills ``{d}`` digit, ``{o}`` 1-9, ``{m}`` 1-60, ``{n}`` 1-180, ``{k}`` 100-9800, each drawn anew."""
    draws = {"{d}": (0, 9), "{o}": (1, 9), "{m}": (1, 60), "{n}": (1, 180), "{k}": (100, 9800)}
    for mark, bounds in draws.items():
        while mark in pattern:
            pattern = pattern.replace(mark, str(rng.randint(*bounds)), 1)
    return pattern


def _record(rng: random.Random) -> str:
    number = rng.randrange(100000, 999999)
    return rng.choice((f"MRN-{number}", f"{number}/25", f"C{number}", f"#{number}", f"PT-{number % 10000:04d}-{number % 97:02d}"))
