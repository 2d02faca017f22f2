"""Plain general-language prose: one set for the forgetting check, another, disjoint one for pretraining.

A passage of the bank is a row of sentence slots with whole-sentence alternatives; a document draws one alternative per
slot. The two sets are drawn from different banks, so they share no sentence.
"""

import random
from itertools import count
from typing import Any, Literal

from components.builtin.samples.phrasebook import PHRASES, choose

TARGET_BYTES = 92_000


def read_passages(part: str) -> dict[str, list[list[str]]]:
    """Passage key to its sentence slots, each a list of alternatives."""
    passages: dict[str, list[list[str]]] = {}
    slots: list[list[str]] = []
    for line in (PHRASES / "general" / f"{part}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            slots = passages.setdefault(line[3:], [])
        elif line.strip() and not line.startswith("#"):
            slots.append([sentence.strip() for sentence in line.split("||")])
    return passages


def make_general_text(part: Literal["evaluation", "train"]) -> list[dict[str, Any]]:
    """Rows ``{id, text, source}`` with about ``TARGET_BYTES`` bytes of text, no two texts equal."""
    rng = random.Random(f"attune-samples/general/{part}")
    passages = read_passages(part)
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    size = 0
    for index in count():
        if size >= TARGET_BYTES:
            return rows
        key = list(passages)[index % len(passages)]
        sentences = [choose(rng, rng.choice(slot)) for slot in passages[key]]
        text = " ".join(sentences)
        if text in seen:
            continue
        seen.add(text)
        size += len(text.encode())
        rows.append({"id": f"g-{part}-{len(rows) + 1:03d}", "text": text, "source": "attune-samples"})
    raise AssertionError("unreachable: count() has no end")
