"""What the neural detector finds and costs, alone and beside the rules: ``python -m tests.benchmarks.neural_detector --data DIR``.

Development sets only: the 16 marked documents of TAB's test part and 75 posts of SPIA. Prints counts, never text.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from components.anonymize.detector import Detector, UnionDetector
from components.anonymize.neural.detector import NeuralDetector
from components.anonymize.rules import RuleDetector
from tests.benchmarks.deid_metrics import Range, Share, masked_fraction, spia_scores, tab_scores

ORDINARY = ("esconv/conversations.valid.jsonl", "annomi/conversations.jsonl", "counsel-chat/conversations.jsonl")
"""Real counselling, only measured here; the first two are never trained on."""


def rows(path: Path) -> list[dict[str, Any]]:
    """Read JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def masks(engine: Detector, texts: Sequence[str]) -> list[list[Range]]:
    """Return the ranges that an engine finds in texts, each taken as a document of its own."""
    return [[(span.start, span.end) for span in engine.find([text])[0]] for text in texts]


def shown(share: Share) -> str:
    """Write a share with its counts."""
    return f"{share.value:.3f} ({share.hits}/{share.total})"


def main() -> None:
    """Print all scores."""
    parser = argparse.ArgumentParser(description="Scores of the neural detector.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=600, help="turns of each set of counselling")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cases = [row for row in rows(arguments.data / "tab/pii.jsonl") if row["meta"]["marks"] == "one annotator"]
    posts = rows(arguments.data / "spia/pii.jsonl")
    neural = NeuralDetector()
    engines: list[Detector] = [neural, UnionDetector([RuleDetector(), neural])]
    ordinary = {
        name.split("/")[0]: [message["content"] for row in rows(arguments.data / name) for message in row["messages"]][: arguments.turns]
        for name in ORDINARY
    }
    started = time.process_time()
    for turns in ordinary.values():
        neural.find(turns)
    characters = sum(len(turn) for turns in ordinary.values() for turn in turns)
    print(f"speed on counselling turns: {characters / (time.process_time() - started):,.0f} characters per CPU second")  # noqa: T201
    for engine in engines:
        tab = tab_scores(cases, masks(engine, [row["text"] for row in cases]))
        print(f"{engine.name}: TAB direct {shown(tab.direct)}, quasi {shown(tab.quasi)}, precision {shown(tab.precision)}")  # noqa: T201
        spia = spia_scores(posts, masks(engine, [row["text"] for row in posts]))
        print(f"{engine.name}: SPIA direct {shown(spia.direct)}, touched {shown(spia.touched)}, quasi {shown(spia.quasi)}")  # noqa: T201
        for name, turns in ordinary.items():
            print(f"{engine.name}: {100 * masked_fraction(turns, masks(engine, turns)):.2f} % of {name} masked")  # noqa: T201


if __name__ == "__main__":
    main()
