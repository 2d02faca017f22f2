"""Choices that only the holder of the key can repeat: HMAC-SHA256 of the person and of what is chosen for."""

import hashlib
import hmac
import math
from collections.abc import Iterator, Sequence
from typing import TypeVar

from components.shared.pseudonym_key import derived

_Item = TypeVar("_Item")
_SEPARATOR = "\x1f"


class KeyedChoice:
    """Numbers for one person: the same for the same key, person and purpose; unlinked between people."""

    def __init__(self, key: bytes, person_id: str) -> None:
        """Derive the person's own key from the pseudonym key."""
        self._key = hmac.digest(derived(key, "surrogates"), person_id.encode(), hashlib.sha256)

    def number(self, *purpose: str) -> int:
        """Return a number of 128 bits for a purpose."""
        return int.from_bytes(hmac.digest(self._key, _SEPARATOR.join(purpose).encode(), hashlib.sha256)[:16])

    def walk(self, items: Sequence[_Item], *purpose: str) -> Iterator[_Item]:
        """Yield each item once, in an order that depends on the purpose: a random start and a random step coprime to the length."""
        size = len(items)
        if not size:
            return
        number = self.number(*purpose)
        start, step = number % size, 1 + (number // size) % max(1, size - 1)
        while math.gcd(step, size) != 1:
            step = step % size + 1
        for count in range(size):
            yield items[(start + count * step) % size]

    def digits(self, count: int, *purpose: str) -> str:
        """Return ``count`` figures."""
        text = ""
        block = 0
        while len(text) < count:
            text += f"{self.number(*purpose, 'digits', str(block)) % 10**24:024d}"
            block += 1
        return text[:count]
