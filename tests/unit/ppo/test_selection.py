"""The kept policy: hand-made scores of four prompts, whose intervals a person can redo."""

import math

import pytest

from components.ppo.evaluation import Evaluation
from components.ppo.selection import best_within_budget, explain, smallest_sufficient


def evaluation(step: int, scores: list[float], kl: float = 0.0) -> Evaluation:
    """An evaluation whose mean KL is ``kl``, though no reply has it."""
    names = [f"q{place}" for place in range(len(scores))]
    spread = [kl + (1 if place % 2 else -1) * 0.5 for place in range(len(scores))]
    return Evaluation(step, names, [[5]] * len(scores), scores, spread, [False] * len(scores))


RUN = [
    evaluation(0, [0.0, 0.0, 1.0, 1.0]),
    evaluation(5, [1.0, 1.0, 2.0, 2.0], kl=2.0),
    evaluation(10, [4.0, 4.0, 5.0, 5.0], kl=8.0),
    evaluation(15, [3.0, 3.0, 5.0, 5.0], kl=5.0),
]
BEST = [4.0, 4.0, 4.0, 4.0]
NOT_SHOWN = [4.0, 4.0, 2.0, 2.0]
"""Falls short by 0, 0, 2, 2: mean 1, variance 4/3, standard error 0.577, interval -0.13 to 2.13."""
SHOWN = [3.0, 3.0, 2.0, 2.0]
"""Falls short by 1, 1, 2, 2: mean 1.5, variance 1/3, standard error 0.289, interval 0.93 to 2.07."""
FAR = [0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(("kl_budget", "step"), [(None, 10), (8.0, 10), (7.9, 15), (5.0, 15), (4.9, 5), (2.0, 5), (1.9, 0)])
def test_the_highest_score_within_the_budget_wins(kl_budget: float | None, step: int) -> None:
    assert RUN[best_within_budget(RUN, kl_budget)].step == step


def test_the_sft_policy_stays_where_nothing_is_better() -> None:
    run = [evaluation(0, [1.0, 1.0], kl=0.7), evaluation(5, [0.0, 1.0], kl=0.1), evaluation(10, [2.0, 0.0], kl=0.1)]
    assert best_within_budget(run, None) == 0, "of equals, the earlier"
    assert best_within_budget(run, 0.5) == 0, "the SFT policy has no distance from itself, whatever its estimate"
    assert best_within_budget(run[:1], 0.5) == 0


def test_the_mean_decides_and_not_the_best_reply() -> None:
    assert best_within_budget([evaluation(0, [0.0, 0.0]), evaluation(1, [9.0, -9.5]), evaluation(2, [0.1, 0.0])], None) == 2


@pytest.mark.parametrize(
    ("scores", "kl_budget", "a"),
    [
        ([SHOWN, NOT_SHOWN, BEST], None, 0.5),
        ([SHOWN, SHOWN, BEST], None, 0.75),
        ([NOT_SHOWN, SHOWN, BEST], None, 0.25),
        ([BEST, SHOWN, BEST], None, 0.25),
        ([FAR, NOT_SHOWN, BEST], 3.0, 0.5),  # the best of all is over the budget; of what is left 0.5 beats 0.25
        ([SHOWN, NOT_SHOWN, BEST], 0.9, 0.0),
    ],
)
def test_the_smallest_a_that_is_not_shown_to_be_worse(scores: list[list[float]], kl_budget: float | None, a: float) -> None:
    places = (0.25, 0.5, 0.75)
    candidates = [(place, evaluation(20, row, kl=4 * place + 1)) for place, row in zip(places, scores, strict=True)]
    assert smallest_sufficient(candidates, kl_budget) == a


def test_the_interval_touches_zero_at_its_lower_end() -> None:
    # Differences of +-d around a mean m over n = 4 have a standard error of d / sqrt(3): the interval ends at 0 where m = 1.96 d / sqrt(3).
    mean = 1.96 / math.sqrt(3)
    for shift, wanted in ((-1e-9, 0.5), (1e-9, 1.0)):
        behind = [-(mean + shift) + sign for sign in (1, 1, -1, -1)]
        assert smallest_sufficient([(0.5, evaluation(1, behind)), (1.0, evaluation(1, [0.0] * 4))], None) == wanted


def test_falling_values_are_refused() -> None:
    with pytest.raises(ValueError, match="rising"):
        smallest_sufficient([(1.0, RUN[1]), (0.5, RUN[2])], None)


def test_the_choice_is_explained() -> None:
    candidates = [(0.25, evaluation(10, SHOWN, 1.0)), (0.5, evaluation(10, NOT_SHOWN, 2.0)), (1.0, evaluation(10, BEST, 8.0))]
    selection = explain(RUN, 2, candidates, smallest_sufficient(candidates, 9.0), 9.0)
    assert (selection.step, selection.a) == (10, 0.5)
    assert [candidate.kept for candidate in (*selection.evaluations, *selection.interpolations)] == [False] * 5 + [True, False]
    assert (selection.kept.score, selection.kept.kl) == (3.0, 2.0)
    assert selection.kept.gain == pytest.approx((2.5, 2.5 - 1.96 * math.sqrt(3 / 4), 2.5 + 1.96 * math.sqrt(3 / 4)))
    assert selection.kept.shortfall == pytest.approx((1.0, 1.0 - 1.96 * math.sqrt(1 / 3), 1.0 + 1.96 * math.sqrt(1 / 3)))
    assert selection.reason[0] == "Step 10 has the highest validation score of 4 evaluations within the KL budget of 9 nats per reply."
    assert selection.reason[1].endswith("the best, a = 1: it falls short by 1.000 (95 % interval -0.132 to 2.132).")
    assert "optimistic" in selection.reason[2]


def test_reasons_to_keep_the_sft_policy() -> None:
    far = [(0.5, evaluation(15, BEST, 5.5)), (1.0, evaluation(15, BEST, 6.0))]
    selection = explain(RUN, 3, far, smallest_sufficient(far, 5.0), 5.0)
    assert (selection.step, selection.a, selection.kept) == (0, 0.0, selection.evaluations[0])
    assert [candidate.within_budget for candidate in selection.evaluations] == [True, True, False, True]
    assert selection.reason[-1].endswith("the SFT policy is kept.")
    start = explain(RUN, 0, [], 1.0, 1.0)
    assert (start.step, start.a, start.kept) == (0, 0.0, start.evaluations[0])
    assert start.reason[0].startswith("No later policy has a higher validation score within the KL budget of 1 nats per reply")
    assert len(start.reason) == 1


def test_without_interpolation_the_chosen_evaluation_is_the_kept_one() -> None:
    selection = explain(RUN, 3, [], 1.0, None, select_best=False)
    assert (selection.step, selection.a, selection.kept) == (15, 1.0, selection.evaluations[3])
    assert selection.reason[0] == "Step 15, the last, is taken: select_best is off."
    assert sum(candidate.kept for candidate in selection.evaluations) == 1
    over = [(0.5, evaluation(10, SHOWN, 1.0)), (1.0, evaluation(10, BEST, 8.0))]
    assert "a = 0.5 is both the smallest and the best" in explain(RUN, 2, over, smallest_sufficient(over, 5.0), 5.0).reason[1]
    assert "a = 1 is the best, and the smaller ones" in explain(RUN, 2, over, smallest_sufficient(over, None), None).reason[1]
