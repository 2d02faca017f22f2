"""Orderly stop: a signal sets a flag, long loops look at it, write a checkpoint and raise ``Interrupted``."""

import ctypes
import logging
import signal
import time
from types import FrameType

from components.shared.errors import Interrupted

SAME_REQUEST_SECONDS = 2.0
"""Signals this close together are one request: when a parent with several threads is killed, the kernel sends its children the signal of
its death once per thread, as each one passes them on to the next."""
_requested = False
_first_at = 0.0
_logger = logging.getLogger(__name__)


def install() -> None:
    """Turn SIGTERM (spot reclaim, pod deletion) and SIGINT (Ctrl-C) into a request to stop at the next safe point."""
    signal.signal(signal.SIGTERM, _request)
    signal.signal(signal.SIGINT, _request)


def stop_with_parent() -> None:
    """Ask the kernel to send SIGTERM when the parent dies, however it dies: a local run that is killed leaves no stage behind."""
    parent_death_signal = 1  # PR_SET_PDEATHSIG, prctl(2), Linux
    ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGTERM)


def requested() -> bool:
    """Say whether a stop was asked for. Loops with a checkpoint ask once per step."""
    return _requested


def _request(number: int, frame: FrameType | None) -> None:
    global _requested, _first_at
    if _requested:
        if time.monotonic() - _first_at < SAME_REQUEST_SECONDS:
            return
        raise Interrupted  # asked twice: the loop does not come round, leave now
    _requested, _first_at = True, time.monotonic()
    _logger.warning("%s received: stopping at the next checkpoint", signal.Signals(number).name)
