"""Who acts in a PPO run: the model, what samples from it, what judges replies, and the processes that share the work (needs torch)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from components.ppo.batches import MicroBatch, Reply
from components.ppo.parallel import Parallel
from components.ppo.prompts import Query
from components.ppo.rewards import Judgement, RewardSource
from components.ppo.roles import POLICY, Roles
from components.ppo.rollout import Engine, Sampling


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


def sample(players: Players, queries: Sequence[Query], sampling: Sampling, seed: int, adapter: str = POLICY) -> list[Reply]:
    """Sample a reply to each query, each process its own ones; the replies are the same in all of them.

    Raises:
        Interrupted: a stop was asked of one of the processes.
    """
    parallel = players.parallel
    own = parallel.rows(len(queries))
    mine = [queries[row] for row in own]
    drawn = parallel.stop_together(lambda: players.engine.generate(mine, sampling, seed, own, adapter))
    return parallel.gather(drawn, len(queries))


def judge(players: Players, replies: Sequence[Reply], batches: Sequence[MicroBatch]) -> Judgement:
    """Judge a whole rollout batch, each process its own micro-batches; the judgement is the same in all of them."""
    judgement = players.rewards.judge(replies, batches)
    players.parallel.sum_(judgement.scores, judgement.members, *([] if judgement.safety is None else [judgement.safety]))
    return judgement
