"""Invented identities of many cultures for the training text: names, contacts, numbers, places, work.

Nothing here is about a real person.
"""

import random
import re
import unicodedata
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path

from faker import Faker

_SAMPLES = 700
_LATEST = datetime(2026, 1, 1)
"""No date is drawn after it: Faker's own end is the moment of the run, with which the text would change."""
_WEIGHTS = {"vi_VN": 5, "en_IN": 3, "tr_TR": 3, "uz_UZ": 3, "ru_RU": 3, "en_NG": 2, "en_US": 3, "en_GB": 3}
"""Locale -> how often it is drawn; the others once. Short and rare names need more examples than their share of locales."""

_GAZETTEERS = Path(__file__).parents[1] / "gazetteers"
_TEMPLATES = Path(__file__).parent / "templates"
_JOBS = (_TEMPLATES / "jobs.txt").read_text(encoding="utf-8").splitlines()
_LOCALES, _PHONES, _NUMBERS = (
    (_TEMPLATES / name).read_text(encoding="utf-8").splitlines() for name in ("locales.txt", "phones.txt", "numbers.txt")
)
_ROMAN = dict(line.split() for line in (_TEMPLATES / "romanization.txt").read_text(encoding="utf-8").splitlines())
_WORDS = (_TEMPLATES / "handle_words.txt").read_text(encoding="utf-8").split()
_STAMPS = ("%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y-%m-%d %I:%M %p")
Filler = tuple[str, str]
"""A value and its type."""


def romanize(name: str) -> str:
    """Write a Cyrillic or Greek name in Latin letters, as its bearer would in an English chat; Latin names stay."""
    plain = "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c)) if not name[:1].isascii() else name
    written = "".join(_ROMAN.get(c.lower(), c).replace("_", "") if c.lower() in _ROMAN else c for c in plain)
    return written[:1].upper() + written[1:] if name[:1].isupper() else written


@cache
def _pools() -> list[tuple[str, list[str], list[str]]]:
    """Locale, given names and family names; the last pools are the project's own lists."""
    pools = []
    for locale in _LOCALES:
        faker = Faker(locale)
        faker.seed_instance(17)
        first = {romanize(faker.first_name()) for _ in range(_SAMPLES)}
        last = {romanize(faker.last_name()) for _ in range(_SAMPLES)}
        if locale == "vi_VN":
            first |= _pairs()
        pools.append((locale, sorted(name for name in first if len(name) > 1), sorted(name for name in last if len(name) > 1)))
    given, family = (_listed(name) for name in ("first_names", "last_names"))
    often = [pool for pool in pools for _ in range(_WEIGHTS.get(pool[0], 1))]
    return [*often, *[("lists", given, family)] * 10]


