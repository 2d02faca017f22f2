"""What PPO asks of whatever scores replies (needs torch).

Legend: B replies of a rollout batch, K members of a reward ensemble.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from components.ppo.batches import MicroBatch, Reply
from components.shared.reward_model import Normalisation


@dataclass(frozen=True)
class Judgement:
    """Scores of a rollout batch; 0 in rows that no micro-batch holds, so that a sum over processes is the whole batch's.

    No two tensors share memory, because that sum is made in place.

    Attributes:
        scores: what is optimised, before normalisation, shape (B,).
        members: score of each member, on member 0's scale, shape (K, B); K is 1 where there is no ensemble.
        safety: predicted safety rating, rating points, shape (B,); None without a safety head.
    """

    scores: torch.Tensor
    members: torch.Tensor
    safety: torch.Tensor | None


class RewardSource(Protocol):
    """Scores replies: heads on the shared base, a classifier with a base of its own, or a function."""

    @property
    def normalisation(self) -> Normalisation | None:
        """Mean and standard deviation of ``scores`` on training replies; None when unknown."""

    def judge(self, replies: Sequence[Reply], batches: Sequence[MicroBatch]) -> Judgement:
        """Score replies.

        Args:
            replies: the whole rollout batch.
            batches: micro-batches that hold each row once that this process is to judge; all rows in one process.
        """


def rows_of(batches: Sequence[MicroBatch]) -> list[int]:
    """Return the rows that micro-batches hold, in their order."""
    return [row for batch in batches for row in batch.rows.tolist()]


def judgement_of(values: Sequence[float], rows: Sequence[int], count: int, device: torch.device) -> Judgement:
    """Lay out one score per row as the judgement of a single member on ``count`` replies."""
    scores = torch.zeros(count, device=device)
    scores[torch.tensor(rows, dtype=torch.long, device=device)] = torch.tensor(values, dtype=torch.float32, device=device)
    return Judgement(scores, scores[None, :].clone(), None)
