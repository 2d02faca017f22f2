"""Signals become one request to stop; only a later one ends the process at once."""

import os
import signal
from collections.abc import Iterator

import pytest

from components.shared import shutdown
from components.shared.errors import Interrupted


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(shutdown, "_requested", False)
    shutdown.install()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("installed")
def test_signals_in_a_burst_are_one_request_and_a_later_one_leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("components.shared.shutdown.time.monotonic", lambda: clock[0])
    assert not shutdown.requested()
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
    assert shutdown.requested()
    clock[0] += shutdown.SAME_REQUEST_SECONDS
    with pytest.raises(Interrupted):
        os.kill(os.getpid(), signal.SIGINT)
