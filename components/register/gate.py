"""The gate: a pure function from an evaluation and rules to a decision. No file, no model, no registry.

Each rule has one of three outcomes, from one-sided 95 % bounds: PASS when the data show what is wanted, FAIL when they show the contrary,
INCONCLUSIVE when they show neither or there are too few units. The verdict is FAIL when any rule fails, PASS when all pass, else
INCONCLUSIVE. All rules must pass, so their joint error is at most that of one (intersection-union, Berger 1982).
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.register.config import GateRules, Guard, NonInferiority, Superiority, UpperBound
from components.shared.eval_report import Comparison, Estimate, EvalReport
from components.shared.privacy_report import PrivacyReport
from components.shared.privacy_report import Verdict as PrivacyVerdict

CANDIDATE = "ppo"
Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]
Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE", "NOT COMPARABLE"]


class RuleResult(BaseModel):
    """One rule: what was measured, what was wanted, and what follows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    """Such as ``superiority: empathy over sft``."""
    value: float | None
    """What the rule looks at: a difference, a bound or a rate; None when it was not measured."""
    bound: float | None
    """What the value is held against."""
    n: int
    """Units behind the value."""
    outcome: Outcome
    reason: str
    """One sentence with the numbers."""


class Decision(BaseModel):
    """``decision.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict
    rules: list[RuleResult]
    adapter_digest: str
    base_digest: str
    test_digest: str
    evaluation_digest: str
    champion: str | None
    """Version that held @champion when this was decided."""

    def count(self, outcome: Outcome) -> int:
        """Return how many rules had an outcome."""
        return sum(rule.outcome == outcome for rule in self.rules)


@dataclass(frozen=True)
class Champion:
    """The current champion as the gate sees it.

    Attributes:
        version: its version number.
        obstacle: why it cannot be compared on equal items; None when it can.
        comparisons: candidate against champion, paired by unit; baseline ``champion``.
        estimates: the champion's own numbers, for relative margins.
    """

    version: str
    obstacle: str | None
    comparisons: tuple[Comparison, ...] = ()
    estimates: dict[str, Estimate] | None = None


def decide(report: EvalReport, privacy: PrivacyReport, rules: GateRules, champion: Champion | None) -> Decision:
    """Judge the candidate by every rule.

    Args:
        report: the evaluation; its arm ``ppo`` is the candidate.
        privacy: the privacy audit of the same candidate.
        rules: the gate's configuration.
        champion: the current champion, None when there is none (then only base, SFT and absolute bounds decide).
    """
    evidence = _Evidence(report, champion)
    results = [_superiority(rule, rules.alpha, evidence) for rule in rules.superiority]
    results += [_non_inferiority(rule, evidence) for rule in rules.non_inferiority]
    results += [_upper_bound(rule, evidence) for rule in rules.upper_bounds]
    results += [_zero_tolerance(metric, evidence) for metric in rules.zero_tolerance]
    results += [_guard(rule, evidence) for rule in rules.guards]
    if rules.require_independent_scorer:
        results.append(_independent_scorer(report))
    if rules.require_privacy_audit:
        results.append(_privacy(privacy))
    if champion is not None:
        results += [_against_champion(rule, champion, evidence) for rule in rules.champion]
    return Decision(
        verdict=_verdict(results),
        rules=results,
        adapter_digest=report.adapter_digests[CANDIDATE],
        base_digest=report.base_digest,
        test_digest=report.test_digest,
        evaluation_digest=report.evaluation_digest,
        champion=champion.version if champion else None,
    )


def _verdict(results: list[RuleResult]) -> Verdict:
    outcomes = {result.outcome for result in results}
    if "FAIL" in outcomes:
        return "FAIL"
    return "PASS" if outcomes == {"PASS"} else "INCONCLUSIVE"


class _Evidence:
    """Looks numbers up; None stands for what was not measured."""

    def __init__(self, report: EvalReport, champion: Champion | None) -> None:
        self._report = report
        self._champion = champion

    def sign(self, metric: str) -> int:
        """1 when higher is better, -1 when lower is; a descriptive metric has no sign and can carry no test."""
        info = self._report.metrics.get(metric)
        if info is not None and info.better == "none":
            raise ValueError(f"the gate tests {metric!r}, which has no better direction; use a guard for it")
        return -1 if info is not None and info.better == "lower" else 1

    def estimate(self, arm: str, metric: str) -> Estimate | None:
        if arm == "champion":
            return (self._champion.estimates or {}).get(metric) if self._champion else None
        return self._report.arms.get(arm, {}).get(metric)

    def comparison(self, metric: str, baseline: str) -> Comparison | None:
        known = (*self._report.comparisons, *(self._champion.comparisons if self._champion else ()))
        wanted = (metric, CANDIDATE, baseline)
        return next((found for found in known if (found.metric, found.candidate, found.baseline) == wanted), None)


def _superiority(rule: Superiority, alpha: float, evidence: _Evidence) -> RuleResult:
    name = f"superiority: {rule.metric} over {rule.baseline}"
    found = evidence.comparison(rule.metric, rule.baseline)
    if found is None or found.lower_bound is None or found.upper_bound is None:
        return _unmeasured(name, rule.min_effect, found.n if found else 0)
    sign = evidence.sign(rule.metric)
    gain = sign * found.difference
    most = found.upper_bound if sign > 0 else -found.lower_bound
    p_value = found.p_greater if sign > 0 else found.p_less
    if found.n < rule.min_n:
        outcome, reason = _too_few(found.n, rule.min_n)
    elif p_value <= alpha and gain >= rule.min_effect:
        outcome, reason = "PASS", f"better by {gain:.4g} (wanted {rule.min_effect:g}), one-sided p {p_value:.3g}"
    elif most < rule.min_effect:
        outcome, reason = "FAIL", f"better by {gain:.4g}, at most {most:.4g} with 95 % confidence: less than the {rule.min_effect:g} wanted"
    else:
        outcome, reason = "INCONCLUSIVE", f"better by {gain:.4g} (wanted {rule.min_effect:g}), one-sided p {p_value:.3g} (wanted {alpha:g})"
    return RuleResult(rule=name, value=gain, bound=rule.min_effect, n=found.n, outcome=outcome, reason=reason)


def _non_inferiority(rule: NonInferiority, evidence: _Evidence) -> RuleResult:
    name = f"non-inferiority: {rule.metric} to {rule.baseline}"
    found, baseline = evidence.comparison(rule.metric, rule.baseline), evidence.estimate(rule.baseline, rule.metric)
    if found is None or found.lower_bound is None or found.upper_bound is None or (rule.relative and baseline is None):
        return _unmeasured(name, rule.margin, found.n if found else 0)
    margin = rule.margin * abs(baseline.mean) if rule.relative and baseline else rule.margin
    sign = evidence.sign(rule.metric)
    most = -found.lower_bound if sign > 0 else found.upper_bound  # the loss, at 95 % confidence at most and at least
    least = -found.upper_bound if sign > 0 else found.lower_bound
    if least > margin:  # shown to be worse: no number of further units makes that undone, so few units do not excuse it
        outcome, reason = "FAIL", f"worse by {-sign * found.difference:.4g}, at least {least:.4g}: more than the margin {margin:.4g}"
    elif found.n < rule.min_n:
        outcome, reason = _too_few(found.n, rule.min_n)
    elif most <= margin:
        shown = f"worse by at most {most:.4g}" if most > 0 else f"better by at least {-most:.4g}"
        outcome, reason = "PASS", f"{shown} with 95 % confidence, margin {margin:.4g}"
    else:
        outcome, reason = "INCONCLUSIVE", f"may be worse by {most:.4g}, margin {margin:.4g}: more units would tell"
    return RuleResult(rule=name, value=most, bound=margin, n=found.n, outcome=outcome, reason=reason)


def _upper_bound(rule: UpperBound, evidence: _Evidence) -> RuleResult:
    name = f"upper bound: {rule.metric}"
    found = evidence.estimate(CANDIDATE, rule.metric)
    if found is None or found.lower_bound is None or found.upper_bound is None:
        return _unmeasured(name, rule.limit, found.n if found else 0)
    if found.lower_bound > rule.limit:
        outcome, reason = "FAIL", f"rate {found.mean:.4g}, at least {found.lower_bound:.4g} with 95 % confidence: more than {rule.limit:g}"
    elif found.n < rule.min_n:
        outcome, reason = _too_few(found.n, rule.min_n, f"; the rate may be {found.upper_bound:.4g}")
    elif found.upper_bound <= rule.limit:
        outcome, reason = "PASS", f"rate {found.mean:.4g}, at most {found.upper_bound:.4g} with 95 % confidence, limit {rule.limit:g}"
    else:
        outcome, reason = "INCONCLUSIVE", f"rate {found.mean:.4g}, but it may be {found.upper_bound:.4g}: more than {rule.limit:g}"
    return RuleResult(rule=name, value=found.upper_bound, bound=rule.limit, n=found.n, outcome=outcome, reason=reason)


def _zero_tolerance(metric: str, evidence: _Evidence) -> RuleResult:
    name = f"zero tolerance: {metric}"
    found = evidence.estimate(CANDIDATE, metric)
    if found is None:
        return _unmeasured(name, 0.0, 0)
    cases = round(found.mean * found.n)
    outcome: Outcome = "FAIL" if found.mean > 0 else "PASS"
    return RuleResult(rule=name, value=found.mean, bound=0.0, n=found.n, outcome=outcome, reason=f"{cases} of {found.n} prompts")


def _guard(rule: Guard, evidence: _Evidence) -> RuleResult:
    name = f"guard: {rule.metric} beside {rule.baseline}"
    candidate, baseline = evidence.estimate(CANDIDATE, rule.metric), evidence.estimate(rule.baseline, rule.metric)
    if candidate is None or baseline is None:
        return _unmeasured(name, rule.at_least or rule.at_most, 0)
    least = rule.at_least * baseline.mean if rule.at_least is not None else float("-inf")
    most = rule.at_most * baseline.mean if rule.at_most is not None else float("inf")
    outcome: Outcome = "PASS" if least <= candidate.mean <= most else "FAIL"
    wanted = [f"at least {least:.4g}"] * (rule.at_least is not None) + [f"at most {most:.4g}"] * (rule.at_most is not None)
    reason = f"{candidate.mean:.4g}, wanted {' and '.join(wanted) or 'nothing'}"
    bound = least if candidate.mean < least or rule.at_most is None else most
    return RuleResult(rule=name, value=candidate.mean, bound=bound, n=candidate.n, outcome=outcome, reason=reason)


def _independent_scorer(report: EvalReport) -> RuleResult:
    name = "integrity: the empathy scorer is independent of the data"
    if report.scorer is None:
        return _unmeasured(name, 0.0, 0)
    shared = report.scorer.shared_people + report.scorer.shared_texts
    outcome: Outcome = "PASS" if report.scorer.independent else "FAIL"
    reason = f"{report.scorer.shared_people} people and {report.scorer.shared_texts} texts in both"
    return RuleResult(rule=name, value=float(shared), bound=0.0, n=report.scorer.n, outcome=outcome, reason=reason)


def _privacy(audit: PrivacyReport) -> RuleResult:
    outcomes: dict[PrivacyVerdict, Outcome] = {"PASS": "PASS", "WARN": "INCONCLUSIVE", "BLOCK": "FAIL"}
    telling = [check for check in audit.checks if check.outcome not in ("PASS", "NOT MEASURED")]
    shown = [check for check in telling if check.outcome == audit.verdict] or telling
    reason = f"{audit.verdict}: " + ("; ".join(f"{check.name} {check.reason}" for check in shown) or "every check that was made passed")
    blocked = audit.count("BLOCK")
    made = len(audit.checks) - audit.count("NOT MEASURED")
    return RuleResult(rule="privacy: verdict", value=float(blocked), bound=0.0, n=made, outcome=outcomes[audit.verdict], reason=reason)


def _against_champion(rule: NonInferiority, champion: Champion, evidence: _Evidence) -> RuleResult:
    if champion.obstacle is None:
        return _non_inferiority(rule, evidence)
    name = f"non-inferiority: {rule.metric} to champion"
    reason = f"version {champion.version}: {champion.obstacle}; a person must decide"
    return RuleResult(rule=name, value=None, bound=rule.margin, n=0, outcome="NOT COMPARABLE", reason=reason)


def _unmeasured(name: str, bound: float | None, n: int) -> RuleResult:
    reason = "not measured with an interval: the section of the evaluation is off or has fewer than two units"
    return RuleResult(rule=name, value=None, bound=bound, n=n, outcome="INCONCLUSIVE", reason=reason)


def _too_few(n: int, wanted: int, more: str = "") -> tuple[Outcome, str]:
    return "INCONCLUSIVE", f"{n} units, wanted {wanted}{more}"
