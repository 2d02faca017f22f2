"""validate_data: from raw files to rows that every later stage can rely on."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kfp import dsl

from components.shared import artifacts, tracking
from components.shared import report as html
from components.shared.dataset_splits import CONVERSATIONS_FILE, CONVERSATIONS_SCHEMA, PREFERENCES_FILE, PREFERENCES_SCHEMA
from components.shared.errors import DataGateError
from components.shared.outputs import publish_metrics, publish_page
from components.shared.records import write_rows
from components.validate_data.config import ValidateDataConfig
from components.validate_data.expectations import CheckResult, run_suite
from components.validate_data.features import mark_repeated_replies, of_conversation, of_pair
from components.validate_data.intake import Intake, RowKind, take_in
from components.validate_data.pages import report_page
from components.validate_data.rows import check_conversation, check_pair

QUARANTINE_SCHEMA = "quarantine/v1"
CHECKS_SCHEMA = "validation_results/v1"
DIALOGUES = RowKind(check_conversation, of_conversation, CONVERSATIONS_FILE)
PAIRS = RowKind(check_pair, of_pair, PREFERENCES_FILE)


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
        dialogues = take_in(conversations_uri, conversations_digest, DIALOGUES, artifacts.start(conversations.path), settings)
        pairs = take_in(preferences_uri, preferences_digest, PAIRS, artifacts.start(preferences.path), settings)
        mark_repeated_replies(dialogues.accepted)
        intakes = (dialogues, pairs)
        lists = _write_quarantine(artifacts.start(quarantine.path), intakes)
        stage.log_artifact(lists, "quarantine")
        failures = _row_gate(intakes, settings)
        results = [] if failures else _run_suites(intakes, settings)
        failures += [f"{r.suite}: critical check not met: {r.about}" for r in results if r.severity == "critical" and not r.success]
        publish_page(report, html.render(report_page(intakes, results, failures, _length_rule(pairs))), stage, "validate_data.html")
        publish_metrics(metrics, _metrics(intakes, results, time.monotonic() - started), stage)
        if failures:
            raise DataGateError(f"{'; '.join(failures)}. Each row is listed in {lists}, also kept with the tracking run")
        _seal_rows(conversations, CONVERSATIONS_SCHEMA, dialogues, parents)
        _seal_rows(preferences, PREFERENCES_SCHEMA, pairs, parents)
        _seal_results(checks, results, parents)
        artifacts.seal(
            quarantine, QUARANTINE_SCHEMA, properties={"rows": _refused(intakes), "repaired": _repaired(intakes)}, parents=parents
        )


def _write_quarantine(folder: Path, intakes: Sequence[Intake]) -> Path:
    write_rows(folder / "quarantine.jsonl", (entry for intake in intakes for entry in intake.quarantined))
    write_rows(folder / "repaired.jsonl", (entry for intake in intakes for entry in intake.repaired))
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


def _run_suites(intakes: Sequence[Intake], settings: ValidateDataConfig) -> list[CheckResult]:
    limits = {
        "min_turns": settings.min_turns,
        "max_turns": settings.max_turns,
        "max_turn_characters": settings.max_turn_characters,
        "max_length_rule_accuracy": settings.max_length_rule_accuracy,
        "min_length_rule_accuracy": 1.0 - settings.max_length_rule_accuracy,
    }
    names = ("conversations", "preferences")
    return [result for name, intake in zip(names, intakes, strict=True) for result in run_suite(name, intake.accepted, limits)]


def _length_rule(pairs: Intake) -> float | None:
    """Return the share of pairs whose longer reply is the chosen one, ties counting half."""
    if not pairs.accepted:
        return None
    return float(sum(row["longer_is_chosen"] for row in pairs.accepted) / len(pairs.accepted))


def _metrics(intakes: Sequence[Intake], results: Sequence[CheckResult], seconds: float) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, intake in zip(("conversations", "preferences"), intakes, strict=True):
        values |= {
            f"{name}_rows_in": intake.rows_in,
            f"{name}_rows": len(intake.accepted),
            f"{name}_quarantined": len(intake.quarantined),
            f"{name}_repaired": len(intake.repaired),
            f"{name}_people": _people(intake),
            f"{name}_invalid_fraction": intake.invalid_fraction,
        }
    accuracy = _length_rule(intakes[1])
    if accuracy is not None:
        values["length_rule_accuracy"] = accuracy
    values["checks_met"] = sum(result.success for result in results)
    values["warnings"] = sum(result.severity == "warning" and not result.success for result in results)
    values["seconds"] = seconds
    return values


def _seal_rows(artifact: Any, schema: str, intake: Intake, parents: dict[str, str]) -> None:
    properties = {"rows": len(intake.accepted), "people": _people(intake), "anonymized": False}
    artifacts.seal(artifact, schema, properties=properties, parents=parents)


def _seal_results(artifact: Any, results: Sequence[CheckResult], parents: dict[str, str]) -> None:
    folder = artifacts.start(artifact.path)
    document = json.dumps([result.to_json() for result in results], indent=2)
    (folder / "results.json").write_text(document, encoding="utf-8")
    properties = {"checks": len(results), "met": sum(result.success for result in results)}
    artifacts.seal(artifact, CHECKS_SCHEMA, properties=properties, parents=parents)


def _people(intake: Intake) -> int:
    return len({row["person_id"] for row in intake.accepted})


def _refused(intakes: Sequence[Intake]) -> int:
    return sum(len(intake.quarantined) for intake in intakes)


def _repaired(intakes: Sequence[Intake]) -> int:
    return sum(len(intake.repaired) for intake in intakes)