def _listed(name: str) -> list[str]:
    words = (line.split() for line in (_GAZETTEERS / f"{name}.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return sorted({word.title() for line in words for word in line if word.isascii() and len(word) > 2})


def _pairs() -> set[str]:
    """Return Vietnamese given names of two syllables, as most are written."""
    chance, syllables = random.Random(17), _listed("vietnamese_syllables")
    return {f"{chance.choice(syllables)} {chance.choice(syllables)}" for _ in range(_SAMPLES)}


@cache
def _chains(which: int) -> dict[str, str]:
    """Three letters -> the letters that follow them in the names of all pools: makes names that no list holds."""
    follow: dict[str, list[str]] = {}
    for _, *names in _pools():
        for name in names[which]:
            padded = f"^^^{name.lower()}$"
            for start in range(len(padded) - 3):
                follow.setdefault(padded[start : start + 3], []).append(padded[start + 3])
    return {key: "".join(letters) for key, letters in follow.items()}


class Identities:
    """Draws values for the slots of templates from a seeded generator."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._fakers = [
            Faker(locale) for locale in _LOCALES if locale[:2] == "en" or locale in ("es_MX", "de_DE", "fil_PH", "it_IT", "fr_FR")
        ]
        for faker in self._fakers:
            faker.seed_instance(seed)
        self._slots: dict[str, Callable[[], Filler]] = {
            "first": lambda: (self.first(), "PERSON"),
            "full": lambda: (self.full(), "PERSON"),
            "last": lambda: (self._last(), "PERSON"),
            "initials": lambda: (f"{self.first()[0]}. {self._last()}", "PERSON"),
            "handle": lambda: (self.handle(), "HANDLE"),
            "email": lambda: (self._email(), "EMAIL"),
            "phone": lambda: (self._phone(), "PHONE"),
            "url": lambda: (self._url(), "URL"),
            "id": lambda: (self._number(), "ID"),
            "address": lambda: (self._address(), "ADDRESS"),
            "city": lambda: (self._city(), "LOCATION"),
            "org": lambda: (self._organization(), "ORGANIZATION"),
            "date": lambda: (self._date(), "DATE"),
            "stamp": lambda: (
                self._faker()
                .date_time(end_datetime=_LATEST)
                .strftime(self.random.choice(("%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y-%m-%d %I:%M %p"))),
                "DATE",
            ),
            "age": lambda: (str(self.random.randint(16, 97)), "AGE"),
            "job": lambda: (self._job(), "PROFESSION"),
            "money": lambda: (self._money(), "QUANTITY"),
            "country": lambda: (self._faker().country(), "LOCATION"),
        }

    def slot(self, name: str) -> Filler:
        """Return a value for a slot of a template.

        Raises:
            KeyError: When there is no such slot.
        """
        return self._slots[name]()

    def first(self) -> str:
        """Return a given name; one in six is invented letter by letter, so that no list can know it."""
        if self.random.random() < 1 / 6:
            return self._invented(0)
        return self.random.choice(self.random.choice(_pools())[1])

    def full(self) -> str:
        """Return a given name with one or two family names of the same culture."""
        locale, first, last = self.random.choice(_pools())
        given = self.random.choice(first) if self.random.random() < 0.85 else self._invented(0)
        family = self.random.choice(last) if self.random.random() < 0.85 else self._invented(1)
        if self.random.random() < (0.75 if locale == "vi_VN" else 0.3):
            given, family = (_unaccented(name) for name in (given, family))
        if locale == "vi_VN" and self.random.random() < 0.7:
            return f"{family} {self.random.choice(('Van', 'Thi', 'Minh', 'Thanh', 'Quoc', 'Ngoc'))} {given}"
        if self.random.random() < 0.08:
            return f"{given} {self.random.choice('ABCDEFGHJKLMNPRSTW')}. {family}"
        return f"{given} {family}-{self.random.choice(last)}" if self.random.random() < 0.05 else f"{given} {family}"

    def _last(self) -> str:
        return self._invented(1) if self.random.random() < 0.15 else self.random.choice(self.random.choice(_pools())[2])

    def _invented(self, which: int) -> str:
        while True:
            name = "^^^"
            while not name.endswith("$") and len(name) < 16:
                name += self.random.choice(_chains(which)[name[-3:]])
            name = name.strip("^$")
            if 4 <= len(name) <= 11 and name.isalpha():
                return name.title()

    def handle(self) -> str:
        """Return a name as accounts have it: joined, glued, with figures, or a word that hides the name."""
        first, last = (re.sub(r"[^a-z]", "", _unaccented(name.lower())) or "sam" for name in (self.first(), self._last()))
        number = str(self.random.choice((self.random.randint(1, 99), self.random.randint(1960, 2012), self.random.randint(100, 999))))
        word = self.random.choice(_WORDS)
        return self.random.choice((
            f"{first}.{last}", f"{first}_{last}", f"{first}{last}", f"{first}{number}", f"{first}{last}{number}",
            f"{first[0]}{last}{number}",
            f"{first.title()}{last.title()}{number}", f"{first.title()}{last.title()}", f"{first.title()}{word.title()}",
            f"{word.title()}{first.title()}{number}",
            f"{first}_{word}", f"{word}_{number}", f"{word.title()}{self.random.choice(_WORDS).title()}{number}", f"{last}{number}",
            f"x{first}x", f"{first}.{word}{number}",
            f"{first.title()}_{last.title()}", f"the_real_{first}", f"{last.title()}{first[0].upper()}", f"{first}-{last}",
        ))  # fmt: skip

    def _faker(self) -> Faker:
        return self.random.choice(self._fakers)

    def _email(self) -> str:
        domain = self.random.choice(("gmail.com", "yahoo.com", "mail.ru", "outlook.com", "proton.me", self._faker().domain_name()))
        return f"{self.handle()}@{domain}"

    def _phone(self) -> str:
        return self._figures(self.random.choice(_PHONES))

    def _figures(self, shape: str) -> str:
        letters = "ABCDEFGHKLMNPRSTXYZ"
        return "".join(str(self.random.randint(0, 9)) if c == "#" else self.random.choice(letters) if c == "?" else c for c in shape)

    def _number(self) -> str:
        return self._figures(self.random.choice(_NUMBERS))

    def _url(self) -> str:
        return self.random.choice((f"https://www.{self._faker().domain_name()}/{self.handle()}", f"t.me/{self.handle()}",
        f"instagram.com/{self.handle()}",
                                   f"www.{self._faker().domain_name()}", f"linkedin.com/in/{self.handle()}"))  # fmt: skip

    def _address(self) -> str:
        faker = self._faker()
        kinds = (
            faker.street_address,
            lambda: f"{faker.street_address()}, {faker.city()}",
            lambda: faker.address().replace("\n", ", "),
            faker.street_name,
        )
        return self.random.choice(kinds)().replace("\n", ", ")

    def _city(self) -> str:
        if self.random.random() < 0.5:
            places = [
                place
                for line in (_GAZETTEERS / "places.txt").read_text(encoding="utf-8").splitlines()
                if not line.startswith("#")
                for place in line.split(",")
            ]
            return self.random.choice([place.strip().title() for place in places if place.strip().isascii()])
        return str(self._faker().city())

    def _organization(self) -> str:
        city, last = self._city(), self._last()
        return self.random.choice((
            str(self._faker().company()), f"{last} & Sons", f"{city} High School", f"St. {self.first()}'s Hospital",
            f"University of {city}", f"{last} Primary School",
            f"{city} General Hospital", f"{last} Logistics", f"{city} Community College", f"{last} Dental Clinic", f"{last} Clinic",
            f"{city} State University", f"{last}-{self._last()}",
            f"{last}, {self._last()} and {self._last()}", f"{last} PLC", f"{last} Group", f"{city} Fire Department", f"{last} Motors",
            f"{city} Police", f"{last} Elementary",
        ))  # fmt: skip

    def _date(self) -> str:
        date = self._faker().date_object(end_datetime=_LATEST)
        day = date.day
        suffix = {1: "st", 2: "nd", 3: "rd"}.get(day % 10 if day not in (11, 12, 13) else 0, "th")
        return self.random.choice((
            f"{day} {date:%B %Y}", f"{date:%B} {day}, {date.year}", f"{day}/{date.month}/{date.year}", f"{date:%Y-%m-%d}",
            f"{date:%B} {day}{suffix}", f"{date:%B %Y}",
            f"{day}{suffix} of {date:%B}", f"{date:%d.%m.%Y}", str(date.year), f"{date:%b} {day}", f"{day} {date:%B}",
            f"the {day}{suffix} of {date:%B} {date.year}",
        ))  # fmt: skip

    def _job(self) -> str:
        if self.random.random() < 0.6:
            return self.random.choice(_JOBS)
        return str(self._faker().job()).split(",")[0].split("/")[0].split(" (")[0].lower()

    def _money(self) -> str:
        amount = self.random.choice(
            (
                f"{self.random.randint(2, 990) * 10:,}",
                f"{self.random.randint(1, 99)},{self.random.randint(100, 999)}",
                str(self.random.randint(5, 900)),
            )
        )
        return self.random.choice((f"${amount}", f"€{amount}", f"{amount} euros", f"EUR {amount}", f"GBP {amount}",
        f"{amount} dollars", f"₹{amount}", f"PHP {amount}",
                                   f"{amount} pounds", f"NZD {amount}", f"£{amount}"))  # fmt: skip


def _unaccented(name: str) -> str:
    decomposed = unicodedata.normalize("NFD", name.replace("Đ", "D").replace("đ", "d"))
    return "".join(character for character in decomposed if not unicodedata.combining(character))
