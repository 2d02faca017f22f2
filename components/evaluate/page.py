"""The HTML report: verdict, forest plots of differences, tables, replies side by side."""

import math
from collections.abc import Sequence

from components.evaluate.config import EvaluateConfig
from components.evaluate.inputs import MECHANISMS
from components.evaluate.measurement import Measured, Workload
from components.evaluate.metrics import EMPATHY_METRICS
from components.evaluate.plots import ForestRow, forest_plot
from components.shared.eval_report import ARMS, COMPARISONS, Comparison, Estimate, EvalReport
from components.shared.report import Page, Section, Table

_PERPLEXITIES = (
    ("reference", "Human replies of held-out people, under the arm. PPO usually raises it: the policy leaves the data."),
    ("generated", "The arm's own replies, under the base model. It falls with fluency and with collapse alike: read it beside diversity."),
    ("general", "General text, under the arm. A rise is forgetting."),
)
_FIGURES = (
    ("Likelihood", "nats/token, left is better", ("nll_reference", "nll_general")),
    ("Empathy and relevance", "level 0-2; relevance in cosine; right is better", (*EMPATHY_METRICS, "empathy", "relevance")),
    ("Crisis", "fraction of prompts, right is better", ("crisis_pass", "crisis_contact", "crisis_asks_safety", "near_miss_pass")),
)
_SHOWN_CHARACTERS = 700


def build_page(summary: EvalReport, workload: Workload, measured: Measured, settings: EvaluateConfig) -> Page:
    """Return the report."""
    verdict, good = _verdict(summary)
    sections = [_differences(summary), _perplexity(summary), _empathy(summary), _crisis(summary), _diversity(summary), _forgetting(summary)]
    if settings.show_prompts and measured.replies:
        sections.append(_replies(workload, measured, settings.shown_prompts))
    sections.append(_reading(summary))
    return Page(
        title="Evaluation on held-out people",
        verdict=verdict,
        good=good,
        facts=_facts(summary),
        sections=[section for section in sections if section.tables or section.figures or section.text],
    )


def _verdict(summary: EvalReport) -> tuple[str, bool | None]:
    sentences, good = [], None
    empathy = _find(summary, "empathy")
    if empathy and empathy.low is not None and empathy.high is not None:
        shown = "more empathetic" if empathy.low > 0 else "less empathetic" if empathy.high < 0 else "not shown to differ in empathy"
        good = True if empathy.low > 0 else False if empathy.high < 0 else None
        sentences.append(f"PPO is {shown} from SFT" if "differ" in shown else f"PPO is {shown} than SFT")
        sentences[-1] += f" ({empathy.difference:+.3f} levels, 95 % interval {empathy.low:+.3f} to {empathy.high:+.3f}, {empathy.n} people)"
    if likelihood := _find(summary, "nll_reference"):
        change = math.expm1(likelihood.difference)
        sentences.append(f"its perplexity on human replies is {abs(change):.1%} {'higher' if change > 0 else 'lower'}")
    if red := summary.arms["ppo"].get("crisis_red_failure"):
        failures, before = round(red.mean * red.n), summary.arms["sft"]["crisis_red_failure"]
        sentences.append(f"intolerable crisis replies: {failures} of {red.n} (SFT: {round(before.mean * before.n)})")
        if failures > round(before.mean * before.n):
            good = False
        elif failures and good:
            good = None
    text = "; ".join(sentences)
    return (text[0].upper() + text[1:] + "." if text else "Every section was switched off."), good


def _facts(summary: EvalReport) -> dict[str, object]:
    facts: dict[str, object] = {name.replace("_", " "): value for name, value in summary.facts.items()}
    if summary.scorer:
        facts["scorer independent of the test people"] = "yes" if summary.scorer.independent else "NO"
    return {**facts, "test split": summary.test_digest[:12], "base model": summary.base_digest[:12]}


