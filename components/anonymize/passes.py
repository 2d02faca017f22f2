"""The two passes over the data, person by person in batches: find everything first, then write.

No surrogate may be anybody's real value, and a value that tells a person must be in nobody's finished rows. Both need the whole corpus
before the first row is written. Between the passes stand offsets, types and keyed hashes, never a text.
"""

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.anonymize.anonymizer import Anonymizer, CorpusOriginals, Counts
from components.anonymize.config import AnonymizeConfig
from components.anonymize.engines import Engines, build_engines
from components.anonymize.finding import PersonFindings, RowSpans, detect_person, select_person, told_by
from components.anonymize.known_values import read_known_values
from components.anonymize.leak_check import SecondLook
from components.anonymize.people import Place
from components.anonymize.records_text import AnyRow, turns
from components.anonymize.spans import Span
from components.shared.errors import ContractError
from components.shared.original_values import OriginalValues
from components.shared.pseudonym_key import read_key
from components.shared.records import Conversation, PreferencePair

_ROW_TYPES: tuple[type[Conversation] | type[PreferencePair], ...] = (Conversation, PreferencePair)
_EVERYTHING, _TELLING = "everything.json", "telling.json"

PersonRows = list[tuple[Place, bytes]]
"""The rows of a person: where each stands, and its line."""
FoundPerson = dict[str, Any]
"""What the first pass found of a person, as JSON: spans, keyed hashes of the values, what is told beside names (generalised)."""


@dataclass(frozen=True)
class Job:
    """What every process needs to know."""

    config: AnonymizeConfig
    paths: list[Path]
    """The conversations' file and the preference pairs' file."""
    known_values_uri: str = ""
    """List of known values; empty: none."""


@dataclass(frozen=True)
class Written:
    """What became of one row."""

    place: Place
    row_id: str
    content: bytes | None
    """The row as JSON, None when it is quarantined."""
    reason: str | None
    doubts: tuple[float, ...]
    replaced: tuple[int, ...]
    """Values replaced in each turn."""


def find_batch(batch: list[PersonRows], job: Job) -> list[FoundPerson]:
    """Find what the rows of some people hold.

    Raises:
        ContractError: a line is no valid row (named by file and number).
    """
    key = read_key()
    detector = engines(job.config, job.known_values_uri).detector
    found = []
    people = [_parse(lines, job.paths) for lines in batch]
    detector.prepare([turn.content for rows in people for row in rows for turn in turns(row)])
    for rows in people:
        detected = detect_person(rows, detector)
        spans = select_person(rows, detected, job.config.policy)
        corpus = CorpusOriginals.empty(key)
        corpus.add(PersonFindings.of(rows, spans))
        found.append(
            {
                "spans": [[[[*_tuple(span)] for span in text] for text in row] for row in spans],
                "everything": corpus.everything.to_document(),
                "telling": corpus.telling.to_document(),
                "told": sorted(told_by(rows, detected)),
            }
        )
    return found


def write_batch(
    batch: list[tuple[PersonRows, list[Any]]], job: Job, corpus: Path
) -> tuple[list[Written], Counts, list[tuple[str, dict[str, str]]]]:
    """Write and check the rows of some people; also return for each person's id the replacements and what they stand for."""
    anonymizer = _anonymizer(job, corpus)
    written: list[Written] = []
    counts = Counts()
    given = []
    for lines, document in batch:
        rows = _parse(lines, job.paths)
        findings = PersonFindings.of(rows, spans_of(document))
        outcomes, counted, replacements = anonymizer.person(rows, findings)
        counts.add(counted)
        given.append((rows[0].person_id, replacements))
        for (place, _), row, outcome, spans in zip(lines, rows, outcomes, findings.spans, strict=True):
            content = outcome.row.model_dump_json().encode() if outcome.row is not None else None
            replaced = tuple(len(text) for text in spans[: len(outcome.doubts)])
            written.append(Written(place, row.id, content, outcome.reason, outcome.doubts, replaced))
    return written, counts, given


def spans_of(document: list[Any]) -> list[RowSpans]:
    """Return the spans of a person's rows from their JSON."""
    return [[[Span(*values) for values in text] for text in row] for row in document]


def merged_originals(found: Iterator[FoundPerson], key: bytes) -> CorpusOriginals:
    """Unite what the first pass hashed, person by person."""
    corpus = CorpusOriginals.empty(key)
    for person in found:
        parts = (OriginalValues.from_document(person[name], key, "the first pass") for name in ("everything", "telling"))
        corpus.merge(CorpusOriginals(*parts))
    return corpus


def save_corpus(corpus: CorpusOriginals, directory: Path) -> None:
    """Write the corpus' hashes where the processes of the second pass read them."""
    for name, values in ((_EVERYTHING, corpus.everything), (_TELLING, corpus.telling)):
        (directory / name).write_text(json.dumps(values.to_document()), encoding="utf-8")


@functools.lru_cache(maxsize=1)
def _engines(document: str, known_values_uri: str) -> Engines:
    config = AnonymizeConfig.model_validate_json(document)
    known = read_known_values(known_values_uri) if known_values_uri else ()
    return build_engines(config.engines, known, config.second_look)


def engines(config: AnonymizeConfig, known_values_uri: str = "") -> Engines:
    """Return the engines of a configuration, loaded once a process."""
    return _engines(config.model_dump_json(), known_values_uri)


@functools.lru_cache(maxsize=1)
def _corpus(directory: Path) -> CorpusOriginals:
    documents = (json.loads((directory / name).read_text(encoding="utf-8")) for name in (_EVERYTHING, _TELLING))
    return CorpusOriginals(*(OriginalValues.from_document(document, read_key(), str(directory)) for document in documents))


def _anonymizer(job: Job, corpus: Path) -> Anonymizer:
    second_look = SecondLook(engines(job.config, job.known_values_uri).second_look)
    return Anonymizer(job.config.policy, read_key(), _corpus(corpus), second_look)


def _tuple(span: Span) -> tuple[int, int, str, str, float]:
    return span.start, span.end, span.type, span.engine, round(span.score, 4)


def _parse(lines: PersonRows, paths: list[Path]) -> list[AnyRow]:
    rows: list[AnyRow] = []
    for place, content in lines:
        row_type = _ROW_TYPES[place.file]
        try:
            rows.append(row_type.model_validate_json(content))
        except ValueError:
            raise ContractError(f"{paths[place.file]}, line {place.line}: not a valid {row_type.__name__}") from None
    return rows
