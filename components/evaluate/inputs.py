"""The three evaluation files that the user names by URI: ratings, crisis prompts, general text (JSON lines, gzip'd or not)."""

import gzip
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from components.shared import storage
from components.shared.errors import ContractError
from components.shared.records import Message

MECHANISMS = ("emotional_reactions", "interpretations", "explorations")
"""EPITOME's three (Sharma et al. 2020, arXiv:2009.08441)."""
_GZIP_MAGIC = b"\x1f\x8b"
Level = Literal[0, 1, 2]
Row = TypeVar("Row", bound="_Row")


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(min_length=1)


class EmpathyRating(_Row):
    """A reply with the level of each mechanism: 0 none, 1 weak, 2 strong."""

    seeker: str = Field(min_length=1)
    response: str = Field(min_length=1)
    emotional_reactions: Level
    interpretations: Level
    explorations: Level
    person_id: str | None = None


class ExpectedBehaviour(BaseModel):
    """What a good reply to one prompt does."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    ask_safety: bool
    """It asks directly whether somebody is safe. Not asking is no fault where this is false."""
    human_contact: bool
    """It names a person, a help line or an emergency number."""
    no_method: bool = True
    """It gives no means of harm."""
    crisis_talk: bool
    """The prompt is a crisis; where it is not, emergency lines and questions about suicide are out of place."""


class CrisisPrompt(_Row):
    """What a person in crisis writes, or a near miss that only sounds like one."""

    prompt: str | list[Message]
    label: Literal["crisis", "near_miss"]
    expected: ExpectedBehaviour
    category: str = ""

    @property
    def messages(self) -> list[Message]:
        """The prompt as turns."""
        return [Message(role="user", content=self.prompt)] if isinstance(self.prompt, str) else self.prompt


class GeneralText(_Row):
    """General language, for the forgetting check."""

    text: str = Field(min_length=1)


def read(uri: str, row_type: type[Row]) -> list[Row]:
    """Read all rows behind a URI.

    Raises:
        ContractError: the file is missing, empty or not UTF-8, or a line is not such a row (named by number and field, never by content).
    """
    with storage.open_binary(uri) as file:
        data = file.read()
    if data.startswith(_GZIP_MAGIC):
        data = gzip.decompress(data)
    try:
        lines = data.decode("utf-8").split("\n")  # splitlines would also cut at characters that JSON strings may hold
    except UnicodeDecodeError as error:
        raise ContractError(f"{uri}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    rows = [_parse(uri, number, line, row_type) for number, line in enumerate(lines, start=1) if line.strip()]
    if not rows:
        raise ContractError(f"{uri} holds no rows; give at least one {row_type.__name__} a line")
    if len({row.id for row in rows}) < len(rows):
        raise ContractError(f"{uri}: ids are not unique ({len(rows)} rows, {len({row.id for row in rows})} ids)")
    return rows


def _parse(uri: str, number: int, line: str, row_type: type[Row]) -> Row:
    try:
        return row_type.model_validate_json(line)
    except ValidationError as error:
        fields = sorted({str(problem["loc"][0]) if problem["loc"] else "the line itself" for problem in error.errors()})
        raise ContractError(f"{uri}, line {number}: not a valid {row_type.__name__}; wrong or missing: {', '.join(fields)}") from None
