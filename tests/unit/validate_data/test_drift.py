"""Profiles hold numbers only; drift is found where it is and not where it is chance."""

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import ContractError
from components.validate_data.checks import check_drift, check_labels
from components.validate_data.config import ValidateDataConfig
from components.validate_data.drift import chi_squared_quantile, compare, stability_index
from components.validate_data.features import Features
from components.validate_data.profile import Profile, profile_of, read_profile, shares_between

RULES = ValidateDataConfig()


def rows(count: int, *, turns: float = 20, crisis: float = 0.1, language: str = "en", label: str = "", seed: int = 0) -> list[Features]:
    rng = random.Random(seed)
    return [
        {
            "turns": max(2, round(rng.gauss(turns, 4))),
            "crisis": float(rng.random() < crisis),
            "language": language,
            "labels": {"strategy": [label or rng.choice(["0a", "0b", "0c"])]},
        }
        for _ in range(count)
    ]


def test_the_index_is_the_formula() -> None:
    by_hand = (0.5 - 0.25) * math.log(0.5 / 0.25) + (0.5 - 0.75) * math.log(0.5 / 0.75)
    assert stability_index([0.5, 0.5], [0.25, 0.75], 100, 100) == pytest.approx(by_hand)
    assert stability_index([0.5, 0.5], [0.5, 0.5], 10, 10) == 0
    assert stability_index([1.0, 0.0], [0.5, 0.5], 100, 100) == pytest.approx(0.5 * math.log(2) + (0.005 - 0.5) * math.log(0.01))


def test_quantiles_agree_with_the_tables() -> None:
    for degrees, expected in ((1, 10.83), (4, 18.47), (9, 27.88), (15, 37.70)):
        assert chi_squared_quantile(0.999, degrees) == pytest.approx(expected, rel=0.035)


def test_shares_count_each_value_once_and_ties_on_one_side() -> None:
    assert shares_between([1, 2, 2, 3, 9], [2, 3]) == [0.6, 0.2, 0.2]
    assert profile_of(rows(1)).numbers["turns"].shares == [1.0, 0.0]
    assert profile_of([]).rows == 0
    for size in (2, 7, 500):
        number = profile_of(rows(size)).numbers["turns"]
        assert sum(number.shares) == pytest.approx(1)
        assert number.cuts == sorted(set(number.cuts))


@pytest.mark.parametrize("size", [30, 300, 3000])
def test_the_same_source_does_not_drift(size: int) -> None:
    then = Profile(conversations=profile_of(rows(size, seed=1)), preferences=profile_of([]))
    drifts, results = check_drift({"conversations": rows(size, seed=2), "preferences": []}, then, RULES)
    assert len(drifts) == len(results) == 4
    assert all(result.success for result in results)


@pytest.mark.parametrize(
    ("measure", "changed"),
    [("turns", {"turns": 30}), ("flags.crisis", {"crisis": 0.6}), ("languages", {"language": "ru"}), ("labels.strategy", {"label": "0f"})],
)
def test_a_shift_is_found_in_its_measure_only(measure: str, changed: dict[str, Any]) -> None:
    then = Profile(conversations=profile_of(rows(300, seed=1)), preferences=profile_of([]))
    files = {"conversations": rows(300, seed=2, **changed), "preferences": []}
    _, results = check_drift(files, then, RULES)
    assert [(result.column, result.severity) for result in results if not result.success] == [(measure, "warning")]
    _, results = check_drift(files, then, ValidateDataConfig(critical_drift=0.3))
    assert [(result.column, result.severity) for result in results if not result.success] == [(measure, "critical")]


def test_a_large_index_of_few_rows_is_chance() -> None:
    then = profile_of(rows(15, seed=1))
    turns = next(drift for drift in compare("conversations", rows(15, seed=4), then) if drift.measure == "turns")
    assert turns.index > RULES.max_drift
    assert turns.index < turns.chance


def test_a_profile_comes_back_and_other_files_are_refused(tmp_path: Path) -> None:
    profile = Profile(conversations=profile_of(rows(50)), preferences=profile_of([]))
    path = tmp_path / "profile.json"
    path.write_text(profile.model_dump_json(), encoding="utf-8")
    assert read_profile(str(path)) == profile
    broken = json.loads(path.read_text(encoding="utf-8"))
    broken["conversations"]["numbers"]["turns"]["shares"].pop()
    for content in ("{}", "no json", json.dumps(broken)):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(ContractError, match=r"profile\.json is not a validation_profile/v1; give the profile\.json"):
            read_profile(str(path))
    with pytest.raises(ContractError, match="no such file"):
        read_profile(str(tmp_path / "none.json"))


def test_a_profile_holds_numbers_only() -> None:
    def leaves(value: Any) -> list[Any]:
        if isinstance(value, dict):
            return [leaf for item in value.values() for leaf in leaves(item)]
        return [leaf for item in value for leaf in leaves(item)] if isinstance(value, list) else [value]

    document = Profile(conversations=profile_of(rows(50)), preferences=profile_of(rows(50))).model_dump()
    assert document.pop("kind") == "validation_profile/v1"
    assert all(isinstance(leaf, int | float) for leaf in leaves(document))


def test_labels_that_never_vary_are_warned_about_and_rare_ones_noted() -> None:
    constant = check_labels({"conversations": rows(10, label="0a"), "preferences": []})
    assert [(result.severity, result.success) for result in constant] == [("warning", False), ("info", True)]
    rare = check_labels({"conversations": rows(99, label="0a") + rows(1, label="0b"), "preferences": []})
    assert [(result.severity, result.success) for result in rare] == [("warning", True), ("info", False)]
    assert all(result.success for result in check_labels({"conversations": rows(60), "preferences": rows(60)}))
    assert check_labels({"conversations": [], "preferences": []}) == []
