"""Which found values are the same thing, and where else a person's rows mention them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from components.anonymize import lexicon
from components.anonymize.spans import Span
from components.shared.normalize import NormalizedText, canonical, normalize

_WORD = re.compile(r"\w+")
_PARTICLES = frozenset(
    ("de del della di da dos das do van von der den ter ten bin ibn bint al el la le du o mac mc st dr mr mrs ms miss prof").split()  # noqa: SIM905 - a list of words is read as words
)
_MIN_FORM_CHARACTERS = 3
_SENTENCE_START = re.compile(r"(?:^|[.!?…:;\n(\"])[\s\"'(*_~-]*$")


@dataclass(frozen=True)
class Form:
    """A spelling under which a value may appear again."""

    text: str
    """Canonical (normalised, casefolded, single spaces)."""
    type: str
    case_bound: bool
    """The spelling is also an ordinary word: only a capital within a sentence means the value."""


def forms(values: Iterable[tuple[str, str]]) -> list[Form]:
    """Return the spellings to look for: each value, and each telling part of a person's name.

    Args:
        values: type and surface of everything found in one person's rows.
    """
    found: set[Form] = set()
    for entity_type, surface in values:
        whole = canonical(surface)
        parts = [whole]
        if entity_type == "PERSON":
            parts += [part for part in re.split(r"[\s.]+", whole) if part not in _PARTICLES]
        for part in parts:
            word = part.strip(" .,'\"-")
            if len(word) >= _MIN_FORM_CHARACTERS or (word == whole and len(word) >= 2):
                found.add(Form(word, entity_type, is_case_bound(word)))
    return sorted(found, key=lambda form: (-len(form.text), form.text, form.type))


def is_case_bound(word: str) -> bool:
    """Say whether a spelling is an ordinary word or one that is capitalised without naming anybody (a month, a country)."""
    folded = lexicon.fold(word)
    return " " not in word and (lexicon.is_ordinary(folded) or lexicon.is_capitalised_word(folded))


class Mentions:
    """Finds further mentions of a person's values: whole words, in any case, whatever stands between the words of a value."""

    def __init__(self, wanted: list[Form]) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], Form]]] = defaultdict(list)
        for form in wanted:
            words = tuple(_WORD.findall(form.text))
            if words:
                self._by_first[words[0]].append((words, form))

    def find(self, text: str) -> Iterator[Span]:
        """Yield mentions with offsets into the text as given."""
        normalized = normalize(text)
        matches = list(_WORD.finditer(normalized.text))
        words = [match.group().casefold() for match in matches]
        for number, word in enumerate(words):
            for wanted, form in self._by_first.get(word, ()):
                last = number + len(wanted) - 1
                if tuple(words[number : last + 1]) != wanted or not _close(normalized, matches[number : last + 1]):
                    continue
                start, end = matches[number].start(), matches[last].end()
                if form.case_bound and not capital_within_sentence(normalized.text, start):
                    continue
                yield Span(*normalized.original(start, end), form.type, "propagation")


def _close(normalized: NormalizedText, matches: list[re.Match[str]]) -> bool:
    """Nothing but a few characters of punctuation or space stands between neighbouring words."""
    return all(after.start() - before.end() <= 3 for before, after in pairwise(matches))


def capital_within_sentence(text: str, start: int) -> bool:
    """Say whether the word at ``start`` has a capital that the head of a sentence does not explain."""
    return text[start].isupper() and _SENTENCE_START.search(text[max(0, start - 12) : start] if start >= 12 else text[:start]) is None


class Identities:
    """Maps each found value of a person to the entity that it names: parts of a full name are that person."""

    def __init__(self, values: Iterable[tuple[str, str]]) -> None:
        names = {self._name_words(surface) for entity_type, surface in values if entity_type == "PERSON"}
        maximal = [name for name in names if not any(name < other for other in names)]
        self._full = {name: self._only(name, maximal) for name in names}

    def key(self, entity_type: str, surface: str) -> str:
        """Return the canonical value behind a surface; equal keys are one entity."""
        if entity_type == "PERSON":
            words = self._name_words(surface)
            return " ".join(sorted(self._full.get(words, words)))
        return "".join(character for character in canonical(surface) if character.isalnum())

    @staticmethod
    def _name_words(surface: str) -> frozenset[str]:
        words = [word for word in re.split(r"[\s.\-,]+", canonical(surface)) if word]
        return frozenset([word for word in words if word not in _PARTICLES] or words)

    @staticmethod
    def _only(name: frozenset[str], maximal: list[frozenset[str]]) -> frozenset[str]:
        fuller = [other for other in maximal if name <= other]
        return fuller[0] if len(fuller) == 1 else name
