"""Writes the sample data: ``python -m components.builtin.samples.build [--output FOLDER]``.

The same code writes the same bytes: every generator has its own fixed seed, and gzip headers carry no time and no name.
"""

import argparse
import gzip
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from components.builtin.samples.crisis import make_crisis_prompts
from components.builtin.samples.dialogues import make_conversations
from components.builtin.samples.empathy import make_empathy_ratings
from components.builtin.samples.general_text import make_general_text
from components.builtin.samples.people import make_people
from components.builtin.samples.preferences import make_preferences

FOLDER = Path(__file__).parent


def encode(rows: Iterable[Mapping[str, Any]], compress: bool) -> bytes:
    """JSON lines in UTF-8, gzip'd without a time stamp if asked."""
    plain = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    if not compress:
        return plain
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=9, mtime=0) as file:
        file.write(plain)
    return buffer.getvalue()


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a sample file, compressed or not."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return [json.loads(line) for line in text.splitlines()]


def make_files() -> dict[str, bytes]:
    """File name to content, for every sample file."""
    people = make_people()
    tables = {
        "conversations.jsonl.gz": make_conversations(people),
        "preferences.jsonl.gz": make_preferences(people),
        "empathy_ratings.jsonl.gz": make_empathy_ratings(),
        "crisis_prompts.jsonl": make_crisis_prompts(),
        "general_text.jsonl": make_general_text("evaluation"),
        "general_text_train.jsonl": make_general_text("train"),
    }
    return {name: encode(rows, name.endswith(".gz")) for name, rows in tables.items()}


def main() -> None:
    """Command line entry point."""
    parser = argparse.ArgumentParser(description="Write Attune's sample data.")
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder to write to (default: beside this module)")
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    for name, content in make_files().items():
        (output / name).write_bytes(content)
        print(f"{name}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
