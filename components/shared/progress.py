"""Progress of long work: a bar with ETA on a terminal, a log line every few seconds in a pod.

A stage is a child process whose output is a pipe. When the person who started the run sits at a terminal, the runner names that
terminal in ``ATTUNE_TERMINAL`` and the bar is drawn there, past the pipe.
"""

import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO, TypeVar

from tqdm import tqdm

TERMINAL_VARIABLE = "ATTUNE_TERMINAL"
LOG_INTERVAL_SECONDS = 10.0
_logger = logging.getLogger(__name__)
Item = TypeVar("Item")


class Progress:
    """Counts steps of a known total and shows them."""

    def __init__(self, description: str, total: int, terminal: TextIO | None, initial: int = 0) -> None:
        self._description = description
        self._bar = tqdm(
            total=total,
            initial=initial,
            desc=f"    {description}",
            file=terminal,
            disable=terminal is None,
            leave=False,
            dynamic_ncols=True,
        )
        self._total, self._done, self._initial = total, initial, initial
        self._started = self._logged = time.monotonic()

    def advance(self, steps: int = 1, **values: float) -> None:
        """Count ``steps`` more and show the latest values beside the bar."""
        self._done += steps
        shown = {name: f"{value:.3g}" for name, value in values.items()}
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update(steps)
        now = time.monotonic()
        if self._bar.disable and (now - self._logged >= LOG_INTERVAL_SECONDS or self._done >= self._total):
            self._logged = now
            pace = (now - self._started) / max(1, self._done - self._initial)
            details = "".join(f" {name}={value}" for name, value in shown.items())
            remaining = pace * max(0, self._total - self._done)
            _logger.info("%s %d/%d, %.0f s left%s", self._description, self._done, self._total, remaining, details)

    def close(self) -> None:
        """Remove the bar."""
        self._bar.close()


@contextmanager
def progress(description: str, total: int, initial: int = 0) -> Iterator[Progress]:
    """Show the progress of a block of ``total`` steps, ``initial`` of which are done (a resumed stage)."""
    name = os.environ.get(TERMINAL_VARIABLE)
    terminal = open(name, "w", encoding="utf-8") if name else None  # noqa: SIM115 - closed below, with the bar
    bar = Progress(description, total, terminal, initial)
    try:
        yield bar
    finally:
        bar.close()
        if terminal is not None:
            terminal.close()


def track(items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
    """Yield the items of an iterable and show how many are done."""
    with progress(description, total) as bar:
        for item in items:
            yield item
            bar.advance()
