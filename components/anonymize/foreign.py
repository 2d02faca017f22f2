"""Keeping the English rules out of Russian and Uzbek sentences: every word is unknown to them there, and a capital proves nothing."""

import re
from dataclasses import replace

from components.anonymize import lexicon
from components.anonymize.document import Document
from components.anonymize.recognizers.uz_words import speaks_uzbek
from components.shared.languages import detect

_SENTENCE = re.compile(r"[^.!?…\n␞]+")
_CLOSED = lexicon.FUNCTION | lexicon.ORDINARY
"""Facts of a word that begins, continues and ends no name."""


def english_view(document: Document) -> Document:
    """Return the document with the words of Russian and Uzbek sentences closed to the English rules; itself where there are none.

    Sentences decide, not turns, because people mix languages within one.
    """
    uzbek = _uzbek_ranges(document)
    if not uzbek and not document.has_cyrillic:
        return document
    view = Document(document.text)
    view.tokens = [
        replace(token, facts=_CLOSED) if "Ѐ" <= token.word[0] <= "ӿ" or any(start <= token.start < end for start, end in uzbek) else token
        for token in document.tokens
    ]
    return view


def _uzbek_ranges(document: Document) -> list[tuple[int, int]]:
    if not speaks_uzbek(document.folded):
        return []
    return [match.span() for match in _SENTENCE.finditer(document.text) if detect(match.group()).language == "uz"]
