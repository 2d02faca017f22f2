"""One person's rows in, the same rows without personal data out."""

from collections import Counter
from dataclasses import dataclass, field

from components.anonymize import leak_check, records_text
from components.anonymize.config import AnonymizeConfig
from components.anonymize.detector import Detector
from components.anonymize.entities import Form, Identities, Mentions, forms
from components.anonymize.operators import PLACEHOLDER, Operator, PlaceholderOperator, numbers_in_use
from components.anonymize.recall import Tally
from components.anonymize.records_text import AnyRow
from components.anonymize.spans import Span, merge
from components.shared.normalize import canonical


@dataclass
class Counts:
    """What the report tells of the work; adds up over people and processes."""

    entities: Counter[str] = field(default_factory=Counter)
    engines: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    characters: int = 0
    masked: int = 0
    people: int = 0
    tally: Tally = field(default_factory=Tally)

    def add(self, other: "Counts") -> None:
        """Add another count to this one."""
        for name in ("entities", "engines", "reasons"):
            getattr(self, name).update(getattr(other, name))
        for name in ("characters", "masked", "people"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.tally.add(other.tally)


@dataclass(frozen=True)
class Outcome:
    """A row as it may be written, or the reason why not."""

    row: AnyRow | None
    reason: str | None


def anonymize_person(rows: list[AnyRow], detector: Detector, config: AnonymizeConfig) -> tuple[list[Outcome], Counts]:
    """Anonymise all rows of one person together, so that the same value gets the same placeholder in each.

    Args:
        rows: every conversation and preference pair of the person, in a fixed order.
        detector: finds personal data in one text.
        config: the policy.

    Returns:
        One outcome for each row, in order, and the counts.
    """
    row_texts = [records_text.texts(row) for row in rows]
    spans = [_detect(row, parts, detector, config) for row, parts in zip(rows, row_texts, strict=True)]
    originals = _values(row_texts, spans)
    wanted = forms(originals)
    mentions = Mentions(wanted)
    allowed = {canonical(value) for value in config.allow}
    spans = [
        [_replaceable(part, [*found, *mentions.find(part)], config, allowed) for part, found in zip(parts, row_spans, strict=True)]
        for parts, row_spans in zip(row_texts, spans, strict=True)
    ]
    identities = Identities(_values(row_texts, spans))
    operator = PlaceholderOperator(_placeholders_of(row_texts))
    counts = Counts(people=1)
    outcomes = []
    for row, parts, row_spans in zip(rows, row_texts, spans, strict=True):
        _count(row, parts, row_spans, counts, config)
        replaced = [replace(part, found, identities, operator) for part, found in zip(parts, row_spans, strict=True)]
        outcomes.append(_outcome(records_text.rebuild(row, replaced), wanted, counts))
    return outcomes, counts


def replace(text: str, spans: list[Span], identities: Identities, operator: Operator) -> str:
    """Write the replacement of each span in its place; all other characters stay as they are."""
    pieces = []
    position = 0
    for span in spans:
        key = identities.key(span.type, text[span.start : span.end])
        pieces += [text[position : span.start], operator.replacement(span.type, key)]
        position = span.end
    return "".join([*pieces, text[position:]])


def _detect(row: AnyRow, parts: list[str], detector: Detector, config: AnonymizeConfig) -> list[list[Span]]:
    """Search the turns as one document, and each string of the metadata by itself."""
    allowed = {canonical(value) for value in config.allow}
    number = len(records_text.turns(row))
    found = detector.find(parts[:number])
    found += [detector.find([part])[0] for part in parts[number:]]
    return [_replaceable(part, spans, config, allowed) for part, spans in zip(parts, found, strict=True)]


def _replaceable(text: str, spans: list[Span], config: AnonymizeConfig, allowed: set[str]) -> list[Span]:
    """Apply the policy, leave existing placeholders alone, and unite what overlaps."""
    kept = [match.span() for match in PLACEHOLDER.finditer(text)]
    chosen = [
        span
        for span in spans
        if config.scored(span.type, text[span.start : span.end])
        and canonical(text[span.start : span.end]) not in allowed
        and not any(span.start < end and start < span.end for start, end in kept)
    ]
    return merge(chosen)


def _values(row_texts: list[list[str]], spans: list[list[list[Span]]]) -> list[tuple[str, str]]:
    """Return type and surface of every span, in order."""
    return [
        (span.type, part[span.start : span.end])
        for parts, row_spans in zip(row_texts, spans, strict=True)
        for part, found in zip(parts, row_spans, strict=True)
        for span in found
    ]


def _placeholders_of(row_texts: list[list[str]]) -> dict[str, int]:
    highest: dict[str, int] = {}
    for part in (part for parts in row_texts for part in parts):
        for name, number in numbers_in_use(part).items():
            highest[name] = max(highest.get(name, 0), number)
    return highest


def _outcome(row: AnyRow, originals: list[Form], counts: Counts) -> Outcome:
    reason = leak_check.check(row, originals)
    if reason is None:
        return Outcome(row, None)
    counts.reasons[reason] += 1
    return Outcome(None, reason)


def _count(row: AnyRow, parts: list[str], spans: list[list[Span]], counts: Counts, config: AnonymizeConfig) -> None:
    for part, found in zip(parts, spans, strict=True):
        counts.entities.update(span.type for span in found)
        counts.engines.update(span.engine for span in found)
        counts.characters += len(part)
        counts.masked += sum(span.end - span.start for span in found)
    gold = records_text.gold(row)
    if gold is None:
        return
    counts.tally.rows += 1
    for number, turn in enumerate(records_text.turns(row)):
        here = [span for span in gold if span.message == number]
        wanted = {span for span in here if config.scored(span.type, turn.content[span.start : span.end])}
        counts.tally.count_text(turn.content, here, spans[number], wanted)
