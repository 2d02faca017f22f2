"""Container entry point of every stage: argv -> KFP executor -> ``stage.run()``.

Usage: ``python3 -u -m components.shared.launch --stage components.sft.stage:run --executor_input JSON``

It adds what all stages need once: signals, logging without a person's words, one-line errors with an exit code, and several processes for
a stage that can use them (``processes.py``). KFP's own Executor prepares the artifacts and writes ``executor_output.json``.
"""

import argparse
import errno
import importlib
import json
import logging
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Sequence

os.environ.setdefault("_KFP_RUNTIME", "true")  # keeps kfp from importing its compiler; must precede the import
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # a new store reports seventy migrations; read when a stage imports mlflow

from kfp.dsl.executor import Executor

from components.shared import distributed, errors, processes, shutdown
from components.shared.progress import TERMINAL_VARIABLE

SHOW_ERRORS_VARIABLE = "ATTUNE_SHOW_ERRORS"
_logger = logging.getLogger("attune")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one stage and return the process exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="components.shared.launch", description=__doc__)
    parser.add_argument("--executor", help="ignored; names KFP's executor for the local runner")
    parser.add_argument("--stage", required=True, help="module:function of the stage")
    parser.add_argument("--executor_input", required=True, help="KFP executor input, JSON")
    arguments = parser.parse_args(given)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout, force=True)
    _quiet_libraries()
    shutdown.install()
    if os.environ.get("ATTUNE_STOP_WITH_PARENT"):
        shutdown.stop_with_parent()
    try:
        count = processes.wanted(arguments.stage.partition(":")[0])
        if count > 1:
            return processes.run(count, given)
        place = distributed.place()
    except errors.ContractError as error:
        _say([f"error: {error}"])
        return errors.EXIT_CONTRACT
    return _run_rank(arguments, place) if place.size > 1 else _say_and_return(_attempt(arguments.stage, arguments.executor_input))


def _run_rank(arguments: argparse.Namespace, place: distributed.Place) -> int:
    """Run the stage as one of several processes. Only rank 0 writes outputs and talks; failures go to the parent, which repeats one.

    The other ranks run the same function on the same inputs with outputs in a folder of their own that nobody keeps.
    """
    processes.take_note(place)
    processes.leave_with_peers(place)
    # When one rank fails, torchrun sends the others SIGTERM: nobody asked for that stop, and there is no next checkpoint.
    logging.getLogger(shutdown.__name__).addFilter(lambda record: not processes.lost_a_peer(place))
    if place.rank > 0:
        logging.getLogger().setLevel(logging.ERROR)
        warnings.simplefilter("ignore")  # rank 0 gives the same ones
        os.environ.pop(TERMINAL_VARIABLE, None)
    with tempfile.TemporaryDirectory(dir=os.environ.get(processes.NOTES_VARIABLE)) as scratch:
        executor_input = arguments.executor_input if place.rank == 0 else _redirected(arguments.executor_input, scratch)
        try:
            if not processes.is_data_parallel(arguments.stage.partition(":")[0]):
                raise errors.ContractError(f"{arguments.stage} runs in one process, not in {place.size}; start it without torchrun")
            code, lines = _attempt(arguments.stage, executor_input)
        except errors.ContractError as error:
            code, lines = errors.EXIT_CONTRACT, [f"error: {error}"]
        except SystemExit as stop:
            code, lines = stop.code if isinstance(stop.code, int) else errors.EXIT_UNFORESEEN, []
    if not processes.take_note(place, code, lines):
        _say([f"rank {place.rank}: {line}" for line in lines])
    if code:
        logging.shutdown()
        os._exit(code)  # an orderly end would wait for the group, whose members may be gone
    return code


def _attempt(stage: str, executor_input: str) -> tuple[int, list[str]]:
    """Run the stage's function under KFP's executor; return the exit code and what is to be said about a failure."""
    module_name, _, function_name = stage.partition(":")
    try:
        function = getattr(importlib.import_module(module_name), function_name)
        Executor(executor_input=json.loads(executor_input), function_to_execute=function).execute()
    except errors.DataGateError as error:
        return errors.EXIT_GATE, [f"error: {error}"]
    except errors.ContractError as error:
        return errors.EXIT_CONTRACT, [f"error: {error}"]
    except OSError as error:
        # A full disk, a missing mount, an unreachable server: the cause in one line is what helps; it holds paths, never text.
        return errors.EXIT_CONTRACT, [f"error: {_explained(error, executor_input)}"]
    except Exception as error:  # noqa: BLE001 - the last line of defence: an unforeseen message may quote what a person said
        return errors.EXIT_UNFORESEEN, _unforeseen(error)
    return 0, []


def _unforeseen(error: BaseException) -> list[str]:
    """Say where an unforeseen error arose, and its kind; its message only on request, because libraries quote their input."""
    if os.environ.get(SHOW_ERRORS_VARIABLE):
        return ["unforeseen error", "".join(traceback.format_exception(error)).rstrip()]
    lines = []
    link: BaseException | None = error
    while link is not None:
        frames = "".join(f"\n    {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(link.__traceback__))
        lines.append(f"error: unforeseen {type(link).__name__}{frames}")
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return [*lines, f"its message is withheld, because it may quote the data; set {SHOW_ERRORS_VARIABLE}=1 to see it"]


def _redirected(executor_input: str, folder: str) -> str:
    """Return the executor input with every output below a folder."""
    document = json.loads(executor_input)
    outputs = document["outputs"]
    outputs["outputFile"] = os.path.join(folder, "executor_output.json")
    for name, parameter in outputs.get("parameters", {}).items():
        parameter["outputFile"] = os.path.join(folder, name)
    for name, artifacts in outputs.get("artifacts", {}).items():
        for artifact in artifacts["artifacts"]:
            artifact["uri"] = os.path.join(folder, name)
            artifact.pop("customPath", None)
    return json.dumps(document)


def _explained(error: OSError, executor_input: str) -> OSError:
    """Say where the disk is full: a failed write does not know its file."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error
    place = error.filename or "below " + os.path.dirname(json.loads(executor_input)["outputs"]["outputFile"])
    return OSError(f"the disk is full while writing {place}; free some room there and start the run again")


def _say_and_return(outcome: tuple[int, list[str]]) -> int:
    code, lines = outcome
    _say(lines)
    return code


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        _logger.error("%s", line)


def _quiet_libraries() -> None:
    for name in ("httpx", "pymorphy3", "alembic", "mlflow", "great_expectations", "datasets", "absl"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # each retry would be a warning; the failure itself is reported once


if __name__ == "__main__":
    sys.exit(main())
