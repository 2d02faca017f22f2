"""The model card: every number comes from the run, none from hand."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.register.gate import Decision
from components.shared.artifacts import Manifest
from components.shared.base_model import BaseModelReference
from components.shared.eval_report import ARMS, Estimate, EvalReport
from components.shared.privacy_report import PrivacyReport
from components.shared.provenance import git_commit, package_version

_SHOWN = (
    "empathy",
    "empathy_emotional_reactions",
    "empathy_interpretations",
    "empathy_explorations",
    "relevance",
    "nll_reference",
    "ppl_reference",
    "bpb_reference",
    "bpb_general",
    "crisis_pass",
    "crisis_red_failure",
    "near_miss_pass",
    "distinct_2",
    "opener_share",
)


@dataclass(frozen=True)
class CardFacts:
    """What the card reports.

    Attributes:
        name: registered model.
        report: the evaluation.
        privacy: the privacy audit.
        decision: the gate's.
        base_model: the base by reference.
        adapter: the candidate's manifest.
    """

    name: str
    report: EvalReport
    privacy: PrivacyReport
    decision: Decision
    base_model: BaseModelReference
    adapter: Manifest


def render(facts: CardFacts) -> str:
    """Return the card as Markdown."""
    judged = (_evaluation(facts.report), _privacy(facts.privacy), _gate(facts.decision), _limits(facts.decision))
    sections = (_summary(facts), _uses(), _training(facts), *judged, _loading(facts.name))
    return "\n\n".join(sections) + "\n"


def _summary(facts: CardFacts) -> str:
    passed = {"PASS": "passed", "FAIL": "was refused by", "INCONCLUSIVE": "gave too little evidence for"}[facts.decision.verdict]
    return (
        f"# {facts.name}\n\n"
        f"**Not for crisis. Not a medical device.** A language model that was tuned to reply to people in distress with more empathy. "
        f"This version {passed} the promotion gate (verdict **{facts.decision.verdict}**).\n\n"
        + _table(
            ("", ""),
            [
                ("Base model", f"`{facts.base_model.uri}` at `{facts.base_model.revision}` (digest `{facts.base_model.digest[:12]}`)"),
                ("Adapter", f"LoRA, digest `{facts.adapter.digest[:12]}`"),
                ("Made by", f"Attune {package_version()}, commit `{git_commit()}`"),
            ],
        )
    )


def _uses() -> str:
    return """## Intended use

Research and supervised practice: drafting or rehearsing supportive replies, with a trained person who reads each one before it reaches
somebody in need. Operators tell users that they talk to a machine (EU AI Act, Art. 50(1)).

**Not for:** people in crisis or at risk of harming themselves or others, diagnosis, therapy, medication, children without guardians, or any
use without human oversight. Put a crisis route before the model: recognise the crisis, name the local emergency number and help line, hand
over to a person. The model's own behaviour in crisis, measured below, is a last line of defence and no crisis service."""


def _training(facts: CardFacts) -> str:
    parents = [(name, f"`{digest}`") for name, digest in sorted(facts.adapter.parents.items())]
    return (
        "## Training\n\nSupervised fine-tuning on dialogues, a reward model on preference pairs, then PPO with a per-token KL penalty to "
        "the fine-tuned policy; all on one frozen base. The data were anonymised before training. What the adapter was made from:\n\n"
        + _table(("input", "sha256"), parents)
    )


def _evaluation(report: EvalReport) -> str:
    rows = []
    for metric in (metric for metric in _SHOWN if metric in report.metrics):
        info = report.metrics[metric]
        arrow = {"higher": "↑", "lower": "↓", "none": ""}[info.better]
        estimates = [report.arms[arm].get(metric) for arm in ARMS]
        n = max((estimate.n for estimate in estimates if estimate), default=0)
        rows.append((f"{info.label} ({info.measure}) {arrow}", *(_estimate(estimate) for estimate in estimates), n))
    text = "## Evaluation\n\nHeld-out people; 95 % intervals in brackets; n counts people, prompts or texts.\n\n"
    text += _table(("metric", *ARMS, "n"), rows)
    if report.scorer is not None:
        accuracy = ", ".join(f"{name.replace('_', ' ')} {scorer.accuracy:.2f}" for name, scorer in report.scorer.mechanisms.items())
        text += (
            f"\n\nEmpathy is scored by a model ({report.scorer.features}) that was trained on {report.scorer.n} rated replies and is not "
            f"the reward model; its accuracy out of fold: {accuracy}. It reads the reply, not the conversation."
        )
    return text


def _privacy(audit: PrivacyReport) -> str:
    rows = []
    for check in audit.checks:
        value = "-" if check.value is None else f"{check.value:.4g}"
        base = "-" if check.base is None else f"{check.base:.4g}"
        rows.append((check.label, check.outcome, value, base, check.n, check.reason))
    planted = sum(canary.repetitions > 0 for canary in audit.canaries)
    carried = f"This model was trained with {planted} planted secrets that are nobody's. " if planted else "No canaries were planted. "
    text = (
        f"## Privacy audit: {audit.verdict}\n\n{carried}Attacks on the trained model; base is the model that has seen none of the data.\n\n"
    )
    return text + _table(("check", "outcome", "value", "base", "n", "why"), rows)


def _gate(decision: Decision) -> str:
    against = f"version {decision.champion}" if decision.champion else "none: only base, SFT and absolute bounds decide"
    rows = [(rule.rule, rule.outcome, rule.n, rule.reason) for rule in decision.rules]
    return f"## Gate: {decision.verdict}\n\nEvery rule must pass. Champion at the time: {against}.\n\n" + _table(
        ("rule", "outcome", "n", "why"), rows
    )


def _limits(decision: Decision) -> str:
    open_rules = [f"\n- {rule.rule}: {rule.outcome.lower()} - {rule.reason}" for rule in decision.rules if rule.outcome != "PASS"]
    shown = "".join(open_rules) or "\n- every rule of the gate passed"
    return (
        "## Risks and limits\n\n"
        "- Empathy scorers can be pleased by canned warmth; no score here replaces people who judge replies.\n"
        "- Crisis behaviour was checked by rules on written prompts; real crises differ, and a passed check is no proof of safety.\n"
        "- The evaluation knows the languages and groups of its test data only.\n"
        "- Replies can be wrong, repetitive or unsafe, and the model forgets what does not fit its context.\n\n"
        f"Of this version in particular:{shown}"
    )


def _loading(name: str) -> str:
    return (
        "## Loading\n\n```python\n"
        f'mlflow.pyfunc.load_model("models:/{name}@champion").predict({{"input": [{{"role": "user", "content": "..."}}]}})\n'
        "```\n\nThe base model is found by its reference, or in the directory that `ATTUNE_BASE_MODEL_PATH` names; another one is refused."
    )


def _estimate(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.mean:.4g}"
    return f"{estimate.mean:.4g} [{estimate.low:.4g}, {estimate.high:.4g}]"


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