def _differences(summary: EvalReport) -> Section:
    figures = []
    for candidate, baseline in COMPARISONS[:2]:
        for title, measure, metrics in _FIGURES:
            found = [comparison for metric in metrics if (comparison := _find(summary, metric, candidate, baseline))]
            if found:
                rows = [ForestRow(_label(summary, c), c.difference, c.low, c.high, summary.metrics[c.metric].better) for c in found]
                figures.append(forest_plot(f"{title}: {candidate.upper()} minus {baseline.upper()}", measure, rows))
    text = (
        "Paired differences with 95 % intervals over units (people, prompts, texts). Green: the whole interval is on the better side of "
        "zero; red: on the worse; grey: zero is inside."
    )
    return Section("Differences", [text] if figures else [], figures=figures)


def _perplexity(summary: EvalReport) -> Section:
    tables = [_arm_table(summary, [f"ppl_{kind}", f"nll_{kind}", f"bpb_{kind}"], caption) for kind, caption in _PERPLEXITIES]
    found = [_find(summary, metric, *pair) for pair in COMPARISONS for metric in ("nll_reference", "nll_generated", "nll_general")]
    changes = [[f"{c.candidate} - {c.baseline}", _label(summary, c), f"{math.expm1(c.difference):+.1%}", *_tested(c)] for c in found if c]
    if changes:
        columns = ["arms", "metric", "perplexity", "difference", "95 % interval", "p", "units"]
        tables.append(Table(columns, changes, "Changes; p is two-sided, by paired permutation"))
    return Section("Three perplexities, apart", tables=[table for table in tables if table.rows])


def _empathy(summary: EvalReport) -> Section:
    scorer = summary.scorer
    if scorer is None:
        return Section("Empathy")
    tables = [_arm_table(summary, [*EMPATHY_METRICS, "empathy", "relevance"], "Mean and 95 % interval")]
    rows = []
    for candidate, baseline in COMPARISONS:
        for metric in (*EMPATHY_METRICS, "empathy", "relevance"):
            if comparison := _find(summary, metric, candidate, baseline):
                holm = "" if comparison.p_holm is None else f"{comparison.p_holm:.4f}"
                rows.append(
                    [f"{candidate} - {baseline}", _label(summary, comparison), *_tested(comparison), f"{comparison.p_greater:.4f}", holm]
                )
    columns = ["arms", "metric", "difference", "95 % interval", "p", "units", "p, candidate higher", "the same, Holm over three"]
    tables.append(Table(columns, rows, "Differences"))
    quality = [
        [
            name.replace("_", " "),
            facts.accuracy,
            facts.majority_accuracy,
            facts.macro_f1,
            ", ".join(f"{k}: {v}" for k, v in facts.counts.items()),
        ]
        for name, facts in ((name, scorer.mechanisms[name]) for name in MECHANISMS)
    ]
    caption = f"The scorer on {scorer.n} rated replies, {scorer.folds}-fold cross-validation over {scorer.groups} groups"
    tables.append(Table(["mechanism", "accuracy", "majority", "macro-F1", "replies per level"], quality, caption))
    text = [
        "Expected level of each EPITOME mechanism (0 none, 1 weak, 2 strong). The scorer reads the reply alone and canned warmth can "
        "please it: relevance, length and diversity belong to the picture.",
        f"Scorer: {scorer.features}. Shared with the test split: {scorer.shared_people} people, {scorer.shared_texts} texts.",
    ]
    return Section("Empathy", text, tables)


def _crisis(summary: EvalReport) -> Section:
    names = [name for name in summary.metrics if name.startswith(("crisis_", "near_miss"))]
    rows = []
    for name in names:
        cells = []
        for arm in ARMS:
            estimate = summary.arms[arm][name]
            cells.append(f"{round(estimate.mean * estimate.n)} of {estimate.n} ({_interval(estimate.low, estimate.high)})")
        rows.append([summary.metrics[name].label, *cells])
    if not rows:
        return Section("Crisis")
    red = summary.arms["ppo"]["crisis_red_failure"] if "crisis_red_failure" in summary.metrics else None
    text = ["Rules on words: a kept rule is a necessary sign of safe behaviour, no proof of it. Intervals are exact (Clopper-Pearson)."]
    if red and red.upper_bound is not None:
        text.append(f"With {red.n} prompts, the rate of intolerable PPO replies is below {red.upper_bound:.1%} (one-sided 95 %).")
    return Section("Crisis behaviour", text, [Table(["rule", *ARMS], rows)])


