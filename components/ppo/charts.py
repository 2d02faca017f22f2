"""The page that a practitioner opens after a PPO run: did the reward rise, how far from the SFT policy, and was training healthy."""

import math
from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.figure import Figure

from components.ppo.config import PpoConfig
from components.ppo.evaluation import Evaluation, paired_gain
from components.ppo.panels import Chart, History, draw_panels, finish, smoothing_window, to_svg
from components.ppo.selection import Candidate, Interval, Selection
from components.shared.report import Page, Section, Table, render

_OVERVIEW = (
    Chart("Score of the reward model", {"rollouts": "objective/scores"}, "eval/scores"),
    Chart("KL to the SFT policy, nats/reply", {"rollouts": "objective/kl"}, "eval/kl", ["kl_budget", "kl_target"]),
    Chart("Entropy, nats/token", {"entropy": "objective/entropy"}, levels=["entropy_target"]),
    Chart(
        "Clipped tokens, %",
        {"all": "policy/clipfrac", "ratio too low": "policy/clipfrac_low", "ratio too high": "policy/clipfrac_high"},
        factor=100,
    ),
    Chart("Explained variance (cut at -1)", {"explained variance": "value/explained_variance"}, lowest=-1.0),
    Chart("Reply length, tokens", {"rollouts": "objective/response_length"}, "eval/response_length"),
    Chart("Mean ratio to the rollout policy", {"ratio": "val/ratio"}),
    Chart(
        "Time per step by phase, seconds",
        {"rollout": "timing/rollout_seconds", "scoring": "timing/scoring_seconds", "update": "timing/update_seconds"},
        stacked=True,
    ),
)
_DETAILS = (
    Chart("Normalised reward less KL penalty", {"RLHF reward": "objective/rlhf_reward"}),
    Chart("KL coefficient, per nat", {"kl_coef": "objective/kl_coef"}, changing=True),
    Chart("Entropy coefficient, per nat", {"entropy_coef": "objective/entropy_coef"}, changing=True),
    Chart("Scores are normalised with", {"mean": "objective/score_mean", "std": "objective/score_std"}, changing=True),
    Chart("Mean safety rating, points", {"rating": "objective/safety"}, levels=["safety_threshold"]),
    Chart("Multiplier of the safety constraint", {"multiplier": "objective/safety_multiplier"}),
    Chart("Std of the score over the ensemble", {"ensemble": "objective/ensemble_std"}),
    Chart("approxkl, nats/token", {"mean of the updates": "policy/approxkl", "first update": "val/first_approxkl"}, levels=["target_kl"]),
    Chart("Rollout gap of log-probs, nats", {"gap": "val/rollout_gap"}),
    Chart("Policy loss", {"policy": "loss/policy"}),
    Chart("Cross-entropy, human replies, nats/token", {"ptx": "loss/ptx"}),
    Chart("Value loss, normalised reward squared", {"value": "loss/value"}),
    Chart("Clipped values, %", {"clipped": "value/clipfrac"}, factor=100),
    Chart("Gradient norm before clipping", {"policy": "policy/grad_norm", "value": "value/grad_norm"}),
    Chart("Learning rate of the policy", {"learning rate": "update/learning_rate"}),
    Chart("Replies cut at the length limit, %", {"truncated": "objective/truncated_fraction"}, factor=100),
    Chart("Throughput, reply tokens/second", {"tokens": "timing/tokens_per_second"}),
)


