"""Epsilon against closed forms that need no accountant, and what the settings refuse."""

import math
from statistics import NormalDist

import pytest
from opacus.accountants import RDPAccountant

from components.sft import privacy
from components.sft.config import SftConfig
from components.shared.errors import ContractError


def settings(**dp: object) -> SftConfig:
    return SftConfig.parse({"batch_size": 5, "gradient_accumulation_steps": 2, "num_epochs": 3, "dp": {"enabled": True, **dp}})


def accounted(mechanism: str, noise: float, rate: float, steps: int, delta: float) -> float:
    accountant = privacy.new_accountant(mechanism)  # type: ignore[arg-type]
    for _ in range(steps):
        accountant.step(noise_multiplier=noise, sample_rate=rate)
    return privacy.epsilon(accountant, delta)


def gaussian_epsilon(noise: float, steps: int, delta: float) -> float:
    """Without sampling the steps are one Gaussian mechanism, whose delta at epsilon is known exactly (Balle and Wang 2018, theorem 8)."""
    mu, normal = math.sqrt(steps) / noise, NormalDist()
    low, high = 0.0, 100.0
    for _ in range(80):
        middle = (low + high) / 2
        spent = normal.cdf(mu / 2 - middle / mu) - math.exp(middle) * normal.cdf(-mu / 2 - middle / mu)
        low, high = (middle, high) if spent > delta else (low, middle)
    return high


def renyi_epsilon(noise: float, steps: int, delta: float) -> float:
    """Order a costs a / (2 sigma^2) a step (Mironov 2017, 3); converted as in Balle et al. 2020, theorem 21."""
    orders = [1 + x / 100 for x in range(5, 6200)]
    return min(
        steps * order / (2 * noise**2) + math.log((order - 1) / order) - (math.log(delta) + math.log(order)) / (order - 1)
        for order in orders
    )


def test_epsilon_without_sampling_is_that_of_the_gaussian_mechanism() -> None:
    exact, renyi = gaussian_epsilon(4.0, 10, 1e-4), renyi_epsilon(4.0, 10, 1e-4)

    assert 2.5 < exact < renyi < 4.0
    assert exact <= accounted("prv", 4.0, 1.0, 10, 1e-4) <= exact + 0.03
    assert accounted("rdp", 4.0, 1.0, 10, 1e-4) == pytest.approx(renyi, abs=0.01)


def test_epsilon_with_sampling_is_the_accountants_for_the_same_numbers() -> None:
    oracle = RDPAccountant()
    oracle.history = [(0.8, 0.1, 30)]

    assert accounted("rdp", 0.8, 0.1, 30, 1e-3) == pytest.approx(oracle.get_epsilon(1e-3), rel=1e-12)
    assert accounted("prv", 0.8, 0.1, 30, 1e-3) < oracle.get_epsilon(1e-3)
    assert accounted("prv", 0.8, 0.1, 0, 1e-3) == 0.0


@pytest.mark.parametrize("mechanism", ["prv", "rdp"])
def test_the_noise_keeps_the_budget_and_wastes_little(mechanism: str) -> None:
    plan = privacy.plan(settings(target_epsilon=3.0, accountant=mechanism), 96)

    assert (plan.steps_per_epoch, plan.num_steps, plan.sample_rate, plan.expected_batch_size) == (10, 30, 0.1, 9.6)
    assert plan.delta == pytest.approx(1 / 960)
    assert 2.95 < accounted(mechanism, plan.noise_multiplier, 0.1, 30, plan.delta) <= 3.0


def test_a_given_noise_multiplier_is_used() -> None:
    plan = privacy.plan(settings(noise_multiplier=1.5, target_delta=1e-6).model_copy(update={"max_steps": 7}), 96)

    assert (plan.noise_multiplier, plan.delta, plan.num_steps) == (1.5, 1e-6, 7)
    assert plan.noise_to_signal(6400) == pytest.approx(1.5 * 80 / 9.6)


def test_a_delta_that_promises_nothing_is_refused() -> None:
    with pytest.raises(ContractError, match=r"target_delta is 0\.02 for 96 units"):
        privacy.plan(settings(target_epsilon=3.0, target_delta=0.02), 96)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dp": {"enabled": True}}, "exactly one of the two"),
        ({"dp": {"enabled": True, "target_epsilon": 8, "noise_multiplier": 1}}, "exactly one of the two"),
        ({"dp": {"enabled": True, "target_epsilon": 8}, "activation_checkpointing": True}, "activation_checkpointing off"),
        ({"dp": {"enabled": True, "target_epsilon": 8}, "packing": "on"}, "packing off or auto"),
        ({"dp": {"enabled": True, "noise_multiplier": 0}}, "greater than 0"),
    ],
)
def test_settings_that_give_no_privacy_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        SftConfig.parse(parameters)


def test_it_is_off_unless_asked_for() -> None:
    assert not SftConfig().dp.enabled
    assert SftConfig.parse({"activation_checkpointing": True, "packing": "on"}).dp == SftConfig().dp


def test_few_data_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    plan = privacy.plan(settings(noise_multiplier=1.0), 1000)

    privacy.warn_of_cost(plan, 10_000, "person")

    assert "1000 units (person) are few" in caplog.text
    assert "up to 10 times its gradient" in caplog.text  # 1.0 sqrt(10000) / 10
    caplog.clear()
    privacy.warn_of_cost(privacy.plan(settings(noise_multiplier=1.0), privacy.FEW_UNITS), 10_000, "person")
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_noise_that_protects_nothing_is_refused_before_training() -> None:
    with pytest.raises(ContractError, match=r"noise_multiplier 0\.02 in 30 steps at sample rate 0\.1 is epsilon .*nothing is protected"):
        privacy.plan(settings(noise_multiplier=0.02), 96)
