"""Posting a JSON message to a web address that is a secret: it appears in no log."""

import json
import logging
import time
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

_PAUSE_SECONDS = 1.0  # before the second attempt; doubles
_logger = logging.getLogger(__name__)


def post(url: str, message: Mapping[str, Any], *, timeout_seconds: float, num_attempts: int) -> bool:
    """Post a message and say whether it was taken.

    A webhook that is away must not make a good run look failed: what went wrong is logged (host and cause, never the address), not raised.

    Args:
        url: http or https.
        message: JSON document.
        timeout_seconds: of one attempt.
        num_attempts: when the server does not answer or answers 429 or 5xx.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        _logger.warning("ATTUNE_WEBHOOK_URL is no http or https address: nobody was notified")
        return False
    request = Request(url, json.dumps(message).encode(), {"Content-Type": "application/json", "User-Agent": "attune"}, method="POST")
    cause = ""
    for attempt in range(num_attempts):
        if attempt:
            time.sleep(_PAUSE_SECONDS * 2 ** (attempt - 1))
        try:
            with urlopen(request, timeout=timeout_seconds):
                return True
        except HTTPError as error:
            error.close()
            cause = f"HTTP {error.code}"
            if error.code != 429 and error.code < 500:
                break
        except (OSError, HTTPException) as error:
            cause = type(getattr(error, "reason", error)).__name__
    _logger.warning("webhook at %s did not take the notification (%s); the run's result stands", parts.hostname, cause)
    return False
