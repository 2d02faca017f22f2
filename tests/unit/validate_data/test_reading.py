"""Four formats give the same rows; damage is named by file and line; the digest covers every byte."""

import csv
import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import ContractError
from components.validate_data.reading import RawFile
from tests.object_store import object_store

ROWS: list[dict[str, Any]] = [
    {
        "id": "a",
        "messages": [{"role": "user", "content": 'naïve, 日本 "quoted"\nsecond line'}, {"role": "assistant", "content": "x"}],
        "meta": {"level": 2},
    },
    {"id": "b", "messages": [{"role": "user", "content": "y"}, {"role": "assistant", "content": "z"}], "person_id": "p1"},
]


def jsonl_bytes() -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()


def write_jsonl(folder: Path) -> Path:
    (folder / "rows.jsonl").write_bytes(jsonl_bytes())
    return folder / "rows.jsonl"


def write_gzip(folder: Path) -> Path:
    (folder / "rows.jsonl.gz").write_bytes(gzip.compress(jsonl_bytes()))
    return folder / "rows.jsonl.gz"


def write_csv(folder: Path) -> Path:
    columns = ["id", "messages", "meta", "person_id"]
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row in ROWS:
            writer.writerow({name: row[name] if name.endswith("id") else json.dumps(row[name]) for name in columns if name in row})
    return folder / "rows.csv"


def write_parquet(folder: Path) -> Path:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS, schema=parquet_schema()), folder / "rows.parquet")
    return folder / "rows.parquet"


def parquet_schema() -> Any:
    import pyarrow as pa

    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    meta = pa.struct([("level", pa.int64())])
    return pa.schema([("id", pa.string()), ("messages", pa.list_(message)), ("meta", meta), ("person_id", pa.string())])


@pytest.mark.parametrize("write", [write_jsonl, write_gzip, write_csv, write_parquet])
def test_every_format_gives_the_same_rows_and_the_digest_of_all_bytes(write: Callable[[Path], Path], tmp_path: Path):
    path = write(tmp_path)
    file = RawFile(str(path), 10_000)
    assert [row.value for row in file] == ROWS
    assert file.digest == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("write", [write_gzip, write_parquet])
def test_rows_come_from_s3_too(write: Callable[[Path], Path], tmp_path: Path):
    path = write(tmp_path)
    with object_store({path.name: path.read_bytes()}):
        file = RawFile(f"s3://data/{path.name}", 10_000)
        assert [row.value for row in file] == ROWS
    assert file.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_lines_that_cannot_be_read_are_named_by_number_and_reason(tmp_path: Path):
    lines = [b'\xef\xbb\xbf{"a": 1}', b"", b'{"a": ', b'{"a": "\xe9"}', b"[1]", b'{"a": "' + b"x" * 3000 + b'"}', b"[" * 2000, b'{"b": 2}']
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join(lines))
    rows = [(row.line, row.value, row.problem) for row in RawFile(str(tmp_path / "rows.jsonl"), 2500)]
    assert rows == [
        (1, {"a": 1}, ""),
        (3, None, "INVALID_JSON"),
        (4, None, "WRONG_ENCODING"),
        (5, None, "NOT_AN_OBJECT"),
        (6, None, "ROW_TOO_LONG"),
        (7, None, "INVALID_JSON"),
        (8, {"b": 2}, ""),
    ]


def test_a_gzip_stream_that_is_cut_off_is_refused_as_a_whole(tmp_path: Path):
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(jsonl_bytes())[:-12])
    with pytest.raises(ContractError, match=r"rows\.jsonl\.gz: the gzip stream is damaged"):
        list(RawFile(str(path), 10_000))
    path.write_bytes(jsonl_bytes())
    with pytest.raises(ContractError, match="damaged"):
        list(RawFile(str(path), 10_000))


def test_what_is_not_parquet_is_refused(tmp_path: Path):
    (tmp_path / "rows.parquet").write_bytes(jsonl_bytes())
    with pytest.raises(ContractError, match="not a readable Parquet file"):
        list(RawFile(str(tmp_path / "rows.parquet"), 10_000))


def test_csv_line_numbers_survive_line_breaks_in_cells(tmp_path: Path):
    (tmp_path / "rows.csv").write_bytes(b'id,prompt,chosen\n1,"two\nlines",x\n2,y,z,more\n3,"[1",x\n4,caf\xe9,x\n')
    rows = [(row.line, row.problem, row.value) for row in RawFile(str(tmp_path / "rows.csv"), 10_000)]
    assert rows[:3] == [
        (2, "", {"id": "1", "prompt": "two\nlines", "chosen": "x"}),
        (4, "WRONG_COLUMN_COUNT", None),
        (5, "INVALID_JSON", None),
    ]
    assert rows[3][0] == 6
    assert rows[3][2] is not None
    assert not rows[3][2]["prompt"].isprintable()  # a lone surrogate, which the row checks refuse


def test_a_csv_without_a_header_does_not_show_its_first_row(tmp_path: Path):
    (tmp_path / "rows.csv").write_text("1,my secret,x\n", encoding="utf-8")
    with pytest.raises(ContractError, match="line 1 must name the columns") as caught:
        list(RawFile(str(tmp_path / "rows.csv"), 10_000))
    assert "secret" not in str(caught.value)


def test_a_csv_with_an_open_quote_names_the_line(tmp_path: Path):
    (tmp_path / "rows.csv").write_text('id,prompt\n1,x\n2,"open', encoding="utf-8")
    with pytest.raises(ContractError, match=r"rows\.csv, line 3: not readable as CSV"):
        list(RawFile(str(tmp_path / "rows.csv"), 10_000))


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(ContractError, match=r"rows\.xlsx: unknown format.*\.jsonl.*\.parquet"):
        RawFile("rows.xlsx", 10_000)


def test_a_builtin_resource_has_the_format_of_its_file():
    assert RawFile("builtin:conversations", 10_000).format == "jsonl.gz"


@pytest.mark.parametrize("beyond", [-3, -2, -1, 0, 1, 2, 3, 4])
def test_a_byte_order_mark_never_cuts_the_first_line_in_two(tmp_path: Path, beyond: int) -> None:
    limit = 2048
    line = b'{"id": "' + b"a" * (limit + beyond - 10) + b'"}'
    assert len(line) == limit + beyond
    path = tmp_path / "raw.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + line + b'\n{"id": "b"}\n')
    rows = list(RawFile(str(path), limit))
    assert [row.line for row in rows] == [1, 2]
    assert rows[0].problem == ("ROW_TOO_LONG" if len(line) + 1 > limit else "")
