"""Forms of a name in Russian and Uzbek: all that may stand for it, the form to file it under, and the same form of another name.

Works by word lists and rules alone, so that it answers alike on every machine, whatever engines are installed. All words are read and
returned in lower case, but for ``inflect_like``, which writes as the original was written.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import product
from pathlib import Path

from components.anonymize import uz_suffixes
from components.anonymize.ru_declension import Cell, every_form, nominatives, paradigm
from components.shared.languages import Language

_FOLDER = Path(__file__).parent / "gazetteers"
_CYRILLIC = re.compile("[Ѐ-ӿ]")
_MAX_PHRASES = 400
"""Forms of a name of several words that are looked for: case forms in agreement, not every mix of them."""


@cache
def word_list(name: str) -> tuple[str, ...]:
    """Return the entries of a gazetteer, in order: by commas where it has any, else by spaces; lines of gender lose their mark."""
    lines = (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    separator = "," if name.endswith("towns") else None
    entries = (entry.strip() for line in lines if not line.startswith("#") for entry in re.sub(r"^[mfu]: ", "", line).split(separator))
    return tuple(dict.fromkeys(entry for entry in entries if entry))


@cache
def given_names(name: str) -> dict[str, str]:
    """Return the names of a list with their gender: ``m``, ``f``, or ``u`` for both."""
    found: dict[str, str] = {}
    for line in (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line[:3] in {"m: ", "f: ", "u: "}:
            for entry in line[3:].split():
                found[entry] = line[0] if found.get(entry, line[0]) == line[0] else "u"
    return found


_RUSSIAN_WORDS = frozenset({"норма"})
"""Spellings of Uzbek names that are frequent Russian words of another part of speech."""


@cache
def russian_given_names() -> dict[str, str]:
    """Return every given name in Russian spelling (ё as е) with its gender: the Russian list, and the Uzbek one as Russian writes it."""
    names = {name.replace("ё", "е"): gender for name, gender in given_names("ru_given_names").items()}
    for name, gender in given_names("uz_given_names").items():
        if len(name) >= 4:
            for spelling in uz_suffixes.russian_spellings(name):
                if spelling not in _RUSSIAN_WORDS:
                    names.setdefault(spelling.replace("ё", "е"), gender)
    return names


@cache
def russian_name_forms() -> dict[str, str]:
    """Return every case form of the given names (ё as е), with the nominative; a nominative is its own."""
    names = russian_given_names()
    forms: dict[str, str] = {name: name for name in names}
    for name, gender in names.items():
        for woman in {"m": (False,), "f": (True,), "u": (False, True)}[gender]:
            for (number, _), variants in paradigm(name, woman).items():
                for form in variants:
                    if number == "sg" or len(form) > len(name):
                        forms.setdefault(form.replace("ё", "е"), name)
    return forms


@lru_cache(maxsize=16384)
def forms_of(name: str, language: Language) -> frozenset[str]:
    """Return the forms (lower case, the name itself among them) under which a name may stand in a text.

    Args:
        name: one word or several, in any form.
        language: of the turn; Uzbek gives both alphabets, and Cyrillic names always have their Russian forms, too.
    """
    words = name.casefold().split()
    if not words:
        return frozenset()
    whole = " ".join(words)
    if language == "en":
        return frozenset({whole, f"{whole}'s"})
    if len(words) == 1:
        return frozenset({whole, *_word_forms(whole, language)})
    found = {whole}
    if _CYRILLIC.search(whole):
        found.update(_phrases(words))
    if language == "uz":
        *heads, last = words
        head = " ".join(_uzbek_base(word) for word in heads)
        for form in _word_forms(last, "uz"):
            found.update({f"{' '.join(heads)} {form}", f"{head} {form}"})
            if not _CYRILLIC.search(form):
                found.add(uz_suffixes.to_cyrillic(f"{head} {form}"))
    return frozenset(found)


@lru_cache(maxsize=16384)
def lemma(word: str, language: Language) -> str:
    """Return the form under which all forms of a word are filed (nominative, bare stem): by the lists, else by the likeliest ending."""
    lowered = word.casefold()
    if language == "en":
        return lowered.removesuffix("'s")
    if language == "uz":
        base = _uzbek_base(lowered)
        if base != lowered or not _CYRILLIC.search(lowered):
            return base
    if not _CYRILLIC.search(lowered):
        return _uzbek_base(lowered)
    return _russian_lemmas(lowered)[0]


def inflect_like(replacement: str, original_surface: str, original_lemma: str) -> str:
    """Write a replacement as the original stood: case, number, endings, capitals.

    Args:
        replacement: a name in the nominative, as it should be capitalised by itself, of the gender and alphabet of the original.
        original_surface: the original as it stands in the text (``Ирине``, ``SHERZODGA``).
        original_lemma: its form of file (``ирина``, ``sherzod``), from ``lemma``.
    """
    surface, base = original_surface.casefold(), original_lemma.casefold()
    if surface == base:
        return _written_like(replacement, original_surface)
    if surface.endswith("'s") and surface[:-2] == base:
        return _written_like(replacement + "'s", original_surface)
    cell = _cell(surface.split(), base.split()) if _CYRILLIC.search(surface) else None
    if cell is not None:
        words = [_declined(word, cell) for word in replacement.casefold().split()]
        return _written_like(" ".join(words), original_surface, replacement)
    ending = _uzbek_ending(surface, base)
    if ending:
        return _written_like(_with_ending(replacement.casefold(), ending), original_surface, replacement)
    return _written_like(replacement, original_surface)


def _word_forms(word: str, language: Language) -> Iterator[str]:
    if _CYRILLIC.search(word):
        for nominative in _russian_lemmas(word):
            yield from every_form(nominative)
            if "е" in nominative or "ё" in nominative:
                yield from every_form(nominative.replace("ё", "е"))
    if language == "uz":
        base = _uzbek_base(word)
        latin = uz_suffixes.to_latin(base)
        for surface in uz_suffixes.surfaces(latin):
            yield surface
            yield uz_suffixes.to_cyrillic(surface)
        if base != latin:
            yield base


def _russian_lemmas(word: str) -> list[str]:
    """Return the nominatives behind a form, listed names first."""
    plain = word.replace("ё", "е")
    listed = russian_name_forms().get(plain)
    if listed is not None:
        return [word if listed == plain else listed]
    candidates = nominatives(word)
    known = [candidate for candidate in candidates if candidate.replace("ё", "е").removesuffix("а") in _family_names()]
    return known or candidates


@cache
def _family_names() -> frozenset[str]:
    return frozenset(word_list("ru_family_names"))


def _phrases(words: list[str]) -> Iterator[str]:
    """Yield a name of several words in every case, its words in agreement."""
    readings = [[paradigm(base, woman) for base in _russian_lemmas(word)[:2] for woman in (False, True)] for word in words]
    number_of = 0
    for chosen in product(*readings):
        for cell in chosen[0]:
            for phrase in product(*(table[cell] for table in chosen)):
                yield " ".join(phrase)
                number_of += 1
                if number_of >= _MAX_PHRASES:
                    return


@lru_cache(maxsize=16384)
def _uzbek_base(word: str) -> str:
    """Strip the endings of a listed name or, of an unlisted one, a case ending that leaves a stem of four letters or more."""
    latin = uz_suffixes.to_latin(word)
    if uz_suffixes.skeleton(latin) in uzbek_names():
        return word
    for length in range(len(latin) - 1, 2, -1):
        if uz_suffixes.CHAIN.fullmatch(latin, length) and uz_suffixes.skeleton(latin[:length]) in uzbek_names():
            return latin[:length] if latin == word else uz_suffixes.to_cyrillic(latin[:length])
    stripped = re.sub(r"(?:lar)?(?:ning|niki|ga|qa|dan|ni|da)$", "", latin)
    if len(stripped) >= 4 and stripped != latin:
        return stripped if latin == word else uz_suffixes.to_cyrillic(stripped)
    return word


@cache
def uzbek_names() -> frozenset[str]:
    """Return the skeletons of the listed Uzbek given names."""
    return frozenset(uz_suffixes.skeleton(name) for name in given_names("uz_given_names"))


def _cell(surface: list[str], base: list[str]) -> Cell | None:
    """Return number and case in which the words of the base give the surface; None where no case does."""
    if len(surface) != len(base):
        return None
    plain = [word.replace("ё", "е") for word in surface]
    for woman in (True, False):
        tables = [paradigm(word, woman) for word in base]
        for cell in tables[0]:
            if all(word in {form.replace("ё", "е") for form in table[cell]} for word, table in zip(plain, tables, strict=True)):
                return cell
    return None


def _declined(word: str, cell: Cell) -> str:
    gender = russian_given_names().get(word.replace("ё", "е"), "m")
    return paradigm(word, gender == "f")[cell][0]


def _uzbek_ending(surface: str, base: str) -> str:
    """Return the endings (Latin) that the surface adds to the base; empty where it does not begin with it."""
    surface, base = uz_suffixes.to_latin(surface), uz_suffixes.to_latin(base)
    return surface[len(base) :] if surface.startswith(base) and uz_suffixes.CHAIN.fullmatch(surface, len(base)) else ""


def _with_ending(replacement: str, ending: str) -> str:
    if _CYRILLIC.search(replacement):
        return uz_suffixes.to_cyrillic(uz_suffixes.attach(uz_suffixes.to_latin(replacement), ending))
    return uz_suffixes.attach(replacement, ending)


def _written_like(text: str, original: str, capitals: str | None = None) -> str:
    """Give a text the capitals of the original; a capital inside the replacement (``McKay``) is kept where the words still match."""
    if original.islower():
        return text.lower()
    letters = [character for character in original if character.isalpha()]
    if len(letters) > 1 and original.isupper():
        return text.upper()
    if capitals is None:
        return text
    pieces = []
    for written, model in zip(text.split(), capitals.split(), strict=True):
        common = 0
        while common < min(len(written), len(model)) and written[common] == model[common].lower():
            common += 1
        pieces.append(model[:common] + written[common:])
    return " ".join(pieces)
