"""How much noise, how many steps, and what they cost in privacy (needs Opacus).

The number of units is taken as public: sample rate, steps and delta follow from it, as in Opacus and in the literature.
"""

import logging
import math
import warnings
from dataclasses import dataclass
from typing import Literal

from components.sft.config import SftConfig
from components.shared.errors import ContractError

try:
    from opacus.accountants import create_accountant
    from opacus.accountants.accountant import IAccountant
    from opacus.accountants.utils import get_noise_multiplier
except ImportError:
    raise ContractError(
        'sft.dp.enabled needs Opacus, which is not installed here; install the extra: pip install "attune[privacy]"'
    ) from None

FEW_UNITS = 5_000
"""Below this a run warns of the cost. With 1,500 short texts and epsilon 8 a small model's perplexity doubled (README.md)."""
MAX_EPSILON = 100.0
"""Above this the bound e^epsilon is no bound; the configuration refuses such a target too."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PrivacyPlan:
    """One training as a Poisson-subsampled Gaussian mechanism."""

    num_units: int
    """Conversations or people, n."""
    steps_per_epoch: int
    num_steps: int
    noise_multiplier: float
    """sigma: the noise on a step's sum has standard deviation sigma * max_grad_norm."""
    max_grad_norm: float
    delta: float
    mechanism: Literal["prv", "rdp"]
    """The accountant."""

    @property
    def sample_rate(self) -> float:
        """Probability that a unit is in a step, q."""
        return 1 / self.steps_per_epoch

    @property
    def expected_batch_size(self) -> float:
        """Units that a step sees on average, q n: the divisor of its sum, never the number that came (which is private)."""
        return self.num_units / self.steps_per_epoch

    def noise_to_signal(self, num_parameters: int) -> float:
        """Return the expected norm of a step's noise over the largest that its mean gradient can have."""
        return self.noise_multiplier * math.sqrt(num_parameters) / self.expected_batch_size


def plan(settings: SftConfig, num_units: int) -> PrivacyPlan:
    """Find steps and noise for a privacy budget.

    Args:
        settings: of the stage, ``dp`` enabled.
        num_units: conversations or people in the training data.

    Raises:
        ContractError: delta is no promise, no noise is large enough for the budget, or the noise protects nothing.
    """
    dp = settings.dp
    steps_per_epoch = math.ceil(num_units / (settings.batch_size * settings.gradient_accumulation_steps))
    num_steps = settings.max_steps or math.ceil(settings.num_epochs * steps_per_epoch)
    delta = dp.target_delta if dp.target_delta is not None else 1 / (10 * num_units)
    if delta >= 1 / num_units:
        raise ContractError(
            f"sft.dp.target_delta is {delta:g} for {num_units} units ({dp.unit}); it must be below 1 / {num_units}, "
            "else publishing one unit at random would count as private; leave it out for a tenth of that"
        )
    noise = dp.noise_multiplier
    if noise is None:
        assert dp.target_epsilon is not None, "the configuration sees to it"
        noise = _noise_for(dp.target_epsilon, delta, 1 / steps_per_epoch, num_steps, dp.accountant)
    chosen = PrivacyPlan(num_units, steps_per_epoch, num_steps, noise, dp.max_grad_norm, delta, dp.accountant)
    _logger.info("differential privacy: epsilon %.2f at delta %.2g after all %d steps", _planned_epsilon(chosen), delta, num_steps)
    return chosen


def new_accountant(mechanism: Literal["prv", "rdp"]) -> IAccountant:
    """Return an accountant that has seen no step."""
    return create_accountant(mechanism)


def epsilon(accountant: IAccountant, delta: float) -> float:
    """Return what the accounted steps have cost: an upper bound of epsilon at delta; 0 before the first step."""
    if not accountant.history:
        return 0.0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Optimal order is the")  # the bound holds at any order, it is only looser at the ends
        warnings.filterwarnings("ignore", message="(divide by zero|overflow) encountered", module="opacus")  # in branches that it drops
        return float(accountant.get_epsilon(delta))


def warn_of_cost(chosen: PrivacyPlan, num_parameters: int, unit: str) -> None:
    """Say in the log what noise does to few data."""
    if chosen.num_units < FEW_UNITS:
        _logger.warning(
            "sft.dp: %d units (%s) are few for differential privacy; a step's noise is up to %.0f times its gradient. Expect a much higher "
            "validation loss than without; larger batches (batch_size, gradient_accumulation_steps), a smaller lora.r, more data or a "
            "larger epsilon help, in this order",
            chosen.num_units,
            unit,
            chosen.noise_to_signal(num_parameters),
        )


def _planned_epsilon(chosen: PrivacyPlan) -> float:
    """Return epsilon after all steps. The cheap accountant looks first: ``prv`` takes minutes and fails where there is hardly any noise."""
    for mechanism in dict.fromkeys(("rdp", chosen.mechanism)):
        accountant = new_accountant(mechanism)
        accountant.history = [(chosen.noise_multiplier, chosen.sample_rate, chosen.num_steps)]
        spent = epsilon(accountant, chosen.delta)
        if not spent <= MAX_EPSILON:
            raise ContractError(
                f"sft.dp.noise_multiplier {chosen.noise_multiplier:g} in {chosen.num_steps} steps at sample rate {chosen.sample_rate:.3g} "
                f"is epsilon {spent:.3g}, and above {MAX_EPSILON:g} nothing is protected; raise it (to 0.5 or more) or turn sft.dp off"
            )
    return spent


def _noise_for(target: float, delta: float, sample_rate: float, num_steps: int, mechanism: Literal["prv", "rdp"]) -> float:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Optimal order is the")
            return float(
                get_noise_multiplier(
                    target_epsilon=target, target_delta=delta, sample_rate=sample_rate, steps=num_steps, accountant=mechanism
                )
            )
    except ValueError as error:  # Opacus: "The privacy budget is too low."
        raise ContractError(
            f"sft.dp.target_epsilon {target:g} at delta {delta:g} cannot be kept in {num_steps} steps at sample rate {sample_rate:.3g}; "
            "raise it, or train fewer epochs"
        ) from error
