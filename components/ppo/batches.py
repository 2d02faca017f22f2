"""Sampled replies and the tensors made of them (needs torch).

Legend: B replies of a rollout batch, b of a micro-batch, T tokens of the longest sequence in it, R tokens of the longest reply of the
rollout batch, n real reply tokens of a micro-batch. Sequences are padded on the right, so under a causal model no real token ever sees
padding and no attention mask is needed. What is real is known from lengths alone; the pad id is never looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Reply:
    """One sampled reply.

    Attributes:
        prompt_id: of the query.
        query_ids: tokens of the query.
        response_ids: sampled tokens, the end-of-turn token included.
        truncated: whether the length limit ended it, not an end-of-turn token.
        logprobs: of each response token under the tempered distribution it was drawn from; None where the engine keeps none.
        entropies: of those distributions, nats; None likewise.
        values: of the states they were drawn in, where the value head reads the policy's states; else None.
    """

    prompt_id: str
    query_ids: list[int]
    response_ids: list[int]
    truncated: bool
    logprobs: list[float] | None = None
    entropies: list[float] | None = None
    values: list[float] | None = None

    def __len__(self) -> int:
        return len(self.query_ids) + len(self.response_ids)


@dataclass(frozen=True)
class MiniBatch:
    """The sequences of one optimizer step, as this process sees them.

    Attributes:
        batches: micro-batches of this process's share; none when the share is empty.
        num_tokens: response tokens of the whole mini-batch, over all processes; every loss is divided by it.
    """

    batches: list["MicroBatch"]
    num_tokens: float


@dataclass(frozen=True)
class MicroBatch:
    """The sequences of one forward pass.

    Attributes:
        rows: their places in the rollout batch, shape (b,).
        input_ids: query and response, right-padded, shape (b, T).
        mask: 1 on real response tokens, shape (b, R), bool.
        token_rows: row of each real response token, shape (n,).
        token_positions: place in ``input_ids`` of each real response token, shape (n,).
        last_positions: place of each sequence's last token, shape (b,).
    """

    rows: torch.Tensor
    input_ids: torch.Tensor
    mask: torch.Tensor
    token_rows: torch.Tensor
    token_positions: torch.Tensor
    last_positions: torch.Tensor

    @property
    def targets(self) -> torch.Tensor:
        """Ids of the real response tokens, shape (n,)."""
        return self.input_ids[self.token_rows, self.token_positions]

    @property
    def predicting(self) -> torch.Tensor:
        """Flat places in (b, T) of the states that predict the response tokens, the states before them, shape (n,)."""
        return self.token_rows * self.input_ids.shape[1] + self.token_positions - 1

    @property
    def last(self) -> torch.Tensor:
        """Flat places in (b, T) of the sequences' last tokens, shape (b,)."""
        return torch.arange(len(self.rows), device=self.rows.device) * self.input_ids.shape[1] + self.last_positions

    def padded(self, values: torch.Tensor) -> torch.Tensor:
        """Lay out per-token values as rows, zero on padding: (n,) to (b, R)."""
        return torch.zeros(self.mask.shape, dtype=values.dtype, device=values.device).masked_scatter(self.mask, values)


def response_mask(replies: Sequence[Reply], device: torch.device) -> torch.Tensor:
    """Return 1 on real response tokens and 0 on padding, shape (B, R), bool."""
    lengths = torch.tensor([len(reply.response_ids) for reply in replies], device=device)
    return torch.arange(int(lengths.max()), device=device)[None, :] < lengths[:, None]


def kept_rows(replies: Sequence[Reply], name: str, mask: torch.Tensor) -> torch.Tensor:
    """Lay out what an engine kept of each token (``logprobs``, ``entropies``, ``values``) as (B, R), zero on padding."""
    flat = [number for reply in replies for number in getattr(reply, name)]
    return torch.zeros(mask.shape, device=mask.device).masked_scatter(mask, torch.tensor(flat, device=mask.device))


def collate(replies: Sequence[Reply], rows: Sequence[int], device: torch.device, *, pad_id: int = 0, extra_padding: int = 0) -> MicroBatch:
    """Build the tensors of a micro-batch.

    Args:
        replies: the whole rollout batch.
        rows: which of them.
        device: where the tensors go.
        pad_id: written on padding; any id will do.
        extra_padding: more columns than needed (tests show that they change nothing).
    """
    width = max(len(replies[row]) for row in rows) + extra_padding
    input_ids = torch.full((len(rows), width), pad_id, dtype=torch.long)
    for place, row in enumerate(rows):
        ids = replies[row].query_ids + replies[row].response_ids
        input_ids[place, : len(ids)] = torch.tensor(ids)
    mask = response_mask(replies, device)[torch.tensor(list(rows), device=device)]
    token_rows, token_steps = mask.nonzero(as_tuple=True)
    queries = torch.tensor([len(replies[row].query_ids) for row in rows], device=device)
    return MicroBatch(
        rows=torch.tensor(list(rows), device=device),
        input_ids=input_ids.to(device),
        mask=mask,
        token_rows=token_rows,
        token_positions=queries[token_rows] + token_steps,
        last_positions=queries + mask.sum(1) - 1,
    )


def plan_micro_batches(lengths: Sequence[int], rows: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Group rows of similar length so that each group, padded to its longest, has at most ``max_tokens`` tokens.

    The longest come first: a group that does not fit in memory fails at once. A row longer than the budget is a group of its own.

    Args:
        lengths: tokens of every row of the rollout batch.
        rows: the rows to group.
        max_tokens: budget.
    """
    groups: list[list[int]] = []
    for row in sorted(rows, key=lambda row: (-lengths[row], row)):
        if not groups or (len(groups[-1]) + 1) * lengths[groups[-1][0]] > max_tokens:
            groups.append([])
        groups[-1].append(row)
    return groups
