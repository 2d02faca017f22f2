"""All checks of the accepted rows: the suites, labels that never vary, and drift against a stored profile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.validate_data.config import ValidateDataConfig
from components.validate_data.drift import Drift, compare
from components.validate_data.expectations import CheckResult, run_suite
from components.validate_data.features import Features
from components.validate_data.intake import Intake
from components.validate_data.profile import Profile, label_counts

PARTS = ("conversations", "preferences")
_RARE_LABEL = 0.02


@dataclass
class Outcome:
    """How the checks went.

    Attributes:
        results: of every check, in the order of the report.
        documents: Great Expectations' own results, by suite.
        drifts: drift of each measure; empty without a baseline.
        failures: why the stage fails; empty when it does not.
    """

    results: list[CheckResult] = field(default_factory=list)
    documents: dict[str, Any] = field(default_factory=dict)
    drifts: list[Drift] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def check_all(intakes: Sequence[Intake], rules: ValidateDataConfig, baseline: Profile | None) -> Outcome:
    """Run every check on the features of the accepted rows; critical ones that are not met are failures."""
    outcome = Outcome()
    files = {part: intake.accepted for part, intake in zip(PARTS, intakes, strict=True)}
    for part, rows in files.items():
        run = run_suite(part, rows, suite_parameters(rules))
        outcome.results += run.results
        outcome.documents[part] = run.document
    outcome.results += check_labels(files)
    if baseline is not None:
        outcome.drifts, results = check_drift(files, baseline, rules)
        outcome.results += results
    missed = [result for result in outcome.results if result.severity == "critical" and not result.success]
    outcome.failures = [f"{result.suite}: critical check not met: {result.about}" for result in missed]
    return outcome


def suite_parameters(rules: ValidateDataConfig) -> dict[str, float]:
    """Return the values of the suites' ``$PARAMETER`` references."""
    return {
        "min_turns": rules.min_turns,
        "max_turns": rules.max_turns,
        "max_turn_characters": rules.max_turn_characters,
        "max_length_rule_accuracy": rules.max_length_rule_accuracy,
        "min_length_rule_accuracy": 1.0 - rules.max_length_rule_accuracy,
        "min_review_mostly": 1.0 - rules.max_review_fraction,
    }


def check_labels(files: Mapping[str, Sequence[Features]]) -> list[CheckResult]:
    """Warn of labels, ratings and positions that are the same in every row, and report labels of fewer than 2 % of rows."""
    results = []
    for part, rows in files.items():
        for key, counts in label_counts(rows).items():
            varies = len(counts) > 1 or counts.total() == 1
            rare = min(counts.values()) < _RARE_LABEL * counts.total()
            results.append(_result("labels", f"{part}: meta.{key} is not the same in all rows", "label_varies", key, "warning", varies))
            if not key.startswith("ratings"):
                results.append(_result("labels", f"{part}: each label of meta.{key} has 2 % or more", "label_share", key, "info", not rare))
    return results


def check_drift(files: Mapping[str, Sequence[Features]], then: Profile, rules: ValidateDataConfig) -> tuple[list[Drift], list[CheckResult]]:
    """Compare with an earlier profile: a warning beyond ``max_drift``, critical beyond ``critical_drift``; both only beyond chance."""
    drifts = [drift for part, rows in files.items() for drift in compare(part, rows, getattr(then, part))]
    results = []
    for drift in drifts:
        grave = rules.critical_drift is not None and drift.index > rules.critical_drift
        beyond = drift.index > drift.chance and (grave or drift.index > rules.max_drift)
        about = f"{drift.part}: {drift.measure} as in the baseline profile"
        severity = "critical" if grave and beyond else "warning"
        results.append(_result("drift", about, "population_stability_index", drift.measure, severity, not beyond))
    return drifts, results


def _result(suite: str, about: str, expectation: str, column: str, severity: str, success: bool) -> CheckResult:
    return CheckResult(suite, about, expectation, column, severity, success)
