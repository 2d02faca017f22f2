"""What a person does for a living, in Uzbek talk: only where somebody is said to be it."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from components.anonymize.document import Document
from components.anonymize.inflection import word_list
from components.anonymize.recognizers import uz_words
from components.anonymize.recognizers.base import Finding, Recognizer
from components.anonymize.uz_suffixes import CHAIN, skeleton, to_latin

_AFTER = re.compile(
    r"\s+(?:bo'lib|bo'lgan|bo'lmoqchi|bo'ldi|sifatida|edi|edim|kasb|lavozim|ish|yordamchi|бўлиб|бўлган|сифатида|эди|эдим|касб)[\w']*|\s*[.,!?;]|\s*$"
)
_PERSON = re.compile(r"(?:man|miz|lik|ман|миз)$")


class UzbekProfessionRecognizer(Recognizer):
    """Listed professions: "hisobchiman", "hisobchi bo'lib ishlayman"."""

    TYPE = "PROFESSION"

    def applies(self, document: Document) -> bool:
        """Some word of Uzbek occurs."""
        return uz_words.speaks_uzbek(document.folded)

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield professions."""
        for token in document.tokens:
            if is_profession(token.key) and (_PERSON.search(token.key) or _AFTER.match(document.folded, token.end)):
                yield token.start, token.end, 0.7


@cache
def _professions() -> frozenset[str]:
    return frozenset(skeleton(word) for word in word_list("uz_professions"))


@lru_cache(maxsize=65536)
def is_profession(word: str) -> bool:
    """Say whether a word (lower case, either alphabet) is a listed profession with or without endings."""
    latin = word if word.isascii() else to_latin(word)
    if skeleton(latin) in _professions():
        return True
    return any(CHAIN.fullmatch(latin, length) and skeleton(latin[:length]) in _professions() for length in range(len(latin) - 1, 3, -1))
