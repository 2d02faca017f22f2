"""The page that a privacy officer reads: verdict, types and counts, measured recall; never a word of a person."""

from components.anonymize.anonymizer import Counts
from components.anonymize.config import AnonymizeConfig
from components.anonymize.recall import Tally, wilson
from components.anonymize.spans import DIRECT_TYPES, TYPES
from components.shared.report import Page, Section, Table, render


def audit_page(counts: Counts, config: AnonymizeConfig, *, rows_in: int, rows_out: int, detector: str, refusals: list[str]) -> str:
    """Return the report as HTML."""
    quarantined = rows_in - rows_out
    passed = "none of the values that were found is left in the output"
    found, total = counts.tally.direct()
    missed = f" Of {total:,} direct identifiers that are known from gold spans, {total - found:,} were missed." if total else ""
    verdict = " ".join(refusals) or f"{rows_out:,} of {rows_in:,} rows passed; {quarantined:,} went to quarantine; {passed}.{missed}"
    share = counts.masked / counts.characters if counts.characters else 0.0
    facts = {
        "Rows in": rows_in,
        "Rows out": rows_out,
        "Quarantined": quarantined,
        "People": counts.people,
        "Values replaced": counts.entities.total(),
        "Characters replaced": f"{share:.2%}",
        "Engines": detector,
        "Mode": config.mode,
    }
    sections = [_entities(counts), _recall(counts.tally, config), _leaks(counts), _policy(config)]
    return render(Page(title="Anonymization", verdict=verdict, good=not refusals, facts=facts, sections=sections))


def _entities(counts: Counts) -> Section:
    rows = [[name, name in DIRECT_TYPES, counts.entities[name]] for name in TYPES if counts.entities[name]]
    engines = [[name, number] for name, number in sorted(counts.engines.items())]
    return Section(
        "What was replaced",
        ["Each value became a placeholder that is the same wherever the same person's rows mention it."],
        [
            Table(["Type", "Identifies directly", "Times"], rows),
            Table(["Found by", "Times"], engines, "Propagation: mentions of a value that another place gave away."),
        ],
    )


def _recall(tally: Tally, config: AnonymizeConfig) -> Section:
    if not tally.rows:
        return Section(
            "Recall", ["Recall was not measured on this data: no row carries gold spans (meta.entities). Have a sample reviewed by hand."]
        )
    rows = []
    for name in sorted(tally.total):
        low, high = wilson(tally.found[name], tally.total[name])
        rows.append([name, tally.total[name], tally.found[name], tally.found[name] / tally.total[name], f"{low:.3f} - {high:.3f}"])
    found, total = tally.direct()
    low, high = wilson(found, total)
    rows.append(["all direct identifiers", total, found, found / total if total else None, f"{low:.3f} - {high:.3f}"])
    text = [
        f"Measured on {tally.rows:,} rows with gold spans; a span counts as found only when all its characters were replaced.",
        f"Outside gold spans {tally.masked_outside_gold / max(1, tally.characters):.3%} of the characters were replaced.",
        "The figure holds for data like these rows. On other data it is a guess until it is measured there.",
    ]
    if tally.kept_by_policy:
        kept = ", ".join(f"{number:,} {name}" for name, number in sorted(tally.kept_by_policy.items()))
        text.append(f"Kept by policy and not counted: {kept} (ages below {config.minimum_age}, types that are not replaced).")
    return Section("Recall", text, [Table(["Type", "Gold spans", "Found", "Recall", "95 % interval"], rows)])


def _leaks(counts: Counts) -> Section:
    rows = [[reason, number] for reason, number in sorted(counts.reasons.items())]
    text = (
        "Every finished row was searched for every original value found in that person's rows, in its text, metadata and identifiers."
        " A hit sends the row to quarantine."
    )
    return Section("Leak check", [text], [Table(["Reason", "Rows"], rows)] if rows else [])


def _policy(config: AnonymizeConfig) -> Section:
    text = [
        f"Replaced: {', '.join(config.types)}.",
        f"Ages from {config.minimum_age} on are replaced, younger ones stay. Days and months are replaced, bare years stay.",
        "Countries and states stay, towns are replaced.",
        "The result is de-identified, not anonymous: a reader who knows a person may still recognise a story.",
    ]
    return Section("Policy", text)
