"""Several processes of one job, as torchrun starts them: ``run_ranks`` for the test, ``python -m tests.ranks`` for each rank."""

import importlib
import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run_ranks(function: str, size: int, folder: Path, *arguments: str, code: int = 0) -> None:
    """Call ``module:function(folder, *arguments)`` in ``size`` processes with torchrun's variables and wait for all.

    Raises:
        AssertionError: a process ended with another exit code than ``code``; the message holds what each of them wrote.
    """
    variables = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(_free_port()), "WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size)}
    if size == 1:
        variables = {}
    processes = []
    for rank in range(size):
        own = {"RANK": str(rank), "LOCAL_RANK": str(rank)} if size > 1 else {}
        environment = {**os.environ, **variables, **own, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
        command = [sys.executable, "-m", "tests.ranks", function, str(folder), *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        processes.append(subprocess.Popen(command, env=environment, cwd=ROOT, text=True, **pipes))  # type: ignore[call-overload]
    written = [process.communicate()[0] for process in processes]
    codes = [process.returncode for process in processes]
    assert codes == [code] * size, f"exit codes {codes}\n" + "\n".join(written)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    module, _, name = sys.argv[1].partition(":")
    getattr(importlib.import_module(module), name)(Path(sys.argv[2]), *sys.argv[3:])
