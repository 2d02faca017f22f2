"""Ages: another one of the same band. Two ages of one band change places in a ring, so that different ages stay different."""

import re
from typing import TYPE_CHECKING

from components.anonymize.operators import number_words, phrases
from components.anonymize.operators.keyed import KeyedChoice
from components.anonymize.operators.mention import Mention
from components.anonymize.operators.surface import in_case_of

if TYPE_CHECKING:
    from components.anonymize.policy import Band

_FIGURES = re.compile(r"\d{1,3}")
_HUNDRED = re.compile(r"\b(?:hundred|ст[оа]|yuz|юз)\b", re.IGNORECASE)
_RUSSIAN_YEARS = re.compile(r"\b(?:год|года|лет)\b")
_ADULT = 18
"""Years; no band crosses it, because what a counsellor may say to a minor differs."""


def age_of(value: str) -> int | None:
    """Return the age that a value tells in figures or words, None where it cannot be read."""
    figures = _FIGURES.search(value)
    if figures:
        return int(figures.group())
    return 100 if _HUNDRED.search(value) else number_words.read(value)


def is_kept_age(value: str, minimum_age: int) -> bool:
    """Say whether an age (figures or words) is certainly below the minimum; what cannot be read is replaced."""
    age = age_of(value)
    return age is not None and age < minimum_age


def replacement(mention: Mention, band: "Band", keyed: KeyedChoice) -> str:
    """Return another age of the band, written as the original is; from the cap on only that it is passed."""
    age = age_of(mention.surface)
    if age is None:
        return phrases.phrase("ages", "some", mention)
    if age >= band.cap:
        return phrases.phrase("ages", "over", mention).format(cap=band.cap)
    changed = _moved(age, band, keyed, phrases.written_in(mention) == "ru")
    if _FIGURES.search(mention.surface):
        return _RUSSIAN_YEARS.sub(_years(changed), _FIGURES.sub(str(changed), mention.surface, count=1))
    return in_case_of(number_words.written_like(changed, mention.surface), mention.surface)


def _moved(age: int, band: "Band", keyed: KeyedChoice, agreeing: bool) -> int:
    """Move an age around its band by a step of the person; in Russian within the ages that take the same word for years."""
    low = age // band.width * band.width
    high = min(low + band.width, band.cap)
    ring = [other for other in range(low, high) if (other < _ADULT) == (age < _ADULT)]
    if agreeing:
        few = [other for other in ring if _takes_few(other)]
        ring = few if age in few and len(few) > 1 else [other for other in ring if other not in few or len(few) == 1]
    step = 1 + keyed.number("age", str(ring[0])) % max(1, len(ring) - 1)
    return ring[(ring.index(age) + step) % len(ring)]


def _years(age: int) -> str:
    return "года" if _takes_few(age) else "год" if age % 10 == 1 and age != 11 else "лет"


def _takes_few(age: int) -> bool:
    """2, 3 and 4 ``года``, but 12, 13 and 14 ``лет``."""
    return age % 10 in (2, 3, 4) and age not in (12, 13, 14)
