"""The stage's metrics: counts, shares and rates of what came in and what was found."""

from collections.abc import Sequence

from components.validate_data.checks import PARTS, Outcome
from components.validate_data.features import Features
from components.validate_data.intake import Intake

_COUNTED = ("unsafe_crisis_reply", "toxic_reply", "diagnosis", "medication_advice", "near_duplicate", "language_mismatch", "other_language")


def measure(intakes: Sequence[Intake], outcome: Outcome, seconds: float) -> dict[str, float]:
    """Return metric name to value. Counts of findings include the rows that they refused."""
    values: dict[str, float] = {}
    for part, intake in zip(PARTS, intakes, strict=True):
        values |= {
            f"{part}_rows_in": intake.rows_in,
            f"{part}_rows": len(intake.accepted),
            f"{part}_quarantined": len(intake.quarantined),
            f"{part}_repaired": len(intake.repaired),
            f"{part}_reviewed": len(intake.reviewed),
            f"{part}_people": people(intake),
            f"{part}_invalid_fraction": intake.invalid_fraction,
        }
        values |= {f"{part}_{name}": found(intake, name.upper()) for name in _COUNTED}
        if intake.accepted:
            values[f"{part}_crisis_fraction"] = share(intake.accepted, "crisis")
            values[f"{part}_code_switched_fraction"] = share(intake.accepted, "code_switched")
            values[f"{part}_identifiers_per_1000_characters"] = identifier_density(intake.accepted)
            for language in sorted({row["language"] for row in intake.accepted}):
                values[f"{part}_language_{language}"] = sum(row["language"] == language for row in intake.accepted)
    accuracy = length_rule(intakes[1].accepted)
    if accuracy is not None:
        values["length_rule_accuracy"] = accuracy
    if outcome.drifts:
        values["largest_drift"] = max(drift.index for drift in outcome.drifts)
    values["checks_met"] = sum(result.success for result in outcome.results)
    values["warnings"] = sum(result.severity == "warning" and not result.success for result in outcome.results)
    values["seconds"] = seconds
    return values


def people(intake: Intake) -> int:
    """Return how many people the accepted rows belong to."""
    return len({row["person_id"] for row in intake.accepted})


def length_rule(pairs: Sequence[Features]) -> float | None:
    """Return the share of pairs whose longer reply is the chosen one, ties counting half; None without pairs."""
    return share(pairs, "longer_is_chosen") if pairs else None


def share(rows: Sequence[Features], feature: str) -> float:
    """Return the mean of a flag over the rows, 0-1."""
    return float(sum(row[feature] for row in rows) / len(rows))


def identifier_density(rows: Sequence[Features]) -> float:
    """Return shapes of e-mail, telephone and web addresses per 1,000 characters."""
    return float(1000 * sum(row["identifier_shapes"] for row in rows) / sum(row["characters"] for row in rows))


def found(intake: Intake, code: str) -> int:
    """Return how many rows, used or refused, have a code."""
    return sum(code in entry["codes"] for entries in (intake.quarantined, intake.reviewed) for entry in entries)
