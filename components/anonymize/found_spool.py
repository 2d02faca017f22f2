"""What the first pass found, person by person, in a file that outlives a killed attempt; it holds offsets, types and hashes, never text."""

import json
from collections.abc import Iterator
from pathlib import Path

from components.anonymize.passes import FoundPerson


class FoundSpool:
    """A file of one JSON line a person, in the order of the people."""

    def __init__(self, path: Path) -> None:
        """Open it; what an earlier attempt wrote whole is kept, a line that a kill cut short goes."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.done = 0
        if path.is_file():
            with path.open("rb+") as file:
                whole = 0
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    whole += len(line)
                    self.done += 1
                file.truncate(whole)
        self._file = path.open("a", encoding="utf-8")

    def add(self, found: list[FoundPerson]) -> None:
        """Append what was found of some people; it is on disk when this returns."""
        self._file.writelines(json.dumps(person) + "\n" for person in found)
        self._file.flush()
        self.done += len(found)

    def read(self) -> Iterator[FoundPerson]:
        """Yield the people in order."""
        with self._path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)

    def remove(self) -> None:
        """Close and delete the file."""
        self._file.close()
        self._path.unlink()
