"""From a judgement of replies to what the policy is rewarded with, and the state that this keeps over a run (needs torch)."""

from collections.abc import Mapping
from typing import Any

import torch

from components.ppo.advantages import constrained_scores, shaped_scores
from components.ppo.config import PpoConfig
from components.ppo.controllers import LagrangeMultiplier
from components.ppo.rewards import Judgement
from components.ppo.running_moments import RunningMoments
from components.shared.errors import ContractError
from components.shared.reward_model import Normalisation


class RewardShaper:
    """Normalises, clips, penalises and constrains scores.

    Attributes:
        moments: of all scores so far, for ``reward_normalization: running``.
        multiplier: of the safety constraint, or None without one.
    """

    def __init__(self, settings: PpoConfig, trained: Normalisation | None) -> None:
        """Take the settings and the normalisation that the source of scores brings, if any.

        Raises:
            ContractError: ``reward_normalization: reward_model`` with a source that has none.
        """
        self._settings, self._trained = settings, trained
        if settings.reward_normalization == "reward_model" and trained is None:
            raise ContractError(
                "reward_normalization is reward_model, but the scores come from a function or classifier whose mean and standard deviation "
                "nobody knows; give running or none"
            )
        self.moments = RunningMoments()
        self.multiplier: LagrangeMultiplier | None = None
        if settings.safety_threshold is not None:
            self.multiplier = LagrangeMultiplier(
                settings.safety_multiplier, settings.safety_threshold, settings.safety_multiplier_rate, settings.safety_multiplier_max
            )

    def shape(self, judgement: Judgement, truncated: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
        """Shape the scores of a rollout batch and move the running state on.

        Args:
            judgement: of the whole batch.
            truncated: True where a reply ran into the length limit, shape (B,).

        Returns:
            What each reply is rewarded with before the KL penalty, shape (B,), and what is logged.
        """
        self.moments.update(judgement.scores)
        mean, std = self.normalisation()
        shaped = shaped_scores(
            judgement.scores,
            truncated,
            mean=mean,
            std=std,
            clip_range=self._settings.reward_clip_range,
            missing_eos_penalty=self._settings.missing_eos_penalty,
        )
        metrics = {"objective/scores": float(judgement.scores.mean()), "objective/score_mean": mean, "objective/score_std": std}
        if len(judgement.members) > 1:
            metrics["objective/ensemble_std"] = float(judgement.members.std(0, unbiased=False).mean())
        if judgement.safety is not None:
            metrics["objective/safety"] = float(judgement.safety.mean())
        if self.multiplier is not None and judgement.safety is not None:
            metrics["objective/safety_multiplier"] = self.multiplier.value
            shaped = constrained_scores(shaped, judgement.safety, self.multiplier.threshold, self.multiplier.value)
            self.multiplier.update(metrics["objective/safety"])
        return shaped, metrics

    def normalisation(self) -> tuple[float, float]:
        """Return the mean and standard deviation that scores are normalised with at present."""
        kind = self._settings.reward_normalization
        if kind == "none":
            return 0.0, 1.0
        if self._trained is not None and kind != "running":
            return self._trained.mean, self._trained.std
        return self.moments.mean, self.moments.std

    def state(self) -> dict[str, Any]:
        """Return what ``load_state`` takes."""
        return {"moments": self.moments.state(), "multiplier": self.multiplier.state() if self.multiplier else None}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what ``state`` returned."""
        self.moments.load_state(state["moments"])
        if self.multiplier:
            self.multiplier.load_state(state["multiplier"])
