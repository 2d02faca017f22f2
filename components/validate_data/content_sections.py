"""Sections of the report on what the rows are about: safety, languages, drift. Counts and shares, never text."""

from collections import Counter
from collections.abc import Sequence

from components.shared.report import Section, Table
from components.validate_data.checks import PARTS
from components.validate_data.config import ValidateDataConfig
from components.validate_data.drift import Drift
from components.validate_data.intake import Intake
from components.validate_data.measures import found, identifier_density
from components.validate_data.safety import CRISIS_KINDS

_LANGUAGES = {
    "en": "English",
    "ru": "Russian",
    "uz-latin": "Uzbek, Latin",
    "uz-cyrillic": "Uzbek, Cyrillic",
    "other": "another language",
    "unknown": "too short to tell",
}
_SHOWN_DRIFTS = 12


def safety_section(intakes: Sequence[Intake], rules: ValidateDataConfig) -> Section:
    """Crisis mentions by kind, and what the assistant makes of them."""
    text = [
        "Word lists in three languages, not a clinician: counts are for orientation, rows under a code are for review."
        " Of pairs, the prompt and the chosen reply are read.",
    ]
    mentions: list[list[object]] = []
    faults: list[list[object]] = []
    for kind in CRISIS_KINDS:
        mentions.append([kind.replace("_", "-"), *(sum(row[f"crisis_{kind}"] for row in intake.accepted) for intake in intakes)])
    mentions.append(["any of them", *(sum(int(row["crisis"]) for row in intake.accepted) for intake in intakes)])
    mentions.append(["denied (not counted above)", *(sum(row["crisis_denied"] for row in intake.accepted) for intake in intakes)])
    for code in ("UNSAFE_CRISIS_REPLY", "TOXIC_REPLY", "DIAGNOSIS", "MEDICATION_ADVICE"):
        use = "refused" if code in rules.quarantine_codes else "listed"
        faults.append([code, use, *(found(intake, code) for intake in intakes)])
    shapes = [[part, identifier_density(i.accepted)] for part, i in zip(PARTS, intakes, strict=True) if i.accepted]
    return Section(
        "Safety",
        text,
        [
            Table(["the user mentions", "dialogues", "pairs"], mentions, "Accepted rows that mention a crisis"),
            Table(["the assistant's reply", "such rows are", "dialogues", "pairs"], faults, "Rows, used or refused, by what a reply does"),
            Table(["file", "per 1,000 characters"], shapes, "E-mail, telephone and web addresses before anonymization"),
        ],
    )


def language_section(intakes: Sequence[Intake], rules: ValidateDataConfig) -> Section:
    """What the accepted rows are written in."""
    counts = [Counter(row["language"] for row in intake.accepted) for intake in intakes]
    rows: list[list[object]] = []
    for language, name in _LANGUAGES.items():
        if any(count[language] for count in counts):
            rows.append([name, *(count[language] for count in counts)])
    for feature, name in (("language_mismatch", "not as declared"), ("code_switched", "switching between two")):
        rows.append([name, *(sum(row[feature] for row in intake.accepted) for intake in intakes)])
    return Section("Languages", [f"Allowed: {', '.join(rules.languages)}."], [Table(["language", "dialogues", "pairs"], rows)])


def drift_section(drifts: Sequence[Drift], rules: ValidateDataConfig) -> Section:
    """The measures that moved most against the baseline."""
    text = [
        f"Population stability index against the baseline profile: below 0.1 is no shift, above {rules.max_drift:g} a warning."
        " What lies within chance (99.9 %) at these numbers of rows is none.",
    ]
    ranked = sorted(drifts, key=lambda drift: -drift.index)[:_SHOWN_DRIFTS]
    rows = [[drift.part, drift.measure, drift.index, drift.chance, drift.index > drift.chance] for drift in ranked]
    return Section("Drift", text, [Table(["file", "measure", "index", "chance", "beyond chance"], rows)] if rows else [])
