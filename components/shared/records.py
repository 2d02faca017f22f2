"""Row schemas: TRL's standard conversational formats plus identity.

A conversation is a list of messages with alternating roles; a preference pair is a prompt with a chosen and a rejected reply.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from components.shared.errors import ContractError

Row = TypeVar("Row", bound=BaseModel)
Role = Literal["system", "user", "assistant"]


class Message(BaseModel):
    """One turn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    content: str = Field(min_length=1)


class Conversation(BaseModel):
    """A dialogue between a person (user) and a supporter (assistant)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1)
    person_id: str = Field(min_length=1)
    messages: list[Message] = Field(min_length=2)
    source: str = "unknown"
    meta: dict[str, Any] = Field(default_factory=dict)


class PreferencePair(BaseModel):
    """A prompt (ends with the user) and two replies, the first preferred by a human judge."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1)
    person_id: str = Field(min_length=1)
    prompt: list[Message] = Field(min_length=1)
    chosen: list[Message] = Field(min_length=1, max_length=1)
    rejected: list[Message] = Field(min_length=1, max_length=1)
    source: str = "unknown"
    meta: dict[str, Any] = Field(default_factory=dict)


def write_rows(path: Path, rows: Iterable[BaseModel | dict[str, Any]]) -> int:
    """Write one JSON object a line (UTF-8) and return their number."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            document = row.model_dump(mode="json") if isinstance(row, BaseModel) else row
            file.write(json.dumps(document, ensure_ascii=False) + "\n")
            count += 1
    return count


def read_rows(path: Path, row_type: type[Row]) -> Iterator[Row]:
    """Read rows that an earlier stage wrote. Raw user files go through validate_data's reader instead.

    Raises:
        ContractError: the file is missing, or a line is not such a row (named by number, never by content).
    """
    if not path.is_file():
        raise ContractError(f"{path} is missing; the artifact is not complete, run the stage that writes it again")
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield row_type.model_validate_json(line)
            except ValueError:
                raise ContractError(f"{path}, line {number}: not a valid {row_type.__name__}") from None
