# ruff: noqa: T201 - a benchmark prints, and imports Presidio only where it is compared
"""Speed of the rules engine against pattern-only Presidio, side by side in one process, and its linearity in the size of a text.

    .venv/bin/python -m tests.benchmarks.anonymize_speed [--repeats 5]

Presidio runs its stock English registry without a language model (``NoOpNlpEngine``). Both read the texts of presidio-research in the same
order, alternating, so that other load on the machine hits both alike; CPU time of this process, median of the repeats. Needs the shared
data (``ATTUNE_SHARED_DATA``) and the ``presidio`` extra. Prints numbers only, never a text.
"""

import argparse
import json
import logging
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from components.anonymize.rules import RuleDetector

TARGET = 0.9
"""Ratio of documents per CPU second that the rules engine must reach."""
GROWTH = 1.6
"""Cost of a character in the longest text against the shortest; 1 is perfectly linear, a quadratic engine reaches 16."""
_SIZES = (25_000, 100_000, 400_000)
_ADVERSARIAL = (
    "a",
    "1",
    "A ",
    "a@",
    "1-",
    "A.",
    "one ",
    "a.",
    "Ab 1, ",
    "my ",
    "Ann, ",
    "name is ",
    "a'",
    "é",
    "(",
    " ",
    "1 Ab ",
    "x_",
    "A1-",
    ":",
    "\n",
)
_ADVERSARIAL_SIZE = 100_000


def main() -> int:
    """Print the numbers; 1 where a target is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeats", type=int, default=5, help="runs of each engine, at least 3")
    repeats = max(3, arguments.parse_args().repeats)
    texts = _texts()
    ratio = _compare(texts, repeats)
    growth = _linearity(texts)
    print(f"peak memory of this process, Presidio included: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    return int(ratio < TARGET or growth > GROWTH)


def _texts() -> list[str]:
    root = Path(os.environ.get("ATTUNE_SHARED_DATA", "../shared/data"))
    file = root / "presidio-research" / "pii.jsonl"
    if not file.is_file():
        sys.exit(f"{file} is missing; set ATTUNE_SHARED_DATA to the folder of the shared data")
    return [json.loads(line)["text"] for line in file.read_text(encoding="utf-8").splitlines()]


def _presidio() -> Callable[[str], object]:
    logging.disable(logging.CRITICAL)
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NoOpNlpEngine

    from components.anonymize import presidio as _  # noqa: F401 - keeps torch out and Presidio off the network

    engine = NoOpNlpEngine(models=[{"lang_code": "en", "model_name": "none"}])
    engine.load()
    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=engine)
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])
    return lambda text: analyzer.analyze(text, language="en")


def _compare(texts: Sequence[str], repeats: int) -> float:
    """Print documents per CPU second of both and return the median ratio of neighbouring runs."""
    detector = RuleDetector()
    engines = {"rules": lambda text: detector.find([text]), "presidio": _presidio()}
    for find in engines.values():
        _seconds(find, texts[:100])  # word lists, caches of patterns
    speeds: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(repeats):
        for name, find in engines.items():
            speeds[name].append(len(texts) / _seconds(find, texts))
    for name, runs in speeds.items():
        characters = statistics.median(runs) * sum(map(len, texts)) / len(texts)
        print(
            f"{name:9} {statistics.median(runs):8.0f} documents per CPU second ({min(runs):.0f}-{max(runs):.0f}), {characters:,.0f} chars"
        )
    ratio = statistics.median(ours / theirs for ours, theirs in zip(speeds["rules"], speeds["presidio"], strict=True))
    print(f"ratio {ratio:.2f}, wanted {TARGET} (n = {len(texts)} documents, {repeats} runs each)")
    return ratio


def _linearity(texts: Sequence[str]) -> float:
    """Print the cost of long texts and return how much dearer a character of the longest is than one of the shortest."""
    detector = RuleDetector()
    talk = "\n".join(texts)
    costs = []
    for size in _SIZES:
        text = (talk * (size // len(talk) + 1))[:size]
        seconds = min(_seconds(lambda whole: detector.find([whole]), [text]) for _ in range(3))
        costs.append(seconds / size)
        print(f"{size:9,} characters in one turn: {size / seconds:9,.0f} characters per CPU second")
    worst, slowest = 0.0, ""
    for pattern in _ADVERSARIAL:
        text = (pattern * (_ADVERSARIAL_SIZE // len(pattern) + 1))[:_ADVERSARIAL_SIZE]
        seconds = _seconds(lambda whole: detector.find([whole]), [text])
        if seconds > worst:
            worst, slowest = seconds, pattern
    print(f"hostile texts of {_ADVERSARIAL_SIZE:,} characters ({len(_ADVERSARIAL)}): at most {worst:.2f} s, for {slowest!r}")
    growth = costs[-1] / costs[0]
    print(f"cost of a character, longest against shortest text: {growth:.2f}, wanted at most {GROWTH}")
    return growth


def _seconds(find: Callable[[str], object], texts: Sequence[str]) -> float:
    start = time.process_time()
    for text in texts:
        find(text)
    return time.process_time() - start


if __name__ == "__main__":
    sys.exit(main())
