"""What a person does for a living, in Russian talk: only where somebody is said to be it."""

import re
from collections.abc import Iterator
from functools import cache

from components.anonymize.document import Document
from components.anonymize.inflection import word_list
from components.anonymize.recognizers.base import Finding, Recognizer
from components.anonymize.ru_declension import paradigm

_CUE_BEFORE = re.compile(
    r"(?:\b(?:работа(?:ю|ет|л[аи]?|ем|ть|ешь)|устроил(?:ся|ась)|тружусь|подрабатыва(?:ю|ет)|служ(?:у|ит)|стал[аи]?|стану|буду|был[аи]?|являюсь|учусь\s+на|училась?\s+на|по\s+(?:профессии|образованию|специальности)|профессия|должност[ьи])(?:\s+(?!не\b)[\w-]+){0,2}?\s*[:—-]?\s*"
    r"|(?:^|[.!?,;\n(]\s*|\bи\s|\bа\s|\bчто\s|\bпотому\sчто\s)(?:я|он|она|муж|жена|мама|папа|отец|мать|брат|сестра|сын|дочь|парень|девушка|свекровь|мой\s+\w+|моя\s+\w+)\s*(?:-|—|,)?\s*(?:тоже|сейчас|раньше|обычн\w+|прост\w+|молод\w+|бывш\w+|школьн\w+|главн\w+|старш\w+|частн\w+|его|её|ее)?\s*)$"
)


class RussianProfessionRecognizer(Recognizer):
    """Listed professions after a phrase that gives them to somebody."""

    TYPE = "PROFESSION"

    def applies(self, document: Document) -> bool:
        """Cyrillic letters occur."""
        return document.has_cyrillic

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield professions."""
        folded = document.folded
        tokens = document.tokens
        professions = profession_forms()
        for token in tokens:
            if token.key in professions and _CUE_BEFORE.search(folded, max(0, token.start - 45), token.start):
                yield token.start, token.end, 0.7


@cache
def profession_forms() -> frozenset[str]:
    """Return the nominative and instrumental, singular and plural, and the other case forms of the listed professions."""
    return frozenset(form for name in word_list("ru_professions") for forms in paradigm(name).values() for form in forms)
