"""Uzbek endings and alphabets: what may follow a name, the same name in Cyrillic, and how Russian writes it."""

import re
from functools import lru_cache

HONORIFICS = ("jon", "xon", "bek", "boy", "oy", "gul", "bonu", "niso", "begim", "mirzo", "qul", "toy", "bibi", "beka", "hon")
_PLURAL = ("", "lar")
_POSSESSIVE = ("", "m", "im", "ng", "ing", "i", "si", "miz", "imiz", "ngiz", "ingiz")
_CASE = (
    "",
    "ni",
    "ning",
    "ga",
    "ka",
    "qa",
    "da",
    "dan",
    "niki",
    "dagi",
    "dek",
    "day",
    "gacha",
    "kacha",
    "qacha",
    "cha",
    "nikiga",
    "nikida",
)
_PARTICLE = ("", "mi", "ku", "chi", "da", "yu", "u", "am", "man", "dir", "siz", "san")


def _any_of(endings: tuple[str, ...]) -> str:
    return "|".join(sorted(filter(None, endings), key=len, reverse=True))


CHAIN = re.compile(
    rf"(?P<honorific>{_any_of(HONORIFICS)})?(?P<plural>{_any_of(_PLURAL)})?(?P<possessive>{_any_of(_POSSESSIVE)})?"
    rf"(?P<case>{_any_of(_CASE)})?-?(?P<particle>{_any_of(_PARTICLE)})?"
)
"""What may follow a name, in this order."""

_VOWELS = "aeiou"
_TO_CYRILLIC = (
    ("o'", "ў"), ("g'", "ғ"), ("sh", "ш"), ("ch", "ч"), ("yo", "ё"), ("yu", "ю"), ("ya", "я"), ("ts", "ц"), ("a", "а"), ("b", "б"),
    ("d", "д"), ("e", "е"), ("f", "ф"), ("g", "г"), ("h", "ҳ"), ("i", "и"), ("j", "ж"), ("k", "к"), ("l", "л"), ("m", "м"),
    ("n", "н"), ("o", "о"), ("p", "п"), ("q", "қ"), ("r", "р"), ("s", "с"), ("t", "т"), ("u", "у"), ("v", "в"), ("x", "х"),
    ("y", "й"), ("z", "з"), ("'", "ъ"),
)  # fmt: skip
_TO_LATIN = {cyrillic: latin for latin, cyrillic in _TO_CYRILLIC} | {"э": "e", "ь": "", "ы": "i", "щ": "sh"}
_RUSSIAN = (
    ("yo'", "йу"), ("o'", "у"), ("g'", "г"), ("q", "к"), ("h", "х"), ("ў", "у"), ("ғ", "г"), ("қ", "к"), ("ҳ", "х"),
)  # fmt: skip


@lru_cache(maxsize=65536)
def to_cyrillic(latin: str) -> str:
    """Write a lower-case Uzbek word in Cyrillic letters; what has no letter stays."""
    pieces = []
    position = 0
    while position < len(latin):
        if latin.startswith("ye", position) and (position == 0 or latin[position - 1] in _VOWELS):
            pieces.append("е")
            position += 2
            continue
        if latin[position] == "e" and (position == 0 or latin[position - 1] in _VOWELS):
            pieces.append("э")
            position += 1
            continue
        if latin.startswith("yo'", position):
            pieces.append("йў")
            position += 3
            continue
        for written, letter in _TO_CYRILLIC:
            if latin.startswith(written, position):
                pieces.append(letter)
                position += len(written)
                break
        else:
            pieces.append(latin[position])
            position += 1
    return "".join(pieces)


@lru_cache(maxsize=65536)
def to_latin(cyrillic: str) -> str:
    """Write a lower-case Uzbek word in Latin letters; what is Latin already stays."""
    pieces: list[str] = []
    for number, letter in enumerate(cyrillic):
        if letter == "е" and (number == 0 or cyrillic[number - 1] in "аеиоуўэюяё"):
            pieces.append("ye")
        elif letter in "шч" and letter != cyrillic[number - 1 : number]:
            pieces.append(_TO_LATIN[letter])
        else:
            pieces.append(_TO_LATIN.get(letter, letter))
    return "".join(pieces)