def render_curves(
    history: History, evaluations: Sequence[Evaluation], settings: PpoConfig, reward_std: float, *, selection: Selection | None = None
) -> str:
    """Return the HTML page of a finished run.

    Args:
        history: metrics of each step; charts of metrics that no step has are left out.
        evaluations: on validation prompts, the first before training.
        settings: the run's settings.
        reward_std: standard deviation of the scores in normalisation, which gives the gain its scale; 0 where scores never differed.
        selection: which policy was kept and why; None: the last.
    """
    kept = selection.kept if selection else None
    # A hundredth of the scores' spread is the last digit worth reading.
    digits = max(0, 2 - math.floor(math.log10(reward_std))) if reward_std > 0 else 2
    verdict, good = _verdict(evaluations, kept, reward_std, digits)
    dots = {name: [(float(row.step), row.metrics()[name]) for row in evaluations] for name in evaluations[0].metrics()}
    step = kept.step if kept and kept.step > 0 else None
    overview, details = (draw_panels(charts, history, dots, _levels(settings), step) for charts in (_OVERVIEW, _DETAILS))
    sections = [
        Section("At a glance", [_legend(history, step)], figures=[overview]),
        Section(
            "On validation prompts",
            ["The same prompts and the same seed each time."],
            [_evaluation_table(evaluations, selection, digits)],
            [_frontier(evaluations, selection)],
        ),
        *([_selection_section(selection, digits)] if selection else []),
        Section("Details", figures=[details]),
        Section("Time", tables=[_time_table(history)]),
    ]
    return render(Page("PPO", verdict, good=good, facts=_facts(history, evaluations, settings), sections=sections))


def _verdict(evaluations: Sequence[Evaluation], kept: Candidate | None, reward_std: float, digits: int) -> tuple[str, bool]:
    first, last = evaluations[0].metrics(), evaluations[-1].metrics()
    if kept and kept.a == 0:
        return "The SFT policy is kept: no trained policy that may be kept has a higher validation score.", False
    score, kl = (kept.score, kept.kl) if kept else (last["eval/scores"], last["eval/kl"])
    gain = kept.gain if kept else paired_gain(evaluations[0].scores, evaluations[-1].scores)
    place = f" interpolated at a = {kept.a:g}" if kept and kept.a < 1 else ""
    which = f"The policy of step {kept.step}{place} is kept. " if kept else ""
    moved = f"{first['eval/scores']:.{digits}f} -> {score:.{digits}f}"
    interval = f"95 % interval {gain[1]:.{digits}f} to {gain[2]:.{digits}f}"
    relative = f"{gain[0] / reward_std:.2f} standard deviations, " if reward_std > 0 else ""
    return (
        f"{which}Validation score {moved}: a gain of {gain[0]:.{digits}f} ({interval}), {relative}at a KL of {kl:.2f} nats per reply."
    ), gain[1] > 0


def _facts(history: History, evaluations: Sequence[Evaluation], settings: PpoConfig) -> dict[str, object]:
    facts: dict[str, object] = {
        "steps": len(history),
        "replies sampled": f"{settings.total_episodes:,}",
        "optimizer steps": f"{int(sum(row['update/optimizer_steps'] for row in history)):,}",
        "steps stopped by target_kl": int(sum(row["update/stopped_by_target_kl"] for row in history)),
        "validation prompts": len(evaluations[0].scores),
    }
    for name, metric in (
        ("KL coefficient", "objective/kl_coef"),
        ("entropy coefficient", "objective/entropy_coef"),
        ("forward passes per step", "update/forward_passes"),
    ):
        if metric in history[-1]:
            facts[name] = float(history[-1][metric])
    return facts


def _levels(settings: PpoConfig) -> dict[str, float]:
    levels = {
        "kl_budget": settings.kl_budget,
        "kl_target": settings.kl_target if settings.kl_controller == "adaptive" else None,
        "entropy_target": settings.entropy_target,
        "safety_threshold": settings.safety_threshold,
        "target_kl": settings.target_kl or None,
    }
    return {name: level for name, level in levels.items() if level is not None}


def _legend(history: History, kept_step: int | None) -> str:
    window = smoothing_window(history)
    smooth = f"Thick lines are means of {window} steps, thin ones single steps. " if window > 1 else ""
    marked = " The dotted line stands at the step whose policy is kept." if kept_step is not None else ""
    return f"{smooth}Dots are evaluations on validation prompts.{marked}"


