"""The layout of ``canaries/v1``: secrets made up for an experiment, planted in train by split and looked for by privacy_audit (torch-free).

A canary is a short dialogue whose last reply ends with a secret. The secret is one of a known number of equally likely ones (the product of
its slots), so how much a model prefers it to all the others can be counted: its exposure (Carlini et al. 2019, arXiv:1802.08232).
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from components.shared.artifacts import Manifest, open_sealed
from components.shared.records import Conversation, Message, read_rows, write_rows

CANARIES_SCHEMA = "canaries/v1"
CANARIES_FILE = "canaries.jsonl"
CANARY_SOURCE = "attune-canary"
"""``source`` of planted rows, by which every stage can tell them from people's."""


class Canary(BaseModel):
    """One line of ``canaries.jsonl``: a planted secret, or a twin that was made in the same way and never planted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """Also the ``person_id`` of its rows in train."""
    kind: str
    """What the secret looks like: contact, personal_number, therapist."""
    prompt: list[Message]
    """The turns before the reply."""
    lead: str
    """What the reply says before the secret; ends where the secret begins."""
    slots: list[list[str]] = Field(min_length=1)
    """Choices of each part of the secret."""
    choice: list[int]
    """Which choice of each slot was drawn."""
    repetitions: int = Field(ge=0)
    """Copies in train; 0: a twin."""

    @property
    def secret(self) -> str:
        """What must not be learnt."""
        return "".join(options[place] for options, place in zip(self.slots, self.choice, strict=True))

    @property
    def messages(self) -> list[Message]:
        """The whole dialogue."""
        return [*self.prompt, Message(role="assistant", content=self.lead + self.secret)]

    @property
    def number(self) -> int:
        """Place of the secret among ``candidates``."""
        place = 0
        for options, chosen in zip(self.slots, self.choice, strict=True):
            place = place * len(options) + chosen
        return place

    def candidates(self) -> list[str]:
        """Return every secret that could have been drawn, the drawn one among them."""
        return ["".join(parts) for parts in itertools.product(*self.slots)]

    def rows(self) -> Iterator[Conversation]:
        """Yield the rows to plant."""
        for copy in range(self.repetitions):
            yield Conversation(
                id=f"{self.id}-{copy}", person_id=self.id, messages=self.messages, source=CANARY_SOURCE, meta={"canary": self.kind}
            )


def is_canary(row: Conversation) -> bool:
    """Say whether a row was planted."""
    return row.source == CANARY_SOURCE


def write_canaries(directory: Path, canaries: Sequence[Canary]) -> None:
    """Write ``canaries.jsonl``; empty where nothing was planted."""
    write_rows(directory / CANARIES_FILE, canaries)


def read_canaries(artifact: Any) -> tuple[list[Canary], Manifest]:
    """Open an input artifact; see ``artifacts.open_sealed`` for its errors."""
    directory, manifest = open_sealed(artifact, CANARIES_SCHEMA)
    return list(read_rows(directory / CANARIES_FILE, Canary)), manifest
