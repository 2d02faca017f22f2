"""The KL controller and the learning rate against hand-computed numbers; the settings' own checks."""

import pytest

from components.ppo.config import PpoConfig
from components.ppo.controllers import KlController, learning_rate_factor
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
