"""The anonymize stage: personal data are found and replaced, the result is checked for leaks, the recall is measured."""

from pathlib import Path
from typing import Any

from kfp import dsl

from components.anonymize.anonymizer import Counts
from components.anonymize.audit_page import audit_page
from components.anonymize.config import AnonymizeConfig
from components.anonymize.detector import default_detector
from components.anonymize.people import RowReader, Spool, index_people
from components.anonymize.recall import wilson
from components.anonymize.workers import Written, anonymize_people, processes
from components.shared import artifacts, shutdown, tracking
from components.shared.dataset_splits import CONVERSATIONS_FILE, CONVERSATIONS_SCHEMA, PREFERENCES_FILE, PREFERENCES_SCHEMA
from components.shared.errors import DataGateError, Interrupted
from components.shared.outputs import publish_metrics, publish_page
from components.shared.progress import progress
from components.shared.records import write_rows

QUARANTINE_SCHEMA = "quarantine/v1"
QUARANTINE_FILE = "quarantine.jsonl"
_FILES = (CONVERSATIONS_FILE, PREFERENCES_FILE)
_SCHEMAS = (CONVERSATIONS_SCHEMA, PREFERENCES_SCHEMA)


def run(
    conversations: dsl.Input[dsl.Dataset],
    preferences: dsl.Input[dsl.Dataset],
    anonymized_conversations: dsl.Output[dsl.Dataset],
    anonymized_preferences: dsl.Output[dsl.Dataset],
    quarantine: dsl.Output[dsl.Dataset],
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    config: dict[str, Any] = {},
) -> None:
    """Replace personal data by placeholders. Contract: README.md beside this file."""
    settings = AnonymizeConfig.parse(config)
    inputs = [artifacts.open_sealed(artifact, schema) for artifact, schema in zip((conversations, preferences), _SCHEMAS, strict=True)]
    parents = {name: manifest.digest for name, (_, manifest) in zip(("conversations", "preferences"), inputs, strict=True)}
    paths = [directory / name for (directory, _), name in zip(inputs, _FILES, strict=True)]
    with tracking.stage_run("anonymize", settings) as run:
        for name, artifact in (("conversations", conversations), ("preferences", preferences)):
            run.log_input(name, digest=parents[name], uri=artifact.uri, context="raw")
        outputs = (anonymized_conversations, anonymized_preferences)
        spools = [Spool(artifacts.start(output.path) / f".{name}.spool") for output, name in zip(outputs, _FILES, strict=True)]
        quarantined, counts, rows_in = _anonymize(paths, spools, settings)
        rows_out = [len(spool) for spool in spools]
        assert rows_in == sum(rows_out) + len(quarantined), "every row is written or quarantined"
        write_rows(artifacts.start(quarantine.path) / QUARANTINE_FILE, quarantined)
        artifacts.seal(quarantine, QUARANTINE_SCHEMA, properties={"rows": len(quarantined)}, parents=parents)
        refusals = _refusals(counts, settings, rows_in=rows_in, leaks=len(quarantined))
        publish_metrics(metrics, _metrics(counts, rows_in=rows_in, rows_out=sum(rows_out)), run)
        page = audit_page(counts, settings, rows_in=rows_in, rows_out=sum(rows_out), detector=default_detector().name, refusals=refusals)
        publish_page(report, page, run, "anonymize.html")
        if refusals:
            for spool in spools:
                spool.remove()
            raise DataGateError(" ".join(refusals))
        for output, schema, name, spool in zip(outputs, _SCHEMAS, _FILES, spools, strict=True):
            with (Path(output.path) / name).open("wb") as file:
                file.writelines(spool.in_order())
            properties = {"rows": len(spool), "anonymized": True, "mode": settings.mode, "detector": default_detector().name}
            spool.remove()
            artifacts.seal(output, schema, properties=properties, parents=parents)


def _anonymize(paths: list[Path], spools: list[Spool], settings: AnonymizeConfig) -> tuple[list[dict[str, Any]], Counts, int]:
    """Work through the people; return quarantine entries, counts and the number of rows read."""
    people = index_people(paths)
    rows_in = sum(len(places) for places in people.values())
    reader = RowReader(paths)
    quarantined: list[dict[str, Any]] = []
    counts = Counts()
    number = processes(settings, sum(path.stat().st_size for path in paths))
    rows = ([(place, reader.read(place)) for place in places] for places in people.values())
    with progress("anonymize: rows", rows_in) as bar:
        for written, batch_counts in anonymize_people(rows, settings, paths, number):
            if shutdown.requested():
                raise Interrupted
            counts.add(batch_counts)
            for row in written:
                if row.content is None:
                    quarantined.append(_quarantine_entry(row))
                else:
                    spools[row.place.file].add(row.place.line, row.content)
            bar.advance(len(written), replaced=counts.entities.total())
    reader.close()
    return sorted(quarantined, key=lambda entry: (entry["file"], entry["line"])), counts, rows_in


def _quarantine_entry(row: Written) -> dict[str, Any]:
    """Name the row by file and line; its id only as a digest, because the id may be what leaks."""
    return {
        "file": _FILES[row.place.file],
        "line": row.place.line,
        "id_digest": artifacts.digest_of(row.row_id)[:16],
        "codes": [row.reason],
        "severity": "critical",
    }


def _refusals(counts: Counts, settings: AnonymizeConfig, *, rows_in: int, leaks: int) -> list[str]:
    """Return why the data must not go on, in sentences; empty when they may."""
    refusals = []
    if leaks > settings.max_leak_fraction * rows_in:
        reasons = ", ".join(f"{name}: {number}" for name, number in sorted(counts.reasons.items()))
        refusals.append(
            f"Original values survived in {leaks} of {rows_in} rows ({reasons}),"
            f" more than anonymize.max_leak_fraction={settings.max_leak_fraction} allows;"
            " see the quarantine artifact for file and line. LEAK_IN_IDENTIFIER: give rows and people ids that say nothing of a person."
        )
    found, total = counts.tally.direct()
    if settings.min_recall is not None and total and found < settings.min_recall * total:
        refusals.append(
            f"Recall of direct identifiers is {found / total:.4f} ({found} of {total} gold spans),"
            f" but anonymize.min_recall={settings.min_recall} is wanted;"
            " see the report for the types that are missed, and do not use these data for training as they are."
        )
    return refusals


def _metrics(counts: Counts, *, rows_in: int, rows_out: int) -> dict[str, float]:
    values: dict[str, float] = {
        "rows/in": rows_in,
        "rows/out": rows_out,
        "rows/quarantined": rows_in - rows_out,
        "people": counts.people,
        "leaks": counts.reasons.total(),
        "masked_fraction": counts.masked / max(1, counts.characters),
        "entities/total": counts.entities.total(),
    }
    values |= {f"entities/{name}": number for name, number in sorted(counts.entities.items())}
    tally = counts.tally
    if tally.rows:
        values |= {f"recall/{name}": tally.found[name] / total for name, total in sorted(tally.total.items())}
        found, total = tally.direct()
        values["overmask_fraction"] = tally.masked_outside_gold / max(1, tally.characters)
        if total:
            values |= {"recall/direct": found / total, "recall/direct_lower": wilson(found, total)[0], "recall/direct_count": total}
    return values
