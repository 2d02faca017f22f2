"""Anonymising many people, in this process or in several; the result does not depend on how many."""

import functools
import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from components.anonymize.anonymizer import Counts, anonymize_person
from components.anonymize.config import AnonymizeConfig
from components.anonymize.detector import UnionDetector, default_detector
from components.anonymize.people import Place
from components.anonymize.records_text import AnyRow
from components.shared.errors import ContractError
from components.shared.records import Conversation, PreferencePair

_ROW_TYPES: tuple[type[Conversation] | type[PreferencePair], ...] = (Conversation, PreferencePair)
_SINGLE_PROCESS_BYTES = 3_000_000
"""Below this a second process costs more (3 s of imports) than it saves."""
_BATCH_ROWS = 50
_AHEAD = 4
"""Batches in flight for each process: bounds memory."""

PersonRows = list[tuple[Place, bytes]]


@dataclass(frozen=True)
class Written:
    """What became of one row."""

    place: Place
    row_id: str
    content: bytes | None
    """The row as JSON, None when it is quarantined."""
    reason: str | None


def processes(config: AnonymizeConfig, total_bytes: int) -> int:
    """Return how many processes the work deserves."""
    if total_bytes < _SINGLE_PROCESS_BYTES:
        return 1
    return config.workers or len(os.sched_getaffinity(0))


def anonymize_people(
    people: Iterable[PersonRows], config: AnonymizeConfig, paths: list[Path], number: int
) -> Iterator[tuple[list[Written], Counts]]:
    """Yield the outcome of batches of people, in order.

    Raises:
        ContractError: a line is no valid row (named by file and number).
    """
    work = functools.partial(_anonymize_batch, config=config, paths=paths)
    if number == 1:
        yield from map(work, _batches(people))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(number, mp_context=context) as pool:
        pending: deque[Future[tuple[list[Written], Counts]]] = deque()
        for batch in _batches(people):
            pending.append(pool.submit(work, batch))
            if len(pending) > number * _AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


@functools.cache
def _detector() -> UnionDetector:
    """One detector a process."""
    return default_detector()


def _batches(people: Iterable[PersonRows]) -> Iterator[list[PersonRows]]:
    batch: list[PersonRows] = []
    size = 0
    for rows in people:
        batch.append(rows)
        size += len(rows)
        if size >= _BATCH_ROWS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _anonymize_batch(batch: list[PersonRows], config: AnonymizeConfig, paths: list[Path]) -> tuple[list[Written], Counts]:
    written: list[Written] = []
    counts = Counts()
    for lines in batch:
        rows = [_parse(place, content, paths) for place, content in lines]
        outcomes, found = anonymize_person(rows, _detector(), config)
        counts.add(found)
        for (place, _), row, outcome in zip(lines, rows, outcomes, strict=True):
            content = outcome.row.model_dump_json().encode() if outcome.row is not None else None
            written.append(Written(place, row.id, content, outcome.reason))
    return written, counts


def _parse(place: Place, content: bytes, paths: list[Path]) -> AnyRow:
    row_type = _ROW_TYPES[place.file]
    try:
        return row_type.model_validate_json(content)
    except ValueError:
        raise ContractError(f"{paths[place.file]}, line {place.line}: not a valid {row_type.__name__}") from None
