"""What the lists know of an Uzbek word in either alphabet: a name with what endings, an ordinary word, or neither."""

import re
from functools import cache, lru_cache

from components.anonymize import lexicon
from components.anonymize.inflection import uzbek_names, word_list
from components.anonymize.uz_suffixes import CHAIN, skeleton, to_cyrillic, to_latin

_SHORT = frozenset({"ali", "vali", "lola"})
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_INTERNATIONAL = frozenset(word_list("uz_international_words"))
_SPECIAL = re.compile("[ўқғҳ]")
_FAMILY = re.compile(r"(?P<stem>[a-z']{3,}?)(?:y?ev|ov|yov)(?:a|lar|alar)?$")


_LATIN_ENDINGS = re.compile(
    r"(?<![\w'])[a-z']{2,}(?:yapman|yapti|yapsiz|yapmiz|moqda|moqchi|dingiz|ganman|ganmiz|larim|imiz|ingiz|maydi|madim|dim|dik|aman|yman|adilar|magan|maganman|(?:ov|ova|ev|eva|xon|jon|bek)(?:ning|ga|dan|ni))\b"
)
_CYRILLIC_ENDINGS = re.compile(r"[а-яё]{2,}(?:япман|япти|япсиз|ганман|ларни|ларга|ларда|лардан|[лр]дим|ибди|маган|мади|сизми)(?![а-я])")


@lru_cache(maxsize=16)
def speaks_uzbek(folded: str) -> bool:
    """Say whether a text (lower case) may hold Uzbek in either alphabet: cheap, and true rather than false in doubt."""
    if "o'" in folded or "g'" in folded or _SPECIAL.search(folded):
        return True
    words = set(_WORD.findall(folded))
    if not words.isdisjoint(_latin_hints()) or _LATIN_ENDINGS.search(folded):
        return True
    if folded.isascii():
        return False
    return not words.isdisjoint(_cyrillic_hints()) or _CYRILLIC_ENDINGS.search(folded) is not None


@cache
def _latin_hints() -> frozenset[str]:
    """Words that occur in no English text: the hints, and all listed words of four letters and more that English does not have."""
    listed = {
        word for word in word_list("uz_words") if len(word) > 3 and not lexicon.is_ordinary(word) and not lexicon.is_capitalised_word(word)
    }
    return frozenset({word for word in word_list("uz_hints") if word.isascii()} | (listed - _INTERNATIONAL))


@cache
def _cyrillic_hints() -> frozenset[str]:
    """The same in Cyrillic, without what Russian has, too."""
    from components.anonymize.recognizers.ru_words import look_up

    listed = (to_cyrillic(word) for word in word_list("uz_words") if len(word) > 3)
    return frozenset({word for word in word_list("uz_hints") if not word.isascii()} | {word for word in listed if not look_up(word).known})


@lru_cache(maxsize=131072)
def name_base(word: str) -> str | None:
    """Return the skeleton of the listed given name behind a word (lower case, either alphabet), endings stripped; None where none is."""
    latin = word if word.isascii() else to_latin(word)
    names = uzbek_names()
    whole = skeleton(latin)
    if len(latin) >= 3 and (whole in names or _composed(whole)):
        return whole
    for length in range(len(latin) - 1, 2, -1):
        stem = skeleton(latin[:length])
        if (stem in names or _composed(stem)) and CHAIN.fullmatch(latin, length) and (length > 3 or stem in _SHORT):
            return stem
    return None


def _composed(stem: str) -> bool:
    """Say whether a skeleton is composed of two parts of names ("xudoynazar"), which no list can hold in full."""
    return len(stem) >= 6 and _parts().fullmatch(stem) is not None and stem not in _common()


@cache
def _parts() -> re.Pattern[str]:
    words = word_list("uz_name_parts")
    cut = words.index("+")
    first, second = ("|".join(sorted({skeleton(word) for word in part}, key=len, reverse=True)) for part in (words[:cut], words[cut + 1 :]))
    return re.compile(f"(?:{first})(?:{second})")


@cache
def _ambiguous() -> frozenset[str]:
    return frozenset(skeleton(word) for word in word_list("uz_ambiguous_names")) | (_common() & uzbek_names())


@cache
def _common() -> frozenset[str]:
    return frozenset(skeleton(word) for word in word_list("uz_words"))


def ambiguous(base: str) -> bool:
    """Say whether the skeleton of a name is also an ordinary word."""
    return base in _ambiguous()


_VERBAL = re.compile(
    r"(?:yapman|yapsan|yapti|yapmiz|yapsiz|moqda|moqchi|yotgan|ganman|gansan|ganim|gani|ganda|gandan|gach|guncha|maydi|mayman|maysiz|mayapti|mayapman|maslik|ishga|ishim|ishi|ishni|ishdan|ish|dim|ding|dik|dingiz|dilar|di"
    r"|aman|asan|adi|amiz|asiz|adilar|yman|ysan|ydi|ymiz|ysiz|sam|sang|sa|sak|sangiz|salar|ib|gan|kan|qan|mas|may|masdan|gin|inglar|ing|siz|lik|likdan|chilik|li|roq|mi|dagi|larcha|cha|dek|day|man|san|miz|lari|larim|lar)$"
)
"""Endings of verbs and derived words; a small or leading word with one is taken for no name unless a list says so."""


@lru_cache(maxsize=131072)
def listed(word: str) -> bool:
    """Say whether a word (lower case, either alphabet) stands in the list of ordinary Uzbek words as it is."""
    return skeleton(word if word.isascii() else to_latin(word)) in _common()


def common(word: str) -> bool:
    """Say whether a word (lower case, either alphabet) is an ordinary Uzbek word by list, after its endings, or by an ending of verbs."""
    latin = word if word.isascii() else to_latin(word)
    if skeleton(latin) in _common() or (word.isascii() and (lexicon.is_ordinary(word) or lexicon.is_capitalised_word(word))):
        return True
    for length in range(len(latin) - 1, 1, -1):
        if CHAIN.fullmatch(latin, length) and skeleton(latin[:length]) in _common():
            return True
    return len(latin) > 4 and _VERBAL.search(latin) is not None


@lru_cache(maxsize=131072)
def family_name(word: str) -> float:
    """Say how surely a word (lower case, either alphabet, any ending) is a family name: 0, 0.6 by its form, 0.9 by a known stem."""
    latin = word if word.isascii() else to_latin(word)
    if skeleton(latin) in _common():
        return 0.0
    best = 0.0
    for length in range(len(latin), 5, -1):
        if length < len(latin) and not CHAIN.fullmatch(latin, length):
            continue
        match = _FAMILY.fullmatch(latin, 0, length)
        if match is None or skeleton(latin[:length]) in _common():
            continue
        stem = skeleton(match["stem"])
        if stem in uzbek_names() or (
            word.isascii() and lexicon.is_family_name(latin[:length]) and latin.endswith(("ov", "ova", "ev", "eva"), 0, length)
        ):
            return 0.9
        best = 0.6
    if re.search(r"(?:zoda|zodalar)(?:ning|ga|ni|dan|da)?$", latin) and len(latin) > 6:
        return 0.9
    return best
