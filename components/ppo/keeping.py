"""After training: which policy of the run is kept, and how far from the SFT policy it stays (needs torch)."""

import logging
from dataclasses import dataclass

from components.ppo.evaluation import Evaluation
from components.ppo.interpolation import interpolate
from components.ppo.roles import POLICY, REFERENCE
from components.ppo.selection import Selection, best_within_budget, explain, smallest_sufficient
from components.ppo.trainer import PpoTrainer
from components.shared.modeling import adapter_state, restore_adapter_state

INTERPOLATED = "interpolated"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """The policy that a run ends with.

    Attributes:
        adapter: its name on the model.
        evaluation: of it, on the validation prompts.
        selection: how it was chosen.
        tried: the interpolations that were asked, a and what they said; without a = 1, the policy itself.
    """

    adapter: str
    evaluation: Evaluation
    selection: Selection
    tried: list[tuple[float, Evaluation]]


def keep_best(trainer: PpoTrainer) -> Kept:
    """Take the best evaluated policy, then the smallest sufficient interpolation between it and the SFT policy.

    Raises:
        Interrupted: a stop was asked for; a continued run comes here again.
    """
    settings, model, evaluations = trainer.settings, trainer.roles.model, trainer.evaluations
    chosen = best_within_budget(evaluations, settings.kl_budget) if settings.select_best else len(evaluations) - 1
    taken = evaluations[chosen]
    restore_adapter_state(model, POLICY, trainer.best)
    candidates: list[tuple[float, Evaluation]] = []
    if taken.step > 0:
        for a in sorted(set(settings.interpolation)):
            if a < 1:
                interpolate(model, REFERENCE, POLICY, INTERPOLATED, a)
            # Equal prompts and random numbers: asked again, the policy itself would say the same.
            candidates.append((a, taken if a == 1 else trainer.evaluate(INTERPOLATED, taken.step)))
    a = smallest_sufficient(candidates, settings.kl_budget) if candidates else 1.0
    selection = explain(evaluations, chosen, candidates, a, settings.kl_budget, select_best=settings.select_best)
    tried = [(value, evaluation) for value, evaluation in candidates if value < 1]
    _logger.info("kept policy: step %d, interpolation %g; %s", selection.step, selection.a, " ".join(selection.reason))
    if a == 0:
        restore_adapter_state(model, POLICY, adapter_state(model, REFERENCE))
        return Kept(POLICY, evaluations[0], selection, tried)
    if a == 1:
        return Kept(POLICY, taken, selection, tried)
    interpolate(model, REFERENCE, POLICY, INTERPOLATED, a)
    return Kept(INTERPOLATED, dict(candidates)[a], selection, tried)
