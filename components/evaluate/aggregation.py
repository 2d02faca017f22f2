"""From items to estimates and comparisons: every number of the summary can be computed again from ``items.jsonl``."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy

from components.evaluate.metrics import EMPATHY_METRICS, EXPONENTIALS, ITEM_METRICS
from components.shared import statistics
from components.shared.eval_report import ARMS, COMPARISONS, Comparison, Estimate, ItemScore, MetricInfo
from components.shared.progress import track
from components.shared.statistics import Interval, UnitSums


@dataclass(frozen=True)
class Resampling:
    """How uncertainty is computed.

    Attributes:
        flips: of the permutation test.
        resamples: of the bootstrap.
        seed: of both.
    """

    flips: int
    resamples: int
    seed: int


class ItemTable:
    """Items by metric, arm and unit."""

    def __init__(self, items: Iterable[ItemScore]) -> None:
        self._cells: dict[tuple[str, str], dict[str, list[ItemScore]]] = defaultdict(lambda: defaultdict(list))
        for item in items:
            self._cells[item.metric, item.arm][item.unit].append(item)

    def metrics(self) -> list[str]:
        """Return the metrics that were measured, in their standard order."""
        measured = {metric for metric, _ in self._cells}
        return [metric for metric in ITEM_METRICS if metric in measured]

    def sums(self, metric: str, arm: str) -> UnitSums:
        """Return the arm's values by unit, in the order of unit names, so that arms can be paired."""
        weight = ITEM_METRICS[metric].weight
        numerators, denominators = [], []
        for _, items in sorted(self._cells[metric, arm].items()):
            if weight == "unit":
                numerators.append(sum(item.value for item in items) / len(items))
                denominators.append(1.0)
            else:
                weights = [item.n_tokens if weight == "tokens" else item.n_bytes for item in items]
                numerators.append(sum(item.value * size for item, size in zip(items, weights, strict=True)))
                denominators.append(float(sum(weights)))
        return UnitSums(numpy.array(numerators), numpy.array(denominators))

    def units(self, metric: str, arm: str) -> list[str]:
        """Return the unit names in the order of ``sums``."""
        return sorted(self._cells[metric, arm])


def estimates(table: ItemTable, arm: str, resampling: Resampling) -> dict[str, Estimate]:
    """Return every item metric of an arm, and the perplexities."""
    result = {metric: _estimate(table.sums(metric, arm), ITEM_METRICS[metric].info, resampling) for metric in table.metrics()}
    for name, source in EXPONENTIALS.items():
        if source in result:
            result[name] = _exponential(result[source])
    return result


def comparisons(table: ItemTable, resampling: Resampling) -> list[Comparison]:
    """Return every pair of arms on every item metric, Holm-corrected over the three empathy mechanisms of each pair."""
    pairs = [(metric, candidate, baseline) for candidate, baseline in COMPARISONS for metric in table.metrics()]
    compared = [_compare(table, *pair, resampling) for pair in track(pairs, "statistics", len(pairs))]
    return [_corrected(comparison, compared) for comparison in compared]


def measured_arms(
    table: ItemTable, arm_numbers: Mapping[str, Mapping[str, float]], resampling: Resampling
) -> dict[str, dict[str, Estimate]]:
    """Return arm to metric to estimate; numbers of a whole arm (diversity) come with the count of replies and no interval."""
    result = {arm: estimates(table, arm, resampling) for arm in ARMS}
    for arm, numbers in arm_numbers.items():
        result[arm].update({name: Estimate(mean=value, n=int(numbers["replies"])) for name, value in numbers.items() if name != "replies"})
    return result


def _estimate(sums: UnitSums, info: MetricInfo, resampling: Resampling) -> Estimate:
    n = len(sums.numerators)
    if info.rate:
        interval: Interval | None = statistics.clopper_pearson(round(float(sums.numerators.sum())), n)
    else:
        interval = statistics.ratio_interval(sums, resamples=resampling.resamples, seed=resampling.seed)
    if interval is None:
        return Estimate(mean=sums.mean, n=n)
    ends = {"low": interval.low, "high": interval.high, "lower_bound": interval.lower_bound, "upper_bound": interval.upper_bound}
    if info.measure == "fraction":  # Student's t does not know that fractions end
        ends = {name: min(1.0, max(0.0, value)) for name, value in ends.items()}
    return Estimate(mean=sums.mean, n=n, **ends)


def _exponential(estimate: Estimate) -> Estimate:
    values = estimate.model_dump(exclude={"n"}, exclude_none=True)
    return Estimate(n=estimate.n, **{name: math.exp(value) for name, value in values.items()})


def _compare(table: ItemTable, metric: str, candidate: str, baseline: str, resampling: Resampling) -> Comparison:
    assert table.units(metric, candidate) == table.units(metric, baseline), "arms answered different items"
    first, second = table.sums(metric, candidate), table.sums(metric, baseline)
    if ITEM_METRICS[metric].info.rate:
        passed = [[value == 1 for value in sums.numerators.tolist()] for sums in (first, second)]
        interval: Interval | None = statistics.newcombe(passed[0], passed[1])
    else:
        interval = statistics.difference_interval(first, second, resamples=resampling.resamples, seed=resampling.seed)
    test = statistics.permutation_test(first, second, flips=resampling.flips, seed=resampling.seed)
    return Comparison(
        metric=metric,
        candidate=candidate,
        baseline=baseline,
        difference=first.mean - second.mean,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        lower_bound=interval.lower_bound if interval else None,
        upper_bound=interval.upper_bound if interval else None,
        p_value=test.two_sided,
        p_greater=test.greater,
        p_less=test.less,
        n=len(first.numerators),
        unit=ITEM_METRICS[metric].unit,
    )


def _corrected(comparison: Comparison, compared: Sequence[Comparison]) -> Comparison:
    if comparison.metric not in EMPATHY_METRICS:
        return comparison
    arms = (comparison.candidate, comparison.baseline)
    family = {
        other.metric: other.p_greater for other in compared if other.metric in EMPATHY_METRICS and arms == (other.candidate, other.baseline)
    }
    return comparison.model_copy(update={"p_holm": statistics.holm(family)[comparison.metric]})
