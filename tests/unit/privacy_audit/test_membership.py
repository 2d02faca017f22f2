"""Areas and rates that can be counted by hand."""

import numpy

from components.privacy_audit.membership import Side, attack, found_at, min_k, roc


def side(scores: list[float], prefix: str, per_person: int = 1) -> Side:
    return Side(numpy.array(scores), [f"{prefix}{index // per_person}" for index in range(len(scores))])


def test_the_area_is_the_chance_that_a_member_scores_higher() -> None:
    # Pairs: 3>2, 3>1, 2=2 (half), 2>1: 3.5 of 4.
    assert attack(side([3.0, 2.0], "m"), side([2.0, 1.0], "o"), resamples=200, seed=0).auc == 0.875
    assert attack(side([1.0, 0.0], "m"), side([3.0, 2.0], "o"), resamples=200, seed=0).auc == 0.0


def test_bounds_hold_the_area_and_widen_when_dialogues_belong_to_few_people() -> None:
    rng = numpy.random.default_rng(0)
    members, others = rng.normal(0.5, 1, 200), rng.normal(0, 1, 200)
    alone = attack(side(list(members), "m"), side(list(others), "o"), resamples=400, seed=0)
    # Twenty people whose ten dialogues are equal: two hundred dialogues, but twenty pieces of evidence.
    repeated = attack(
        side(list(numpy.repeat(members[:20], 10)), "m", 10), side(list(numpy.repeat(others[:20], 10)), "o", 10), resamples=400, seed=0
    )
    assert alone.auc_bounds[0] < alone.auc < alone.auc_bounds[1]
    assert repeated.auc_bounds[1] - repeated.auc_bounds[0] > 2 * (alone.auc_bounds[1] - alone.auc_bounds[0])


def test_members_found_at_one_percent_of_false_alarms() -> None:
    others = numpy.arange(100, dtype=float)  # 99 may be called a member, 98 may not
    members = numpy.array([98.0, 98.5, 99.5, 3.0])
    assert found_at(members, others, numpy.ones(4), numpy.ones(100)) == 0.5
    # With 50 non-members no false alarm is allowed.
    assert found_at(members, others[50:], numpy.ones(4), numpy.ones(50)) == 0.25


def test_min_k_is_the_mean_of_the_least_likely_tokens() -> None:
    losses = numpy.array([1.0, 9.0, 2.0, 7.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    assert min_k(losses, 0.2) == 8.0
    assert min_k(losses[:2], 0.2) == 9.0


def test_the_curve_begins_and_ends_in_the_corners() -> None:
    points = roc(numpy.array([3.0, 1.0]), numpy.array([2.0, 0.0]))
    assert points == [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0)]


def test_bounds_hold_a_guess_as_often_as_they_claim() -> None:
    held, found_early = 0, []
    for seed in range(60):
        rng = numpy.random.default_rng(seed)
        found = attack(side(list(rng.normal(size=60)), "m"), side(list(rng.normal(size=60)), "o"), resamples=200, seed=seed)
        held += found.auc_bounds[0] < 0.5 < found.auc_bounds[1]
        found_early.append(found.tpr)
    assert 48 <= held <= 59  # two one-sided 5 % bounds: 54 of 60
    assert numpy.mean(found_early) < 0.04
