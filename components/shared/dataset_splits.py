"""The layout of the three artifacts that ``split`` writes and every later stage reads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.shared.artifacts import Manifest, open_sealed
from components.shared.records import Conversation, PreferencePair, read_rows

SPLIT_SCHEMA = "dataset_split/v1"
CONVERSATIONS_SCHEMA = "conversations/v1"
PREFERENCES_SCHEMA = "preferences/v1"
CONVERSATIONS_FILE = "conversations.jsonl"
PREFERENCES_FILE = "preferences.jsonl"


class DatasetSplit:
    """One of train, validation, test: conversations and preference pairs of the same people."""

    def __init__(self, artifact: Any) -> None:
        """Open an input artifact; see ``artifacts.open_sealed`` for its errors."""
        self.directory: Path
        self.manifest: Manifest
        self.directory, self.manifest = open_sealed(artifact, SPLIT_SCHEMA)

    def conversations(self) -> Iterator[Conversation]:
        """Yield the conversations."""
        return read_rows(self.directory / CONVERSATIONS_FILE, Conversation)

    def preferences(self) -> Iterator[PreferencePair]:
        """Yield the preference pairs."""
        return read_rows(self.directory / PREFERENCES_FILE, PreferencePair)
