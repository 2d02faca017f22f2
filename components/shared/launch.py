"""Container entry point of every stage: argv -> KFP executor -> ``stage.run()``.

Usage: ``python3 -u -m components.shared.launch --stage components.sft.stage:run --executor_input JSON``

It adds what all stages need once: signals, logging without a person's words, one-line errors with an exit code. KFP's own Executor
prepares the artifacts and writes ``executor_output.json``.
"""

import argparse
import errno
import importlib
import json
import logging
import os
import sys
import traceback
from collections.abc import Sequence

os.environ.setdefault("_KFP_RUNTIME", "true")  # keeps kfp from importing its compiler; must precede the import
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # a new store reports seventy migrations; read when a stage imports mlflow

from kfp.dsl.executor import Executor

from components.shared import errors, shutdown

SHOW_ERRORS_VARIABLE = "ATTUNE_SHOW_ERRORS"
_logger = logging.getLogger("attune")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one stage and return the process exit code."""
    parser = argparse.ArgumentParser(prog="components.shared.launch", description=__doc__)
    parser.add_argument("--executor", help="ignored; names KFP's executor for the local runner")
    parser.add_argument("--stage", required=True, help="module:function of the stage")
    parser.add_argument("--executor_input", required=True, help="KFP executor input, JSON")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout, force=True)
    _quiet_libraries()
    shutdown.install()
    if os.environ.get("ATTUNE_STOP_WITH_PARENT"):
        shutdown.stop_with_parent()
    module_name, _, function_name = arguments.stage.partition(":")
    try:
        function = getattr(importlib.import_module(module_name), function_name)
        Executor(executor_input=json.loads(arguments.executor_input), function_to_execute=function).execute()
    except errors.DataGateError as error:
        return _fail(error, errors.EXIT_GATE)
    except errors.ContractError as error:
        return _fail(error, errors.EXIT_CONTRACT)
    except OSError as error:
        # A full disk, a missing mount, an unreachable server: the cause in one line is what helps; it holds paths, never text.
        return _fail(_explained(error, arguments.executor_input), errors.EXIT_CONTRACT)
    except Exception as error:  # noqa: BLE001 - the last line of defence: an unforeseen message may quote what a person said
        return _fail_unforeseen(error)
    return 0


def _fail_unforeseen(error: BaseException) -> int:
    """Log where an unforeseen error arose, and its kind; its message only on request, because libraries quote their input."""
    if os.environ.get(SHOW_ERRORS_VARIABLE):
        _logger.error("unforeseen error", exc_info=error)
        return errors.EXIT_UNFORESEEN
    link: BaseException | None = error
    while link is not None:
        frames = "".join(f"\n    {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(link.__traceback__))
        _logger.error("error: unforeseen %s%s", type(link).__name__, frames)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    _logger.error("its message is withheld, because it may quote the data; set %s=1 to see it", SHOW_ERRORS_VARIABLE)
    return errors.EXIT_UNFORESEEN


def _explained(error: OSError, executor_input: str) -> OSError:
    """Say where the disk is full: a failed write does not know its file."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error
    place = error.filename or "below " + os.path.dirname(json.loads(executor_input)["outputs"]["outputFile"])
    return OSError(f"the disk is full while writing {place}; free some room there and start the run again")


def _fail(error: Exception, code: int) -> int:
    _logger.error("error: %s", error)
    return code


def _quiet_libraries() -> None:
    for name in ("httpx", "pymorphy3", "alembic", "mlflow", "great_expectations", "datasets", "absl"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # each retry would be a warning; the failure itself is reported once


if __name__ == "__main__":
    sys.exit(main())
