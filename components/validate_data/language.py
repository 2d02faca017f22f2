"""Which languages a row is in, against what it declares and what the run allows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from components.shared.languages import detect
from components.shared.records import Message

OTHER = "other"
UNKNOWN = "unknown"
_TELLING_WORDS = 3
_OTHER_WORDS = 8
"""Words from which a message without a known language counts as another one; shorter ones may be names or interjections."""
_SWITCH_SHARE = 0.2
_NAMES = {"english": "en", "russian": "ru", "uzbek": "uz", "eng": "en", "rus": "ru", "uzb": "uz"}


@dataclass(frozen=True)
class RowLanguage:
    """What a row is written in.

    Attributes:
        language: ``en``, ``ru``, ``uz``; ``other`` where the words are of none of them, ``unknown`` where too few tell.
        variant: the same, with the script for Uzbek: ``uz-latin``, ``uz-cyrillic``.
        switched: a second language has at least a fifth of the words.
    """

    language: str
    variant: str
    switched: bool


def language_of(messages: Sequence[Message]) -> RowLanguage:
    """Return the language of most words."""
    words: Counter[str] = Counter()
    variants: Counter[str] = Counter()
    for message in messages:
        found = detect(message.content)
        if found.language and found.words >= _TELLING_WORDS:
            words[found.language] += found.words
            variants[f"uz-{found.script}" if found.language == "uz" else found.language] += found.words
        elif not found.language and found.words >= _OTHER_WORDS:
            words[OTHER] += found.words
            variants[OTHER] += found.words
    if not words:
        return RowLanguage(UNKNOWN, UNKNOWN, switched=False)
    ranked = words.most_common(2)
    switched = len(ranked) > 1 and ranked[1][1] >= _SWITCH_SHARE * words.total()
    return RowLanguage(ranked[0][0], variants.most_common(1)[0][0], switched)


def declared(value: object, default: str) -> str:
    """Return the primary language of a declaration (``uz-Latn``, ``en_GB``, ``English``), or of the default; empty without either."""
    text = (value if isinstance(value, str) and value else default).casefold().replace("_", "-").partition("-")[0]
    return _NAMES.get(text, text)
