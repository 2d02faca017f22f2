"""Word lists: given and family names of many cultures, places, ordinary words, and words that are capitalised but name nobody."""

import re
import unicodedata
from collections import defaultdict
from functools import cache, lru_cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "gazetteers"
_NAME_ENDING = re.compile(
    r"(?:[oe]va?|yeva?|enko|sk[iy]|skaya|ska|wicz|[oe]vich|[oe]vna|yan|dze|shvili|oglu|zadeh?|sson|dottir|opoulos|akis|escu|eanu|uddin|ullah|bek|jon|xon"
    r"|ова?|[её]ва?|ск(?:ий|ая)|енко|[ое]вич|[ое]вна|бек|жон|хон|зода|швили)$"
)
_WORD_ENDING = re.compile(
    r"(?:ing|tion|sion|ness|ment|ful|less|ous|able|ible|ally|ity|ive|ism|ship|hood|ology|ical|ward|wise|ence|ated|ized|ised)$"
)
_UNCOMPOSED = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"})
_MARKS = re.compile("(?<=[a-z])[̀-ͯ]+")

GIVEN, FAMILY, ORDINARY, CAPITALISED, PLACE, FUNCTION = 1, 2, 4, 8, 16, 32
"""Bits of ``facts``: a given name, a family name, an ordinary word, a word that is capitalised without naming anybody, a place, a
word of grammar that is no name by itself."""


@cache
def words(name: str) -> frozenset[str]:
    """Return the words (folded) of a list; ``first_names`` reads ``first_names.txt`` and every ``first_names_*.txt``."""
    return frozenset(word for line in _lines(name) for word in fold(line).split())


@cache
def phrases(name: str) -> frozenset[str]:
    """Return the comma separated entries (folded) of a list."""
    return frozenset(entry for line in _lines(name) for part in fold(line).split(",") if (entry := " ".join(part.split())))


@lru_cache(maxsize=65536)
def facts(word: str) -> int:
    """Return everything that the lists say of a word (folded), as bits."""
    return (
        GIVEN * is_given_name(word)
        | FAMILY * is_family_name(word)
        | ORDINARY * is_ordinary(word)
        | CAPITALISED * is_capitalised_word(word)
        | PLACE * is_place(word)
        | FUNCTION * (word in words("function_words"))
    )


@lru_cache(maxsize=65536)
def fold(word: str) -> str:
    """Lower case, without accents on Latin letters: ``José`` and ``jose`` are one entry."""
    lowered = word.lower()
    if lowered.isascii():
        return lowered
    decomposed = unicodedata.normalize("NFD", lowered.translate(_UNCOMPOSED))
    return unicodedata.normalize("NFC", _MARKS.sub("", decomposed))


@lru_cache(maxsize=65536)
def is_given_name(word: str) -> bool:
    """Say whether the word (folded) is a given name; of a hyphenated one, every part is."""
    names = words("first_names")
    return word in names or ("-" in word and all(part in names for part in word.split("-")))


@lru_cache(maxsize=65536)
def is_family_name(word: str) -> bool:
    """Say whether the word (folded) is a family name by list or by ending; of a hyphenated one, some part is."""
    names = words("last_names")
    if word in names or any(part in names for part in word.split("-") if "-" in word):
        return True
    return len(word) >= 6 and _NAME_ENDING.search(word) is not None and not is_ordinary(word)


@lru_cache(maxsize=65536)
def is_ordinary(word: str) -> bool:
    """Say whether the word (folded) is an ordinary English word, by list, inflection or ending."""
    common = words("common_words")
    if word in common or word in words("word_names"):
        return True
    if any(stem in common for stem in _stems(word)):
        return True
    if "-" in word:
        return all(len(part) < 3 or is_ordinary(part) or is_capitalised_word(part) for part in word.split("-"))
    return len(word) >= 6 and _WORD_ENDING.search(word) is not None and word not in words("first_names") and word not in words("last_names")


@lru_cache(maxsize=65536)
def is_misspelt(word: str) -> bool:
    """Say whether the word (folded) looks like an ordinary one with one slip: doubled, left out, swapped or wrong letters."""
    if re.search(r"(.)\1\1", word) or not re.search("[aeiouyаеёиоуыэюя]", word):
        return True
    swaps = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
    shorter = {word[:i] + word[i + 1 :] for i in range(len(word))}
    if len(word) >= 5:
        return any(is_ordinary(form) for form in swaps | shorter) or not _one_off().isdisjoint({word, *shorter})
    return any(form in words("common_words") for form in swaps)


def is_capitalised_word(word: str) -> bool:
    """Say whether the word (folded) is written with a capital but names neither a person nor a place below a country."""
    capitalised = words("capitalised_words")
    return word in capitalised or word.removesuffix("'s") in capitalised


def is_place(name: str) -> bool:
    """Say whether the words (folded, single spaces) are a town or region of the list."""
    return name in phrases("places")


@cache
def phrase_lengths(name: str) -> dict[str, tuple[int, ...]]:
    """Return, for the first word of each phrase of a list, how many words the phrases that begin with it have, the longest first."""
    lengths: dict[str, set[int]] = defaultdict(set)
    for phrase in phrases(name):
        lengths[phrase.split()[0].rstrip(".")].add(len(phrase.split()))
    return {first: tuple(sorted(numbers, reverse=True)) for first, numbers in lengths.items()}


@cache
def _one_off() -> frozenset[str]:
    """Words of the list with one letter left out, for long words: where a slip has put another letter or left one out."""
    return frozenset(word[:i] + word[i + 1 :] for word in words("common_words") if len(word) >= 6 for i in range(1, len(word)))


def _lines(name: str) -> list[str]:
    files = sorted([*_FOLDER.glob(f"{name}.txt"), *_FOLDER.glob(f"{name}_*.txt")])
    assert files, f"there is no word list {name}"
    return [line for file in files for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


def _stems(word: str) -> list[str]:
    stems = []
    for ending, replacements in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 2:
            stem = word[: -len(ending)]
            stems += [stem + replacement for replacement in replacements]
            if ending in {"ing", "ed", "er", "est", "in'"} and len(stem) > 2 and stem[-1] == stem[-2]:
                stems.append(stem[:-1])
    return stems


_ENDINGS = tuple(
    (ending, replacements.split(","))
    for ending, replacements in (
        ("'s", ""), ("s", ""), ("es", ""), ("ies", "y"), ("ed", ",e"), ("ied", "y"), ("d", ""), ("ing", ",e"), ("ying", "ie,y"),
        ("in", "g"), ("er", ",e"), ("ier", "y"), ("est", ",e"), ("iest", "y"), ("ly", ",le"), ("ily", "y"), ("y", ",e"),
        ("ness", ""), ("iness", "y"), ("less", ""), ("ful", ""), ("ment", ""),
        ("n't", ""), ("'ll", ""), ("'re", ""), ("'ve", ""), ("'d", ""),
    )
)  # fmt: skip
"""Ending of an inflected form, and what stands in its place in the base form (several, comma separated)."""
