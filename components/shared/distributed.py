"""Which of several processes this one is: the variables that torchrun sets. Free of torch.

A stage in one process has none of them. ``accelerate launch`` ignores the ``PET_*`` variables by which Kubeflow Trainer says how many
processes a job has, and torchrun reads them; where both are there they must agree, or ranks would train apart without noticing.
"""

import os
from dataclasses import dataclass

from components.shared.errors import ContractError

REMEDY = "start the stage by torchrun (or by components.shared.launch, which starts it for the GPUs of one node)"


@dataclass(frozen=True)
class Place:
    """This process among those of the job.

    Attributes:
        rank: 0 to ``size - 1``; rank 0 writes.
        size: processes in all.
        local_rank: 0 to ``local_size - 1``; the accelerator of this process.
        local_size: processes on this node.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1


def place() -> Place:
    """Read this process's place from the environment.

    Raises:
        ContractError: some of torchrun's variables are missing or no numbers, or Kubeflow Trainer asked for another number of processes.
    """
    size = _number("WORLD_SIZE")
    rank = _number("RANK")
    wanted = _wanted_size()
    if size is None and rank is None:
        if wanted > 1:
            raise ContractError(f"PET_NNODES and PET_NPROC_PER_NODE ask for {wanted} processes, but RANK is not set; {REMEDY}")
        return Place()
    if size is None or rank is None:
        given, missing = ("WORLD_SIZE", "RANK") if rank is None else ("RANK", "WORLD_SIZE")
        raise ContractError(f"{given} is set but {missing} is not; {REMEDY}")
    found = Place(rank, size, _number("LOCAL_RANK") or 0, _number("LOCAL_WORLD_SIZE") or 1)
    if not (0 <= found.rank < found.size and 0 <= found.local_rank < found.local_size <= found.size):
        raise ContractError(
            f"RANK {found.rank} of WORLD_SIZE {found.size}, LOCAL_RANK {found.local_rank} of LOCAL_WORLD_SIZE {found.local_size}: "
            f"ranks count from 0 and stay below their size; {REMEDY}"
        )
    if wanted > 1 and wanted != size:
        raise ContractError(f"PET_NNODES and PET_NPROC_PER_NODE ask for {wanted} processes, but WORLD_SIZE is {size}; {REMEDY}")
    return found


def _wanted_size() -> int:
    """Processes that Kubeflow Trainer asked for; 1 where it did not say a number (``auto``, ``gpu``, a range of nodes)."""
    nodes, each = os.environ.get("PET_NNODES", "1"), os.environ.get("PET_NPROC_PER_NODE", "1")
    return int(nodes) * int(each) if nodes.isdecimal() and each.isdecimal() else 1


def _number(name: str) -> int | None:
    text = os.environ.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise ContractError(f"{name} is {text!r}; a whole number is wanted; {REMEDY}")
    return int(text)
