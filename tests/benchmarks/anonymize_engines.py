"""The stage's own path, with the engines that are installed: find, propagate, write, check."""

import functools
import importlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from components.anonymize.detector import Detector, UnionDetector
from components.anonymize.finding import RowSpans, find_person
from components.anonymize.policy import Policy
from components.anonymize.rules import RuleDetector
from components.shared.records import Conversation, Message

ENGINES = ("rules", "morphology", "neural")
_PLACES = {
    "morphology": ("components.anonymize.morphology", "MorphologyDetector"),
    "neural": ("components.anonymize.neural.detector", "NeuralDetector"),
}
_ANSWER = Message(role="assistant", content="Okay.")
_BATCH = 8


@dataclass(frozen=True)
class Setup:
    """What a run measures."""

    engines: tuple[str, ...]
    """Those that were asked for and can be loaded."""
    missing: tuple[str, ...]
    quick: bool
    workers: int
    show_misses: bool
    data: Path
    """Folder of the shared data sets."""

    def amount(self, full: int) -> int:
        """Return how many of something to do: a tenth in a quick run."""
        return max(1, full // 10) if self.quick else full


def installed(names: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Say which of the engines can be loaded here, and which cannot."""
    there, missing = [], []
    for name in names:
        try:
            _load(name)
        except (ImportError, FileNotFoundError):
            missing.append(name)
        else:
            there.append(name)
    return tuple(there), tuple(missing)


@functools.cache
def detector(engines: tuple[str, ...]) -> UnionDetector:
    """Return the engines as one, loaded once a process."""
    return UnionDetector([_load(name) for name in engines])


@functools.cache
def policy(name: str) -> Policy:
    """Return a shipped policy."""
    return Policy.load(name)


def spans_of_turns(turns: Sequence[str], engines: tuple[str, ...], policy_name: str) -> RowSpans:
    """Find in the turns of one conversation (or in one text), propagation included."""
    messages = [Message(role=("user", "assistant")[number % 2], content=turn) for number, turn in enumerate(turns)]
    if len(messages) == 1:
        messages.append(_ANSWER)
    row = Conversation(id="benchmark", person_id="benchmark", messages=messages, source="benchmark")
    return find_person([row], detector(engines), policy(policy_name))[0][: len(turns)]


def spans_of_many(conversations: Sequence[Sequence[str]], setup: Setup, policy_name: str) -> list[RowSpans]:
    """Find in many conversations, in several processes; the order is kept."""
    work = functools.partial(spans_of_turns, engines=setup.engines, policy_name=policy_name)
    return parallel(work, conversations, setup.workers)


def parallel(work: Callable[[Any], Any], items: Sequence[Any], workers: int) -> list[Any]:
    """Map in processes that stay for the next call, because engines take seconds to load; each runs on one thread."""
    if workers == 1 or len(items) < 2 * _BATCH:
        return [work(item) for item in items]
    return list(_pool(workers).map(work, items, chunksize=_BATCH))


@functools.cache
def _pool(workers: int) -> ProcessPoolExecutor:
    os.environ["OMP_NUM_THREADS"] = "1"  # for the children, which load their numerical libraries anew
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def shared_conversations(path: Path) -> list[list[Message]]:
    """Read a conversational set of the shared data; empty turns are left out."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [[Message(**message) for message in row["messages"] if message["content"].strip()] for row in rows]


def _load(name: str) -> Detector:
    if name == "rules":
        return RuleDetector()
    module, attribute = _PLACES[name]
    made: Detector = getattr(importlib.import_module(module), attribute)()
    return made
