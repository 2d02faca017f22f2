"""Train the head: ``python -m components.anonymize.neural.train --data DIR`` (or ``make detector DATA=DIR``).

The frozen states of all words are computed once, then the head learns from them. Equal seeds, threads and torch give equal weights.
"""

import argparse
import logging
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F

from components.anonymize.neural import features, windows
from components.anonymize.neural.corpora import FILES, court_cases, generated_sentences, ordinary_turns
from components.anonymize.neural.encoder import FrozenEncoder
from components.anonymize.neural.head import CLASSES, Head, HeadConfig, save
from components.anonymize.neural.training_text import LabelledText, generate
from components.shared.normalize import normalize

log = logging.getLogger(__name__)

LAYERS = (2, 4)
THRESHOLDS = {
    "default": 0.06,
    "DEMOGRAPHIC": 0.1,
    "LOCATION": 0.1,
    "PERSON": 0.12,
    "PHONE": 0.2,
    "AGE": 0.3,
    "EMAIL": 0.3,
    "URL": 0.3,
    "PROFESSION": 0.4,
}
"""Chosen on the development sets, type by type no finer than this: quasi-identifying types low, those that chat is full of higher."""
_GIVEN, _FAMILY, _ORDINARY, _CAPITALISED, _UNKNOWN = range(features.LIST_FEATURES.start, features.LIST_FEATURES.start + 5)
_INITIAL, _DIGITS, _UPPER = 16, 4, 0


@dataclass(frozen=True)
class Example:
    """A window of words: frozen states (W, S) in half precision, features (W, F), classes (W) and weights (W)."""

    states: torch.Tensor
    described: torch.Tensor
    classes: torch.Tensor
    weights: torch.Tensor


def examples(encoder: FrozenEncoder, items: Iterable[LabelledText]) -> list[Example]:
    """Compute what the head sees of labelled texts, and what it shall say."""
    kept = [_normalized(item) for item in items]
    texts = [item.text for item in kept]
    words, parts = windows.split(encoder, texts)
    described = [torch.from_numpy(features.word_features(text, found)) for text, found in zip(texts, words, strict=True)]
    targets = [_targets(item, found, rows) for item, found, rows in zip(kept, words, described, strict=True)]
    made = []
    for batch in windows.batches(parts):
        states = windows.word_states(encoder, batch).half()
        for row, window in enumerate(batch):
            classes, weights = (values[window.first : window.first + window.size].clone() for values in targets[window.text])
            weights[: window.keep[0]] = 0.0
            weights[window.keep[1] :] = 0.0
            rows = described[window.text][window.first : window.first + window.size]
            made.append(Example(states[row, : window.size].clone(), rows, classes, weights))
    return made


