"""Names of nobody by origin: from Faker's locales where it knows the culture, from lists beside this file where it does not."""

import random
import re
import unicodedata
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from faker import Faker

from tests.benchmarks.identities.declension import Case, family_name, given_name
from tests.benchmarks.identities.transliteration import russian_latin, uzbek_cyrillic

Origin = Literal["en", "ru", "uz", "tr", "in", "ar", "vn", "ng", "eu"]
ORIGINS: tuple[Origin, ...] = ("en", "ru", "uz", "tr", "in", "ar", "vn", "ng")
_DAUGHTER, _SON = "qizi", "o'g'li"
_HERE = Path(__file__).parent
_WRITTEN_WELL = re.compile(r"[^\W\d_]+(?:[ '’.-]+[^\W\d_]+)*")
_LOCALES = {
    "en": ("en_US", "en_GB"), "ru": ("ru_RU",), "tr": ("tr_TR",), "in": ("en_IN",), "ng": ("yo_NG", "ig_NG", "ha_NG"),
    "eu": ("de_DE", "es_ES", "fr_FR", "it_IT", "nl_NL", "pl_PL", "pt_BR", "sv_SE", "cs_CZ", "ro_RO"),
}  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Somebody who does not exist."""

    given: str
    family: str
    female: bool
    middle: str = ""
    """Patronymic where the culture has one."""
    short: str = ""
    """Short form of a given name (of anybody: it need not fit)."""
    family_first: bool = False
    son_or_daughter: str = ""
    """Uzbek word after the father's name; it belongs to the sentence, not to the identity."""

    def written(self, form: str, case: Case = "nom") -> str:
        """Return the name in one of the forms that carriers ask for (first, last, full, last_first, initial, io, fio, ini, dim)."""
        given, middle = (given_name(part, case, female=self.female) if part else "" for part in (self.given, self.middle))
        family = family_name(self.family, case, female=self.female)
        full = f"{family} {given}" if self.family_first else f"{given} {family}"
        middle_initial = f" {self.middle[0]}." if self.middle else ""
        return {
            "first": given,
            "last": family,
            "full": full,
            "last_first": f"{family}, {given}",
            "initial": f"{given[0]}. {family}",
            "io": f"{given} {middle}",
            "fio": f"{family} {given} {middle}",
            "ini": f"{family} {given[0]}.{middle_initial}",
            "dim": given_name(self.short, case, female=self.female) if self.short else given,
        }[form]


def make_person(origin: Origin, generator: random.Random, *, female: bool, latin: bool = True, script: str = "latin") -> Person:
    """Return a person of an origin.

    Args:
        origin: of the name.
        generator: of chance.
        female: a woman's name.
        latin: Russian names in Latin letters.
        script: of Uzbek names, ``latin`` or ``cyrillic``.
    """
    if origin == "uz":
        return _uzbek(generator, female=female, cyrillic=script == "cyrillic")
    if origin == "ar":
        lists = _lists("names_ar.txt")
        return Person(generator.choice(lists["f" if female else "m"]), generator.choice(lists["family"]), female)
    if origin == "vn":
        return _vietnamese(generator, female=female)
    if origin == "ru":
        return _russian(generator, female=female, latin=latin)
    faker = _faker(generator.choice(_LOCALES[origin]))
    while True:
        faker.seed_instance(generator.getrandbits(32))
        given = faker.first_name_female() if female else faker.first_name_male()
        family = faker.last_name_female() if female else faker.last_name_male()
        if _WRITTEN_WELL.fullmatch(f"{given} {family}"):  # Faker's Turkish list holds damaged letters
            return Person(given, family, female)


def _russian(generator: random.Random, *, female: bool, latin: bool) -> Person:
    faker = _faker("ru_RU")
    faker.seed_instance(generator.getrandbits(32))
    if female:
        given, middle, family = faker.first_name_female(), faker.middle_name_female(), faker.last_name_female()
    else:
        given, middle, family = faker.first_name_male(), faker.middle_name_male(), faker.last_name_male()
    if latin:
        return Person(russian_latin(given), russian_latin(family), female)
    return Person(given, family, female, middle, generator.choice(_lists("names_ru_short.txt")["f" if female else "m"]))


def _uzbek(generator: random.Random, *, female: bool, cyrillic: bool) -> Person:
    lists = _lists("names_uz.txt")
    family = generator.choice(lists["family"]) + ("a" if female else "")
    given, father = generator.choice(lists["f" if female else "m"]), generator.choice(lists["m"])
    person = Person(given, family, female, father, son_or_daughter=_DAUGHTER if female else _SON)
    if not cyrillic:
        return person
    return replace(
        person,
        given=uzbek_cyrillic(given),
        family=uzbek_cyrillic(family),
        middle=uzbek_cyrillic(father),
        son_or_daughter=uzbek_cyrillic(person.son_or_daughter),
    )


def _vietnamese(generator: random.Random, *, female: bool) -> Person:
    lists = _lists("names_vn.txt")
    family, middle = generator.choice(lists["family"]), generator.choice(lists["middle_f" if female else "middle_m"])
    given = generator.choice(lists["f" if female else "m"])
    person = Person(f"{middle} {given}", family, female, family_first=generator.random() < 0.5)
    return person if generator.random() < 0.5 else replace(person, given=_plain(person.given), family=_plain(family))


def _plain(text: str) -> str:
    """Return Vietnamese without its marks."""
    bare = "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
    return bare.replace("Đ", "D").replace("đ", "d")


@cache
def _faker(locale: str) -> Faker:
    return Faker(locale)


@cache
def _lists(name: str) -> dict[str, tuple[str, ...]]:
    lines = (line.split("\t") for line in (_HERE / name).read_text(encoding="utf-8").splitlines() if line and not line.startswith("#"))
    return {kind: tuple(names.split()) for kind, names in lines}
