"""Which of the languages that Attune knows a text is written in: by script, then by its most frequent words.

Uzbek is written in Latin and in Cyrillic letters; both count as Uzbek. Character models of the usual libraries either lack Uzbek or take it
for Turkish on short turns; function words decide most turns of chat from three words on. The lists are in ``function_words/``; the lists of
neighbouring languages keep German from passing for English and Kazakh for Uzbek.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from components.shared.normalize import normalize

Language = Literal["en", "ru", "uz"]
Script = Literal["latin", "cyrillic"]

LANGUAGES: tuple[Language, ...] = ("en", "ru", "uz")
_OTHER = "other"
_LISTS: dict[Script, dict[str, str]] = {
    "latin": {"en": "en", "uz": "uz_latin", _OTHER: "other_latin"},
    "cyrillic": {"ru": "ru", "uz": "uz_cyrillic", _OTHER: "other_cyrillic"},
}
_FOLDER = Path(__file__).parent / "function_words"
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_TELLING_LETTERS: dict[Script, tuple[tuple[str, re.Pattern[str]], ...]] = {
    "latin": (
        # O' and G' are letters of Uzbek; "who's" and "o'clock" are not Uzbek.
        ("uz", re.compile(r"\b\w*[og]'(?!(?:s|ll|d|ve|re|m|t|em)\b|clock\b)[a-z]\w*")),
        (
            "uz",
            re.compile(
                r"\b\w{2,}(?:imning|amning|ingning|larning|larni|larga|larda|lardan|larim|imiz|ingiz|yapman|yapsan|yapsiz|yapti|yapmiz"
                r"|ganman|gansiz|moqda|[aei]ydi|dda|mayman|maysiz|maydi|adigan|imdan|ingdan|ishim|ishga|ishni|olmay|sizmi|ganmi)\b"
            ),
        ),
        (_OTHER, re.compile("[äöüßåøæñãõçşğıəłśżźćńěščřžáéíóúàèìòùâêîôûëï]")),
    ),
    "cyrillic": (
        ("uz", re.compile("[ўқғҳ]")),
        ("ru", re.compile("[ыщ]")),
        (_OTHER, re.compile("[іїєґәңөұүһӣӯҷјљњћђџ]")),
    ),
}
_LETTER_VOTES = 2
_MANY_WORDS = 8
_MIN_COVERAGE: Mapping[str, float] = {"en": 0.15, "ru": 0.08, "uz": 0.08}
"""Votes a word below which a text of many words is in another language. Half of English prose is function words, fewer in the others."""


@dataclass(frozen=True)
class Detected:
    """What a text is written in; None where nothing tells, or where the words are another language's."""

    language: Language | None
    script: Script | None
    confidence: float
    """Share of the votes for the language, 0-1."""
    words: int = 0
    """How many words the text has."""


def detect(text: str) -> Detected:
    """Say what a text is written in. A few letters, figures or names alone give no language."""
    folded = normalize(text).text.casefold()
    words = _WORD.findall(folded)
    cyrillic = sum("Ѐ" <= word[0] <= "ӿ" for word in words)
    latin = sum(word[0] <= "ɏ" for word in words)
    if not cyrillic and not latin:
        return Detected(None, None, 0.0, len(words))
    script: Script = "cyrillic" if cyrillic > latin else "latin"
    known = _voters(script)
    votes = dict.fromkeys(_LISTS[script], 0)
    for word in words:
        if word in known:
            votes[known[word]] += 1
    for language, pattern in _TELLING_LETTERS[script]:
        votes[language] += _LETTER_VOTES * len(pattern.findall(folded))
    total = sum(votes.values())
    others = votes.pop(_OTHER)
    enough = {
        language: number
        for language, number in votes.items()
        if number > 0 and number >= others and (len(words) < _MANY_WORDS or number >= _MIN_COVERAGE[language] * len(words))
    }
    for language in LANGUAGES:
        if enough.get(language, 0) == max(enough.values(), default=-1):
            return Detected(language, script, enough[language] / total, len(words))
    return Detected(None, script, 0.0, len(words))


@cache
def _voters(script: Script) -> dict[str, str]:
    """Return word to language. A word of two of the three tells nothing; one that a neighbour shares counts for ours."""
    lists = {language: set((_FOLDER / f"{name}.txt").read_text(encoding="utf-8").split()) for language, name in _LISTS[script].items()}
    voters = dict.fromkeys(lists.pop(_OTHER), _OTHER)
    for language, words in lists.items():
        shared = {word for other, others in lists.items() if other != language for word in words & others}
        voters |= dict.fromkeys(words - shared, language)
        for word in shared:
            voters.pop(word, None)
    return voters