@lru_cache(maxsize=65536)
def skeleton(word: str) -> str:
    """Return what careless spellings of an Uzbek word (either alphabet, lower case) share: ``G'ulom``, ``Gulom``, ``Ғулом`` are one."""
    latin = word if word.isascii() else to_latin(word)
    latin = (
        latin.replace("'", "")
        .replace("kh", "x")
        .replace("gh", "g")
        .replace("dj", "j")
        .replace("zh", "j")
        .replace("w", "v")
        .replace("q", "k")
    )
    latin = re.sub(r"(?<![sc])h", "x", latin)
    latin = re.sub(r"^ye|(?<=[aeiou])ye", "e", latin)
    latin = latin.replace("iy", "i").replace("ii", "i")
    return re.sub(r"(.)\1", r"\1", latin)


def russian_spellings(latin: str) -> set[str]:
    """Return how Russian may write an Uzbek name (lower case, Latin): ``jasur`` is ``жасур`` and ``джасур``."""
    cyrillic = to_cyrillic(latin)
    for written, letter in _RUSSIAN:
        cyrillic = cyrillic.replace(written, letter)
    cyrillic = cyrillic.replace("ъ", "")
    variants = {cyrillic}
    for written, replaced in (
        ("ж", "дж"),
        ("гул", "гуль"),
        ("дил", "диль"),
        ("мул", "муль"),
        ("о", "а"),
        ("кодир", "кадыр"),
        ("тохир", "тахир"),
        ("йў", "ю"),
        ("йу", "ю"),
    ):
        variants |= {variant.replace(written, replaced) for variant in list(variants)}
    for written, replaced in (("фаррух", "фарух"), ("адх", "ад"), ("им", "ым"), ("ир", "ыр"), ("ия", "ья"), ("йл", "иль")):
        variants |= {variant.replace(written, replaced) for variant in list(variants) if written in variant}
    first = {re.sub("о", "а", cyrillic, count=1), re.sub("о(?=[^о]*$)", "а", cyrillic)}
    if "йул" in cyrillic:
        first.add(cyrillic.replace("йул", "юл"))
    return variants | first


@lru_cache(maxsize=4096)
def surfaces(base: str) -> frozenset[str]:
    """Return the usual inflected spellings of a lower-case Latin name: plural, possessive and case endings, forms of address, particles."""
    found = set()
    for plural in _PLURAL:
        for possessive in _POSSESSIVE:
            for case in _CASE:
                found.add(base + plural + possessive + case)
    for honorific in HONORIFICS[:5]:
        for possessive in ("", "im", "i"):
            for case in _CASE[:10]:
                found.add(base + honorific + possessive + case)
    found |= {base + particle for particle in _PARTICLE}
    found |= {f"{base}{case}{particle}" for case in ("ni", "ga", "da", "dan", "ning") for particle in ("mi", "ku", "chi")}
    return frozenset(found)


def attach(base: str, ending: str) -> str:
    """Attach a chain of endings (lower case, Latin) to another name, in the variant that its last sound asks for."""
    match = CHAIN.fullmatch(ending)
    if match is None:
        return base + ending
    word = base + (match["honorific"] or "") + (match["plural"] or "")
    word += _possessive(word, match["possessive"] or "")
    case = match["case"] or ""
    if case in {"ga", "ka", "qa"}:
        case = "ka" if word[-1] == "k" else "qa" if word.endswith(("q", "g'")) else "ga"
    particle = match["particle"] or ""
    hyphen = "-" if "-" in ending else ""
    return word + case + hyphen + particle


def _possessive(word: str, possessive: str) -> str:
    """Choose the variant after a vowel (-m, -ng, -si, -miz) or a consonant (-im, -ing, -i, -imiz)."""
    after_vowel = word[-1] in _VOWELS or word.endswith("o'")
    for short, full in (("m", "im"), ("ng", "ing"), ("si", "i"), ("miz", "imiz"), ("ngiz", "ingiz")):
        if possessive in {short, full}:
            return short if after_vowel else full
    return possessive
