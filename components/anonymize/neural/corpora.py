"""Public texts that the head may learn from: TAB (MIT), presidio-research (MIT), counsel-chat (MIT), hh-rlhf (MIT), PAIR (Apache-2.0).

The first two are labelled. The others are ordinary turns, taken as holding nothing personal where they look ordinary. Sets under
non-commercial licences are never read here.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.anonymize.neural.identities import Identities
from components.anonymize.neural.training_text import LabelledText, Labels, lowered, plant, written_by_hand

FILES = (
    "tab/pii.train.jsonl", "presidio-research/pii.jsonl", "counsel-chat/conversations.jsonl", "hh-rlhf/preferences.jsonl",
    "pair/preferences.jsonl",
)  # fmt: skip
"""What is read, below the folder of the data."""

_TAB = {"PERSON": "PERSON", "CODE": "ID", "LOC": "LOCATION", "ORG": "ORGANIZATION", "DATETIME": "DATE", "DEM": "DEMOGRAPHIC",
"QUANTITY": "QUANTITY", "MISC": "EVENT"}  # fmt: skip
_PRESIDIO = {
    "PERSON": "PERSON", "STREET_ADDRESS": "ADDRESS", "GPE": "LOCATION", "ORGANIZATION": "ORGANIZATION", "CREDIT_CARD": "ID",
    "DATE_TIME": "DATE",
    "PHONE_NUMBER": "PHONE", "AGE": "AGE", "EMAIL_ADDRESS": "EMAIL", "ZIP_CODE": "ADDRESS", "DOMAIN_NAME": "URL", "IBAN_CODE": "ID",
    "US_SSN": "ID",
    "IP_ADDRESS": "ID", "US_DRIVER_LICENSE": "ID",
}  # fmt: skip
"""Titles and nationalities of presidio-research are no labels here: whether they tell anything depends on the text."""


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def court_cases(folder: Path) -> list[LabelledText]:
    """Read the TAB training documents: what an annotator wanted masked."""
    items = []
    for row in _rows(folder / "tab/pii.train.jsonl"):
        labels = [
            (span["start"], span["end"], _TAB[span["type"]]) for span in row["spans"] if span.get("identifier_type") in ("DIRECT", "QUASI")
        ]
        items.append(LabelledText(row["text"], sorted(labels), weight=2.0))
    return items


def generated_sentences(folder: Path) -> list[LabelledText]:
    """Read the sentences of presidio-research, each as it is and in lower case."""
    items = []
    for row in _rows(folder / "presidio-research/pii.jsonl"):
        labels: Labels = [(span["start"], span["end"], _PRESIDIO[span["type"]]) for span in row["spans"] if span["type"] in _PRESIDIO]
        ignored: Labels = [(span["start"], span["end"], span["type"]) for span in row["spans"] if span["type"] not in _PRESIDIO]
        item = LabelledText(row["text"], sorted(labels), ignored)
        items += [item, lowered(item)]
    return items


def ordinary_turns(folder: Path, seed: int, characters: int, planted: float) -> Iterator[LabelledText]:
    """Read turns of counselling and of chat; a part gets invented identities planted, all vary in case and spelling.

    Args:
        folder: Of the data.
        seed: Of choice and planting.
        characters: Characters to take, a third of each set.
        planted: Share of turns with invented identities.
    """
    identities = Identities(seed)
    for name in FILES[2:]:
        turns = sorted({turn for row in _rows(folder / name) for turn in _turns(row) if turn.strip()})
        identities.random.shuffle(turns)
        taken = 0
        for turn in turns:
            if taken > characters / 3:
                break
            taken += len(turn)
            text = turn[:1500]
            item = plant(text, identities) if identities.random.random() < planted else LabelledText(text, noisy=True)
            yield written_by_hand(item, identities.random, 0.35)


def _turns(row: dict[str, Any]) -> Iterator[str]:
    for part in ("messages", "prompt", "chosen"):
        yield from (message["content"] for message in row.get(part, []))
