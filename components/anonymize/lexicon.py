"""Word lists: given and family names of many cultures, places, ordinary words, and words that are capitalised but name nobody."""

import re
import unicodedata
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


@cache
def _read(name: str, separator: str | None = None) -> frozenset[str]:
    lines = (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    entries = (entry for line in lines if not line.startswith("#") for entry in line.split(separator))
    return frozenset(fold(entry.strip()) for entry in entries if entry.strip())


@lru_cache(maxsize=65536)
def fold(word: str) -> str:
    """Lower case, without accents on Latin letters: ``José`` and ``jose`` are one entry."""
    lowered = word.lower()
    if lowered.isascii():
        return lowered
    decomposed = unicodedata.normalize("NFD", lowered)
    return unicodedata.normalize("NFC", re.sub("(?<=[a-z])[̀-ͯ]+", "", decomposed))


@lru_cache(maxsize=65536)
def is_given_name(word: str) -> bool:
    """Say whether the word (folded) is a given name; of a hyphenated one, every part is."""
    names = _read("first_names")
    return word in names or ("-" in word and all(part in names for part in word.split("-")))


@lru_cache(maxsize=65536)
def is_family_name(word: str) -> bool:
    """Say whether the word (folded) is a family name by list or by ending; of a hyphenated one, some part is."""
    names = _read("last_names")
    if word in names or any(part in names for part in word.split("-") if "-" in word):
        return True
    return len(word) >= 6 and _NAME_ENDING.search(word) is not None and not is_ordinary(word)


@lru_cache(maxsize=65536)
def is_ordinary(word: str) -> bool:
    """Say whether the word (folded) is an ordinary English word, by list, inflection or ending."""
    if word in _read("common_words") or word in _read("word_names"):
        return True
    if any(stem in _read("common_words") for stem in _stems(word)):
        return True
    if "-" in word:
        return all(len(part) < 3 or is_ordinary(part) or is_capitalised_word(part) for part in word.split("-"))
    return len(word) >= 6 and _WORD_ENDING.search(word) is not None and word not in _read("first_names") and word not in _read("last_names")


def is_capitalised_word(word: str) -> bool:
    """Say whether the word (folded) is written with a capital but names neither a person nor a place below a country."""
    words = _read("capitalised_words")
    return word in words or word.removesuffix("'s") in words


def is_place(words: str) -> bool:
    """Say whether the words (folded, single spaces) are a town or region of the list."""
    return words in _read("places", ",")


@cache
def longest_place() -> int:
    """Return the number of words of the longest place name."""
    return max(len(place.split()) for place in _read("places", ","))


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
