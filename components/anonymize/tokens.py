"""Words of a text with what a name rule needs to know of them."""

import re
from dataclasses import dataclass

from components.anonymize import lexicon

BOUNDARY = "\n␞\n"
"""Stands between the turns of a conversation when it is searched as one document; no rule reaches across it."""

_WORD = re.compile(r"[^\W\d_]+(?:['\-][^\W\d_]+)*")
_ENDS_SENTENCE = frozenset('.!?…:;\n␞•*>]"(')
_OPENS = " \t\r'(*_~-\""


@dataclass(slots=True)
class Token:
    """A word without a possessive ending; ``end`` is where the word proper ends."""

    start: int
    end: int
    word: str
    key: str
    """Folded form for the word lists."""
    before: str
    """Characters between the previous word and this one (all of the text before the first)."""
    possessive: bool
    facts: int
    """What the word lists say of the key, see ``lexicon.facts``."""

    @property
    def initial(self) -> bool:
        """Stands at the head of a sentence, where a capital says nothing."""
        if self.before == " ":
            return False
        if len(self.before) == self.start:
            return True
        opened = self.before.rstrip(_OPENS)
        return not _ENDS_SENTENCE.isdisjoint(self.before[max(0, len(opened) - 1) :])

    @property
    def small(self) -> bool:
        """All letters lower case."""
        return self.word.islower()

    @property
    def capitalised(self) -> bool:
        """First letter upper case, not the whole word."""
        return self.word[0].isupper() and not (len(self.word) > 1 and self.word.isupper())

    @property
    def shouted(self) -> bool:
        """All letters upper case, two or more."""
        return len(self.word) > 1 and self.word.isupper()

    @property
    def letter(self) -> bool:
        """An initial: one capital letter that is not the word "I"."""
        return len(self.word) == 1 and self.word.isupper() and self.word != "I"

    @property
    def given(self) -> bool:
        """A given name of the list."""
        return self.facts & lexicon.GIVEN != 0

    @property
    def family(self) -> bool:
        """A family name of the list or by its ending."""
        return self.facts & lexicon.FAMILY != 0

    @property
    def name(self) -> bool:
        """A given or family name."""
        return self.facts & (lexicon.GIVEN | lexicon.FAMILY) != 0

    @property
    def function(self) -> bool:
        """A word of grammar: pronoun, article, auxiliary, preposition."""
        return self.facts & lexicon.FUNCTION != 0

    @property
    def ordinary(self) -> bool:
        """An ordinary word, or one that is capitalised without naming anybody."""
        return self.facts & (lexicon.ORDINARY | lexicon.CAPITALISED) != 0

    @property
    def unknown(self) -> bool:
        """A capitalised word of three letters or more that no list of ordinary words or places holds."""
        known = lexicon.ORDINARY | lexicon.CAPITALISED | lexicon.PLACE
        return self.facts & known == 0 and len(self.word) > 2 and self.capitalised and not self.before.endswith("#")


def tokenize(text: str) -> list[Token]:
    """Split a text into words."""
    tokens: list[Token] = []
    position = 0
    fold, facts = lexicon.fold, lexicon.facts
    for match in _WORD.finditer(text):
        start, end = match.span()
        word = match.group()
        possessive = word.endswith(("'s", "'S")) and len(word) > 2
        if possessive:
            end, word = end - 2, word[:-2]
        key = fold(word)
        tokens.append(Token(start, end, word, key, text[position:start], possessive, facts(key)))
        position = match.end()
    return tokens
