"""Words of a text with what a name rule needs to know of them."""

import re
from dataclasses import dataclass

from components.anonymize import lexicon

BOUNDARY = "\n␞\n"
"""Stands between the turns of a conversation when it is searched as one document; no rule reaches across it."""

_WORD = re.compile(r"[^\W\d_]+(?:['\-][^\W\d_]+)*")
_SENTENCE_START = re.compile(r"[.!?…:;\n␞•*>\]\"(][\s\"'(*_~-]*$")


@dataclass(frozen=True)
class Token:
    """A word without a possessive ending; ``end`` is where the word proper ends."""

    start: int
    end: int
    word: str
    key: str
    """Folded form for the word lists."""
    before: str
    """Characters between the previous word and this one (all of the text before the first)."""
    initial: bool
    """Stands at the head of a sentence, where a capital says nothing."""
    possessive: bool

    @property
    def capitalised(self) -> bool:
        """First letter upper case, not the whole word."""
        return self.word[0].isupper() and not (len(self.word) > 1 and self.word.isupper())

    @property
    def shouted(self) -> bool:
        """All letters upper case, two or more."""
        return len(self.word) > 1 and self.word.isupper()

    @property
    def given(self) -> bool:
        """A given name of the list."""
        return lexicon.is_given_name(self.key)

    @property
    def family(self) -> bool:
        """A family name of the list or by its ending."""
        return lexicon.is_family_name(self.key)

    @property
    def unknown(self) -> bool:
        """A capitalised word of three letters or more that no list of ordinary words or places holds."""
        return (
            self.capitalised
            and len(self.word) > 2
            and not self.ordinary
            and not lexicon.is_place(self.key)
            and not self.before.endswith("#")
        )

    @property
    def ordinary(self) -> bool:
        """An ordinary word, or one that is capitalised without naming anybody."""
        return lexicon.is_ordinary(self.key) or lexicon.is_capitalised_word(self.key)


def tokenize(text: str) -> list[Token]:
    """Split a text into words."""
    tokens: list[Token] = []
    position = 0
    for match in _WORD.finditer(text):
        start, end = match.span()
        word = match.group()
        possessive = word.endswith(("'s", "'S")) and len(word) > 2
        if possessive:
            end, word = end - 2, word[:-2]
        before = text[position:start]
        initial = position == 0 or _SENTENCE_START.search(before) is not None
        tokens.append(Token(start, end, word, lexicon.fold(word), before, initial, possessive))
        position = match.end()
    return tokens
