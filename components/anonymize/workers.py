"""Working through many people, in this process or in several; the result does not depend on how many."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

_SINGLE_PROCESS_BYTES = 3_000_000
"""Below this a second process costs more (imports, engines) than it saves where the rules alone work."""
_SINGLE_PROCESS_BYTES_NEURAL = 300_000
"""The same where a neural engine works, ten times slower."""
_AHEAD = 4
"""Batches in flight for each process: bounds memory."""
BATCH_ROWS = 50

Item = TypeVar("Item")
Result = TypeVar("Result")


def processes(workers: int, total_bytes: int, *, neural: bool) -> int:
    """Return how many processes the work deserves; ``workers`` 0 stands for all CPUs."""
    if total_bytes < (_SINGLE_PROCESS_BYTES_NEURAL if neural else _SINGLE_PROCESS_BYTES):
        return 1
    return workers or len(os.sched_getaffinity(0))


def map_batches(work: Callable[[list[Item]], Result], batches: Iterable[list[Item]], number: int) -> Iterator[Result]:
    """Yield the result of each batch, in order.

    Args:
        work: picklable when ``number`` is more than one.
        batches: the work.
        number: of processes.
    """
    if number == 1:
        yield from map(work, batches)
        return
    with ProcessPoolExecutor(number, mp_context=multiprocessing.get_context("spawn"), initializer=_single_threaded) as pool:
        pending: deque[Future[Result]] = deque()
        for batch in batches:
            pending.append(pool.submit(work, batch))
            if len(pending) > number * _AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def batched(items: Iterable[Item], size: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Group items into batches of at least ``BATCH_ROWS``, in order."""
    batch: list[Item] = []
    total = 0
    for item in items:
        batch.append(item)
        total += size(item)
        if total >= BATCH_ROWS:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def _single_threaded() -> None:
    """Each process is one of as many as there are CPUs; threads of numerical libraries would only get in each other's way."""
    os.environ["OMP_NUM_THREADS"] = "1"
