"""The page that shows what the reward model learned and whether to trust it."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from components.reward.pairs import Pairs
from components.shared.figures import line_chart
from components.shared.report import Page, Section, Table
from components.shared.reward_model import Normalisation


def build_page(
    values: Mapping[str, float], normalisation: Normalisation, history: Sequence[Mapping[str, float]], rows: Pairs, held_out: Pairs
) -> Page:
    """Lay out agreement with people, the length rule beside it, and the curves.

    Args:
        values: the stage's metrics.
        normalisation: of raw scores.
        history: the trainer's log.
        rows: training pairs.
        held_out: validation pairs.
    """
    good = values["accuracy_low"] > 0.5
    verdict = f"Agrees with people on {_share(values, 'accuracy')} of held-out pairs" + (
        "" if good else "; that cannot be told from chance: more pairs, or do not optimise against it"
    )
    return Page(
        title="Reward model",
        verdict=verdict,
        good=good,
        facts={
            "held-out loss (chance 0.693)": values["validation_loss"],
            "length correlation": values["length_correlation"],
            "calibration error": values["calibration_error"],
            "score mean, standard deviation": f"{normalisation.mean:.3f}, {normalisation.std:.3f}",
            "chosen step": f"{values['chosen_step']:.0f} of {values['num_steps']:.0f}",
            "off after reload": f"{values['reload_difference']:.1e}",
        },
        sections=[
            Section(
                "Agreement on held-out pairs",
                [
                    "A reward model that counts words can agree with people well, and PPO then writes longer replies. So the rule that the "
                    "longer reply is better stands beside it, and its agreement where the shorter reply was preferred."
                ],
                tables=[_agreement_table(values)],
            ),
            Section("Curves", figures=_figures(history)),
            Section("Data", tables=[_data_table(rows, held_out)]),
        ],
    )


def _share(values: Mapping[str, float], name: str) -> str:
    count = int(values[f"{name}_n"])
    if not count:
        return "no pairs"
    return (
        f"{100 * values[name]:.1f} % (95 % interval {100 * values[f'{name}_low']:.1f} to {100 * values[f'{name}_high']:.1f}, n = {count})"
    )


def _agreement_table(values: Mapping[str, float]) -> Table:
    return Table(
        ["judge", "agreement"],
        [
            ["reward model", _share(values, "accuracy")],
            ["reward model, where the shorter reply was preferred", _share(values, "accuracy_shorter_right")],
            ["rule: the longer reply is better", _share(values, "length_rule_accuracy")],
        ],
    )


def _figures(history: Sequence[Mapping[str, float]]) -> list[Markup]:
    def points(key: str) -> list[tuple[float, float]]:
        return [(entry["step"], entry[key]) for entry in history if key in entry]

    return [
        line_chart("Loss, nats a pair", {"training (with margin)": points("train/loss"), "held out": points("validation/loss")}),
        line_chart("Accuracy", {"training": points("train/accuracy"), "held out": points("validation/accuracy")}),
        line_chart("Score of chosen minus rejected", {"training": points("train/score_gap")}),
        line_chart("Gradient norm before clipping", {"norm": points("train/grad_norm")}),
    ]


def _data_table(rows: Pairs, held_out: Pairs) -> Table:
    return Table(
        ["what", "training", "held out"],
        [
            ["pairs", len(rows.rows), len(held_out.rows)],
            ["without ratings (margin 0)", rows.num_unrated, held_out.num_unrated],
            ["prompt lost its oldest turns", rows.num_shortened, held_out.num_shortened],
            ["left out, a reply too long", rows.num_too_long, held_out.num_too_long],
        ],
    )
