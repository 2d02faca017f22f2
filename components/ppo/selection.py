"""Which policy a run keeps: the best evaluation within a KL budget, then the smallest interpolation that is not shown to be worse.

Beware of the winner's curse. The highest of many noisy means is too high on average: whatever is chosen on the validation prompts looks
better there than it is, the more so the more candidates there were and the fewer prompts. The choice is sound, its score is not: what the
kept policy is worth is measured by the evaluate stage, on the test split, which nothing here has seen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from components.ppo.evaluation import Evaluation, paired_gain

Interval = tuple[float, float, float]
"""A mean and the lower and upper end of its 95 % interval."""


@dataclass(frozen=True)
class Candidate:
    """A policy that might have been kept.

    Attributes:
        step: PPO steps taken before.
        a: its place between the SFT policy (0) and the trained one (1).
        score: mean raw score of the reward model on the validation prompts.
        kl: mean KL to the SFT policy, nats per reply.
        within_budget: whether that KL may be kept.
        gain: score less the SFT policy's, paired by prompt.
        shortfall: the best interpolation's score less this one's, paired by prompt; None where there is nothing to compare with.
        kept: whether it is the one.
    """

    step: int
    a: float
    score: float
    kl: float
    within_budget: bool
    gain: Interval
    shortfall: Interval | None
    kept: bool


@dataclass(frozen=True)
class Selection:
    """What was kept and why, for the page.

    Attributes:
        step: PPO steps that the kept policy has had; 0 is the SFT policy.
        a: its place between the SFT policy (0) and the policy of that step (1).
        kl_budget: largest KL allowed, nats per reply; None: any.
        reason: plain sentences.
        evaluations: the candidates along the run, in its order.
        interpolations: the candidates between the SFT policy and the chosen evaluation's, a rising; empty where none was tried.
    """

    step: int
    a: float
    kl_budget: float | None
    reason: Sequence[str]
    evaluations: Sequence[Candidate]
    interpolations: Sequence[Candidate]

    @property
    def kept(self) -> Candidate:
        """The candidate that was kept."""
        return next(candidate for candidate in (*self.interpolations, *self.evaluations) if candidate.kept)


def best_within_budget(evaluations: Sequence[Evaluation], kl_budget: float | None) -> int:
    """Return the index of the evaluation with the highest mean score among those whose mean KL is within the budget.

    The score of the chosen one is optimistic (the winner's curse, above): report it from the test split.

    Args:
        evaluations: of one run, on the same prompts, the first before training: the SFT policy, which is always within the budget.
        kl_budget: nats per reply; None: any.

    Returns:
        Its index; of equals, the earlier.
    """
    return max(_affordable(evaluations, kl_budget), key=lambda index: _mean(evaluations[index].scores))


def smallest_sufficient(candidates: Sequence[tuple[float, Evaluation]], kl_budget: float | None) -> float:
    """Return the smallest a within the budget that is not shown to be worse than the best a within it.

    "Not shown": the 95 % interval of the paired difference, best less a, includes 0. Few prompts make wide intervals, and then a small a
    wins: in doubt the policy stays near the SFT policy. The chosen score is optimistic (the winner's curse, above).

    Args:
        candidates: a and its evaluation, all on the same prompts and seed, a rising.
        kl_budget: nats per reply; None: any.

    Returns:
        One of the given a, or 0.0, the SFT policy, where none is within the budget; the caller says so in the log.
    """
    values = [a for a, _ in candidates]
    if values != sorted(values):
        raise ValueError(f"the values of a are {values}, rising ones are wanted")
    best = _best_interpolation(candidates, kl_budget)
    if best is None:
        return 0.0
    return next(a for a, tried in candidates if _within(tried, kl_budget) and paired_gain(tried.scores, best.scores)[1] <= 0)


def explain(
    evaluations: Sequence[Evaluation],
    chosen: int,
    candidates: Sequence[tuple[float, Evaluation]],
    a: float,
    kl_budget: float | None,
    *,
    select_best: bool = True,
) -> Selection:
    """Put the choice into words and tables.

    Args:
        evaluations: along the run, the first before training.
        chosen: index of the evaluation whose policy was taken.
        candidates: interpolations towards that policy, as ``smallest_sufficient`` got them; empty where none was tried.
        a: the one that was kept; 1.0 where none was tried, 0.0 where the SFT policy is kept.
        kl_budget: nats per reply; None: any.
        select_best: whether ``best_within_budget`` chose; else the last evaluation was taken.
    """
    start, taken = evaluations[0], evaluations[chosen]
    best = _best_interpolation(candidates, kl_budget)
    between_kept = taken.step > start.step and any(value == a for value, _ in candidates)
    along_kept = None if between_kept else chosen if a > 0 else 0
    affordable = _affordable(evaluations, kl_budget)

    def candidate(evaluation: Evaluation, place: float, *, allowed: bool, kept: bool, rival: Evaluation | None) -> Candidate:
        gain = paired_gain(start.scores, evaluation.scores)
        shortfall = paired_gain(evaluation.scores, rival.scores) if rival else None
        return Candidate(evaluation.step, place, _mean(evaluation.scores), _mean(evaluation.kl), allowed, gain, shortfall, kept)

    along = [
        candidate(evaluation, float(index > 0), allowed=index in affordable, kept=index == along_kept, rival=None)
        for index, evaluation in enumerate(evaluations)
    ]
    between = [
        candidate(evaluation, value, allowed=_within(evaluation, kl_budget), kept=between_kept and value == a, rival=best)
        for value, evaluation in candidates
    ]
    reason = [_why_step(len(evaluations), taken.step, kl_budget, select_best=select_best)]
    if taken.step > start.step and [value for value, _ in candidates] not in ([], [1.0]):
        reason.append(_why_a(between, a, kl_budget))
    moved = taken.step > start.step and a > 0
    if moved:
        reason.append("It was chosen on these prompts, so its score on them is optimistic; what it is worth is measured on the test split.")
    return Selection(taken.step if moved else start.step, a if moved else 0.0, kl_budget, reason, along, between)


def _why_step(count: int, step: int, kl_budget: float | None, *, select_best: bool) -> str:
    if not select_best:
        return f"Step {step}, the last, is taken: select_best is off."
    limit = "" if kl_budget is None else f" within the KL budget of {kl_budget:g} nats per reply"
    if step == 0:
        return f"No later policy has a higher validation score{limit}: the SFT policy is kept."
    return f"Step {step} has the highest validation score of {count} evaluations{limit}."


def _why_a(between: Sequence[Candidate], a: float, kl_budget: float | None) -> str:
    if not any(candidate.within_budget for candidate in between):
        return f"No interpolation towards it stays within the KL budget of {kl_budget:g} nats per reply: the SFT policy is kept."
    best = max((candidate for candidate in between if candidate.within_budget), key=lambda candidate: candidate.score)
    kept = next(candidate for candidate in between if candidate.kept)
    if kept is best and kept is between[0]:
        return f"Of the interpolations towards it, a = {a:g} is both the smallest and the best."
    if kept is best:
        return f"Of the interpolations towards it, a = {a:g} is the best, and the smaller ones are over the budget or shown to be worse."
    assert kept.shortfall is not None
    mean, low, high = kept.shortfall
    return (
        f"Of the interpolations towards it, a = {a:g} is the smallest that is not shown to be worse than the best, a = {best.a:g}: "
        f"it falls short by {mean:.3f} (95 % interval {low:.3f} to {high:.3f})."
    )


def _affordable(evaluations: Sequence[Evaluation], kl_budget: float | None) -> list[int]:
    return [index for index, evaluation in enumerate(evaluations) if index == 0 or _within(evaluation, kl_budget)]


def _best_interpolation(candidates: Sequence[tuple[float, Evaluation]], kl_budget: float | None) -> Evaluation | None:
    affordable = [evaluation for _, evaluation in candidates if _within(evaluation, kl_budget)]
    return max(affordable, key=lambda evaluation: _mean(evaluation.scores), default=None)


def _within(evaluation: Evaluation, kl_budget: float | None) -> bool:
    return kl_budget is None or _mean(evaluation.kl) <= kl_budget


def _mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)
