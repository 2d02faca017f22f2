"""The whole corpus through both passes: what stage.py seals."""

import functools
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from components.anonymize import passes
from components.anonymize.anonymizer import CorpusOriginals, Counts
from components.anonymize.config import AnonymizeConfig
from components.anonymize.found_spool import FoundSpool
from components.anonymize.k_anonymity import QuasiIdentifiers
from components.anonymize.passes import Job, PersonRows, Written
from components.anonymize.people import RowReader, Spool, index_people
from components.anonymize.vault import VaultWriter
from components.anonymize.workers import batched, map_batches, processes
from components.shared import shutdown
from components.shared.errors import Interrupted
from components.shared.progress import progress
from components.shared.pseudonym_key import read_key


@dataclass
class Result:
    """What came of it, besides the rows themselves."""

    originals: CorpusOriginals
    told: QuasiIdentifiers = field(default_factory=QuasiIdentifiers)
    counts: Counts = field(default_factory=Counts)
    quarantined: list[Written] = field(default_factory=list)
    rows_in: int = 0


class CorpusRun:
    """Two passes over the rows of all people, resumable after a kill."""

    def __init__(self, paths: list[Path], config: AnonymizeConfig, checkpoint: Path | None, known_values_uri: str = "") -> None:
        """Index the rows.

        Args:
            paths: the conversations' file and the preference pairs' file.
            config: the stage's.
            known_values_uri: of the list of known values; empty: none.
            checkpoint: folder in which what was found survives a kill; None: it does not.
        """
        self._paths, self._checkpoint = paths, checkpoint
        self._job = Job(config, paths, known_values_uri)
        self._people = index_people(paths)
        neural = config.engines.neural == "on" or config.engines.model != ""
        self._processes = processes(config.workers, sum(path.stat().st_size for path in paths), neural=neural)

    def run(self, spools: list[Spool], reviews: Spool, vault: VaultWriter | None = None) -> Result:
        """Find, then write.

        Args:
            spools: for the finished rows, one an input file.
            reviews: for the facts behind a human review.
            vault: for the way back; None: there is none.
        """
        with self._folder() as folder:
            found = FoundSpool(folder / "found.jsonl")
            self._find(found)
            result = Result(passes.merged_originals(found.read(), read_key()), rows_in=sum(map(len, self._people.values())))
            for person in found.read():
                result.told.add([(attribute, value) for attribute, value in person["told"]])
            passes.save_corpus(result.originals, folder)
            self._write(found, folder, spools, reviews, result, vault)
            found.remove()
        result.quarantined.sort(key=lambda row: (row.place.file, row.place.line))
        return result

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        if self._checkpoint is not None:
            self._checkpoint.mkdir(parents=True, exist_ok=True)
            yield self._checkpoint
        else:
            with tempfile.TemporaryDirectory() as directory:
                yield Path(directory)

    def _rows(self, start: int = 0) -> Iterator[PersonRows]:
        reader = RowReader(self._paths)
        for places in list(self._people.values())[start:]:
            yield [(place, reader.read(place)) for place in places]
        reader.close()

    def _find(self, found: FoundSpool) -> None:
        work = functools.partial(passes.find_batch, job=self._job)
        with progress("anonymize: find, people", len(self._people), initial=found.done) as bar:
            for people in map_batches(work, batched(self._rows(found.done), len), self._processes):
                found.add(people)
                bar.advance(len(people))
                _stop_if_asked()

    def _write(
        self, found: FoundSpool, folder: Path, spools: list[Spool], reviews: Spool, result: Result, vault: VaultWriter | None
    ) -> None:
        work = functools.partial(passes.write_batch, job=self._job, corpus=folder)
        people = zip(self._rows(), (person["spans"] for person in found.read()), strict=True)
        with progress("anonymize: write, rows", result.rows_in) as bar:
            for written, counts, given in map_batches(work, batched(people, lambda person: len(person[0])), self._processes):
                result.counts.add(counts)
                if vault is not None:
                    vault.add(given)
                for row in written:
                    if row.content is None:
                        result.quarantined.append(row)
                        continue
                    spools[row.place.file].add(row.place.line, row.content)
                    if row.place.file == 0:
                        reviews.add(row.place.line, _review(row))
                bar.advance(len(written), replaced=result.counts.entities.total())
                _stop_if_asked()


def _review(row: Written) -> bytes:
    return json.dumps({"id": row.row_id, "doubts": [round(doubt, 4) for doubt in row.doubts], "replaced": row.replaced}).encode()


def _stop_if_asked() -> None:
    if shutdown.requested():
        raise Interrupted
