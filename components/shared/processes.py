"""A stage in several processes of one node: torchrun's launcher, started from the stage's own entry point.

A stage module says ``DATA_PARALLEL = True`` if its ``run`` divides its work among ranks. Such a stage gets one process per GPU, or as many
as ``ATTUNE_PROCESSES_PER_NODE`` says. Each process leaves a note (its id, then exit code and error lines), because torchrun itself answers
every failure with exit code 1 and a page of text: from the notes the parent repeats the first error once, with its own exit code, and
a process knows that another one is lost, and does not wait for it in an exchange that cannot end.
"""

import ast
import importlib.util
import json
import logging
import os
import re
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from components.shared import errors
from components.shared.distributed import Place
from components.shared.errors import ContractError, Interrupted

PROCESSES_VARIABLE = "ATTUNE_PROCESSES_PER_NODE"
NOTES_VARIABLE = "ATTUNE_PROCESS_NOTES"
GRACE_SECONDS = 15.0
"""How long a process whose peer is lost may still run: gloo tells it at once and it ends by itself, nccl never does."""
STOP_SECONDS = "600"
"""Between SIGTERM and SIGKILL, for the step in progress and the checkpoint; a cluster's own grace period may end before."""
_DECLARATION = "DATA_PARALLEL"
_logger = logging.getLogger("attune")


@dataclass(frozen=True)
class Note:
    """What a process leaves for its parent and its peers.

    Attributes:
        pid: process id.
        code: exit code; None while it runs.
        lines: what it has to say about its failure.
        at: when it ended, nanoseconds of the machine's monotonic clock.
    """

    pid: int
    code: int | None = None
    lines: Sequence[str] = ()
    at: int = 0

    @property
    def failed(self) -> bool:
        """Whether it ended with an error, not by success or on request."""
        return self.code not in (None, 0, errors.EXIT_INTERRUPTED)


def wanted(module_name: str) -> int:
    """Return how many processes a stage is to run in on this node.

    Raises:
        ContractError: ``ATTUNE_PROCESSES_PER_NODE`` is no number of processes.
    """
    given = os.environ.get(PROCESSES_VARIABLE)
    if given is not None and (not given.isdecimal() or int(given) < 1):
        raise ContractError(f"{PROCESSES_VARIABLE} is {given!r}; give a whole number of at least 1, or unset it for one process per GPU")
    if "RANK" in os.environ or not is_data_parallel(module_name):
        return 1
    return int(given) if given is not None else max(1, visible_gpus())


def is_data_parallel(module_name: str) -> bool:
    """Say whether a stage module declares ``DATA_PARALLEL = True``, read from its source: importing it would load torch."""
    try:
        spec = importlib.util.find_spec(module_name)
    except ModuleNotFoundError:  # its package; the import that follows says so
        return False
    if spec is None or spec.origin is None:
        return False
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == _DECLARATION for target in node.targets):
            return isinstance(node.value, ast.Constant) and node.value.value is True
    return False


def visible_gpus(devices: Path = Path("/dev")) -> int:
    """Count the NVIDIA GPUs that this container sees, less those that ``CUDA_VISIBLE_DEVICES`` leaves out; torch is not needed."""
    present = sum(bool(re.fullmatch(r"nvidia\d+", entry.name)) for entry in devices.glob("nvidia*"))
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return present
    listed = [entry.strip() for entry in chosen.split(",")]
    stop = next((place for place, entry in enumerate(listed) if entry in ("", "-1")), len(listed))  # CUDA stops reading there
    return min(present, stop)


def run(count: int, argv: Sequence[str]) -> int:
    """Start this command again in ``count`` processes, wait for all, and return the exit code of the first that failed.

    SIGTERM and SIGINT go to every process; a process that dies takes the others with it.
    """
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, len(os.sched_getaffinity(0)) // count)))
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # one node: nothing of an exchange leaves it, whatever its name resolves to
    os.environ.setdefault("NCCL_SOCKET_IFNAME", "lo")
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", STOP_SECONDS)
    os.environ["ATTUNE_STOP_WITH_PARENT"] = "1"  # a parent that is killed leaves no process on a GPU
    with tempfile.TemporaryDirectory(prefix="attune-") as folder:
        os.environ[NOTES_VARIABLE] = folder
        died = _start(count, argv)
        notes = {rank: note for rank in range(count) if (note := _read(Path(folder), rank))}
        return _outcome(notes, died)


