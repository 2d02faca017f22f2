"""What differential privacy of sft costs and what it buys: ``make bench-dp``, or ``python -m tests.benchmarks.dp_sft --conversations 200``.

Half of a set of real single-turn conversations (counsel-chat, ATTUNE_SHARED_DATA) trains ``builtin:tiny``, half is held out. For each way
of training: validation loss and the area under the curve of two membership attacks (loss; loss less the base model's), with a bootstrap
interval. Prints numbers and keeps them in ``runs/bench/dp_sft.json``; never a text.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy

from components.sft.config import SftConfig
from components.sft.dp_trainer import PrivateTrainer, build_private_trainer
from components.sft.examples import Examples, build
from components.sft.trainer import ADAPTER, build_trainer
from components.sft.units import group
from components.shared import checkpoints, modeling
from components.shared.base_model import BaseModelReference, directory_digest
from components.shared.records import Conversation
from components.shared.token_losses import token_losses

TINY = Path("components/builtin/tiny")
OUTPUT = Path("runs/bench/dp_sft.json")
COMMON: dict[str, Any] = {"max_length": 96, "learning_rate": 2e-3, "packing": "off", "load_best": False, "logging_steps": 1000}
DP: dict[str, Any] = {"enabled": True, "accountant": "prv", "max_physical_batch_size": 16}
BATCHES: dict[str, int] = {"batch_size": 16, "gradient_accumulation_steps": 1}
LARGE: dict[str, int] = {"batch_size": 16, "gradient_accumulation_steps": 6}


def main() -> int:
    """Train each way and print a row for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=600, help="members and non-members together")
    parser.add_argument("--epochs", type=int, default=20, help="of the over-trained run and of those with differential privacy")
    parser.add_argument("--rank", type=int, default=8, help="of the adapter")
    arguments = parser.parse_args()
    path = Path(os.environ.get("ATTUNE_SHARED_DATA", "../shared/data")) / "counsel-chat" / "conversations.jsonl"
    if not path.is_file():
        raise SystemExit(f"{path} is missing; the benchmark reads real conversations: set ATTUNE_SHARED_DATA to where they are")
    members, others = _halves(path, arguments.conversations)
    print(f"{len(members)} members, {len(others)} others, LoRA r {arguments.rank}, {_seconds()}")  # noqa: T201
    print(f"{'training':26s}{'validation loss':>16s}{'AUC loss':>24s}{'AUC ratio':>24s}{'epsilon':>9s}{'seconds':>9s}")  # noqa: T201
    kept = []
    for name, way in _ways(arguments.epochs).items():
        row = _train(SftConfig.parse({**COMMON, **way, "lora": {"r": arguments.rank, "alpha": 2 * arguments.rank}}), members, others)
        kept.append({"training": name, **row})
        if len(kept) == 1:
            print(f"{'base model':26s}{row['base_loss']:16.3f}")  # noqa: T201
        spent = f"{row['epsilon']:.2f}" if row["epsilon"] is not None else "-"
        areas = "".join(f"{row[key][0]:.3f} [{row[key][1]:.3f}, {row[key][2]:.3f}]".rjust(24) for key in ("auc_loss", "auc_ratio"))
        print(f"{name:26s}{row['validation_loss']:16.3f}{areas}{spent:>9s}{row['seconds']:9.0f}", flush=True)  # noqa: T201
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps({"members": len(members), "others": len(others), "rows": kept}, indent=1), encoding="utf-8")
    return 0


def _ways(epochs: int) -> dict[str, dict[str, Any]]:
    return {
        "2 epochs": {**BATCHES, "num_epochs": 2},
        f"over-trained, {epochs} epochs": {**BATCHES, "num_epochs": epochs},
        f"epsilon 8, {epochs} epochs": {**LARGE, "num_epochs": epochs, "dp": {**DP, "target_epsilon": 8}},
        f"epsilon 2, {epochs} epochs": {**LARGE, "num_epochs": epochs, "dp": {**DP, "target_epsilon": 2}},
    }


def area_under_curve(members: Sequence[float], others: Sequence[float]) -> tuple[float, float, float]:
    """Return the probability that a member's score is the lower one (ties half), with a 95 % bootstrap interval over conversations."""

    def area(left: Any, right: Any) -> float:
        ranked = numpy.sort(right)
        below, through = numpy.searchsorted(ranked, left, "left"), numpy.searchsorted(ranked, left, "right")
        return float((len(ranked) - (below + through) / 2).mean() / len(ranked))

    generator = numpy.random.default_rng(0)
    left, right = numpy.asarray(members), numpy.asarray(others)
    draws = [area(generator.choice(left, len(left)), generator.choice(right, len(right))) for _ in range(1000)]
    low, high = numpy.quantile(draws, [0.025, 0.975])
    return area(left, right), float(low), float(high)


def _train(settings: SftConfig, members: list[Conversation], others: list[Conversation]) -> dict[str, Any]:
    reference = BaseModelReference(uri=f"file://{TINY.absolute()}", revision="local", digest=directory_digest(TINY))
    checkpoints.seed_everything(settings.seed)
    model = modeling.new_adapter(modeling.load_base(reference), ADAPTER, settings.lora)
    modeling.use_adapter(model, ADAPTER, trainable=True)
    tokenizer = modeling.load_tokenizer(reference)
    inside, outside = (build(tokenizer, rows, settings.max_length, "rows") for rows in (members, others))
    before = [_scores(model, rows) for rows in (inside, outside)]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        rows = inside.dataset(), outside.dataset(by_length=True)
        trainer: Any = (
            build_private_trainer(model, tokenizer, group(inside, settings.dp.unit), *rows, settings, Path(folder))
            if settings.dp.enabled
            else build_trainer(model, tokenizer, *rows, settings, Path(folder))
        )
        trainer.args.eval_strategy = "no"
        base_loss = trainer.evaluate()["eval_loss"]
        trainer.train()
        loss = trainer.evaluate()["eval_loss"]
    seconds = time.perf_counter() - start
    model.eval()
    after = [_scores(model, rows) for rows in (inside, outside)]
    return {
        "base_loss": base_loss,
        "validation_loss": loss,
        "auc_loss": area_under_curve(*after),
        "auc_ratio": area_under_curve(*(now - then for now, then in zip(after, before, strict=True))),
        "epsilon": trainer.epsilon() if isinstance(trainer, PrivateTrainer) else None,
        "seconds": seconds,
    }


def _scores(model: Any, rows: Examples) -> Any:
    """Mean loss of each conversation's assistant tokens."""
    losses = token_losses(model, rows.windows, batch_tokens=2048, description="membership")
    owners = numpy.asarray(rows.conversations)
    return numpy.array(
        [numpy.concatenate([losses[i] for i in numpy.flatnonzero(owners == owner)]).mean() for owner in numpy.unique(owners)]
    )


def _halves(path: Path, count: int) -> tuple[list[Conversation], list[Conversation]]:
    documents = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [
        Conversation(id=document["id"], person_id=document["id"], messages=_shortened(document["messages"]))
        for document in documents
        if len(document["messages"]) == 2
    ]
    order = numpy.random.default_rng(1).permutation(len(rows))[:count]
    return [rows[index] for index in order[::2]], [rows[index] for index in order[1::2]]


def _shortened(messages: list[dict[str, str]]) -> Any:
    """The question's first words, so that the answer, which is learned, is in the window."""
    return [{**message, "content": message["content"][:100] if message["role"] == "user" else message["content"]} for message in messages]


def _seconds() -> str:
    return f"{len(os.sched_getaffinity(0))} cores"


if __name__ == "__main__":
    raise SystemExit(main())
