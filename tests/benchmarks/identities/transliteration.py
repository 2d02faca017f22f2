"""Uzbek Latin to Cyrillic, and Russian names to Latin, by hand-written tables."""

import re

_UZBEK = {
    "o'": "ў", "g'": "ғ", "sh": "ш", "ch": "ч", "yo'": "йў", "yo": "ё", "yu": "ю", "ya": "я", "ye": "е", "ts": "ц",
    "a": "а", "b": "б", "d": "д", "e": "е", "f": "ф", "g": "г", "h": "ҳ", "i": "и", "j": "ж", "k": "к", "l": "л", "m": "м", "n": "н",
    "o": "о", "p": "п", "q": "қ", "r": "р", "s": "с", "t": "т", "u": "у", "v": "в", "x": "х", "y": "й", "z": "з", "'": "ъ",
}  # fmt: skip
_UZBEK_PATTERN = re.compile("|".join(sorted(map(re.escape, _UZBEK), key=len, reverse=True)), re.IGNORECASE)
_WORD_INITIAL_E = re.compile(r"\b[eE]")
_SLOT = re.compile(r"(\{[^}]*\})")

_RUSSIAN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya".split(),  # noqa: SIM905 - read as a list of letters
        strict=True,
    )
)


def uzbek_cyrillic(text: str) -> str:
    """Return Uzbek text in Cyrillic script; what stands in braces stays."""
    return "".join(part if part.startswith("{") else _cyrillic(part) for part in _SLOT.split(text))


def russian_latin(name: str) -> str:
    """Return a Russian name as its bearer would write it in English."""
    latin = "".join(_RUSSIAN.get(letter, letter) for letter in name.lower()).replace("_", "")
    for ending, short in (("iy", "y"), ("yy", "y")):
        latin = latin.removesuffix(ending) + short if latin.endswith(ending) else latin
    return latin.title()


def _cyrillic(text: str) -> str:
    text = _WORD_INITIAL_E.sub(lambda match: "э" if match[0] == "e" else "Э", text)
    return _UZBEK_PATTERN.sub(lambda match: _cased(match[0], _UZBEK[match[0].lower()]), text)


def _cased(latin: str, cyrillic: str) -> str:
    return cyrillic[0].upper() + cyrillic[1:] if latin[0].isupper() else cyrillic
