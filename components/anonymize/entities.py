"""Which found values are the same thing, and where else a person's rows mention them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from components.anonymize import lexicon
from components.anonymize.inflection import lemma, uzbek_names
from components.anonymize.operators import full_given_name
from components.anonymize.readings import filed_under, readings
from components.anonymize.recognizers import ru_words, uz_words
from components.anonymize.spans import PROPAGATION, Span
from components.anonymize.uz_suffixes import skeleton
from components.shared.languages import Language
from components.shared.normalize import NormalizedText, canonical, normalize

_WORD = re.compile(r"\w+")
_NAME = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_ADDITIONS = ("name_particles", "titles", "name_additions")
"""Word lists of what stands in names without being anybody's name."""
_LONG_NUMBER = re.compile(r"(?:\b|(?<=\W))\+?[\w.()/-]*\d[\w.()/-]*(?:\s+\(?[\w.()/-]*\d[\w.()/-]*)*")
_MIN_NUMBER_DIGITS = 6
"""Neighbouring words with figures, so many of them in all, are a number by themselves inside an address or a record."""
_MIN_FORM_CHARACTERS = 3
_SENTENCE_START = re.compile(r"(?:^|[.!?…:;\n(\"])[\s\"'(*_~-]*$")
_SIGN, _MIN_SIGN_CHARACTERS = re.compile(r"[@/_]"), 5
"""A word of so many characters with such a sign is a value by itself inside a longer one ("ID: vk.com/name")."""
_NUMBERED = frozenset({"PHONE", "ID", "ADDRESS", "HANDLE", "URL", "EMAIL"})
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
    inflects: bool = False
    """A single name in a language with endings: any word that may be a form of it (``readings``) means the value."""


def forms(values: Iterable[Value]) -> list[Form]:
    """Return the spellings to look for: each value and each telling part of a person's name, names in Russian and Uzbek in all forms."""
    found: set[Form] = set()
    for value in set(values):
        if value.type not in _PROPAGATED:
            continue
        for word in spellings(value):
            bound = is_case_bound(word)
            if value.type == "PERSON" and _inflects(word, value.language):
                found.update(Form(base, value.type, bound, inflects=True) for base in filed_under(word, value.language))
            else:
                found.add(Form(word, value.type, bound))
    return sorted(found, key=lambda form: (-len(form.text), form.text, form.type, form.inflects))


def spellings(value: Value) -> list[str]:
    """Return a value and, of a name, its telling parts, in canonical form."""
    whole = canonical(value.surface)
    parts = []
    if value.type == "PERSON":
        parts = [part for part in re.split(r"[\s.]+", whole) if not _is_addition(part)]
    elif value.type in _NUMBERED:
        parts = [run for run in _LONG_NUMBER.findall(whole) if sum(map(str.isdigit, run)) >= _MIN_NUMBER_DIGITS]
        parts += [word for word in whole.split() if len(word) >= _MIN_SIGN_CHARACTERS and _SIGN.search(word)]
    words = [spelling.strip(" .,'\"-") for spelling in (whole, *parts) if not _is_addition(spelling)]
    return [word for word in words if len(word) >= _MIN_FORM_CHARACTERS or (word == whole and len(word) == _MIN_FORM_CHARACTERS - 1)]


@cache
def _additions() -> frozenset[str]:
    return frozenset().union(*(lexicon.words(name) for name in _ADDITIONS))


def _is_addition(word: str) -> bool:
    return word in _additions() or lexicon.fold(word) in _additions()


def _inflects(word: str, language: Language | None) -> bool:
    """Say whether a name takes endings: all Cyrillic ones do, Latin ones where the turn or the name is Uzbek.

    The turn alone does not decide: people write a Russian sentence into English talk, and a turn counts as its greater part.
    """
    if " " in word:
        return False
    return language == "uz" or not word.isascii() or skeleton(lemma(word, "uz")) in uzbek_names()


def _language_of_name(word: str, language: Language | None) -> Language:
    return language if language in ("ru", "uz") else "uz" if word.isascii() else "ru"


@lru_cache(maxsize=65536)
def is_case_bound(word: str) -> bool:
    """Say whether a spelling is an ordinary word of one of the languages, or is capitalised without naming anybody (a month, a country)."""
    if " " in word:
        return False
    folded = lexicon.fold(word)
    if lexicon.is_ordinary(folded) or lexicon.is_capitalised_word(folded) or uz_words.listed(folded):
        return True
    return not word.isascii() and ru_words.ordinary(word)


class Mentions:
    """Finds further mentions of a person's values: whole words, in any case, whatever stands between the words of a value."""

    def __init__(self, wanted: Iterable[Form], engine: str = PROPAGATION, *, any_capital: bool = False) -> None:
        """Index the spellings.

        Args:
            wanted: the spellings.
            engine: name for the spans.
            any_capital: a case-bound spelling counts with a capital at the head of a sentence, too.
        """
        self._engine, self._any_capital = engine, any_capital
        self._by_first: dict[str, list[tuple[tuple[str, ...], Form]]] = defaultdict(list)
        self._inflecting: dict[str, Form] = {}
        for form in wanted:
            words = tuple(_WORD.findall(form.text))
            if form.inflects:
                self._inflecting[form.text] = form
            elif words:
                self._by_first[words[0]].append((words, form))

    def find(self, text: str) -> Iterator[Span]:
        """Yield mentions with offsets into the text as given."""
        if not self._by_first and not self._inflecting:
            return
        normalized = normalize(text)
        matches = list(_WORD.finditer(normalized.text))
        words = [match.group().casefold() for match in matches]
        for number, word in enumerate(words):
            for wanted, form in self._by_first.get(word, ()):
                last = number + len(wanted) - 1
                if tuple(words[number : last + 1]) == wanted and _close(normalized, matches[number : last + 1]):
                    yield from self._span(normalized, matches[number].start(), matches[last].end(), form)
        if self._inflecting:
            for match in _NAME.finditer(normalized.text):
                inflected = next((self._inflecting[base] for base in readings(match.group()) if base in self._inflecting), None)
                if inflected is not None:
                    yield from self._span(normalized, match.start(), match.end(), inflected)

    def _span(self, normalized: NormalizedText, start: int, end: int, form: Form) -> Iterator[Span]:
        if not form.case_bound or self._meant(normalized.text, start):
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
        words = [full_given_name(self._lemma(word, value.language)) for word in re.split(r"[\s.\-,]+", canonical(value.surface)) if word]
        return frozenset([word for word in words if not _is_addition(word)] or words)

    def _lemma(self, word: str, language: Language | None) -> str:
        if not _inflects(word, language):
            return word
        key = (word, language)
        if key not in self._lemmas:
            self._lemmas[key] = canonical(lemma(word, _language_of_name(word, language)))
        return self._lemmas[key]

    @staticmethod
    def _only(name: frozenset[str], maximal: list[frozenset[str]]) -> frozenset[str]:
        fuller = [other for other in maximal if name <= other]
        return fuller[0] if len(fuller) == 1 else name
