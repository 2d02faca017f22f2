"""Data parallelism over the processes that torchrun started (needs torch).

What is small of a rollout batch (token ids, per-token numbers, scores) every rank holds whole; only forward and backward passes are
divided. Each loss is a sum over tokens divided by the token count of the whole mini-batch, which every rank knows, so the gradient of the
joined batch is the plain sum of the ranks' gradients: one all-reduce per optimizer step, no averaging, and shares may be unequal or empty.
Clipping, AdamW and controllers then see the same numbers on every rank and stay equal without another message.
"""

import datetime
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
import torch.distributed as dist

from components.shared import distributed
from components.shared.errors import ContractError, Interrupted

T = TypeVar("T")
PATIENCE = datetime.timedelta(hours=1)
"""How long a rank waits for the others in one exchange: sampling long replies takes minutes, and rank 0 alone writes the checkpoints.
A rank that died is noticed by its launcher, not by this."""


@dataclass(frozen=True)
class Parallel:
    """This process among its equals. With one process every method is the identity and nothing of ``torch.distributed`` is touched.

    Every method but ``rows`` and ``part`` is an exchange: all ranks must call it, in the same order.

    Attributes:
        rank: 0 to ``size - 1``.
        size: number of processes.
        device: where exchanged tensors must lie: this rank's GPU under nccl, else the CPU.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_main(self) -> bool:
        """Whether this process tracks, writes checkpoints and artifacts, and talks."""
        return self.rank == 0

    def rows(self, count: int) -> list[int]:
        """Return this rank's rows of a batch of ``count``: every ``size``-th, so that shares differ by one row at most."""
        return list(range(self.rank, count, self.size))

    def part(self, rows: Sequence[int]) -> list[int]:
        """Return this rank's share of a mini-batch, in its order; shares differ by one row at most and may be empty."""
        return list(rows[self.rank :: self.size])

    def gather(self, items: Sequence[T], count: int) -> list[T]:
        """Return the items of all rows in order, on every rank: the inverse of ``rows``.

        Items travel pickled, as in ``multiprocessing``: they come from the job's own processes only, never from a file.

        Args:
            items: of this rank's ``rows(count)``, in order; plain data on the CPU.
            count: rows in all.
        """
        assert len(items) == len(self.rows(count)), f"rank {self.rank} gives {len(items)} items, its share of {count} is another number"
        if self.size == 1:
            return list(items)
        shares: list[list[T]] = [[] for _ in range(self.size)]
        dist.all_gather_object(shares, list(items))
        return [shares[row % self.size][row // self.size] for row in range(count)]

    def sum_(self, *tensors: torch.Tensor) -> None:
        """Replace each tensor by its sum over ranks, in place; those of one type travel together."""
        if self.size == 1:
            return
        for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
            alike = [tensor for tensor in tensors if tensor.dtype == dtype]
            _lay_out(self._summed([tensor.detach() for tensor in alike]), alike)

    def from_main_(self, *tensors: torch.Tensor) -> None:
        """Replace each tensor by rank 0's, in place: ranks that start equal stay equal, since all their steps are."""
        if self.size == 1:
            return
        for tensor in tensors:
            held = tensor.detach().to(self.device).contiguous()
            dist.broadcast(held, src=0)
            _lay_out(held.reshape(-1), [tensor])

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replace each parameter's gradient by its sum over ranks, in one exchange.

        A rank without a gradient counts as zero and gets one where any rank has one; a parameter without a gradient anywhere stays so,
        because AdamW treats "none" and "zero" differently.

        Args:
            parameters: the same ones in the same order on every rank, fp32.
        """
        if self.size == 1:
            return
        parameters = list(parameters)
        flags = torch.tensor([float(parameter.grad is not None) for parameter in parameters])
        local = [torch.zeros_like(parameter) if parameter.grad is None else parameter.grad for parameter in parameters]
        *summed, holders = _cut(self._summed([*(gradient.detach() for gradient in local), flags]), [*local, flags])
        for parameter, gradient, holder in zip(parameters, summed, holders.tolist(), strict=True):
            if holder > 0:
                parameter.grad = gradient.to(parameter.device, parameter.dtype)

    def agreed(self, flag: bool) -> bool:
        """Return True on every rank if any rank says True: a stop asked of one is a stop of all, at the same place."""
        if self.size == 1:
            return flag
        votes = torch.tensor([float(flag)], device=self.device)
        dist.all_reduce(votes, dist.ReduceOp.MAX)
        return bool(votes.item())

    def stop_together(self, work: Callable[[], T]) -> T:
        """Do this rank's part of some work that a stop request may break off; broken off on one rank, it is on all.

        Without this, the ranks that had finished their part would wait for the stopped one in the next exchange.

        Raises:
            Interrupted: on every rank, if the work raised it on any.
        """
        result: list[T] = []
        try:
            result.append(work())
        except Interrupted:
            if self.size == 1:
                raise
        if self.agreed(not result):
            raise Interrupted
        return result[0]

    def _summed(self, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
        flat = torch.cat([tensor.reshape(-1).to(self.device) for tensor in tensors])
        dist.all_reduce(flat, dist.ReduceOp.SUM)
        return flat


def from_environment() -> Parallel:
    """Join the processes that torchrun started: nccl where there is a GPU (each process takes its own), else gloo.

    Raises:
        ContractError: torchrun's variables are incomplete, or this node has fewer GPUs than processes.
    """
    place = distributed.place()
    if place.size == 1:
        return Parallel()
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if 0 < gpus < place.local_size:
        raise ContractError(
            f"{place.local_size} processes on this node but {gpus} GPUs are visible; start at most one process per GPU "
            f"(torchrun --nproc-per-node {gpus}, or ATTUNE_PROCESSES_PER_NODE={gpus})"
        )
    if gpus:
        torch.cuda.set_device(place.local_rank)
    device = torch.device("cuda", place.local_rank) if gpus else torch.device("cpu")
    dist.init_process_group(
        "nccl" if gpus else "gloo",
        rank=place.rank,
        world_size=place.size,
        timeout=PATIENCE,
        device_id=device if gpus else None,
    )
    return Parallel(place.rank, place.size, device)


def close(parallel: Parallel) -> None:
    """Leave the group at the end of a run; the others need not leave at the same time.

    Not for a failed run: leaving in order waits for exchanges that a lost rank never finishes. The launcher ends such a process.
    """
    if parallel.size > 1:
        dist.destroy_process_group()


def _cut(flat: torch.Tensor, shapes: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    pieces = torch.split(flat, [tensor.numel() for tensor in shapes])
    return [piece.view(tensor.shape) for piece, tensor in zip(pieces, shapes, strict=True)]


def _lay_out(flat: torch.Tensor, targets: Sequence[torch.Tensor]) -> None:
    with torch.no_grad():
        for target, piece in zip(targets, _cut(flat, targets), strict=True):
            target.copy_(piece)
