"""Orderly stop: a signal sets a flag, long loops look at it, write a checkpoint and raise ``Interrupted``."""

import logging
import signal
from types import FrameType

from components.shared.errors import Interrupted

_requested = False
_logger = logging.getLogger(__name__)


def install() -> None:
    """Turn SIGTERM (spot reclaim, pod deletion) and SIGINT (Ctrl-C) into a request to stop at the next safe point."""
    signal.signal(signal.SIGTERM, _request)
    signal.signal(signal.SIGINT, _request)


def requested() -> bool:
    """Say whether a stop was asked for. Loops with a checkpoint ask once per step."""
    return _requested


def _request(number: int, frame: FrameType | None) -> None:
    global _requested
    if _requested:
        raise Interrupted  # asked twice: the loop does not come round, leave now
    _requested = True
    _logger.warning("%s received: stopping at the next checkpoint", signal.Signals(number).name)
