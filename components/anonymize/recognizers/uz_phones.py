"""Phone numbers spelled out in Uzbek; in figures they are found with those of the region."""

import re
from collections.abc import Iterator

from components.anonymize.document import Document
from components.anonymize.recognizers import uz_words
from components.anonymize.recognizers.base import Finding, Recognizer

_WORD = (
    r"(?:nol|bir|ikki|uch|to'rt|tort|besh|olti|yetti|sakkiz|to'qqiz|toqqiz|o'n|yigirma|o'ttiz|qirq|ellik|oltmish|yetmish|sakson|to'qson|toqson|yuz|plyus|plus"
    r"|нол|бир|икки|уч|тўрт|беш|олти|етти|саккиз|тўққиз|ўн|йигирма|ўттиз|қирқ|эллик|олтмиш|етмиш|саксон|тўқсон|юз|плюс)"
)
_SPELLED = re.compile(rf"(?<![\w']){_WORD}(?:[\s,.-]+(?:{_WORD}|\d{{1,3}})(?![\w'])){{4,}}", re.IGNORECASE)


class UzbekPhoneRecognizer(Recognizer):
    """Five or more words of figures in a row."""

    TYPE = "PHONE"

    def applies(self, document: Document) -> bool:
        """Some word of Uzbek occurs, or one of its figures."""
        return uz_words.speaks_uzbek(document.folded) or "sakkiz" in document.folded or "саккиз" in document.folded

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield numbers."""
        for match in _SPELLED.finditer(document.text):
            yield match.start(), match.end(), 0.75
