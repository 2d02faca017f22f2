"""Raw rows from JSONL, JSONL.gz, Parquet and CSV, wherever fsspec reaches, digested while they are read.

JSONL and CSV are streamed. Parquet needs random access, so its bytes go through an unnamed temporary file once.
A row that cannot be read is yielded with its reason; a file that cannot be read is a ContractError.
"""

import csv
import gzip
import io
import json
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO

from components import builtin
from components.shared.errors import ContractError
from components.shared.storage import open_binary

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".jsonl.gz": "jsonl.gz", ".parquet": "parquet", ".csv": "csv"}
_JSON_CELLS = ("messages", "prompt", "chosen", "rejected", "meta")
_BATCH_ROWS = 512


@dataclass(frozen=True)
class RawRow:
    """One row as it stands in the file.

    Attributes:
        line: line number (JSONL, CSV) or row number (Parquet), from 1.
        value: the fields; None when the row could not be read.
        problem: the reason code when it could not.
    """

    line: int
    value: dict[str, Any] | None
    problem: str = ""


class RawFile:
    """A file of raw rows. Iterate it once; afterwards ``digest`` is the sha256 (hex) of all its bytes."""

    def __init__(self, uri: str, max_row_bytes: int) -> None:
        """Find out the format from the name.

        Raises:
            ContractError: the name ends with none of the known formats.
        """
        self.uri = uri
        self.name = file_name(uri)
        self.format = _format_of(uri, self.name)
        self.digest = ""
        self._max_row_bytes = max_row_bytes

    def __iter__(self) -> Iterator[RawRow]:
        """Yield the rows.

        Raises:
            ContractError: the file is missing, damaged, or not what its name says.
        """
        with open_binary(self.uri) as source:
            stream = _Digesting(source)
            buffered = io.BufferedReader(stream, buffer_size=1 << 20)
            yield from self._rows(buffered)
            while buffered.read(1 << 20):
                pass  # a reader may stop before the last byte; the digest may not
            self.digest = stream.hasher.hexdigest()

    def _rows(self, buffered: IO[bytes]) -> Iterator[RawRow]:
        if self.format == "csv":
            yield from _csv_rows(buffered, self.uri, self._max_row_bytes)
        elif self.format == "parquet":
            yield from _parquet_rows(buffered, self.uri)
        elif self.format == "jsonl.gz":
            try:
                with gzip.GzipFile(fileobj=buffered, mode="rb") as plain:
                    yield from _jsonl_rows(plain, self._max_row_bytes)
            except (EOFError, gzip.BadGzipFile, zlib.error):
                raise ContractError(f"{self.uri}: the gzip stream is damaged or cut off; write or upload the file again") from None
        else:
            yield from _jsonl_rows(buffered, self._max_row_bytes)


class _Digesting(io.RawIOBase):
    """Passes bytes on and digests them."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.hasher = sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(len(buffer))
        self.hasher.update(data)
        buffer[: len(data)] = data
        return len(data)


def file_name(uri: str) -> str:
    """Return the last part of a URI: what a built-in resource is called on disk, without query or fragment."""
    path = str(builtin.resolve(uri)) if uri.startswith(builtin.PREFIX) else uri
    return PurePosixPath(path.partition("?")[0]).name


def _format_of(uri: str, name: str) -> str:
    for suffix, kind in FORMATS.items():
        if name.lower().endswith(suffix):
            return kind
    raise ContractError(f"{uri}: unknown format; the name must end with one of {', '.join(FORMATS)}")


_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def _jsonl_rows(file: IO[bytes] | gzip.GzipFile, max_row_bytes: int) -> Iterator[RawRow]:
    number = 0
    while line := file.readline(max_row_bytes + 1 + len(_BYTE_ORDER_MARK)):
        number += 1
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if len(line) > max_row_bytes:
            while line and not line.endswith(b"\n"):
                line = file.readline(max_row_bytes)
            yield RawRow(number, None, "ROW_TOO_LONG")
        elif line.strip():
            yield _parse(number, line)


def _parse(number: int, line: bytes) -> RawRow:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return RawRow(number, None, "WRONG_ENCODING")
    except (ValueError, RecursionError):
        return RawRow(number, None, "INVALID_JSON")
    return RawRow(number, value) if isinstance(value, dict) else RawRow(number, None, "NOT_AN_OBJECT")


def _csv_rows(buffered: IO[bytes], uri: str, max_row_bytes: int) -> Iterator[RawRow]:
    # Undecodable bytes become lone surrogates, which the row checks report as WRONG_ENCODING with the row they are in.
    text = io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape", newline="")
    csv.field_size_limit(max_row_bytes)
    reader = csv.reader(text, strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            if header is None:
                header = _csv_header(cells, uri)
            elif cells:
                yield _csv_row(line, header, cells)
            line = reader.line_num + 1
    except csv.Error:
        raise ContractError(f"{uri}, line {line}: not readable as CSV (an open quote, or a cell beyond max_row_bytes)") from None
    finally:
        text.detach()  # the caller reads on for the digest


def _csv_header(cells: list[str], uri: str) -> list[str]:
    if not {"messages", "prompt"} & set(cells):  # the cells may be a row of data: they are not shown
        raise ContractError(f"{uri}: line 1 must name the columns: id, messages (conversations) or id, prompt, chosen, rejected (pairs)")
    return cells


def _csv_row(line: int, header: list[str], cells: list[str]) -> RawRow:
    if len(cells) > len(header):
        return RawRow(line, None, "WRONG_COLUMN_COUNT")
    value: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=False):
        if name in _JSON_CELLS and cell.lstrip()[:1] in ("[", "{"):
            try:
                value[name] = json.loads(cell)
            except (ValueError, RecursionError):
                return RawRow(line, None, "INVALID_JSON")
        elif cell:
            value[name] = cell
    return RawRow(line, value)


def _parquet_rows(buffered: IO[bytes], uri: str) -> Iterator[RawRow]:
    import pyarrow  # 0.4 s, and only Parquet needs it
    import pyarrow.parquet

    with tempfile.TemporaryFile() as spool:
        while chunk := buffered.read(1 << 20):
            spool.write(chunk)
        try:
            file = pyarrow.parquet.ParquetFile(spool)
            number = 0
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for index in range(batch.num_rows):
                    number += 1
                    yield _parquet_row(number, batch.slice(index, 1))
        except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError):
            raise ContractError(f"{uri}: not a readable Parquet file; write or upload it again") from None


def _parquet_row(number: int, batch: Any) -> RawRow:
    try:
        return RawRow(number, _without_nulls(batch.to_pylist()[0]))
    except UnicodeDecodeError:
        return RawRow(number, None, "WRONG_ENCODING")


def _without_nulls(value: Any) -> Any:
    # A Parquet struct has every field in every row; null is how it says that this row has none.
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
