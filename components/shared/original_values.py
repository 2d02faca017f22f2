"""Keyed hashes of the values that were replaced, and the search for them in a text that should hold none.

The set knows no value: each is an HMAC-SHA256 of its words under a secret key. A text is searched by hashing every run of words that is as
long as some value, which finds a value whatever its case, spacing and punctuation, and no detector is asked.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from components.shared.errors import ContractError
from components.shared.normalize import normalize
from components.shared.pseudonym_key import derived, fingerprint

ORIGINAL_VALUES_SCHEMA = "original_values/v1"
ORIGINAL_VALUES_FILE = "original_values.json"
_PURPOSE = "original values"
_WORD = re.compile(r"\w+")
_DIGEST_BYTES = 16
_MIN_DIGITS = 6
"""Values with so many digits or more are also known without their separators: 99-89-01 and 998901 are one number."""
_MAX_WORDS = 12
"""Longer values (an address) are known by their first words."""


class OriginalValues:
    """A set of keyed hashes of values."""

    def __init__(self, key: bytes) -> None:
        """Make an empty set under a key (the pseudonym key; a key of its own is derived from it)."""
        self._key = derived(key, _PURPOSE)
        self._fingerprint = fingerprint(key)
        self._by_length: dict[int, set[bytes]] = {}

    def add(self, value: str) -> None:
        """Add a value; empty ones and single characters are left out, they would be found everywhere."""
        words = _WORD.findall(normalize(value).text.casefold())[:_MAX_WORDS]
        if sum(map(len, words)) < 2:
            return
        self._by_length.setdefault(len(words), set()).add(self._digest(" ".join(words)))
        compact = "".join(words)
        if len(words) > 1 and sum(character.isdigit() for character in compact) >= _MIN_DIGITS:
            self._by_length.setdefault(1, set()).add(self._digest(compact))

    def update(self, values: Iterable[str]) -> None:
        """Add several values."""
        for value in values:
            self.add(value)

    def merge(self, other: "OriginalValues") -> None:
        """Add another set under the same key."""
        assert self._fingerprint == other._fingerprint, "sets under different keys cannot be compared"
        for length, digests in other._by_length.items():
            self._by_length.setdefault(length, set()).update(digests)

    def __len__(self) -> int:
        return sum(map(len, self._by_length.values()))

    def __contains__(self, value: str) -> bool:
        words = _WORD.findall(normalize(value).text.casefold())
        return self._digest(" ".join(words[:_MAX_WORDS])) in self._by_length.get(min(len(words), _MAX_WORDS), ())

    def find(self, text: str, readings: Callable[[str], Iterable[str]] | None = None) -> Iterator[tuple[int, int]]:
        """Yield start and end (exclusive, in ``text``) of every run of words that is a value of the set.

        Args:
            text: what is searched.
            readings: what a single word may be an inflected form of; None: every word is only itself.
        """
        normalized = normalize(text)
        matches = list(_WORD.finditer(normalized.text))
        words = [match.group().casefold() for match in matches]
        for first, word in enumerate(words):
            if readings is not None and any(self._known([base]) for base in readings(word)):
                yield normalized.original(matches[first].start(), matches[first].end())
                continue
            for end in range(first + 1, min(first + _MAX_WORDS, len(words)) + 1):
                if self._known(words[first:end]):
                    yield normalized.original(matches[first].start(), matches[end - 1].end())

    def _known(self, words: list[str]) -> bool:
        digests = self._by_length.get(len(words))
        if digests and self._digest(" ".join(words)) in digests:
            return True
        if len(words) == 1 or not words[0][-1:].isdigit():
            return False
        compact = "".join(words)
        return compact.isdigit() and len(compact) >= _MIN_DIGITS and self._digest(compact) in self._by_length.get(1, ())

    def _digest(self, value: str) -> bytes:
        return hmac.digest(self._key, value.encode(), hashlib.sha256)[:_DIGEST_BYTES]

    def to_document(self) -> dict[str, Any]:
        """Return the set as JSON in canonical order."""
        digests = {str(length): sorted(digest.hex() for digest in group) for length, group in sorted(self._by_length.items())}
        return {"key_fingerprint": self._fingerprint, "digests_by_number_of_words": digests}

    @classmethod
    def from_document(cls, document: dict[str, Any], key: bytes, place: str) -> "OriginalValues":
        """Return the set that ``to_document`` described; ``place`` says in an error where it came from.

        Raises:
            ContractError: it was made under another key, with which nothing could ever be found.
        """
        values = cls(key)
        if document["key_fingerprint"] != values._fingerprint:
            raise ContractError(
                f"{place}: written under the key {document['key_fingerprint']}, but the environment holds {values._fingerprint};"
                " give the stage the same Secret as anonymize"
            )
        values._by_length = {
            int(length): {bytes.fromhex(digest) for digest in group} for length, group in document["digests_by_number_of_words"].items()
        }
        return values

    def write(self, directory: Path) -> None:
        """Write the set into a directory."""
        (directory / ORIGINAL_VALUES_FILE).write_text(json.dumps(self.to_document()), encoding="utf-8")

    @classmethod
    def read(cls, directory: Path, key: bytes) -> "OriginalValues":
        """Read a set that ``write`` wrote; errors as in ``from_document``."""
        return cls.from_document(json.loads((directory / ORIGINAL_VALUES_FILE).read_text(encoding="utf-8")), key, str(directory))
