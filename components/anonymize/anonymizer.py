"""One person's rows in, the same rows without personal data out."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from components.anonymize import leak_check, records_text
from components.anonymize.entities import Identities, Value, is_case_bound, spellings
from components.anonymize.finding import PersonFindings, language_of
from components.anonymize.leak_check import PersonOriginals, Ranges, SecondLook
from components.anonymize.operators import Mention, Operators, is_birth, numbers_in_use
from components.anonymize.policy import Policy
from components.anonymize.recall import Tally
from components.anonymize.records_text import AnyRow
from components.anonymize.spans import Span
from components.shared.languages import Language
from components.shared.normalize import canonical
from components.shared.original_values import OriginalValues

_TELLING_TYPES = frozenset({"EMAIL", "PHONE", "ID", "HANDLE", "URL", "ADDRESS"})
_TELLING_FIGURES = 7
_FULL_NAME_WORDS, _ADDRESS_WORDS, _MIN_TELLING_CHARACTERS = 2, 3, 5
"""From these on a value tells a person by itself: a full name in capitals; street, number and town; others with a figure or a sign."""


@dataclass
class Counts:
    """What the report tells of the work; adds up over people and processes."""

    entities: Counter[str] = field(default_factory=Counter)
    engines: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    characters: int = 0
    masked: int = 0
    people: int = 0
    tally: Tally = field(default_factory=Tally)

    def add(self, other: "Counts") -> None:
        """Add another count to this one."""
        for name in ("entities", "engines", "languages", "reasons"):
            getattr(self, name).update(getattr(other, name))
        for name in ("characters", "masked", "people"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.tally.add(other.tally)


@dataclass(frozen=True)
class Outcome:
    """A row as it may be written, or the reason why not."""

    row: AnyRow | None
    reason: str | None
    doubts: tuple[float, ...] = ()
    """For each turn: how uncertain its least certain span is, 0-1; 0 where nothing was found."""


@dataclass(frozen=True)
class CorpusOriginals:
    """Keyed hashes of what was replaced in the rows of all people."""

    everything: OriginalValues
    """Every value and every part of a name: what no surrogate, in any of its forms, may be."""
    telling: OriginalValues
    """Values that tell a person by themselves: full names, numbers, addresses. They must be in nobody's finished rows."""

    @classmethod
    def empty(cls, key: bytes) -> "CorpusOriginals":
        """Return empty sets under a key."""
        return cls(OriginalValues(key), OriginalValues(key))

    def add(self, findings: PersonFindings) -> None:
        """Add what was found in one person's rows."""
        for value in set(findings.values):
            self.everything.update((value.surface, *spellings(value)))
            if _tells_by_itself(value):
                self.telling.add(value.surface)
                self.telling.update(part for part in spellings(value) if sum(map(str.isdigit, part)) >= _TELLING_FIGURES)

    def merge(self, other: "CorpusOriginals") -> None:
        """Add other sets under the same key."""
        self.everything.merge(other.everything)
        self.telling.merge(other.telling)


def _tells_by_itself(value: Value) -> bool:
    words = len(value.surface.split())
    if value.type == "PERSON":
        capitals = [word for word in value.surface.split() if word[0].isupper()]
        return len(capitals) == words >= _FULL_NAME_WORDS and not all(is_case_bound(canonical(word)) for word in capitals)
    if value.type == "ADDRESS" and words < _ADDRESS_WORDS:
        return False
    return value.type in _TELLING_TYPES and len(value.surface) >= _MIN_TELLING_CHARACTERS and not value.surface.replace(" ", "").isalpha()


