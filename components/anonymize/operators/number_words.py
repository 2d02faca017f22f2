"""Numbers below a hundred as words in English, Russian (nominative and genitive) and Uzbek, read and written."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from components.anonymize import uz_suffixes
from components.shared.languages import Language
from components.shared.normalize import canonical

_ENGLISH_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
_ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_RUSSIAN_ONES = (
    "ноль один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать четырнадцать пятнадцать шестнадцать"
    " семнадцать восемнадцать девятнадцать"
)
_RUSSIAN_TENS = "двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто"
_RUSSIAN_ONES_OF = (
    "ноля одного двух трёх четырёх пяти шести семи восьми девяти десяти одиннадцати двенадцати тринадцати четырнадцати пятнадцати"
    " шестнадцати семнадцати восемнадцати девятнадцати"
)
_RUSSIAN_TENS_OF = "двадцати тридцати сорока пятидесяти шестидесяти семидесяти восьмидесяти девяноста"
_UZBEK_ONES = (
    "nol bir ikki uch to'rt besh olti yetti sakkiz to'qqiz o'n o'n-bir o'n-ikki o'n-uch o'n-to'rt o'n-besh o'n-olti o'n-yetti o'n-sakkiz"
    " o'n-to'qqiz"
)
_UZBEK_TENS = "yigirma o'ttiz qirq ellik oltmish yetmish sakson to'qson"


@dataclass(frozen=True)
class _Series:
    """One way to write the numbers from 0 to 99."""

    language: Language
    ones: tuple[str, ...]
    tens: tuple[str, ...]
    joint: str
    """Between tens and ones."""

    def word(self, number: int) -> str:
        if number < 20:
            return self.ones[number]
        tens, ones = divmod(number, 10)
        return self.tens[tens - 2] + (self.joint + self.ones[ones] if ones else "")


def _series(language: Language, ones: str, tens: str, joint: str, write: Callable[[str], str] = str) -> _Series:
    return _Series(language, tuple(write(word.replace("-", " ")) for word in ones.split()), tuple(map(write, tens.split())), joint)


_SERIES = (
    _series("en", _ENGLISH_ONES, _ENGLISH_TENS, "-"),
    _series("ru", _RUSSIAN_ONES, _RUSSIAN_TENS, " "),
    _series("ru", _RUSSIAN_ONES_OF, _RUSSIAN_TENS_OF, " "),
    _series("uz", _UZBEK_ONES, _UZBEK_TENS, " "),
    _series("uz", _UZBEK_ONES, _UZBEK_TENS, " ", uz_suffixes.to_cyrillic),
)


@cache
def _numbers() -> dict[str, tuple[int, _Series]]:
    return {_plain(series.word(number)): (number, series) for series in reversed(_SERIES) for number in range(100)}


def _plain(text: str) -> str:
    return re.sub(r"[\s-]+", " ", canonical(text).replace("ё", "е")).strip()


def read(text: str) -> int | None:
    """Return the number below 100 that a text writes in words, None where it writes none."""
    found = _numbers().get(_plain(text))
    return None if found is None else found[0]


def written_like(number: int, surface: str) -> str:
    """Write a number below 100 in words, in the language and form of a surface that ``read`` can read."""
    return _numbers()[_plain(surface)][1].word(number)


_DIGIT_WORDS = {word: (digit, series) for series in _SERIES for digit, word in enumerate(series.ones[:10])} | {"oh": (0, _SERIES[0])}


def digit(word: str) -> int | None:
    """Return the figure that a word stands for."""
    found = _DIGIT_WORDS.get(canonical(word))
    return None if found is None else found[0]


def digit_like(figure: int, word: str) -> str:
    """Write a figure as a word in the language of another one."""
    return _DIGIT_WORDS[canonical(word)][1].ones[figure]
