"""Names of one alphabet in the other: Russian ones as passports and chats write them, Uzbek ones by the official tables."""

from components.anonymize import uz_suffixes

_RUSSIAN = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "yo", "ж": "zh", "з": "z", "и": "i", "й": "y", "к": "k", "л": "l",
    "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh",
    "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya",
}  # fmt: skip
_RUSSIAN_ENDINGS = (("ский", "sky"), ("ской", "skoy"), ("ий", "y"), ("ия", "ia"), ("ёв", "ev"))


def russian_to_latin(name: str) -> str:
    """Write a Russian name in Latin letters: ``Вишняков`` is ``Vishnyakov``."""
    lowered = name.lower()
    ending, latin = next(((ending, latin) for ending, latin in _RUSSIAN_ENDINGS if lowered.endswith(ending)), ("", ""))
    stem = lowered.removesuffix(ending)
    return ("".join(_RUSSIAN.get(letter, letter) for letter in stem) + latin).capitalize()


def uzbek_to_cyrillic(name: str) -> str:
    """Write an Uzbek name in Cyrillic letters: ``G'ayrat`` is ``Ғайрат``."""
    return uz_suffixes.to_cyrillic(name.lower()).capitalize()
