"""The current champion, compared with the candidate on equal test items: its evaluation was stored with its version."""

import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import mlflow.artifacts
import numpy
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from components.register import versions
from components.register.config import GateRules
from components.register.gate import CANDIDATE, Champion
from components.shared import statistics
from components.shared.eval_report import ITEMS_FILE, SUMMARY_FILE, Comparison, EvalReport, EvaluationArtifact, ItemScore, MetricInfo
from components.shared.statistics import UnitSums

EVALUATION_FOLDER = "evaluation"
FLIPS, RESAMPLES, SEED = 10_000, 2000, 7


def current(client: MlflowClient, name: str, candidate: EvaluationArtifact, rules: GateRules) -> Champion | None:
    """Return what the gate may know of the version behind ``@champion``; None when there is none."""
    version = versions.with_alias(client, name, versions.CHAMPION)
    if version is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        stored = _download(version, Path(folder))
        if stored is None:
            return Champion(versions.number(version), "it carries no evaluation")
        theirs = EvalReport.model_validate_json((stored / SUMMARY_FILE).read_text(encoding="utf-8"))
        if obstacle := _obstacle(candidate.report(), theirs):
            return Champion(versions.number(version), obstacle)
        with (stored / ITEMS_FILE).open(encoding="utf-8") as file:
            items = [ItemScore.model_validate_json(line) for line in file]
    metrics = {rule.metric: candidate.report().metrics[rule.metric] for rule in rules.champion if rule.metric in theirs.metrics}
    return compare(versions.number(version), list(candidate.items()), items, metrics, theirs)


def compare(
    version: str, candidate: Iterable[ItemScore], champion: Iterable[ItemScore], metrics: dict[str, MetricInfo], theirs: EvalReport
) -> Champion:
    """Pair the candidate's items with the champion's by unit.

    Args:
        version: the champion's version number.
        candidate: every item of the candidate's evaluation.
        champion: every item of the champion's evaluation, in which its own arm is the candidate's.
        metrics: what to compare.
        theirs: the champion's summary, for its own numbers.
    """
    ours, other = _by_unit(candidate), _by_unit(champion)
    comparisons = []
    for metric, info in metrics.items():
        if ours[metric].keys() != other[metric].keys():
            return Champion(version, f"its {metric} was measured on other items of the same test split")
        if ours[metric]:
            comparisons.append(_compare(metric, info, _sums(ours[metric], info), _sums(other[metric], info)))
    return Champion(version, None, tuple(comparisons), dict(theirs.arms[CANDIDATE]))


def _download(version: ModelVersion, folder: Path) -> Path | None:
    uri = f"models:/{version.name}/{version.version}/{EVALUATION_FOLDER}"
    try:
        directory = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(folder)))
    except (MlflowException, OSError):
        return None  # a version that another tool registered; the gate says so and asks a person
    return directory if (directory / SUMMARY_FILE).is_file() and (directory / ITEMS_FILE).is_file() else None


def _obstacle(ours: EvalReport, theirs: EvalReport) -> str | None:
    for digest, what in (
        ("test_digest", "another test split"),
        ("evaluation_digest", "other ratings, crisis prompts or general text"),
        ("base_digest", "another base model, whose tokens are not comparable"),
    ):
        if getattr(ours, digest) != getattr(theirs, digest):
            return f"it was judged on {what}"
    return None


def _by_unit(items: Iterable[ItemScore]) -> dict[str, dict[str, list[ItemScore]]]:
    table: dict[str, dict[str, list[ItemScore]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        if item.arm == CANDIDATE:
            table[item.metric][item.unit].append(item)
    return table


def _sums(units: dict[str, list[ItemScore]], info: MetricInfo) -> UnitSums:
    """Combine items as the evaluation does: per token, per byte, or the mean over units of each unit's mean."""
    numerators, denominators = [], []
    for _, items in sorted(units.items()):
        weights = {"nats/token": [item.n_tokens for item in items], "bits/byte": [item.n_bytes for item in items]}.get(info.measure)
        if weights is None:
            numerators.append(sum(item.value for item in items) / len(items))
            denominators.append(1.0)
        else:
            numerators.append(sum(item.value * weight for item, weight in zip(items, weights, strict=True)))
            denominators.append(float(sum(weights)))
    return UnitSums(numpy.array(numerators), numpy.array(denominators))


def _compare(metric: str, info: MetricInfo, ours: UnitSums, theirs: UnitSums) -> Comparison:
    if info.rate:
        passed = [[value == 1 for value in sums.numerators.tolist()] for sums in (ours, theirs)]
        interval: statistics.Interval | None = statistics.newcombe(passed[0], passed[1])
    else:
        interval = statistics.difference_interval(ours, theirs, resamples=RESAMPLES, seed=SEED)
    test = statistics.permutation_test(ours, theirs, flips=FLIPS, seed=SEED)
    return Comparison(
        metric=metric,
        candidate=CANDIDATE,
        baseline="champion",
        difference=ours.mean - theirs.mean,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        lower_bound=interval.lower_bound if interval else None,
        upper_bound=interval.upper_bound if interval else None,
        p_value=test.two_sided,
        p_greater=test.greater,
        p_less=test.less,
        n=len(ours.numerators),
        unit="prompt" if info.rate else "person",
    )
