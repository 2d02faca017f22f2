"""The page of a run: what it says of the kept policy, which charts it has, and that it survives odd numbers."""

import math
import re
from typing import Any

import pytest

from components.ppo.charts import render_curves
from components.ppo.config import PpoConfig
from components.ppo.evaluation import Evaluation
from components.ppo.panels import Chart, draw_panels
from components.ppo.selection import explain

ALWAYS = {
    "objective/kl", "objective/kl_coef", "objective/entropy", "objective/entropy_coef", "objective/scores", "objective/rlhf_reward",
    "objective/response_length", "objective/truncated_fraction", "objective/score_mean", "objective/score_std", "policy/approxkl",
    "policy/clipfrac", "policy/clipfrac_low", "policy/clipfrac_high", "policy/grad_norm", "loss/policy", "loss/value", "loss/ptx",
    "value/explained_variance", "value/grad_norm", "value/clipfrac", "val/ratio", "val/first_approxkl", "val/rollout_gap",
    "timing/rollout_seconds", "timing/scoring_seconds", "timing/update_seconds", "timing/tokens_per_second", "update/learning_rate",
    "update/forward_passes", "update/optimizer_steps", "update/stopped_by_target_kl",
}  # fmt: skip
PANELS = 8 + 11
"""Of a run with default settings: at a glance, and in detail."""


def history(steps: int = 6, **changes: Any) -> list[dict[str, float]]:
    """Metrics that are no more than numbers; ``changes`` gives a metric's values."""
    rows = [dict.fromkeys(ALWAYS, 0.5) for _ in range(steps)]
    for name, values in changes.items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    return rows


def evaluation(step: int, scores: list[float], kl: float = 0.0) -> Evaluation:
    names = [f"q{place}" for place in range(len(scores))]
    return Evaluation(step, names, [[5, 6]] * len(scores), scores, [kl] * len(scores), [False] * len(scores))


RUN = [evaluation(0, [0.0, 1.0, 2.0]), evaluation(3, [2.0, 2.0, 4.0], 3.0), evaluation(6, [4.0, 5.0, 6.5], 8.0)]


def page(rows: list[dict[str, float]], settings: dict[str, Any] | None = None, **kwargs: Any) -> str:
    return render_curves(rows, RUN, PpoConfig.parse({"total_episodes": 384, **(settings or {})}), 1.7, **kwargs)


def panels(html: str) -> int:
    """Charts over the steps; one more is score against KL."""
    return len(re.findall(r'<g id="axes_\d+">', html)) - 1


def cells(html: str, title: str) -> list[list[str]]:
    """Rows of the first table below a heading."""
    table = html[html.index(f"<h2>{title}</h2>") :].split("<tbody>")[1].split("</tbody>")[0]
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in table.split("<tr>")[1:]]


def verdict(html: str) -> str:
    return re.search(r'<p class="verdict (.*?)">(.*?)</p>', html).expand(r"\1: \2")  # type: ignore[union-attr]


def test_a_default_run() -> None:
    html = page(history(**{"timing/update_seconds": [1.0] * 6}))
    assert (html.count("<svg"), panels(html)) == (3, PANELS)
    assert html.index("At a glance") < html.index("<svg") < html.index("On validation prompts")
    assert verdict(html) == (
        "good: Validation score 1.00 -&gt; 5.17: a gain of 4.17 (95 % interval 3.84 to 4.49), 2.45 standard deviations, "
        "at a KL of 8.00 nats per reply."
    )
    assert cells(html, "On validation prompts")[1] == ["3", "2.67", "1.67 (1.01 to 2.32)", "3.00", "2", "0.0%", ""]
    times = sorted(cells(html, "Time"))
    assert times == [["rollout", "3", "0.50", "25.0%"], ["scoring", "3", "0.50", "25.0%"], ["update", "6", "1.00", "50.0%"]], "seconds only"


def test_the_kept_policy_is_what_the_verdict_is_about() -> None:
    between = [(0.5, evaluation(3, [1.0, 2.0, 3.0], 1.0)), (1.0, RUN[1])]
    selection = explain(RUN, 1, between, 0.5, 5.0)
    html = page(history(), {"kl_budget": 5.0}, selection=selection)
    assert verdict(html).startswith(
        "good: The policy of step 3 interpolated at a = 0.5 is kept. Validation score 1.00 -&gt; 2.00: a gain of 1.00 "
    )
    assert "at a KL of 1.00 nats per reply" in verdict(html)
    assert [row[-1] for row in cells(html, "On validation prompts")] == ["", "", "over the KL budget"]
    assert [(row[0], row[3], row[-1]) for row in cells(html, "Which policy is kept")] == [
        ("0.5", "0.67 (0.01 to 1.32)", "kept"),
        ("1", "-", ""),
    ]
    assert all(sentence.replace(">", "&gt;") in html for sentence in selection.reason)


def test_a_run_that_keeps_the_sft_policy_is_no_success() -> None:
    html = page(history(), selection=explain(RUN, 0, [], 1.0, 1.0))
    assert verdict(html).startswith("bad: The SFT policy is kept")
    assert [row[-1] for row in cells(html, "On validation prompts")] == ["kept", "over the KL budget", "over the KL budget"]


def test_metrics_that_are_absent_have_no_chart() -> None:
    without_ptx = [{name: value for name, value in row.items() if name != "loss/ptx"} for row in history()]
    assert panels(page(without_ptx)) == PANELS - 1
    more = {name: [0.1] * 6 for name in ("objective/safety", "objective/safety_multiplier", "objective/ensemble_std")}
    moving = {name: [0.1 * step for step in range(6)] for name in ("objective/kl_coef", "objective/score_mean")}
    html = page(history(**more, **moving), {"kl_controller": "adaptive", "safety_threshold": 2.0})
    assert panels(html) == PANELS + 5, "a coefficient has a chart where it changes"


def test_critic_warmup_and_odd_numbers_are_drawn() -> None:
    rows = history(40, **{"value/explained_variance": [-math.inf, math.nan, -50.0] + [0.3] * 37})
    for row in rows[:5]:
        for name in [name for name in row if name.startswith(("policy/", "loss/p", "val/"))]:
            del row[name]
    assert panels(page(rows)) == PANELS


def test_one_step_and_scores_without_spread_make_a_page() -> None:
    html = render_curves(history(1), [RUN[0], RUN[0]], PpoConfig.parse({"total_episodes": 64}), 0.0)
    assert panels(html) == PANELS
    assert "a gain of 0.00 (95 % interval 0.00 to 0.00), at a KL" in verdict(html)


@pytest.mark.parametrize(("level", "drawn"), [(9.0, True), (50.0, False)])
def test_a_level_far_above_the_curve_does_not_press_it_flat(level: float, drawn: bool) -> None:
    rows = [{"kl": 0.0}, {"kl": 5.0}]
    chart = Chart("KL", {"rollouts": "kl"}, levels=["kl_budget"])
    without = draw_panels([chart], rows, {}, {}, None)
    assert draw_panels([chart], rows, {}, {}, None) == without, "equal data, equal bytes"
    assert (draw_panels([chart], rows, {}, {"kl_budget": level}, None) != without) is drawn
