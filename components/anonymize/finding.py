"""What one person's rows hold: every engine over every row, then every found value searched in all of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from components.anonymize import records_text
from components.anonymize.detector import Detector
from components.anonymize.entities import Form, Mentions, Value, forms
from components.anonymize.k_anonymity import Attribute, generalised
from components.anonymize.operators import PLACEHOLDER
from components.anonymize.policy import Policy
from components.anonymize.public_lines import is_public_line
from components.anonymize.records_text import AnyRow
from components.anonymize.spans import Span, merge
from components.shared.languages import Language, detect

_PUNCTUATION = " ,;:!?"

RowSpans = list[list[Span]]
"""For each text of a row (turns, then metadata): disjoint spans in order."""


@dataclass(frozen=True)
class PersonFindings:
    """What is replaced in all rows of a person."""

    spans: Sequence[RowSpans]
    """One entry a row."""
    values: list[Value]
    """Type, surface and language of each span."""
    forms: list[Form]
    """The spellings under which these values may appear."""

    @classmethod
    def of(cls, rows: Sequence[AnyRow], spans: Sequence[RowSpans]) -> "PersonFindings":
        """Read the values behind spans out of the rows."""
        values = values_of([records_text.texts(row) for row in rows], spans)
        return cls(spans, values, forms(values))


def detect_person(rows: Sequence[AnyRow], detector: Detector) -> list[RowSpans]:
    """Return everything that the engines find in all rows of one person: turns as one document, each string of the metadata by itself."""
    found = []
    for row in rows:
        texts = records_text.texts(row)
        number = len(records_text.turns(row))
        found.append([*detector.find(texts[:number]), *(detector.find([text])[0] for text in texts[number:])])
    return found


def select_person(rows: Sequence[AnyRow], detected: Sequence[RowSpans], policy: Policy) -> list[RowSpans]:
    """Keep what the policy replaces, and search every kept value in all rows of the person."""
    row_texts = [records_text.texts(row) for row in rows]
    chosen = [[_chosen(text, spans, policy) for text, spans in zip(*pair, strict=True)] for pair in zip(row_texts, detected, strict=True)]
    mentions = Mentions(forms(values_of(row_texts, chosen)))
    return [
        [_chosen(text, [*here, *mentions.find(text)], policy) for text, here in zip(*pair, strict=True)]
        for pair in zip(row_texts, chosen, strict=True)
    ]


def find_person(rows: Sequence[AnyRow], detector: Detector, policy: Policy) -> list[RowSpans]:
    """Find what the policy replaces in all rows of one person.

    Args:
        rows: every conversation and preference pair of the person, in a fixed order.
        detector: the engines.
        policy: which types and values are replaced at all.
    """
    return select_person(rows, detect_person(rows, detector), policy)


def told_by(rows: Sequence[AnyRow], detected: Sequence[RowSpans]) -> set[tuple[Attribute, str]]:
    """Return what a person's own turns tell beside names, in generalised words: age, place, job, event (for k-anonymity)."""
    told = set()
    for row, spans in zip(rows, detected, strict=True):
        for turn, found in zip(records_text.turns(row), spans, strict=False):
            if turn.role == "user" and found:
                language = language_of(turn.content)
                told |= {generalised(span.type, turn.content[span.start : span.end], language) for span in found}
    return {attribute for attribute in told if attribute is not None}


def values_of(row_texts: Sequence[Sequence[str]], spans: Sequence[RowSpans]) -> list[Value]:
    """Return type, surface and language of every span, in order."""
    return [
        Value(span.type, text[span.start : span.end], language)
        for texts, row_spans in zip(row_texts, spans, strict=True)
        for text, found in zip(texts, row_spans, strict=True)
        if found
        for language in [language_of(text)]
        for span in found
    ]


def language_of(text: str) -> Language | None:
    """Return the language that a text is written in, None where it does not tell."""
    return detect(text).language


def _chosen(text: str, spans: Sequence[Span], policy: Policy) -> list[Span]:
    """Return the spans that are replaced: kept types and values, public help lines and placeholders of an earlier pass stay."""
    if not spans:
        return []
    kept = [match.span() for match in PLACEHOLDER.finditer(text)]
    return merge(
        span
        for span in map(_trimmed(text), spans)
        if policy.replaces(span.type, text[span.start : span.end])
        and not is_public_line(span.type, text[span.start : span.end])
        and not any(span.start < end and start < span.end for start, end in kept)
    )


def _trimmed(text: str) -> Callable[[Span], Span]:
    """Leave the punctuation of the sentence outside: it is not personal, and the sentence needs it."""

    def trim(span: Span) -> Span:
        surface = text[span.start : span.end]
        end = span.start + len(surface.rstrip(_PUNCTUATION))
        return replace(span, end=end) if span.start < end < span.end else span

    return trim