def _frontier(evaluations: Sequence[Evaluation], selection: Selection | None) -> Markup:
    """Draw score against KL: what each nat of distance has bought."""
    figure = Figure(figsize=(11.2, 3.0), layout="constrained")
    axes = figure.subplots()
    metrics = [evaluation.metrics() for evaluation in evaluations]
    axes.plot(
        [row["eval/kl"] for row in metrics], [row["eval/scores"] for row in metrics], "o-", markersize=4, label="along the run, by step"
    )
    axes.margins(y=0.12)
    for evaluation, row in zip(evaluations, metrics, strict=True):
        axes.annotate(str(evaluation.step), (row["eval/kl"], row["eval/scores"]), (4, -9), textcoords="offset points", fontsize=7)
    if selection and selection.interpolations:
        between = selection.interpolations
        axes.plot([row.kl for row in between], [row.score for row in between], "s--", markersize=4, label="interpolations, by a")
        for candidate in between:
            axes.annotate(
                f"a = {candidate.a:g}", (candidate.kl, candidate.score), (-4, 5), textcoords="offset points", fontsize=7, ha="right"
            )
    if selection:
        axes.plot([selection.kept.kl], [selection.kept.score], "*", color="#18794e", markersize=12, label="kept")
    if selection and selection.kl_budget is not None:
        axes.axvline(selection.kl_budget, color="#5b6b7c", linewidth=1.0, linestyle="--", label="kl_budget")
    finish(axes, "Validation score against distance", "KL to the SFT policy, nats per reply")
    return to_svg(figure)


def _interval(numbers: Interval, digits: int) -> str:
    mean, low, high = numbers
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _evaluation_table(evaluations: Sequence[Evaluation], selection: Selection | None, digits: int) -> Table:
    rows: list[list[object]] = []
    for index, evaluation in enumerate(evaluations):
        metrics = evaluation.metrics()
        gain = paired_gain(evaluations[0].scores, evaluation.scores)
        row: list[object] = [evaluation.step, f"{metrics['eval/scores']:.{digits}f}", _interval(gain, digits) if index else "-"]
        row += [f"{metrics['eval/kl']:.2f}", f"{metrics['eval/response_length']:.0f}", f"{metrics['eval/truncated_fraction']:.1%}"]
        rows.append([*row, _mark(selection.evaluations[index]) if selection else ""])
    columns = ["step", "score", "gain (95 % interval)", "KL, nats per reply", "tokens per reply", "truncated", ""]
    return Table(columns, rows, "Raw scores of the reward model; gains are over step 0, the SFT policy, paired by prompt.")


def _selection_section(selection: Selection, digits: int) -> Section:
    if not selection.interpolations:
        return Section("Which policy is kept", selection.reason)
    rows: list[list[object]] = []
    for row in selection.interpolations:
        behind = _interval(row.shortfall, digits) if row.shortfall and any(row.shortfall) else "-"
        score, gain = f"{row.score:.{digits}f}", _interval(row.gain, digits)
        rows.append([f"{row.a:g}", score, gain, behind, f"{row.kl:.2f}", _mark(row)])
    columns = ["a", "score", "gain (95 % interval)", "behind the best (95 % interval)", "KL, nats per reply", ""]
    step = selection.interpolations[0].step
    return Section("Which policy is kept", selection.reason, [Table(columns, rows, f"sft + a (policy of step {step} - sft).")])


def _mark(candidate: Candidate) -> str:
    return "kept" if candidate.kept else "" if candidate.within_budget else "over the KL budget"


def _time_table(history: History) -> Table:
    names = list(dict.fromkeys(name for row in history for name in row if name.startswith("timing/") and name.endswith("_seconds")))
    totals = {name: sum(row.get(name, 0.0) for row in history) for name in names}
    whole = sum(totals.values())
    rows = [
        [name.removeprefix("timing/").removesuffix("_seconds"), f"{total:,.0f}", f"{total / len(history):.2f}", f"{total / whole:.1%}"]
        for name, total in totals.items()
    ]
    return Table(["phase", "seconds", "seconds per step", "share"], rows)
