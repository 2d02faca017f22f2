"""The neural engine: finds personal data in English turns with the trained head."""

import copy
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch
from numpy.typing import NDArray

from components.anonymize import lexicon
from components.anonymize.neural import features, windows
from components.anonymize.neural.consistency import spread
from components.anonymize.neural.encoder import FrozenEncoder
from components.anonymize.neural.extents import whole
from components.anonymize.neural.head import CLASSES, load
from components.anonymize.spans import Span, merge
from components.shared.languages import detect
from components.shared.normalize import normalize

MEMORY = 4096
"""Turns whose probabilities are remembered: the second pass over an unchanged turn costs nothing."""

WORD_THRESHOLD = 0.3
"""Probability from which an ordinary word alone counts as a name, in every look: "Faith and hope" are mostly no people."""

_CYRILLIC = re.compile("[Ѐ-ӿ]")
_JOINTS = frozenset(" \t-._'/&,")


@dataclass(frozen=True)
class TurnProbabilities:
    """What the head says of the words of one turn."""

    words: list[tuple[int, int]]
    """Start and end (exclusive) of each word, in characters of the turn as it was given."""
    classes: NDArray[numpy.float32]
    """Probability of each class (see ``head.CLASSES``), shape (words, C)."""


_NOTHING = TurnProbabilities([], numpy.zeros((0, len(CLASSES)), dtype=numpy.float32))


class NeuralDetector:
    """Finds personal data in English; other languages are left to other engines.

    Args:
        threshold: Probability, 0-1, from which a word counts as personal whatever its type; unset: the thresholds that came with the head.

    Raises:
        encoder.EncoderMismatchError: When the installed encoder is not the one that the head was trained on.
    """

    name = "neural"

    def __init__(self, threshold: float | None = None) -> None:
        self._head, config = load(Path(__file__).parent)
        self._encoder = FrozenEncoder(config.layers)
        default = config.thresholds["default"]
        self._thresholds = numpy.array(
            [threshold if threshold is not None else config.thresholds.get(name, default) for name in CLASSES[1:]], dtype=numpy.float32
        )
        self._memory: OrderedDict[str, TurnProbabilities] = OrderedDict()

    def scaled(self, factor: float) -> "NeuralDetector":
        """Return the same detector with its thresholds times a factor; both share the weights and what they remember of turns."""
        other = copy.copy(self)
        other._thresholds = self._thresholds * numpy.float32(factor)
        return other

    def prepare(self, turns: Sequence[str]) -> None:
        """Compute many turns together, which fills the batches better than row by row, and remember them."""
        self.probabilities(turns)

    def find(self, turns: Sequence[str]) -> list[list[Span]]:
        """Return what the turns hold: disjoint spans in order, offsets into each turn as given, the score a probability."""
        found = self.probabilities(turns)
        words = [[turn[start:end] for start, end in turn_found.words] for turn, turn_found in zip(turns, found, strict=True)]
        shared = spread(words, [turn_found.classes for turn_found in found])
        return [self._spans(turn, alone.words, classes) for turn, alone, classes in zip(turns, found, shared, strict=True)]

    def probabilities(self, turns: Sequence[str]) -> list[TurnProbabilities]:
        """Return the head's probabilities for each turn; turns of the recent past are looked up, not computed."""
        known = {turn: self._memory[turn] for turn in turns if turn in self._memory}
        new = [turn for turn in dict.fromkeys(turns) if turn not in known]
        known.update(zip(new, self._compute(new), strict=True))
        for turn in known:
            self._memory[turn] = known[turn]
            self._memory.move_to_end(turn)
        while len(self._memory) > MEMORY:
            self._memory.popitem(last=False)
        return [known[turn] for turn in turns]

    @torch.inference_mode()
    def _compute(self, turns: Sequence[str]) -> list[TurnProbabilities]:
        english = [number for number, turn in enumerate(turns) if _is_for_us(turn)]
        normalized = [normalize(turns[number]) for number in english]
        texts = [text.text for text in normalized]
        words, parts = windows.split(self._encoder, texts)
        described = [features.word_features(text, found) for text, found in zip(texts, words, strict=True)]
        classes = [numpy.zeros((len(found), len(CLASSES)), dtype=numpy.float32) for found in words]
        for batch in windows.batches(parts):
            scored = self._score(batch, described)
            for row, window in enumerate(batch):
                start, end = window.keep
                classes[window.text][window.first + start : window.first + end] = scored[row, start:end]
        results = [_NOTHING] * len(turns)
        for place, number in enumerate(english):
            offsets = [normalized[place].original(word.start, word.end) for word in words[place]]
            results[number] = TurnProbabilities(offsets, classes[place])
        return results

    def _score(self, batch: Sequence[windows.Window], described: Sequence[NDArray[numpy.float32]]) -> NDArray[numpy.float32]:
        states = windows.word_states(self._encoder, batch)
        rows = torch.zeros(len(batch), states.shape[1], features.WIDTH)
        for row, window in enumerate(batch):
            rows[row, : window.size] = torch.from_numpy(described[window.text][window.first : window.first + window.size])
        logits = self._head(states, rows, torch.tensor([window.size for window in batch]))
        scored: NDArray[numpy.float32] = logits.softmax(dim=-1).numpy()
        return scored

    def _spans(self, turn: str, words: Sequence[tuple[int, int]], classes: NDArray[numpy.float32]) -> list[Span]:
        """Join neighbouring personal words of one type; a single letter, figure or mark alone tells nothing and is left."""
        personal = 1.0 - classes[:, 0]
        kinds = classes[:, 1:].argmax(axis=1)
        groups: list[list[int]] = []
        for number in map(int, numpy.flatnonzero(personal >= self._thresholds[kinds])):
            if _CYRILLIC.search(turn, *words[number]):
                continue  # a Russian sentence in English talk: the encoder's vocabulary is English, and what it says of others is noise
            if (
                groups
                and number == groups[-1][-1] + 1
                and _joined(turn, words[number - 1], words[number], kinds[number - 1] == kinds[number])
            ):
                groups[-1].append(number)
            else:
                groups.append([number])
        spans = []
        for group in groups:
            start, end = words[group[0]][0], words[group[-1]][1]
            surface = turn[start:end]
            if sum(map(str.isalnum, surface)) > 1 and lexicon.fold(surface) not in lexicon.words("fillers"):
                kind, score = CLASSES[1 + int(classes[group, 1:].sum(axis=0).argmax())], float(personal[group].max())
                if kind != "PERSON" or score >= WORD_THRESHOLD or not lexicon.is_ordinary(lexicon.fold(surface)):
                    spans.append(Span(*whole(turn, start, end, kind), kind, self.name, score))
        return merge(spans)


def _joined(turn: str, left: tuple[int, int], right: tuple[int, int], alike: bool) -> bool:
    """Say whether two neighbouring words make one span: glued, or of one type with a joint between."""
    gap = turn[left[1] : right[0]]
    return not gap or (alike and len(gap) <= 2 and set(gap) <= _JOINTS)


def _is_for_us(turn: str) -> bool:
    seen = detect(turn)
    return seen.script == "latin" and seen.language != "uz"