def take_note(place: Place, code: int | None = None, lines: Sequence[str] = ()) -> bool:
    """Leave a note about this process; False where no parent reads it."""
    folder = os.environ.get(NOTES_VARIABLE)
    if not folder:
        return False
    path = _path(Path(folder), place.rank)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(Note(os.getpid(), code, list(lines), time.monotonic_ns()))), encoding="utf-8")
    temporary.replace(path)
    return True


def leave_with_peers(place: Place) -> None:
    """End this process, from a thread of its own, ``GRACE_SECONDS`` after a peer was lost: an exchange with a lost peer may never end."""
    if os.environ.get(NOTES_VARIABLE):
        threading.Thread(target=_watch, args=(place,), daemon=True).start()


def lost_a_peer(place: Place) -> bool:
    """Say whether another process failed or vanished, as far as the notes tell."""
    folder = os.environ.get(NOTES_VARIABLE)
    return bool(folder) and any(_lost(_read(Path(str(folder)), rank)) for rank in range(place.size) if rank != place.rank)


def _watch(place: Place) -> None:
    lost_since: float | None = None
    while lost_since is None or time.monotonic() - lost_since < GRACE_SECONDS:
        time.sleep(0.5)
        if lost_since is None and lost_a_peer(place):
            lost_since = time.monotonic()
    os._exit(errors.EXIT_UNFORESEEN)


def _lost(note: Note | None) -> bool:
    return note is not None and (note.failed or (note.code is None and not Path("/proc", str(note.pid)).exists()))


def _start(count: int, argv: Sequence[str]) -> dict[int, int]:
    """Run the processes to their end; return the exit code of those that ended badly, by rank (negative: a signal's number)."""
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
    )
    logging.disable(logging.CRITICAL)  # torchrun's own account of a failure; ours comes from the notes
    try:
        elastic_launch(config, sys.executable)("-u", "-m", "components.shared.launch", *argv)
    except ChildFailedError as error:
        return {rank: failure.exitcode for rank, failure in error.failures.items()}
    except SignalException:
        return dict.fromkeys(range(count), -signal.SIGTERM)
    finally:
        logging.disable(logging.NOTSET)
    return {}


def _outcome(notes: dict[int, Note], died: dict[int, int]) -> int:
    """Say once what went wrong and return the exit code: an error that a user can mend comes before the others that it caused."""
    failed = sorted((note for note in notes.values() if note.failed), key=lambda note: note.at)
    for note in failed:
        if note.code in (errors.EXIT_CONTRACT, errors.EXIT_GATE):
            return _repeat(note)
    for rank, code in died.items():
        silent = rank not in notes or notes[rank].code is None
        if silent and code < 0 and code != -signal.SIGTERM:
            name = signal.Signals(-code).name
            _logger.error("error: process %d of the stage was ended by %s; if that was for memory, give the stage more", rank, name)
            return errors.EXIT_UNFORESEEN
    if failed:
        return _repeat(failed[0])
    if not died:
        return 0
    if all(note.code == 0 for note in notes.values()) and len(notes) >= len(died):
        return 0  # the stop came when the work was done
    stopped = any(code in (-signal.SIGTERM, errors.EXIT_INTERRUPTED) for code in died.values())
    return errors.EXIT_INTERRUPTED if stopped else errors.EXIT_UNFORESEEN


def _repeat(note: Note) -> int:
    for line in note.lines:
        _logger.error("%s", line)
    return note.code or errors.EXIT_UNFORESEEN


def _read(folder: Path, rank: int) -> Note | None:
    path = _path(folder, rank)
    return Note(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def _path(folder: Path, rank: int) -> Path:
    return folder / f"{rank}.json"


def _leave(number: int, frame: FrameType | None) -> None:
    raise Interrupted
