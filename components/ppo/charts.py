"""The page that a practitioner opens after a PPO run: did the reward rise, how far from the SFT policy, and was training healthy."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from components.ppo.config import PpoConfig
from components.ppo.evaluation import Evaluation, paired_gain
from components.shared.figures import line_chart
from components.shared.report import Page, Section, Table, render

History = Sequence[Mapping[str, float]]
_CHARTS: dict[str, dict[str, dict[str, str]]] = {
    "Objective": {
        "Score of the reward model": {"raw score": "objective/scores"},
        "Score less KL penalty": {"RLHF reward": "objective/rlhf_reward"},
        "KL to the SFT policy, nats per reply": {"KL": "objective/kl"},
        "Entropy, nats per token": {"entropy": "objective/entropy"},
    },
    "Policy": {
        "Clipped fraction of tokens": {"clipfrac": "policy/clipfrac"},
        "approxkl to the rollout policy, nats per token": {"mean of the updates": "policy/approxkl", "first update": "val/first_approxkl"},
        "Mean ratio": {"ratio": "val/ratio"},
        "Losses of the policy": {"policy": "loss/policy", "ptx": "loss/ptx"},
    },
    "Value": {
        "Explained variance": {"explained variance": "value/explained_variance"},
        "Value loss": {"value": "loss/value"},
    },
    "Replies and steps": {
        "Tokens per reply": {"mean": "objective/response_length"},
        "Fraction cut at the length limit": {"truncated": "objective/truncated_fraction"},
        "Gradient norm before clipping": {"policy": "policy/grad_norm", "value": "value/grad_norm"},
        "Learning rate, KL coefficient": {"learning rate x 1000": "update/learning_rate", "kl_coef": "objective/kl_coef"},
    },
}


def render_curves(history: History, evaluations: Sequence[Evaluation], settings: PpoConfig, reward_std: float) -> str:
    """Return the HTML page of a finished run.

    Args:
        history: metrics of each step.
        evaluations: on validation prompts, the first before training.
        settings: the run's settings.
        reward_std: standard deviation of the reward model's scores, which gives the gain its scale.
    """
    first, last = evaluations[0], evaluations[-1]
    mean, low, high = paired_gain(first.scores, last.scores)
    before, after = first.metrics(), last.metrics()
    verdict = (
        f"Validation score {before['eval/scores']:.3f} -> {after['eval/scores']:.3f}: a gain of {mean:.3f} "
        f"(95 % interval {low:.3f} to {high:.3f}, {mean / reward_std:.2f} standard deviations) "
        f"at a KL of {after['eval/kl']:.2f} nats a reply."
    )
    facts: dict[str, object] = {
        "steps": len(history),
        "replies sampled": settings.total_episodes,
        "optimizer steps": int(sum(row["update/optimizer_steps"] for row in history)),
        "steps stopped by target_kl": int(sum(row["update/stopped_by_target_kl"] for row in history)),
        "validation prompts": len(last.scores),
    }
    sections = [
        Section("On validation prompts", ["The same prompts and the same seed each time."], [_evaluation_table(evaluations)]),
        *(Section(title, figures=_figures(history, charts)) for title, charts in _CHARTS.items()),
        Section("Time", tables=[_time_table(history)]),
    ]
    return render(Page("PPO", verdict, good=low > 0, facts=facts, sections=sections))


def _evaluation_table(evaluations: Sequence[Evaluation]) -> Table:
    rows = []
    for evaluation in evaluations:
        metrics = evaluation.metrics()
        mean, low, high = paired_gain(evaluations[0].scores, evaluation.scores)
        rows.append([evaluation.step, metrics["eval/scores"], mean, low, high, *list(metrics.values())[1:]])
    columns = ["step", "score", "gain", "gain, low", "gain, high", "KL (nats per reply)", "tokens per reply", "truncated"]
    return Table(columns, rows, "Raw scores of the reward model; the gain is against step 0, with a paired 95 % interval.")


def _figures(history: History, charts: Mapping[str, Mapping[str, str]]) -> list[Markup]:
    figures = []
    for title, lines in charts.items():
        series = {}
        for label, name in lines.items():
            scale = 1000 if "x 1000" in label else 1
            points = [(float(number), scale * row[name]) for number, row in enumerate(history) if name in row]
            if points:
                series[label] = points
        if series:
            figures.append(line_chart(title, series))
    return figures


def _time_table(history: History) -> Table:
    names = [name for name in history[0] if name.startswith("timing/")]
    totals = {name: sum(row[name] for row in history) for name in names}
    whole = sum(totals.values())
    rows = [
        [name.removeprefix("timing/").removesuffix("_seconds"), total, total / len(history), total / whole]
        for name, total in totals.items()
    ]
    return Table(["phase", "seconds", "seconds per step", "fraction"], rows)