@dataclass(frozen=True)
class Anonymizer:
    """Writes and checks rows; one for the whole corpus."""

    policy: Policy
    key: bytes
    corpus: CorpusOriginals
    second_look: SecondLook | None

    def person(self, rows: Sequence[AnyRow], findings: PersonFindings) -> tuple[list[Outcome], Counts, dict[str, str]]:
        """Anonymise all rows of one person together, so that the same value gets the same replacement in each.

        Args:
            rows: every conversation and preference pair of the person, in a fixed order.
            findings: what ``find_person`` found in them.

        Returns:
            One outcome for each row, in order; the counts; and each replacement with the value behind it (for a vault).
        """
        row_texts = [records_text.texts(row) for row in rows]
        writer = _Writer(self, rows[0].person_id, findings.values, _placeholders_of(row_texts))
        originals = PersonOriginals(self.key, findings.forms)
        counts = Counts(people=1)
        outcomes = []
        for row, texts, spans in zip(rows, row_texts, findings.spans, strict=True):
            _count(row, texts, spans, counts, self.policy)
            written = [writer.write(text, found) for text, found in zip(texts, spans, strict=True)]
            finished = records_text.rebuild(row, [text for text, _ in written])
            reason = leak_check.check(
                finished,
                originals,
                replaced=[ranges for _, ranges in written],
                corpus=self.corpus.telling,
                second_look=self.second_look,
            )
            if reason is not None:
                counts.reasons[reason] += 1
            doubts = tuple(_doubt(found) for found in spans[: len(records_text.turns(row))])
            outcomes.append(Outcome(None if reason else finished, reason, doubts))
        return outcomes, counts, writer.given


class _Writer:
    """Puts replacements in the place of spans."""

    def __init__(self, anonymizer: Anonymizer, person_id: str, values: Sequence[Value], taken: dict[str, int]) -> None:
        self._identities = Identities(values)
        is_original: Callable[[str], bool] = anonymizer.corpus.everything.__contains__
        self._operators = Operators(anonymizer.policy, anonymizer.key, person_id, is_original, taken)
        self.given: dict[str, str] = {}

    def write(self, text: str, spans: Sequence[Span]) -> tuple[str, Ranges]:
        """Return the text with every span replaced, and where the replacements stand in it; all other characters stay as they are."""
        if not spans:
            return text, ()
        language: Language | None = language_of(text)
        pieces: list[str] = []
        ranges = []
        position = length = 0
        for span in spans:
            surface = text[span.start : span.end]
            entity = self._identities.key(Value(span.type, surface, language))
            birth = span.type == "DATE" and is_birth(text[: span.start])
            replacement = self._operators.replacement(Mention(span.type, entity, surface, language, birth))
            self.given[replacement] = surface
            pieces += [text[position : span.start], replacement]
            start = length + span.start - position
            length = start + len(replacement)
            ranges.append((start, length))
            position = span.end
        return "".join([*pieces, text[position:]]), ranges


def _doubt(spans: Sequence[Span]) -> float:
    return max((1.0 - span.score for span in spans), default=0.0)


def _placeholders_of(row_texts: Sequence[Sequence[str]]) -> dict[str, int]:
    highest: dict[str, int] = {}
    for text in (text for texts in row_texts for text in texts):
        for name, number in numbers_in_use(text).items():
            highest[name] = max(highest.get(name, 0), number)
    return highest


def _count(row: AnyRow, texts: Sequence[str], spans: Sequence[Sequence[Span]], counts: Counts, policy: Policy) -> None:
    for text, found in zip(texts, spans, strict=True):
        counts.entities.update(span.type for span in found)
        counts.engines.update(span.engine for span in found)
        counts.characters += len(text)
        counts.masked += sum(span.end - span.start for span in found)
    turns = records_text.turns(row)
    counts.languages.update(language_of(turn.content) or "unknown" for turn in turns)
    gold = records_text.gold(row)
    if gold is None:
        return
    counts.tally.rows += 1
    for number, turn in enumerate(turns):
        here = [span for span in gold if span.message == number]
        wanted = {span for span in here if policy.replaces(span.type, turn.content[span.start : span.end])}
        counts.tally.count_text(turn.content, here, list(spans[number]), wanted)
