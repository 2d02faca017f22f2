"""Controllers and the learning rate against hand-computed numbers; the settings' own checks."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.ppo.config import PpoConfig
from components.ppo.controllers import (
    SMALLEST_ENTROPY_COEF,
    SMALLEST_MULTIPLIER,
    EntropyController,
    KlController,
    LagrangeMultiplier,
    learning_rate_factor,
)
from components.shared.errors import ContractError


def test_adaptive_controller_corrects_by_at_most_a_fifth_of_the_horizon() -> None:
    controller = KlController(0.1, adaptive=True, target=6.0, horizon=1000)
    controller.update(6.6, 100)  # error 0.1
    assert controller.kl_coef == pytest.approx(0.1 * 1.01)
    controller.update(60.0, 100)  # error 9, cut to 0.2
    assert controller.kl_coef == pytest.approx(0.1 * 1.01 * 1.02)
    controller.update(0.0, 100)  # error -1, cut to -0.2
    assert controller.kl_coef == pytest.approx(0.1 * 1.01 * 1.02 * 0.98)


def test_fixed_controller_stays() -> None:
    controller = KlController(0.1, adaptive=False, target=6.0, horizon=10)
    controller.update(60.0, 100)
    assert controller.kl_coef == 0.1


def test_entropy_coefficient_rises_below_the_target_and_falls_above_it() -> None:
    controller = EntropyController(0.01, target=2.0, rate=0.1, maximum=1.0)
    controller.update(1.0)  # (2 - 1) / 2 = 0.5
    assert controller.entropy_coef == pytest.approx(0.01 * 1.05)
    controller.update(2.0)
    assert controller.entropy_coef == pytest.approx(0.01 * 1.05)
    controller.update(2.5)  # -0.25
    assert controller.entropy_coef == pytest.approx(0.01 * 1.05 * 0.975)
    controller.update(9.0)  # -3.5, cut to -1
    assert controller.entropy_coef == pytest.approx(0.01 * 1.05 * 0.975 * 0.9)
    controller.update(-4.0)  # 3, cut to 1
    assert controller.entropy_coef == pytest.approx(0.01 * 1.05 * 0.975 * 0.9 * 1.1)


def test_entropy_coefficient_stays_between_its_bounds_and_comes_back_from_either() -> None:
    controller = EntropyController(0.0, target=1.0, rate=0.5, maximum=3e-5)
    controller.update(5.0)
    assert controller.entropy_coef == SMALLEST_ENTROPY_COEF == 1e-5
    controller.update(0.0)
    assert controller.entropy_coef == pytest.approx(1.5e-5)
    for _ in range(2):
        controller.update(0.0)  # 2.25e-5, then 3.375e-5
    assert controller.entropy_coef == 3e-5
    controller.update(2.0)
    assert controller.entropy_coef == pytest.approx(1.5e-5)


@pytest.mark.parametrize("coefficient", [0.0, 0.01, 7.0])
def test_entropy_coefficient_without_a_target_stays(coefficient: float) -> None:
    controller = EntropyController(coefficient, target=None, rate=0.5, maximum=0.1)
    for entropy in (0.0, 3.0):
        controller.update(entropy)
    assert controller.entropy_coef == coefficient


def test_multiplier_rises_while_replies_are_less_safe_than_wanted_and_falls_while_they_are_safer() -> None:
    multiplier = LagrangeMultiplier(2.0, threshold=4.0, rate=0.1, maximum=10.0)
    multiplier.update(1.0)  # 3 points short
    assert multiplier.value == pytest.approx(2.0 * math.exp(0.3), rel=1e-12)
    multiplier.update(4.0)
    assert multiplier.value == pytest.approx(2.0 * math.exp(0.3), rel=1e-12)
    multiplier.update(6.0)
    assert multiplier.value == pytest.approx(2.0 * math.exp(0.3 - 0.2), rel=1e-12)


def test_multiplier_stays_between_its_bounds_and_comes_back_from_either() -> None:
    multiplier = LagrangeMultiplier(1.0, threshold=0.0, rate=1.0, maximum=10.0)
    multiplier.update(-1e6)
    assert multiplier.value == pytest.approx(10.0, rel=1e-12)
    multiplier.update(1.0)
    assert multiplier.value == pytest.approx(10 / math.e, rel=1e-12)
    multiplier.update(1e6)
    assert multiplier.value == pytest.approx(SMALLEST_MULTIPLIER, rel=1e-12) == pytest.approx(1e-4)
    multiplier.update(-1.0)
    assert multiplier.value == pytest.approx(1e-4 * math.e, rel=1e-12)


@given(st.lists(st.floats(-20, 20), max_size=20))
def test_multiplier_of_violations_that_cancel_comes_back_to_where_it_was(violations: list[float]) -> None:
    multiplier = LagrangeMultiplier(1.0, threshold=3.0, rate=0.01, maximum=1e6)
    for violation in [*violations, *(-violation for violation in violations)]:
        multiplier.update(3.0 - violation)
    assert multiplier.value == pytest.approx(1.0, rel=1e-9)


def controllers() -> list[KlController | EntropyController | LagrangeMultiplier]:
    return [
        KlController(0.1, adaptive=True, target=6.0, horizon=100),
        EntropyController(0.01, target=2.0, rate=0.1, maximum=1.0),
        LagrangeMultiplier(2.0, threshold=4.0, rate=0.1, maximum=10.0),
    ]


@pytest.mark.parametrize("kind", range(3), ids=["kl", "entropy", "multiplier"])
def test_a_restored_controller_goes_on_as_if_it_had_never_stopped(kind: int) -> None:
    def move(controller: KlController | EntropyController | LagrangeMultiplier, signal: float) -> None:
        if isinstance(controller, KlController):
            controller.update(signal, 10)
        else:
            controller.update(signal)

    whole, killed, restored = (controllers()[kind] for _ in range(3))
    for controller in (whole, killed):
        move(controller, 1.3)
    assert killed.state() != restored.state()
    restored.load_state(killed.state())
    for controller in (whole, restored):
        move(controller, 0.7)
    assert restored == whole
    assert all(isinstance(value, float) for value in whole.state().values())


def test_learning_rate_rises_then_falls() -> None:
    linear = [learning_rate_factor(step, 6, 0.3, "linear") for step in range(6)]
    assert linear == pytest.approx([1 / 3, 2 / 3, 1.0, 0.75, 0.5, 0.25])
    cosine = [learning_rate_factor(step, 4, 0.0, "cosine") for step in range(4)]
    assert cosine == pytest.approx([1.0, 0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5])
    assert [learning_rate_factor(step, 3, 0.0, "constant") for step in range(3)] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"total_episodes": 100, "rollout_batch_size": 64}, "give 64 or 128"),
        ({"rollout_batch_size": 64, "mini_batch_size": 24}, "give 48 or 72"),
        ({"max_tokens_per_micro_batch": 100}, "at least 640"),
        ({"kl_estimator": "k4"}, "ppo.kl_estimator"),
        ({"cliprange": 1.5}, "ppo.cliprange"),
        ({"ptx_coeff": 0.1}, "ppo.ptx_coeff: unknown setting"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_a_remedy(given: dict[str, object], wanted: str) -> None:
    with pytest.raises(ContractError, match=wanted):
        PpoConfig.parse(given)
