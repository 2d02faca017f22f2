"""Which found values are the same thing, and where else a person's rows mention them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from components.anonymize import lexicon
from components.anonymize.inflection import forms_of, lemma
from components.anonymize.spans import Span
from components.shared.languages import Language
from components.shared.normalize import NormalizedText, canonical, normalize

_WORD = re.compile(r"\w+")
_PARTICLES = frozenset(
    "de del della di da dos das do van von der den ter ten bin ibn bint al el la le du o mac mc st dr mr mrs ms miss prof".split()  # noqa: SIM905 - a list of words is read as words
)
_MIN_FORM_CHARACTERS = 3
_SENTENCE_START = re.compile(r"(?:^|[.!?…:;\n(\"])[\s\"'(*_~-]*$")
_PROPAGATED = frozenset({"PERSON", "EMAIL", "PHONE", "HANDLE", "URL", "ID", "ADDRESS", "ORGANIZATION", "LOCATION"})
"""Types whose values mean the same wherever they stand; an age or a figure is another thing elsewhere."""


@dataclass(frozen=True)
class Value:
    """Something that was found: its type, how it is written, and the language of the turn."""

    type: str
    surface: str
    language: Language | None = None


@dataclass(frozen=True)
class Form:
    """A spelling under which a value may appear again."""

    text: str
    """Canonical (normalised, casefolded, single spaces)."""
    type: str
    case_bound: bool
    """The spelling is also an ordinary word: only a capital within a sentence means the value."""


def forms(values: Iterable[Value]) -> list[Form]:
    """Return the spellings to look for: each value, each telling part of a person's name, and their inflected forms."""
    found: set[Form] = set()
    for value in set(values):
        if value.type not in _PROPAGATED:
            continue
        for word in spellings(value):
            inflected = _inflected(word, value.language) if value.type == "PERSON" else ()
            bound = is_case_bound(word)
            found.update(Form(form, value.type, bound) for form in (word, *inflected))
    return sorted(found, key=lambda form: (-len(form.text), form.text, form.type))


def spellings(value: Value) -> list[str]:
    """Return a value and, of a name, its telling parts, in canonical form."""
    whole = canonical(value.surface)
    parts = [part for part in re.split(r"[\s.]+", whole) if part not in _PARTICLES] if value.type == "PERSON" else []
    words = [spelling.strip(" .,'\"-") for spelling in (whole, *parts)]
    return [word for word in words if len(word) >= _MIN_FORM_CHARACTERS or (word == whole and len(word) == _MIN_FORM_CHARACTERS - 1)]


def _inflected(word: str, language: Language | None) -> list[str]:
    """Return the other forms of a single name in the languages that inflect names by endings."""
    if " " in word or language == "en" or (language is None and word.isascii()):
        return []
    return [canonical(form) for form in forms_of(word, language or "ru")]


def is_case_bound(word: str) -> bool:
    """Say whether a spelling is an ordinary word or one that is capitalised without naming anybody (a month, a country)."""
    folded = lexicon.fold(word)
    return " " not in word and (lexicon.is_ordinary(folded) or lexicon.is_capitalised_word(folded))


class Mentions:
    """Finds further mentions of a person's values: whole words, in any case, whatever stands between the words of a value."""

    def __init__(self, wanted: Iterable[Form], engine: str = "propagation", *, any_capital: bool = False) -> None:
        """Index the spellings.

        Args:
            wanted: the spellings.
            engine: name for the spans.
            any_capital: a case-bound spelling counts with a capital at the head of a sentence, too.
        """
        self._engine, self._any_capital = engine, any_capital
        self._by_first: dict[str, list[tuple[tuple[str, ...], Form]]] = defaultdict(list)
        for form in wanted:
            words = tuple(_WORD.findall(form.text))
            if words:
                self._by_first[words[0]].append((words, form))

    def find(self, text: str) -> Iterator[Span]:
        """Yield mentions with offsets into the text as given."""
        if not self._by_first:
            return
        normalized = normalize(text)
        matches = list(_WORD.finditer(normalized.text))
        words = [match.group().casefold() for match in matches]
        for number, word in enumerate(words):
            for wanted, form in self._by_first.get(word, ()):
                last = number + len(wanted) - 1
                if tuple(words[number : last + 1]) != wanted or not _close(normalized, matches[number : last + 1]):
                    continue
                start, end = matches[number].start(), matches[last].end()
                if form.case_bound and not self._meant(normalized.text, start):
                    continue
                yield Span(*normalized.original(start, end), form.type, self._engine)

    def _meant(self, text: str, start: int) -> bool:
        return text[start].isupper() if self._any_capital else capital_within_sentence(text, start)


def _close(normalized: NormalizedText, matches: list[re.Match[str]]) -> bool:
    """Nothing but a few characters of punctuation or space stands between neighbouring words."""
    return all(after.start() - before.end() <= 3 for before, after in pairwise(matches))


def capital_within_sentence(text: str, start: int) -> bool:
    """Say whether the word at ``start`` has a capital that the head of a sentence does not explain."""
    return text[start].isupper() and _SENTENCE_START.search(text[max(0, start - 12) : start] if start >= 12 else text[:start]) is None


class Identities:
    """Maps each found value of a person to the entity that it names: parts of a full name are that person, whatever their case ending."""

    def __init__(self, values: Iterable[Value]) -> None:
        self._lemmas: dict[tuple[str, Language | None], str] = {}
        names = {self._name_words(value) for value in values if value.type == "PERSON"}
        maximal = [name for name in names if not any(name < other for other in names)]
        self._full = {name: self._only(name, maximal) for name in names}

    def key(self, value: Value) -> str:
        """Return the canonical value behind a surface; equal keys are one entity."""
        if value.type == "PERSON":
            words = self._name_words(value)
            return " ".join(sorted(self._full.get(words, words)))
        return "".join(character for character in canonical(value.surface) if character.isalnum())

    def _name_words(self, value: Value) -> frozenset[str]:
        words = [self._lemma(word, value.language) for word in re.split(r"[\s.\-,]+", canonical(value.surface)) if word]
        return frozenset([word for word in words if word not in _PARTICLES] or words)

    def _lemma(self, word: str, language: Language | None) -> str:
        if language == "en" or (language is None and word.isascii()):
            return word
        key = (word, language)
        if key not in self._lemmas:
            self._lemmas[key] = canonical(lemma(word, language or "ru"))
        return self._lemmas[key]

    @staticmethod
    def _only(name: frozenset[str], maximal: list[frozenset[str]]) -> frozenset[str]:
        fuller = [other for other in maximal if name <= other]
        return fuller[0] if len(fuller) == 1 else name
