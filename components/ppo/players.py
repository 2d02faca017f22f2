"""Who acts in a PPO run: the model, what samples from it, what judges replies, and the processes that share the work (needs torch)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from components.ppo.batches import MicroBatch, Reply
from components.ppo.parallel import Parallel
from components.ppo.rewards import Judgement, RewardSource
from components.ppo.roles import Roles
from components.ppo.rollout import Engine


@dataclass(frozen=True)
class Players:
    """Everything that a run plays with and does not change itself.

    Attributes:
        roles: the model with its adapters and heads.
        engine: samples replies.
        rewards: judges them.
        parallel: the processes.
    """

    roles: Roles
    engine: Engine
    rewards: RewardSource
    parallel: Parallel = field(default_factory=Parallel)


def judge(players: Players, replies: Sequence[Reply], batches: Sequence[MicroBatch]) -> Judgement:
    """Judge a whole rollout batch, each process its own micro-batches; the judgement is the same in all of them."""
    judgement = players.rewards.judge(replies, batches)
    players.parallel.sum_(judgement.scores, judgement.members, *([] if judgement.safety is None else [judgement.safety]))
    return judgement
