"""The HTML report: verdict, every check with its limits, canaries, ROC curves, how to read it. Numbers and ids only."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from components.privacy_audit.config import PrivacyAuditConfig
from components.privacy_audit.judgement import ATTACKS, sides
from components.privacy_audit.measurement import ARMS, Measured, Subjects
from components.privacy_audit.membership import roc
from components.shared.figures import line_chart
from components.shared.privacy_report import CanaryExposure, Check, Outcome, PrivacyReport
from components.shared.report import Page, Section, Table

_SENTENCES = {
    "PASS": "PASS: none of the attacks found more in the model than chance would.",
    "WARN": "WARN: no attack proves a leak, but not every check could clear the model; a person decides.",
    "BLOCK": "BLOCK: the model gives away what it was trained on; it must not be promoted.",
}
_ORDER: tuple[Outcome, ...] = ("BLOCK", "WARN", "INCONCLUSIVE", "PASS", "NOT MEASURED")


def build_page(summary: PrivacyReport, subjects: Subjects, measured: Measured, settings: PrivacyAuditConfig) -> Page:
    """Return the report."""
    worst = [check.label for check in summary.checks if check.outcome == summary.verdict != "PASS"]
    because = f" Found: {'; '.join(label[0].lower() + label[1:] for label in worst)}." if worst else ""
    return Page(
        title="Privacy audit of the trained model",
        verdict=_SENTENCES[summary.verdict] + because,
        good={"PASS": True, "WARN": None, "BLOCK": False}[summary.verdict],
        facts={**summary.facts, "policy adapter": summary.adapter_digest[:12], "base model": summary.base_digest[:12]},
        sections=[_checks(summary.checks), _canaries(summary.canaries), _membership(subjects, measured), _reading(summary, settings)],
    )


def _checks(checks: Sequence[Check]) -> Section:
    ordered = sorted(checks, key=lambda check: _ORDER.index(check.outcome))
    rows = [
        [check.outcome, check.label, _number(check.value), _number(check.sft), _number(check.base), check.n, check.reason]
        for check in ordered
    ]
    text = [
        "Each attack on the candidate (PPO), beside the model before PPO (SFT) and the base model, which has seen none of these people: "
        "what the base does too is not memory. A block needs evidence: the 95 % bound must be beyond the limit."
    ]
    return Section("Checks", text, [Table(["outcome", "check", "ppo", "sft", "base", "n", "why"], rows)])


def _canaries(exposures: Sequence[CanaryExposure]) -> Section:
    if not exposures:
        return Section("Canaries", ["None was planted: memory of single secrets was not measured. Set split.num_canaries to measure it."])
    groups: dict[tuple[int, str], list[CanaryExposure]] = defaultdict(list)
    for each in exposures:
        groups[each.repetitions, each.kind].append(each)
    rows = []
    for (copies, kind), members in sorted(groups.items(), key=lambda entry: (-entry[0][0], entry[0][1])):
        cells = [_spread([each.bits[arm] for each in members if arm in each.bits]) for arm in ARMS]
        rows.append([{0: "never (twins)", 1: "once"}.get(copies, f"{copies} times"), kind.replace("_", " "), len(members), *cells])
    text = [
        "Exposure in bits, median and largest: 12 means that the model prefers the secret to all 4,095 others of its form; 1 is what half "
        "of them have by luck, 3 one in eight. Twins were made in the same way and never planted. Each canary is in report.json."
    ]
    columns = ["planted", "kind", "n", *ARMS]
    return Section("Canaries", text, [Table(columns, rows)])


def _membership(subjects: Subjects, measured: Measured) -> Section:
    figures = []
    for kind, label in ATTACKS.items():
        arms = [arm for arm in ARMS if kind != "ratio" or arm != "base"]
        curves = {arm: roc(*(side.scores for side in sides(subjects, measured, arm, kind))) for arm in arms}
        title = f"Members found by {label}"
        figures.append(line_chart(title, {**curves, "a guess": [(0.0, 0.0), (1.0, 1.0)]}, x_label="non-members called members"))
    text = [
        f"{len(subjects.members)} dialogues of train and {len(subjects.others)} of test, matched by the length of their replies. A curve "
        "on the diagonal cannot tell who was trained on. Where even the base model's curve leaves it, the two sets differ by themselves: "
        "read the ratio, which is held against the base."
    ]
    return Section("Membership inference", text, figures=figures)


def _reading(summary: PrivacyReport, settings: PrivacyAuditConfig) -> Section:
    text = [
        "Original values are sought by keyed hashes of what anonymize replaced. A value that stands in lower case in the anonymised "
        "dialogues of two or more people is an ordinary word and set aside, as is one that the base model writes too. One value of several "
        "words or at least six digits blocks; single words (first names, towns) count as a rate beyond the base model's.",
        "Runs of tokens that replies to several people share are stock phrases: they count neither as extraction nor as overlap.",
        "An audit finds leaks, it does not prove that there are none: a stronger attack may come. Verdict: BLOCK when any check blocks, "
        "PASS when every check that was made passes, else WARN.",
        f"Bounds: bootstrap over people ({settings.resamples} resamples), exact order statistics for medians, Clopper-Pearson and Newcombe "
        "for rates; one-sided, 95 %.",
    ]
    return Section("How to read this", text, [Table(["input", "sha256"], sorted(summary.parents.items()))])


def _spread(bits: Sequence[float]) -> str:
    return f"{median(bits):.1f}, {max(bits):.1f}" if bits else "-"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
