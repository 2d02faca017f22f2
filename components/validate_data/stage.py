"""validate_data: from raw files to rows that every later stage can rely on."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kfp import dsl

from components.shared import artifacts, tracking
from components.shared import report as html
from components.shared.dataset_splits import CONVERSATIONS_FILE, CONVERSATIONS_SCHEMA, PREFERENCES_FILE, PREFERENCES_SCHEMA
from components.shared.errors import DataGateError
from components.shared.outputs import publish_metrics, publish_page
from components.shared.records import write_rows
from components.validate_data.checks import Outcome, check_all
from components.validate_data.config import ValidateDataConfig
from components.validate_data.features import mark_repeated_replies, of_conversation, of_pair
from components.validate_data.intake import Intake, RowKind, take_in
from components.validate_data.measures import measure, people
from components.validate_data.pages import report_page
from components.validate_data.profile import Profile, profile_of, read_profile
from components.validate_data.review import review_conversation, review_pair
from components.validate_data.rows import check_conversation, check_pair

QUARANTINE_SCHEMA = "quarantine/v1"
CHECKS_SCHEMA = "validation_results/v1"
DIALOGUES = RowKind(check_conversation, of_conversation, review_conversation, CONVERSATIONS_FILE)
PAIRS = RowKind(check_pair, of_pair, review_pair, PREFERENCES_FILE)


def run(
    conversations_uri: str,
    preferences_uri: str,
    conversations_digest: str,
    preferences_digest: str,
    conversations: dsl.Output[dsl.Dataset],
    preferences: dsl.Output[dsl.Dataset],
    quarantine: dsl.Output[dsl.Dataset],
    checks: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    config: dict[str, Any] = {},
) -> None:
    """Read raw rows, quarantine the unusable ones, assert the suites. Contract: README.md beside this file."""
    settings = ValidateDataConfig.parse(config)
    started = time.monotonic()
    with tracking.stage_run("validate_data", settings) as stage:
        parents = {"conversations": conversations_digest, "preferences": preferences_digest}
        stage.log_input("conversations", digest=conversations_digest, uri=conversations_uri, context="raw")
        stage.log_input("preferences", digest=preferences_digest, uri=preferences_uri, context="raw")
        baseline = read_profile(settings.baseline_profile) if settings.baseline_profile else None
        dialogues = take_in(conversations_uri, conversations_digest, DIALOGUES, artifacts.start(conversations.path), settings)
        pairs = take_in(preferences_uri, preferences_digest, PAIRS, artifacts.start(preferences.path), settings)
        mark_repeated_replies(dialogues.accepted)
        intakes = (dialogues, pairs)
        lists = _write_lists(artifacts.start(quarantine.path), intakes)
        stage.log_artifact(lists, "quarantine")
        refusals = _row_gate(intakes, settings)
        outcome = Outcome(failures=refusals) if refusals else check_all(intakes, settings, baseline)
        stage.log_artifact(_write_checks(artifacts.start(checks.path), intakes, outcome), "checks")
        publish_page(report, html.render(report_page(intakes, outcome, settings)), stage, "validate_data.html")
        publish_metrics(metrics, measure(intakes, outcome, time.monotonic() - started), stage)
        if outcome.failures:
            raise DataGateError(f"{'; '.join(outcome.failures)}. Each row is listed in {lists}, also kept with the tracking run")
        _seal_rows(conversations, CONVERSATIONS_SCHEMA, dialogues, parents)
        _seal_rows(preferences, PREFERENCES_SCHEMA, pairs, parents)
        met = sum(result.success for result in outcome.results)
        artifacts.seal(checks, CHECKS_SCHEMA, properties={"checks": len(outcome.results), "met": met}, parents=parents)
        counts = {"rows": _count("quarantined", intakes), "repaired": _count("repaired", intakes), "reviewed": _count("reviewed", intakes)}
        artifacts.seal(quarantine, QUARANTINE_SCHEMA, properties=counts, parents=parents)


def _write_lists(folder: Path, intakes: Sequence[Intake]) -> Path:
    write_rows(folder / "quarantine.jsonl", (entry for intake in intakes for entry in intake.quarantined))
    write_rows(folder / "repaired.jsonl", (entry for intake in intakes for entry in intake.repaired))
    write_rows(folder / "review.jsonl", (entry for intake in intakes for entry in intake.reviewed))
    return folder


def _write_checks(folder: Path, intakes: Sequence[Intake], outcome: Outcome) -> Path:
    dialogues, pairs = intakes
    profile = Profile(conversations=profile_of(dialogues.accepted), preferences=profile_of(pairs.accepted))
    documents = {
        "results.json": [result.to_json() for result in outcome.results],
        "gx_results.json": outcome.documents,
        "drift.json": [asdict(drift) for drift in outcome.drifts],
        "profile.json": profile.model_dump(mode="json"),
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, indent=2), encoding="utf-8")
    return folder


def _row_gate(intakes: Sequence[Intake], settings: ValidateDataConfig) -> list[str]:
    failures = []
    for intake in intakes:
        refused, limit = len(intake.quarantined), settings.max_invalid_fraction
        if not intake.accepted:
            failures.append(f"{intake.uri}: all {intake.rows_in} rows refused: {intake.summary()}")
        elif intake.invalid_fraction > limit:
            failures.append(
                f"{intake.uri}: {refused} of {intake.rows_in} rows refused ({intake.invalid_fraction:.1%}, "
                f"max_invalid_fraction allows {limit:.1%}): {intake.summary()}"
            )
    return failures


def _seal_rows(artifact: Any, schema: str, intake: Intake, parents: dict[str, str]) -> None:
    properties = {"rows": len(intake.accepted), "people": people(intake), "anonymized": False}
    artifacts.seal(artifact, schema, properties=properties, parents=parents)


def _count(entries: str, intakes: Sequence[Intake]) -> int:
    return sum(len(getattr(intake, entries)) for intake in intakes)