def _targets(item: LabelledText, words: Sequence[features.Word], described: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    classes = torch.zeros(len(words), dtype=torch.long)
    weights = _trust(described) if item.noisy else torch.ones(len(words))
    for spans, ignore in ((item.ignored, True), (item.labels, False)):
        for start, end, kind in spans:
            for number, word in enumerate(words):
                if word.start < end and start < word.end:
                    weights[number] = 0.0 if ignore else 1.0
                    classes[number] = 0 if ignore else CLASSES.index(kind)
    return classes, weights * item.weight


def _normalized(item: LabelledText) -> LabelledText:
    """Normalise a text as the detector does; the few whose length changes stay as they are, since their labels would shift."""
    text = normalize(item.text).text
    return replace(item, text=text) if len(text) == len(item.text) else item


def _trust(described: torch.Tensor) -> torch.Tensor:
    """Say how far each word of unlabelled text may count as not personal: names stand in it, though few."""
    ordinary = (described[:, _ORDINARY] + described[:, _CAPITALISED]) > 0
    named = (described[:, _GIVEN] + described[:, _FAMILY]) > 0
    unknown = described[:, _UNKNOWN] > 0
    trust = torch.ones(len(described))
    trust[unknown] = 0.6
    trust[named & ~ordinary] = 0.2
    trust[(described[:, _DIGITS] > 0)] = 0.4
    capital = (described[:, _UPPER] > 0) & ~ordinary
    trust[capital] = 0.0
    trust[capital & unknown & (described[:, _INITIAL] > 0)] = 0.3
    return trust


def training_set(folder: Path, seed: int) -> list[LabelledText]:
    """Gather all training text."""
    return [
        *court_cases(folder),
        *generated_sentences(folder),
        *generate(seed, chats=7000, posts=2600, notes=700, ordinary=1500),
        *ordinary_turns(folder, seed + 1, characters=900_000, planted=0.55),
    ]


def fit(made: Sequence[Example], config: HeadConfig, epochs: float, rate: float = 2e-3, batch: int = 24) -> tuple[Head, list[float]]:
    """Train a head.

    Returns:
        The head, in evaluation mode, and the mean loss of each hundredth of the steps.
    """
    torch.manual_seed(config.seed)
    generator = numpy.random.default_rng(config.seed)
    head = Head(len(config.layers), config.width, config.hidden).train()
    optimizer = torch.optim.AdamW(head.parameters(), lr=rate, weight_decay=0.01)
    order = [numbers for _ in range(math.ceil(epochs)) for numbers in _epoch(made, batch, generator)]
    order = order[: max(1, round(len(order) * epochs / math.ceil(epochs)))]
    losses: list[float] = []
    for step, numbers in enumerate(order):
        progress = step / len(order)
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        loss = _loss(head, [made[number] for number in numbers], generator)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
        if step % 200 == 0:
            log.info("step %d of %d: loss %.4f", step, len(order), sum(losses[-200:]) / len(losses[-200:]))
    share = max(1, len(losses) // 100)
    return head.eval(), [sum(part) / len(part) for part in (losses[start : start + share] for start in range(0, len(losses), share))]


def _epoch(made: Sequence[Example], batch: int, generator: numpy.random.Generator) -> list[list[int]]:
    """Shuffle examples into batches of like length; a batch holds about ``batch`` windows of a hundred words."""
    order = sorted(range(len(made)), key=lambda number: len(made[number].classes) + 12 * generator.random())
    groups: list[list[int]] = [[]]
    for number in order:
        if len(made[number].classes) * (len(groups[-1]) + 1) > batch * 100 or len(groups[-1]) >= 128:
            groups.append([])
        groups[-1].append(number)
    generator.shuffle(groups)
    return [group for group in groups if group]


def _loss(head: Head, batch: Sequence[Example], generator: numpy.random.Generator) -> torch.Tensor:
    pad = torch.nn.utils.rnn.pad_sequence
    described = pad([_forgetful(example.described, generator) for example in batch], batch_first=True)
    states = pad([example.states for example in batch], batch_first=True).float()
    logits = head(states, described, torch.tensor([len(example.classes) for example in batch]))
    classes, weights = (pad([getattr(example, name) for example in batch], batch_first=True) for name in ("classes", "weights"))
    loss = F.cross_entropy(logits.flatten(0, 1), classes.flatten(), reduction="none") * weights.flatten()
    return loss.sum() / weights.sum().clamp(min=1.0)


def _forgetful(described: torch.Tensor, generator: numpy.random.Generator) -> torch.Tensor:
    """Hide what the word lists know of some names, so that names beyond the lists are learnt too."""
    described = described.clone()
    named = (described[:, _GIVEN] + described[:, _FAMILY] > 0) & (described[:, _ORDINARY] == 0)
    hidden = named & torch.from_numpy(generator.random(len(described)) < 0.3)
    described[hidden, _GIVEN] = 0.0
    described[hidden, _FAMILY] = 0.0
    described[hidden, _UNKNOWN] = 1.0
    if generator.random() < 0.05:
        described[:, features.LIST_FEATURES] = 0.0
    return described


def main() -> None:
    """Train and write head.safetensors and head.json."""
    parser = argparse.ArgumentParser(description="Train the neural detector's head.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the public text sets: " + ", ".join(FILES))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where the two files go (default: beside this module)")
    parser.add_argument("--epochs", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=11)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    missing = [name for name in FILES if not (arguments.data / name).is_file()]
    if missing:
        parser.error(f"{arguments.data} lacks {', '.join(missing)}; name the folder that holds these sets")
    started = time.monotonic()
    config = HeadConfig(layers=LAYERS, width=128, hidden=96, thresholds=THRESHOLDS, seed=arguments.seed)
    texts = training_set(arguments.data, arguments.seed)
    log.info("%d texts, %d characters, after %.0f s", len(texts), sum(len(item.text) for item in texts), time.monotonic() - started)
    made = examples(FrozenEncoder(config.layers), texts)
    log.info("%d windows after %.0f s", len(made), time.monotonic() - started)
    torch.set_num_threads(1)  # the head's matrices are small: a second thread costs more than it gives, and changes the rounding
    head, losses = fit(made, config, arguments.epochs)
    save(head, config, arguments.out)
    log.info("loss %.4f -> %.4f; done after %.0f s", losses[0], losses[-1], time.monotonic() - started)


if __name__ == "__main__":
    main()
