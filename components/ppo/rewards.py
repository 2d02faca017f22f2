"""Scores from the reward model's heads on the shared base, and the choice of what scores (needs torch, peft).

Legend: B replies, K members of a reward ensemble. Of an ensemble PPO optimises ``mean_k r_k - c Var_k r_k``, uncertainty-weighted
optimisation (Coste et al. 2024, arXiv:2310.02743, eq. 4); the variance is that over the K members at hand, not an estimate for more.
"""

from collections.abc import Sequence
from typing import Any

import torch

from components.ppo.batches import MicroBatch, Reply
from components.ppo.config import PpoConfig
from components.ppo.judgement import Judgement, RewardSource
from components.ppo.reward_classifier import ClassifierReward
from components.ppo.reward_function import FunctionReward
from components.ppo.roles import Roles
from components.shared.errors import ContractError
from components.shared.reward_model import Normalisation, RewardMember, on_first_scale

__all__ = [
    "ClassifierReward",
    "FunctionReward",
    "HeadReward",
    "Judgement",
    "RewardSource",
    "build_reward_source",
    "penalised_mean",
]


def penalised_mean(members: torch.Tensor, uncertainty_penalty: float) -> torch.Tensor:
    """Return the mean over members less ``uncertainty_penalty`` times their variance (over K, not K - 1): (K, B) to (B,)."""
    if len(members) == 1:
        return members[0].clone()
    return members.mean(0) - uncertainty_penalty * members.var(0, correction=0)


class HeadReward:
    """Reward adapters on the shared base, a forward pass per member and micro-batch; score and safety heads share it."""

    def __init__(self, roles: Roles, members: Sequence[RewardMember], uncertainty_penalty: float) -> None:
        """Take the members whose adapters the roles' model holds, all with a safety head or none.

        Args:
            roles: the model.
            members: at least one.
            uncertainty_penalty: c, of scores in units of member 0's standard deviation.
        """
        self._roles, self._members, self._penalty = roles, tuple(members), uncertainty_penalty
        self._has_safety = all(member.safety_head is not None for member in members)

    @property
    def normalisation(self) -> Normalisation:
        """Member 0's, which all members are brought to.

        The mean over an ensemble has the same mean, and a standard deviation that is smaller by as much as the members disagree; a penalty
        lowers its mean. A fixed affine map all the same, and the one that the value adapter's head starts from.
        """
        return self._members[0].normalisation

    @torch.no_grad()
    def judge(self, replies: Sequence[Reply], batches: Sequence[MicroBatch]) -> Judgement:
        """Score replies; the last member's adapter is the active one afterwards."""
        shape, device = (len(self._members), len(replies)), self._roles.device
        raw, safety = torch.zeros(shape, device=device), torch.zeros(shape, device=device)
        judged = torch.zeros(len(replies), dtype=torch.bool, device=device)
        for index, member in enumerate(self._members):
            with self._roles.speaking(member.adapter):
                for batch in batches:
                    states = self._roles.states(batch.input_ids, batch.last)
                    judged[batch.rows] = True
                    raw[index, batch.rows] = member.head(states)
                    if member.safety_head is not None:
                        safety[index, batch.rows] = member.safety_head(states)
        # Rows of other processes are 0, which the change of scale would move.
        members = on_first_scale(raw, [member.normalisation for member in self._members]) * judged
        # Per unit of the scores' deviation: the same penalty then weighs alike whatever the scale that training gave them.
        penalty = self._penalty / self.normalisation.std
        return Judgement(penalised_mean(members, penalty), members, safety.mean(0) if self._has_safety else None)


def build_reward_source(settings: PpoConfig, roles: Roles, members: Sequence[RewardMember], tokenizer: Any) -> RewardSource:
    """Return what scores replies: a function or a classifier where the settings name one, else the reward model.

    Args:
        settings: of the stage.
        roles: the model with the members' adapters.
        members: of the reward model.
        tokenizer: the policy's.

    Raises:
        ContractError: the function or classifier cannot be used, or a setting wants of the source what it has not.
    """
    if not (settings.reward_function or settings.reward_classifier):
        _check_members(settings, members)
        return HeadReward(roles, members, settings.uncertainty_penalty)
    name = "ppo.reward_function" if settings.reward_function else "ppo.reward_classifier"
    if settings.safety_threshold is not None:
        raise ContractError(
            f"ppo.safety_threshold wants safety ratings, but {name} gives a score only; leave one of the two unset, or train reward with "
            "safety_head=true and let it score"
        )
    if settings.uncertainty_penalty > 0:
        raise ContractError(f"ppo.uncertainty_penalty wants an ensemble, but {name} gives one score; set it to 0")
    if settings.reward_normalization == "reward_model":
        raise ContractError(
            f"ppo.reward_normalization is reward_model, but {name} scores, whose mean and deviation nobody knows; "
            "give auto, running or none"
        )
    if settings.reward_function:
        return FunctionReward(settings.reward_function, tokenizer)
    return ClassifierReward(
        settings.reward_classifier,
        settings.reward_classifier_revision,
        tokenizer,
        max_tokens_per_micro_batch=settings.max_tokens_per_micro_batch,
    )


def _check_members(settings: PpoConfig, members: Sequence[RewardMember]) -> None:
    if settings.safety_threshold is not None and any(member.safety_head is None for member in members):
        raise ContractError(
            f"ppo.safety_threshold is {settings.safety_threshold}, but the reward model has no safety head; "
            "train reward with safety_head=true, or leave the threshold unset"
        )
    if settings.uncertainty_penalty > 0 and len(members) == 1:
        raise ContractError(
            f"ppo.uncertainty_penalty is {settings.uncertainty_penalty}, but one reward model alone has no variance; "
            "train reward with ensemble_size of 2 or more, or set the penalty to 0"
        )
