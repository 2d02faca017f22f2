"""Reading rows person by person from files that are in another order, and writing them back in theirs.

Memory holds a few numbers for each row, never the rows themselves: texts are read again when their person's turn comes.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components.shared.errors import ContractError


@dataclass(frozen=True)
class Place:
    """Where a row stands."""

    file: int
    """Index of the input file."""
    line: int
    """Number of the row, from 1."""
    offset: int
    """First byte."""


def index_people(paths: list[Path]) -> dict[str, list[Place]]:
    """Return the rows of each person, people in order of first appearance, rows in file order.

    Raises:
        ContractError: a file is missing or a line is no JSON object with a ``person_id``.
    """
    people: dict[str, list[Place]] = defaultdict(list)
    for number, path in enumerate(paths):
        if not path.is_file():
            raise ContractError(f"{path} is missing; the artifact is not complete, run validate_data again")
        with path.open("rb") as file:
            offset = 0
            for line, content in enumerate(file, start=1):
                people[_person(content, path, line)].append(Place(number, line, offset))
                offset += len(content)
    return dict(people)


class RowReader:
    """Reads single lines by their byte offset."""

    def __init__(self, paths: list[Path]) -> None:
        self._files = [path.open("rb") for path in paths]

    def read(self, place: Place) -> bytes:
        """Return the line at a place."""
        file = self._files[place.file]
        file.seek(place.offset)
        return file.readline()

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()


class Spool:
    """Takes rows in any order and gives them back in the order of their line numbers."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w+b")
        self._places: list[tuple[int, int]] = []
        self._size = 0

    def add(self, line: int, content: bytes) -> None:
        """Keep a row."""
        self._places.append((line, self._size))
        self._file.write(content + b"\n")
        self._size += len(content) + 1

    def in_order(self) -> Iterator[bytes]:
        """Yield the rows in the order of their line numbers."""
        for _, offset in sorted(self._places):
            self._file.seek(offset)
            yield self._file.readline()

    def __len__(self) -> int:
        return len(self._places)

    def remove(self) -> None:
        """Close and delete the file."""
        self._file.close()
        self._path.unlink()


def _person(content: bytes, path: Path, line: int) -> str:
    try:
        person = json.loads(content)["person_id"]
    except (ValueError, KeyError, TypeError):
        person = None
    if not isinstance(person, str):
        raise ContractError(f"{path}, line {line}: no JSON object with a person_id; run validate_data on the raw file first") from None
    return person