def _diversity(summary: EvalReport) -> Section:
    table = _arm_table(summary, ["distinct_2", "self_similarity", "opener_share", "duplicate_share", "reply_words", "reply_truncated"], "")
    words = summary.facts.get("distinct_2_words")
    text = [f"Distinct word pairs are counted over {words} words of every arm, because the number depends on the amount of text."]
    return Section("Diversity and length", text if table.rows else [], [table] if table.rows else [])


def _forgetting(summary: EvalReport) -> Section:
    rows = [
        [f"{candidate} - {baseline}", *_tested(comparison)]
        for candidate, baseline in COMPARISONS
        if (comparison := _find(summary, "bpb_general", candidate, baseline))
    ]
    table = Table(["arms", "bits per byte, difference", "95 % interval", "p", "texts"], rows, "General text; higher is worse")
    return Section("Forgetting", tables=[table] if rows else [])


def _replies(workload: Workload, measured: Measured, count: int) -> Section:
    prompts = [*workload.support, *workload.crisis]
    crisis = [index for index, prompt in enumerate(prompts) if prompt.kind != "support"][: count // 4]
    chosen = [*range(min(len(workload.support), count - len(crisis))), *crisis]
    rows = [
        [f"{prompts[i].id} ({prompts[i].kind.replace('_', ' ')})", _shorten(prompts[i].messages[-1].content)]
        + [_shorten(measured.replies[arm][i].text) or "(empty)" for arm in ARMS]
        for i in chosen
    ]
    text = [
        "The person's last turn (anonymised test data) and what each arm answers. The first prompts of the seeded choice, not selected."
    ]
    return Section("Replies side by side", text if rows else [], [Table(["prompt", "person", *ARMS], rows)] if rows else [])


def _reading(summary: EvalReport) -> Section:
    digests = [["test split", summary.test_digest], ["base model", summary.base_digest], ["evaluation files", summary.evaluation_digest]]
    digests += [[f"{name} adapter", digest] for name, digest in summary.adapter_digests.items()]
    text = [
        "Intervals: BCa bootstrap over units from 30 units on, Student's t below; exact or score intervals for rates. Tests: paired "
        "permutation by unit. Only the three empathy mechanisms are corrected for being several (Holm); all else is read as a whole.",
        "These arms are one training run each: the numbers say which of these checkpoints is better, not which method.",
    ]
    return Section("How to read this", text, [Table(["what", "sha256"], digests)])


def _arm_table(summary: EvalReport, metrics: Sequence[str], caption: str) -> Table:
    rows = []
    for name in metrics:
        if all(name in summary.arms[arm] for arm in ARMS):
            cells = [_estimate(summary.arms[arm][name]) for arm in ARMS]
            rows.append([summary.metrics[name].label, summary.metrics[name].measure, *cells, summary.arms["ppo"][name].n])
    return Table(["metric", "unit", *ARMS, "n"], rows, caption)


def _estimate(estimate: Estimate) -> str:
    interval = "" if estimate.low is None else f" ({_interval(estimate.low, estimate.high)})"
    return f"{_number(estimate.mean)}{interval}"


def _interval(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{_number(low)} to {_number(high)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def _tested(comparison: Comparison) -> list[object]:
    return [f"{comparison.difference:+.4f}", _signed(comparison.low, comparison.high), f"{comparison.p_value:.4f}", comparison.n]


def _signed(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{low:+.4f} to {high:+.4f}"


def _find(summary: EvalReport, metric: str, candidate: str = "ppo", baseline: str = "sft") -> Comparison | None:
    wanted = (metric, candidate, baseline)
    return next((c for c in summary.comparisons if (c.metric, c.candidate, c.baseline) == wanted), None)


def _label(summary: EvalReport, comparison: Comparison) -> str:
    return summary.metrics[comparison.metric].label


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + " ..."
