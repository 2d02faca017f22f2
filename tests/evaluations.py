"""Hand-made evaluations: a candidate that is better, safe and fluent on every unit, to be spoiled one number at a time."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.shared import artifacts
from components.shared.eval_report import (
    EVAL_REPORT_SCHEMA,
    ITEMS_FILE,
    REPLIES_FILE,
    SUMMARY_FILE,
    Comparison,
    EmpathyScorer,
    Estimate,
    EvalReport,
    ItemScore,
    MetricInfo,
)
from components.shared.privacy_report import PRIVACY_REPORT_SCHEMA, REPORT_FILE, Check, PrivacyReport, Verdict

MECHANISMS = ("empathy_emotional_reactions", "empathy_interpretations", "empathy_explorations")
METRICS = {
    "empathy": MetricInfo(label="Empathy", measure="level 0-2", better="higher"),
    **{name: MetricInfo(label=name, measure="level 0-2", better="higher") for name in MECHANISMS},
    "relevance": MetricInfo(label="Relevance", measure="cosine", better="higher"),
    "nll_reference": MetricInfo(label="NLL", measure="nats/token", better="lower"),
    "bpb_general": MetricInfo(label="Forgetting", measure="bits/byte", better="lower"),
    "crisis_pass": MetricInfo(label="Crisis", measure="fraction", better="higher", rate=True),
    "near_miss_pass": MetricInfo(label="Near miss", measure="fraction", better="higher", rate=True),
    "crisis_red_failure": MetricInfo(label="Intolerable", measure="fraction", better="lower", rate=True),
    "distinct_2": MetricInfo(label="Distinct", measure="fraction", better="none"),
    "opener_share": MetricInfo(label="Opener", measure="fraction", better="none"),
}
MEANS = {"empathy": 0.5, "relevance": 0.4, "nll_reference": 3.0, "bpb_general": 2.0, "crisis_pass": 0.99, "near_miss_pass": 0.99}
MEANS |= {"crisis_red_failure": 0.0, "distinct_2": 0.6, "opener_share": 0.1, **dict.fromkeys(MECHANISMS, 0.5)}


def comparison(metric: str, baseline: str, difference: float, half_width: float = 0.005, n: int = 300, p: float = 0.001) -> Comparison:
    """Return candidate minus baseline with a symmetric interval; the one-sided p is ``p`` in the direction of the difference."""
    return Comparison(
        metric=metric,
        candidate="ppo",
        baseline=baseline,
        difference=difference,
        low=difference - 1.2 * half_width,
        high=difference + 1.2 * half_width,
        lower_bound=difference - half_width,
        upper_bound=difference + half_width,
        p_value=2 * p,
        p_greater=p if difference > 0 else 1 - p,
        p_less=p if difference < 0 else 1 - p,
        n=n,
        unit="person",
    )


def good_report(*, adapter_digest: str = "a" * 64, base_digest: str = "b" * 64, n: int = 300) -> EvalReport:
    """Return the evaluation of a candidate that deserves promotion."""
    comparisons = []
    for baseline in ("sft", "base"):
        for metric in METRICS:
            if METRICS[metric].better != "none":
                comparisons.append(comparison(metric, baseline, 0.1 if metric.startswith("empathy") else 0.0, n=n))
    arm = {name: Estimate(mean=mean, low=mean, high=mean, lower_bound=0.0, upper_bound=0.01, n=n) for name, mean in MEANS.items()}
    return EvalReport(
        arms={"base": arm, "sft": arm, "ppo": arm},
        comparisons=comparisons,
        metrics=METRICS,
        scorer=EmpathyScorer(
            features="word pairs",
            n=1000,
            folds=5,
            groups=900,
            mechanisms={},
            encoder_digest="n" * 64,
            ratings_digest="r" * 64,
            seekers_digest="s" * 64,
            shared_people=0,
            shared_texts=0,
            independent=True,
        ),
        test_digest="t" * 64,
        base_digest=base_digest,
        adapter_digests={"sft": "f" * 64, "ppo": adapter_digest},
        evaluation_digest="e" * 64,
    )


def rate_estimate(failures: int, n: int, low: float, high: float) -> Estimate:
    """Return a rate with its bounds."""
    return Estimate(mean=failures / n, low=low, high=high, lower_bound=low, upper_bound=high, n=n)


def with_comparison(report: EvalReport, changed: Comparison) -> EvalReport:
    """Return the report with one comparison replaced."""
    key = (changed.metric, changed.candidate, changed.baseline)
    kept = [c for c in report.comparisons if (c.metric, c.candidate, c.baseline) != key]
    return report.model_copy(update={"comparisons": [*kept, changed]})


def with_estimate(report: EvalReport, arm: str, metric: str, estimate: Estimate) -> EvalReport:
    """Return the report with one number of one arm replaced."""
    arms: dict[str, Mapping[str, Estimate]] = {**report.arms, arm: {**report.arms[arm], metric: estimate}}
    return report.model_copy(update={"arms": arms})


def items(empathy: float, *, people: int = 200, nll: float = 3.0) -> list[ItemScore]:
    """Return one item a person and metric, all of arm ppo; people differ, so that intervals have a width."""
    made = []
    for index in range(people):
        ids = {"item": f"c{index}", "unit": f"p{index}", "arm": "ppo", "n_tokens": 10 + index % 5, "n_bytes": 40}
        made += [
            ItemScore(metric="empathy", value=empathy + 0.01 * (index % 7), **ids),
            ItemScore(metric="nll_reference", value=nll + 0.01 * (index % 3), **ids),
            ItemScore(metric="crisis_pass", value=1.0, **ids),
        ]
    return made


def privacy_report(verdict: Verdict = "PASS", *, adapter_digest: str = "a" * 64, base_digest: str = "b" * 64) -> PrivacyReport:
    """Return a privacy audit with one check that says why."""
    value = 0.5 if verdict == "PASS" else 0.9
    check = Check(
        name="membership/ratio_auc",
        label="Membership",
        value=value,
        lower_bound=value - 0.05,
        upper_bound=value + 0.05,
        n=100,
        unit="people",
        warn_above=0.58,
        block_above=0.65,
        outcome=verdict,
        reason=f"{value}, more than 0.65" if verdict != "PASS" else "0.5, at most 0.55",
    )
    return PrivacyReport(
        verdict=verdict, checks=[check], canaries=[], adapter_digest=adapter_digest, base_digest=base_digest, parents={"train": "t" * 64}
    )


def write_privacy(artifact: Any, report: PrivacyReport) -> Any:
    """Write and seal a privacy_report/v1 artifact and return it."""
    (artifacts.start(artifact.path) / REPORT_FILE).write_text(report.model_dump_json(), encoding="utf-8")
    artifacts.seal(artifact, PRIVACY_REPORT_SCHEMA)
    return artifact


def write(artifact: Any, report: EvalReport, scores: list[ItemScore]) -> Any:
    """Write and seal an eval_report/v1 artifact and return it."""
    directory: Path = artifacts.start(artifact.path)
    (directory / SUMMARY_FILE).write_text(report.model_dump_json(), encoding="utf-8")
    (directory / ITEMS_FILE).write_text("".join(score.model_dump_json() + "\n" for score in scores), encoding="utf-8")
    (directory / REPLIES_FILE).write_text(json.dumps({}) + "\n", encoding="utf-8")
    artifacts.seal(artifact, EVAL_REPORT_SCHEMA)
    return artifact
