"""What a person sees of a local run: which stage runs, its own lines, and a table at the end.

``kfp.local`` writes its events as log records with decoration; they are read here as events instead of being printed.
"""

import logging
import re
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import TextIOBase
from typing import TextIO

from rich.console import Console
from rich.table import Table

from pipelines.settings import STAGES

_STARTED = re.compile(r"Executing task .*?'([a-z-]+)'")
_FINISHED = re.compile(r"Task .*?'([a-z-]+)'.* finished with status .*?(SUCCESS|FAILURE)")
_CACHED = re.compile(r"Task ([a-z-]+) cache hit \(key=([0-9a-f]+)\)")


@dataclass
class StageProgress:
    """How one stage of this run went."""

    name: str
    status: str = "running"
    started: float = 0.0
    seconds: float = 0.0
    peak_mib: float = 0.0
    cache_key: str = ""
    """First characters of the cache entry that stood in for the stage."""


class RunView(logging.Filter):
    """Turns KFP's log records into stage events, and swallows them."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console
        self.stages: list[StageProgress] = []

    def filter(self, record: logging.LogRecord) -> bool:
        """Read one record; nothing of kfp.local's own output is let through, except warnings about the run itself."""
        text = record.getMessage()
        if match := _CACHED.search(text):
            self._begin(match[1], "reused").cache_key = match[2]
        elif match := _STARTED.search(text):
            self._begin(match[1], "running")
        elif match := _FINISHED.search(text):
            self._end("done" if match[2] == "SUCCESS" else "failed")
        return False

    def _begin(self, task: str, status: str) -> StageProgress:
        name = task.replace("-", "_")
        stage = StageProgress(name, status, started=time.monotonic())
        self.stages.append(stage)
        number = f"[{STAGES.index(name) + 1}/{len(STAGES)}] " if name in STAGES else ""
        note = "  [dim]nothing changed: reused[/dim]" if status == "reused" else ""
        self.console.print(f"[bold]{number.replace('[', chr(92) + '[')}{name}[/bold]{note}", highlight=False)
        return stage

    def _end(self, status: str) -> None:
        stage = self.stages[-1]
        stage.status, stage.seconds = status, time.monotonic() - stage.started
        stage.peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        color = "green" if status == "done" else "red"
        self.console.print(f"    [{color}]{status}[/{color}] in {stage.seconds:.0f} s", highlight=False)


class _StageLines(TextIOBase):
    """Receives what kfp prints: the stage's lines go to the screen and the log, its rules and blank lines do not."""

    def __init__(self, screen: TextIO, log: TextIO) -> None:
        self._screen, self._log, self._line = screen, log, ""

    def write(self, text: str) -> int:
        self._line += text
        *lines, self._line = self._line.split("\n")
        for line in lines:
            if line.strip(" -"):
                self._screen.write(line.rstrip() + "\n")
                self._log.write(line.strip() + "\n")
        self._screen.flush()
        return len(text)


@contextmanager
def watch(console: Console, log: TextIO) -> Iterator[RunView]:
    """Show a local run while the block executes."""
    view = RunView(console)
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)  # kfp logs a reused task outside its own logging context
    root.addFilter(view)
    try:
        with redirect_stdout(_StageLines(sys.stdout, log)):
            yield view
    finally:
        root.removeFilter(view)
        root.setLevel(level)


def summary_table(rows: Sequence[tuple[str, str, str, str]]) -> Table:
    """Return the closing table: stage, how it ended, time, key metrics."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("stage", "", "time", "key metrics"):
        table.add_column(column, overflow="fold")
    for name, status, seconds, metrics in rows:
        color = {"done": "green", "reused": "cyan", "failed": "red"}.get(status, "")
        table.add_row(name, f"[{color}]{status}[/{color}]" if color else status, seconds, metrics)
    return table


def exit_code(view: RunView) -> int:
    """Return the process exit code of a run."""
    return 1 if any(stage.status == "failed" for stage in view.stages) else 0
