"""KFP's log records become stage events; nothing of its decoration reaches the screen."""

import io
import logging
import sys

from kfp.local import logging_utils
from rich.console import Console

from pipelines.console import watch


def test_events_of_a_run() -> None:
    screen, log = io.StringIO(), io.StringIO()
    with watch(Console(file=screen, force_terminal=False), log) as view:
        logging.info("Task validate-data cache hit (key=0123456789ab); skipping execution.")
        with logging_utils.local_logger_context():
            logging.info(f"Executing task {logging_utils.format_task_name('sft')}")
            sys.stdout.write("    loss 1.0\n\n")
            logging_utils.print_horizontal_line()
            name, status = logging_utils.format_task_name("sft"), logging_utils.format_status(logging_utils.status.Status.FAILURE)
            logging.error(f"Task {name} finished with status {status}")
    assert [(stage.name, stage.status) for stage in view.stages] == [("validate_data", "reused"), ("sft", "failed")]
    assert view.stages[0].cache_key == "0123456789ab"
    assert log.getvalue() == "loss 1.0\n"
    assert "[5/10] sft" in screen.getvalue()
    assert "Executing" not in screen.getvalue()
