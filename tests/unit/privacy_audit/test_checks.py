"""Outcomes and verdict: a block needs evidence, a pass too."""

import pytest

from components.privacy_audit.checks import Beside, Question, bounded, capped, counted, unmeasured, verdict
from components.privacy_audit.config import PrivacyAuditConfig
from components.privacy_audit.judgement import _surely_more
from components.shared.errors import ContractError
from components.shared.privacy_report import Check, Outcome, Verdict

AREA = Question("membership/loss_auc", "Area", "people", 100, 30)


@pytest.mark.parametrize(
    ("value", "bounds", "outcome"),
    [
        (0.52, (0.48, 0.56), "PASS"),
        (0.52, (0.40, 0.66), "INCONCLUSIVE"),  # so wide that it may be above the limit
        (0.60, (0.56, 0.64), "WARN"),
        (0.70, (0.60, 0.80), "WARN"),  # above the limit, but it may be luck
        (0.70, (0.66, 0.74), "BLOCK"),
    ],
)
def test_a_value_with_bounds(value: float, bounds: tuple[float, float], outcome: str) -> None:
    assert bounded(AREA, value, bounds, 0.58, 0.65, Beside(0.5, 0.55)).outcome == outcome


def test_too_few_are_inconclusive_whatever_they_show() -> None:
    few = Question("membership/loss_auc", "Area", "people", 29, 30)
    check = bounded(few, 1.0, (1.0, 1.0), 0.58, 0.65, Beside())
    assert (check.outcome, check.reason) == ("INCONCLUSIVE", "29 people, 30 are wanted")


def test_one_case_is_enough_unless_strangers_fare_the_same() -> None:
    question = Question("extraction/replies", "Replies", "prefixes", 100, 50)
    assert counted(question, 0, Beside(), what="replies").outcome == "PASS"
    assert counted(question, 1, Beside(), what="replies").outcome == "BLOCK"
    assert counted(question, 1, Beside(), what="replies", doubt="so do strangers").outcome == "WARN"
    assert counted(Question("x", "X", "prefixes", 49, 50), 0, Beside(), what="replies").outcome == "INCONCLUSIVE"
    assert counted(Question("x", "X", "prefixes", 49, 50), 1, Beside(), what="replies").outcome == "BLOCK"


@pytest.mark.parametrize(
    ("ours", "control", "more"),
    [((1, 100), (0, 100), True), ((0, 100), (0, 100), False), ((3, 100), (2, 100), False), ((12, 100), (2, 100), True)],
)
def test_more_than_the_comparison(ours: tuple[int, int], control: tuple[int, int], more: bool) -> None:
    # 12 and 2 of 100: p = 0.005; 3 and 2: p = 0.5.
    assert _surely_more(ours, control) is more


def test_the_largest_of_several() -> None:
    question = Question("exposure/single", "Largest", "canaries", 10, 1)
    assert capped(question, 8.0, 8.0, Beside()).outcome == "PASS"
    assert capped(question, 8.1, 8.0, Beside()).outcome == "BLOCK"


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["PASS", "PASS"], "PASS"),
        (["PASS", "NOT MEASURED"], "PASS"),
        (["NOT MEASURED"], "WARN"),
        (["PASS", "INCONCLUSIVE"], "WARN"),
        (["PASS", "WARN"], "WARN"),
        (["BLOCK", "WARN", "PASS", "INCONCLUSIVE"], "BLOCK"),
    ],
)
def test_the_verdict(outcomes: list[Outcome], expected: Verdict) -> None:
    def made(outcome: Outcome) -> Check:
        return unmeasured(AREA, "for the test").model_copy(update={"outcome": outcome})

    assert verdict([made(outcome) for outcome in outcomes]) == expected


def test_generations_too_short_to_show_an_overlap_are_refused() -> None:
    with pytest.raises(ContractError, match="must exceed overlap_tokens"):
        PrivacyAuditConfig.parse({"max_new_tokens": 50})
