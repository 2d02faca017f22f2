"""How good the policy is on held-out prompts: score with an interval, distance from the SFT policy, length (needs torch)."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import torch

from components.ppo.batches import collate, plan_micro_batches, response_mask
from components.ppo.players import Players, judge, sample
from components.ppo.prompts import Query
from components.ppo.roles import POLICY, REFERENCE
from components.ppo.rollout import Sampling
from components.ppo.scoring import logprob_pass


@dataclass(frozen=True)
class Evaluation:
    """The policy's replies to the validation prompts after some number of steps, one entry a prompt.

    Attributes:
        step: PPO steps taken before.
        prompt_ids: of the prompts.
        response_ids: the replies' tokens.
        scores: raw scores of the reward model.
        kl: KL(policy || reference) of each reply (k1, summed over its tokens), nats.
        truncated: whether the length limit ended it.
    """

    step: int
    prompt_ids: list[str]
    response_ids: list[list[int]]
    scores: list[float]
    kl: list[float]
    truncated: list[bool]

    def metrics(self) -> dict[str, float]:
        """Return what is tracked over the run."""
        count = len(self.scores)
        return {
            "eval/scores": sum(self.scores) / count,
            "eval/kl": sum(self.kl) / count,
            "eval/response_length": sum(map(len, self.response_ids)) / count,
            "eval/truncated_fraction": sum(self.truncated) / count,
        }

    def to_state(self) -> dict[str, Any]:
        """Return plain containers for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Rebuild from ``to_state``."""
        return cls(**state)


@torch.no_grad()
def evaluate(
    players: Players, queries: Sequence[Query], sampling: Sampling, *, step: int, seed: int, max_tokens: int, adapter: str = POLICY
) -> Evaluation:
    """Sample one reply to each query and score it. Equal seeds make evaluations of different policies comparable prompt by prompt.

    Args:
        players: the model and what acts with it; its active adapter is another one afterwards.
        queries: validation prompts.
        sampling: as in training.
        step: PPO steps taken.
        seed: of the sampling.
        max_tokens: padded tokens in one forward pass.
        adapter: the policy that is asked.

    Raises:
        Interrupted: a stop was asked for.
    """
    roles, parallel = players.roles, players.parallel
    replies = sample(players, queries, sampling, seed, adapter)
    mask = response_mask(replies, roles.device)
    plan = plan_micro_batches([len(reply) for reply in replies], parallel.rows(len(replies)), max_tokens)
    batches = [collate(replies, rows, roles.device) for rows in plan]
    # Both sides of the KL from the same kind of pass: before the first step it is then exactly zero.
    (logprobs, *_), (ref_logprobs, *_) = (
        logprob_pass(roles, name, batches, (len(replies), mask.shape[1]), sampling.temperature) for name in (adapter, REFERENCE)
    )
    kl = (logprobs - ref_logprobs).sum(1)
    judgement = judge(players, replies, batches)
    parallel.sum_(kl)
    return Evaluation(
        step=step,
        prompt_ids=[reply.prompt_id for reply in replies],
        response_ids=[reply.response_ids for reply in replies],
        scores=judgement.scores.tolist(),
        kl=kl.tolist(),
        truncated=[reply.truncated for reply in replies],
    )


def paired_gain(before: Sequence[float], after: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of ``after - before`` over the same prompts and its 95 % interval (normal approximation).

    Args:
        before: scores of one policy.
        after: scores of another, prompt by prompt.

    Returns:
        Mean, lower and upper end.
    """
    gains = [late - early for early, late in zip(before, after, strict=True)]
    mean = sum(gains) / len(gains)
    variance = sum((gain - mean) ** 2 for gain in gains) / (len(gains) - 1)
    margin = 1.96 * math.sqrt(variance / len(gains))
    return mean, mean - margin, mean + margin
