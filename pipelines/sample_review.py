"""A clinician's sample of finished turns, and the recall bound that their answers give.

The random half is what the bound is computed from: identifiers that the stage replaced there against those that the reviewer still sees,
Clopper-Pearson (1934). The uncertain half looks where misses are likeliest; its count is reported beside it and never mixed in.
"""

import csv
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from components.shared.artifacts import open_sealed
from components.shared.dataset_splits import CONVERSATIONS_FILE, CONVERSATIONS_SCHEMA
from components.shared.errors import ContractError

REVIEW_FILE = "review.jsonl"
COLUMNS = ("sample", "row", "turn", "replaced", "text", "left")
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Turn:
    """One finished turn to look at."""

    row: str
    turn: int
    doubt: float
    replaced: int
    text: str


@dataclass(frozen=True)
class Bound:
    """What a filled-in sample says."""

    turns: int
    replaced: int
    left: int
    recall: float
    recall_lower: float
    """Lower end of the one-sided 95 % Clopper-Pearson interval."""
    uncertain_turns: int
    uncertain_left: int


def write_sample(artifact: Path, output: Path, *, number: int = 50, seed: int = 0) -> int:
    """Write ``number`` random and the ``number`` least certain turns as CSV for a reviewer; return how many there are.

    Args:
        artifact: the anonymized_conversations artifact of a run.
        output: CSV file; the reviewer fills in ``left``, the number of identifiers that they still see in the turn.
        number: of turns of each half.
        seed: of the random half.

    Raises:
        ContractError: it is no such artifact, or has no facts for a review.
    """
    turns = list(_turns(artifact))
    chosen = random.Random(seed).sample(turns, min(number, len(turns)))
    rest = sorted((turn for turn in turns if turn not in set(chosen)), key=lambda turn: (-turn.doubt, turn.row, turn.turn))
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for sample, selected in (("random", chosen), ("uncertain", rest[:number])):
            writer.writerows([sample, turn.row, turn.turn, turn.replaced, turn.text, ""] for turn in selected)
    return len(chosen) + len(rest[:number])


def read_answers(path: Path) -> Bound:
    """Turn a filled-in sample into a bound.

    Raises:
        ContractError: a column is missing, or an answer is not a whole number.
    """
    from components.shared.statistics import clopper_pearson  # scipy, which the other commands need not wait for

    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    missing = set(COLUMNS) - set(rows[0] if rows else ())
    if missing:
        raise ContractError(f"{path}: columns {', '.join(sorted(missing))} are missing; give the file that `attune sample-review` wrote")
    counted = {sample: list(_counts(path, rows, sample)) for sample in ("random", "uncertain")}
    replaced, left = (sum(pair[index] for pair in counted["random"]) for index in (0, 1))
    total = replaced + left
    lower = clopper_pearson(replaced, total, _CONFIDENCE).lower_bound if replaced else 0.0
    return Bound(
        turns=len(counted["random"]),
        replaced=replaced,
        left=left,
        recall=replaced / total if total else 1.0,
        recall_lower=lower,
        uncertain_turns=len(counted["uncertain"]),
        uncertain_left=sum(pair[1] for pair in counted["uncertain"]),
    )


def _counts(path: Path, rows: Iterable[dict[str, str]], sample: str) -> Iterator[tuple[int, int]]:
    for number, row in enumerate(rows, start=2):
        if row["sample"] != sample:
            continue
        if not row["left"].strip().isdigit():
            raise ContractError(f"{path}, line {number}: column left wants a whole number (0 when nothing is left)")
        yield int(row["replaced"]), int(row["left"])


def _turns(artifact: Path) -> Iterator[Turn]:
    directory, _ = open_sealed(artifact, CONVERSATIONS_SCHEMA)
    if not (directory / REVIEW_FILE).is_file():
        raise ContractError(f"{directory} has no {REVIEW_FILE}; give the output anonymized_conversations of the anonymize stage")
    with (directory / CONVERSATIONS_FILE).open(encoding="utf-8") as rows, (directory / REVIEW_FILE).open(encoding="utf-8") as facts:
        for line, fact in zip(rows, facts, strict=True):
            row, review = json.loads(line), json.loads(fact)
            for number, message in enumerate(row["messages"]):
                yield Turn(row["id"], number, review["doubts"][number], review["replaced"][number], message["content"])
