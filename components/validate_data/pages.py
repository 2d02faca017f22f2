"""The stage's report: verdict, what is not met, refused and changed rows, safety, languages, lengths, drift, all checks. Never text."""

from collections import Counter
from collections.abc import Sequence
from statistics import quantiles

from components.shared.report import Page, Section, Table
from components.validate_data.checks import Outcome
from components.validate_data.config import ValidateDataConfig
from components.validate_data.content_sections import drift_section, language_section, safety_section
from components.validate_data.expectations import CheckResult
from components.validate_data.features import Features
from components.validate_data.intake import Intake
from components.validate_data.measures import length_rule, people
from components.validate_data.reading import file_name
from components.validate_data.reasons import REFUSALS, REPAIRS, REVIEWS, severity

_SHOWN_LINES = 8
_LENGTHS = {
    "turns": "messages in a row (pairs: in the prompt)",
    "user_characters": "characters of the user, per dialogue",
    "reply_characters": "characters of the assistant, per dialogue",
    "longest_characters": "characters of the longest message",
    "chosen_characters": "characters of the chosen reply",
    "rejected_characters": "characters of the rejected reply",
}


def report_page(intakes: Sequence[Intake], outcome: Outcome, rules: ValidateDataConfig) -> Page:
    """Describe a validation.

    Args:
        intakes: conversations, preferences.
        outcome: of the checks; without results when the stage stopped before them.
        rules: the stage's configuration.
    """
    missed = [result for result in outcome.results if not result.success and result.severity == "warning"]
    refused = sum(len(intake.quarantined) for intake in intakes)
    if outcome.failures:
        verdict = "Stopped. " + " ".join(f"{failure}." for failure in outcome.failures)
    else:
        verdict = f"Usable: {sum(len(i.accepted) for i in intakes):,} rows accepted, {refused:,} refused" + (
            f", {len(missed)} warning{'s' if len(missed) > 1 else ''}." if missed else ", no warning."
        )
    facts: dict[str, object] = {"Dialogues": len(intakes[0].accepted), "Preference pairs": len(intakes[1].accepted)}
    facts |= {"People with dialogues": people(intakes[0]), "People with pairs": people(intakes[1]), "Rows refused": refused}
    facts |= {"Rows to review": sum(len(intake.reviewed) for intake in intakes)}
    accuracy = length_rule(intakes[1].accepted)
    if accuracy is not None:
        facts["Longer reply is the chosen one"] = f"{accuracy:.1%} of pairs"
    sections = [
        _warnings(outcome),
        _files(intakes),
        _reasons(intakes),
        safety_section(intakes, rules),
        language_section(intakes, rules),
        _lengths(intakes),
        drift_section(outcome.drifts, rules),
        _checks(outcome.results),
    ]
    return Page("Data validation", verdict, not outcome.failures, facts, [section for section in sections if section.tables])


def _warnings(outcome: Outcome) -> Section:
    rows = [[result.suite, result.about, result.severity] for result in outcome.results if not result.success]
    text = ["Critical ones stop the run. A warning wants a look before the data are used; information is for the record."]
    return Section("Not met", text, [Table(["about", "expectation", "severity"], rows)] if rows else [])


def _files(intakes: Sequence[Intake]) -> Section:
    rows = [
        [i.uri, i.format, i.rows_in, len(i.accepted), len(i.quarantined), f"{i.invalid_fraction:.2%}", len(i.repaired)] for i in intakes
    ]
    columns = ["file", "format", "rows", "accepted", "refused", "share refused", "accepted with a change"]
    return Section("Files", tables=[Table(columns, rows)])


def _checks(results: Sequence[CheckResult]) -> Section:
    tables = []
    for suite in dict.fromkeys(result.suite for result in results):
        rows = [
            [result.about, result.column, result.severity, "not evaluated" if result.error else "met" if result.success else "not met"]
            for result in sorted(results, key=lambda result: result.success)  # what is missed comes first
            if result.suite == suite
        ]
        tables.append(Table(["expectation", "feature", "severity", "result"], rows, suite))
    text = ["Great Expectations suites, run on counts, lengths, flags and hashes of the accepted rows. Critical ones stop the run."]
    return Section("Checks", text, tables)


def _reasons(intakes: Sequence[Intake]) -> Section:
    tables = []
    for entries_of, meanings, caption in (
        ([intake.quarantined for intake in intakes], REFUSALS | REVIEWS, "Refused rows"),
        ([intake.reviewed for intake in intakes], REVIEWS, "Accepted rows to review"),
        ([intake.repaired for intake in intakes], REPAIRS, "Accepted rows with a change"),
    ):
        rows: list[list[object]] = []
        for intake, entries in zip(intakes, entries_of, strict=True):
            for code, count in intake.counts(entries).most_common():
                where = [entry for entry in entries if code in entry["codes"]]
                lines = ", ".join(str(entry["line"]) for entry in where[:_SHOWN_LINES]) + (", ..." if count > _SHOWN_LINES else "")
                places = Counter(at for entry in where for at in _places(entry, code)).most_common(3)
                rows.append(
                    [code, severity([code]), meanings[code], file_name(intake.uri), count, lines, ", ".join(at for at, _ in places)]
                )
        if rows:
            tables.append(Table(["code", "severity", "meaning", "file", "rows", "first lines", "where"], rows, caption))
    return Section("Rows refused, to review, or changed", ["Every row is listed by file, line and id in the quarantine artifact."], tables)


def _places(entry: dict[str, list[str]], code: str) -> list[str]:
    return [at for found, at in zip(entry["codes"], entry["at"], strict=True) if found == code and at]


def _lengths(intakes: Sequence[Intake]) -> Section:
    tables = []
    for intake in intakes:
        rows = [
            [label, *_quantiles(intake.accepted, key)] for key, label in _LENGTHS.items() if intake.accepted and key in intake.accepted[0]
        ]
        if rows:
            tables.append(Table(["length", "least", "median", "mean", "95 %", "most"], rows, intake.uri))
    return Section("Lengths", tables=tables)


def _quantiles(rows: Sequence[Features], key: str) -> list[object]:
    values = sorted(row[key] for row in rows)
    cuts = quantiles(values, n=100, method="inclusive") if len(values) > 1 else values * 99
    return [values[0], round(cuts[49]), round(sum(values) / len(values), 1), round(cuts[94]), values[-1]]
