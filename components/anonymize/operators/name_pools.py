"""The names that surrogates are made of, by culture, script and gender; and what they tell of a name that is given."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count, product
from pathlib import Path
from typing import Literal

from components.anonymize.operators.transliteration import russian_to_latin, uzbek_to_cyrillic
from components.shared.languages import Script
from components.shared.normalize import canonical

Culture = Literal["en", "ru", "uz", "tr", "in", "ar", "vn", "ng"]
Gender = Literal["female", "male", "neutral"]
CULTURES: tuple[Culture, ...] = ("en", "ru", "uz", "tr", "in", "ar", "vn", "ng")
_FOLDER = Path(__file__).parent.parent / "surrogate_names"
_DIMINUTIVES = _FOLDER / "diminutives.txt"


@dataclass(frozen=True)
class Pool:
    """Names of one culture in one script; family names and patronymics in the masculine form where there are two."""

    given: dict[Gender, tuple[str, ...]]
    family: tuple[str, ...]
    patronymic: tuple[str, ...]
    known: dict[str, tuple[str, ...]]
    """Frequent names that are recognised and never offered: originals are likely to bear them. By gender, and ``family``."""


@cache
def pool(culture: Culture, script: Script) -> Pool:
    """Return the names of a culture; in Cyrillic letters only Russian and Uzbek ones exist."""
    sections = _sections(culture)
    if culture == "ru" and script == "latin":
        sections = {section: tuple(map(russian_to_latin, names)) for section, names in sections.items()}
    elif culture == "uz" and script == "cyrillic":
        sections = {section: tuple(map(uzbek_to_cyrillic, names)) for section, names in sections.items()}
    else:
        assert script == ("cyrillic" if culture == "ru" else "latin"), f"no {script} names of {culture}"
    given: dict[Gender, tuple[str, ...]] = {gender: sections[gender] for gender in ("female", "male", "neutral")}
    known = {name: sections[f"known {name}"] for name in ("female", "male", "family")}
    return Pool(given, sections["family"], sections.get("patronymic", ()), known)


@cache
def _sections(name: str) -> dict[str, tuple[str, ...]]:
    sections: dict[str, list[str]] = {}
    for line in (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()[1:]:
        if line.startswith("# "):
            names = sections.setdefault(line[2:].strip(), [])
        else:
            names.extend(line.split())
    return {section: tuple(names) for section, names in sections.items()}


def scripts(culture: Culture) -> tuple[Script, ...]:
    """Return the scripts in which there are names of a culture."""
    return ("latin", "cyrillic") if culture in ("ru", "uz") else ("latin",)


@dataclass(frozen=True)
class Known:
    """What the pools say of a name."""

    culture: Culture
    role: Literal["given", "family"]
    gender: Gender


@cache
def known_names() -> dict[str, tuple[Known, ...]]:
    """Return every name of the pools in its canonical spelling, with all cultures in which it occurs."""
    known: dict[str, list[Known]] = {}
    for culture in CULTURES:
        for script in scripts(culture):
            names = pool(culture, script)
            for gender, given in names.given.items():
                for name in (*given, *names.known.get(gender, ())):
                    known.setdefault(canonical(name), []).append(Known(culture, "given", gender))
            for name in (*names.family, *names.known["family"]):
                known.setdefault(canonical(name), []).append(Known(culture, "family", "neutral"))
    return {name: tuple(uses) for name, uses in known.items()}


@cache
def _diminutives() -> dict[str, str]:
    full: dict[str, str] = {}
    for line in _DIMINUTIVES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, short = line.split(":")
            full |= dict.fromkeys(short.split(), name.strip())
    return full


def is_short_for_both(word: str) -> bool:
    """Say whether a short form (canonical) is used of men and of women."""
    return word in _sections("both")["both"]


def full_given_name(word: str) -> str:
    """Return the full name behind a diminutive or a nickname (both canonical): ``will`` is ``william``; others stay."""
    return _diminutives().get(word, word)


_ONSETS = "b br c d dr f g gr h j k l m n p pr r s st t tr v w z".split()  # noqa: SIM905 - a list of syllables is read as syllables
_MIDDLES = "adel amir aren avin edor elin eran esim idar ilen imor inel odan olen orim umel unar".split()  # noqa: SIM905
_ENDINGS: dict[Gender, tuple[str, ...]] = {"female": ("a", "ina", "ora"), "male": ("", "an", "or"), "neutral": ("i", "en")}
_FAMILY_ENDINGS: dict[Script, tuple[str, ...]] = {"latin": ("er", "ow"), "cyrillic": ("ов",)}
_CYRILLIC = str.maketrans("abcdefghijklmnoprstuvwz", "абкдефгхижклмнопрстуввз")


def invented(gender: Gender, script: Script, *, family: bool = False) -> Iterator[str]:
    """Yield names that nobody bears, for a corpus that holds every name of a pool: syllables, then more syllables."""
    endings = _FAMILY_ENDINGS[script] if family else _ENDINGS[gender]
    for syllables in count(1):
        for parts in product(_ONSETS, *[_MIDDLES] * syllables, endings):
            word = "".join(parts)
            yield (word.translate(_CYRILLIC) if script == "cyrillic" else word).capitalize()
