"""The page that shows what the reward model learned and whether to trust it."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from components.reward.members import TrainedMember
from components.reward.pairs import Pairs
from components.shared.figures import line_chart
from components.shared.report import Page, Section, Table


def build_page(values: Mapping[str, float], members: Sequence[TrainedMember], rows: Pairs, held_out: Pairs) -> Page:
    """Lay out agreement with people, the length rule beside it, and the curves.

    Args:
        values: the stage's metrics.
        members: one, or those of an ensemble; facts and curves are the first one's where nothing else is said.
        rows: training pairs.
        held_out: validation pairs.
    """
    good = values["accuracy_low"] > 0.5
    normalisation = members[0].normalisation
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
            *([_ensemble_section(values, members)] if len(members) > 1 else []),
            *([_safety_section(values)] if "safety_error" in values else []),
            Section("Curves", figures=_figures(members)),
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


def _ensemble_section(values: Mapping[str, float], members: Sequence[TrainedMember]) -> Section:
    return Section(
        "Ensemble",
        [
            f"{len(members)} members, whose mean is measured above, each first brought to the first one's scale. On a held-out reply their "
            f"scores differ by a standard deviation of {values['ensemble_std']:.3f} (over replies a member's scores have "
            f"{members[0].normalisation.std:.3f}); their rank correlation is {values['ensemble_correlation']:.2f}.",
            "All members are LoRA adapters of one frozen base and start from one SFT adapter, so they share errors: where they agree they "
            "can still all be wrong, and a penalty on their disagreement does not see it.",
        ],
        tables=[
            Table(
                ["member", "agreement on held-out pairs", "held-out loss", "chosen step"],
                [
                    [
                        index,
                        f"{100 * values[f'member_{index}_accuracy']:.1f} %",
                        f"{member.validation_loss:.3f}",
                        f"{member.chosen_step} of {member.num_steps}",
                    ]
                    for index, member in enumerate(members)
                ],
            )
        ],
    )


def _safety_section(values: Mapping[str, float]) -> Section:
    return Section(
        "Safety head",
        ["It predicts a reply's safety rating. Someone who always says the training pairs' mean rating has the error in the second row."],
        tables=[
            Table(
                ["judge", "mean absolute error, rating points", "rank correlation"],
                [
                    [
                        f"safety head, {values['safety_n']:.0f} held-out replies",
                        f"{values['safety_error']:.3f}",
                        f"{values['safety_correlation']:.2f}",
                    ],
                    ["the mean rating", f"{values['safety_constant_error']:.3f}", ""],
                ],
            )
        ],
    )


def _figures(members: Sequence[TrainedMember]) -> list[Markup]:
    def points(key: str, member: TrainedMember = members[0]) -> list[tuple[float, float]]:
        return [(entry["step"], entry[key]) for entry in member.history if key in entry]

    def by_member(key: str) -> dict[str, list[tuple[float, float]]]:
        return {f"member {index}": points(key, member) for index, member in enumerate(members)}

    figures = [
        line_chart("Loss, nats a pair", {"training (with margin)": points("train/loss"), "held out": points("validation/loss")}),
        line_chart("Accuracy", {"training": points("train/accuracy"), "held out": points("validation/accuracy")}),
        line_chart("Score of chosen minus rejected", {"training": points("train/score_gap")}),
        line_chart("Gradient norm before clipping", {"norm": points("train/grad_norm")}),
    ]
    if len(members) > 1:
        figures.append(line_chart("Held-out loss of each member, nats a pair", by_member("validation/loss")))
    if members[0].ratings is not None:
        figures.append(line_chart("Safety head: held-out mean absolute error, rating points", by_member("validation/safety_error")))
    return figures


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
