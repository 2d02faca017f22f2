"""Places, bodies, jobs and events by what kind they are: a town, a clinic, a health worker."""

import re
from collections import defaultdict
from collections.abc import Callable

from components.anonymize.operators import phrases
from components.anonymize.operators.mention import Mention
from components.shared.normalize import canonical

_FIGURES = re.compile(r"[$€£₽]?\s?\d+(?:[.,\s]\d+)*\s?[$€£₽]?")


class Broader:
    """Broader words for one person's values; different places and bodies of the person stay different as long as there are words."""

    def __init__(self, is_original: Callable[[str], bool]) -> None:
        self._is_original = is_original
        self._order: dict[tuple[str, str], list[str]] = defaultdict(list)

    def place(self, mention: Mention, level: str) -> str:
        """Return "a town", or "a town in Uzbekistan" at level ``country`` where the place is known."""
        language = phrases.written_in(mention)
        noun = self._variant("places", "town", mention)
        if language != "en":
            noun = phrases.inflected(noun, mention)
        country = phrases.country_of(" ".join(phrases.nominative(word, language) for word in mention.surface.split()))
        if level == "class" or country is None:
            return noun
        where = phrases.phrase("countries", country, mention)
        return f"{where} {noun}" if language == "uz" else f"{noun} {where}"

    def body(self, mention: Mention) -> str:
        """Return the class of an organisation, such as "a clinic"."""
        return phrases.inflected(self._variant("bodies", phrases.class_of("bodies", mention.surface), mention), mention)

    def _variant(self, group: str, entry: str, mention: Mention) -> str:
        language = phrases.written_in(mention)
        base = " ".join(phrases.nominative(word, language) for word in mention.surface.split())
        known = self._order[group, entry]
        if base not in known:
            known.append(base)
        words = phrases.variants(group, entry, mention)
        # A bare "клиника" may have been found somewhere; then its class must not be written as the same word.
        free = [word for word in words if not self._is_original(word)] or words
        return free[min(known.index(base), len(free) - 1)]


def fact(mention: Mention) -> str:
    """Return the broad group of a job, a trait, a quantity or an event."""
    if mention.type == "QUANTITY":
        return _quantity(mention)
    group = {"PROFESSION": "jobs", "DEMOGRAPHIC": "demographics", "EVENT": "events"}[mention.type]
    words = phrases.phrase(group, phrases.class_of(group, mention.surface), mention)
    if mention.type != "DEMOGRAPHIC":
        words = phrases.inflected(words, mention)
    # "a nurse" and "nurse" are both marked; where the article stands outside, a second one is not wanted.
    return words if canonical(mention.surface).startswith(("a ", "an ", "the ")) else re.sub("^an? ", "", words)


def _quantity(mention: Mention) -> str:
    """Keep the unit, not the figure: "several kg"."""
    several = phrases.phrase("quantity", "several", mention)
    changed, count = _FIGURES.subn(f"{several} ", mention.surface)
    return re.sub(r"\s+", " ", changed).strip() if count else phrases.phrase("quantity", "some", mention)
