"""Several processes of one job with the variables that torchrun sets.

They are forked from a server that has imported torch and the trainer once: a fresh interpreter per rank would spend its time on imports.
"""

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import torch

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["components.ppo.trainer", "components.ppo.rewards"])


def run_ranks(function: Callable[..., None], size: int, folder: Path, *arguments: str, code: int = 0) -> None:
    """Call ``function(folder, *arguments)``, of a module, in ``size`` processes and wait for all.

    Raises:
        AssertionError: a process ended with another exit code than ``code``; the message holds what each of them wrote.
    """
    port = _free_port()
    processes = [_context.Process(target=_run, args=(function, rank, size, port, folder, arguments)) for rank in range(size)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    codes = [process.exitcode for process in processes]
    written = [(folder / f"rank{rank}.log").read_text(encoding="utf-8") for rank in range(size)]
    assert codes == [code] * size, f"exit codes {codes}\n" + "\n".join(written)


def _run(function: Callable[..., None], rank: int, size: int, port: int, folder: Path, arguments: tuple[str, ...]) -> None:
    log = os.open(folder / f"rank{rank}.log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(log, stream.fileno())
    torch.set_num_threads(1)
    if size > 1:
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_PORT": port}
        os.environ.update({name: str(value) for name, value in place.items()})
        os.environ.update({"MASTER_ADDR": "localhost", "GLOO_SOCKET_IFNAME": "lo"})
    function(folder, *arguments)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])
