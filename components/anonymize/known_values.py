"""Names and other values that the owner of the data already knows: staff, clients, clinics. They are matched exactly and inflected."""

import csv
import io
from collections.abc import Sequence

from components.anonymize.entities import Mentions, Value, forms
from components.anonymize.spans import TYPES, Span, merge
from components.shared import storage
from components.shared.errors import ContractError
from components.shared.languages import detect


class KnownValuesDetector:
    """Finds the values of a list in any case, any inflection, whole or (names) by their parts.

    A value that is also an ordinary word ("Hope") counts wherever it has a capital, at the head of a sentence, too: the owner knows that
    such a person exists.
    """

    name = "known"

    def __init__(self, values: Sequence[Value]) -> None:
        self._mentions = Mentions(forms(values), self.name, any_capital=True)

    def find(self, turns: Sequence[str]) -> list[list[Span]]:
        """Return the mentions in each turn."""
        return [merge(self._mentions.find(turn)) for turn in turns]


def read_known_values(uri: str) -> list[Value]:
    """Read a CSV file of ``value`` or ``value,type`` lines (UTF-8; type PERSON when left out; lines with # are comments).

    Raises:
        ContractError: it cannot be read, is empty, or names an unknown type (the line's number is named, never its text).
    """
    with storage.open_binary(uri) as file:
        try:
            text = file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ContractError(f"{uri}: not UTF-8; save the list of known values as UTF-8") from None
    values = []
    for number, cells in enumerate(csv.reader(io.StringIO(text)), start=1):
        if not cells or not cells[0].strip() or cells[0].startswith("#"):
            continue
        kind = cells[1].strip().upper() if len(cells) > 1 and cells[1].strip() else "PERSON"
        if kind not in TYPES:
            raise ContractError(f"{uri}, line {number}: the second cell is no known type; known: {', '.join(TYPES)}")
        values.append(Value(kind, cells[0].strip(), detect(cells[0]).language or ("uz" if cells[0].isascii() else "ru")))
    if not values:
        raise ContractError(f"{uri}: no value in it; give one name a line, or leave data.known_values empty")
    return values
