"""The training loop: pairs in, one optimizer step at a time, resumable after each.

All that decides the next step is in the state: weights, optimizer, schedule, random generators, and the step number, which with the seed
gives the place in the data.
"""

import logging
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import get_cosine_schedule_with_warmup

from components.reward.config import RewardConfig
from components.reward.losses import bradley_terry, pair_loss
from components.reward.pairs import EncodedPair, lengths
from components.reward.safety import mean_absolute_error, rated_replies, safety_targets, squared_error
from components.reward.scoring import ADAPTER, pad, paired, score_heads, sequences_of
from components.shared import checkpoints, modeling, shutdown
from components.shared.data_order import LengthGroupedSampler
from components.shared.errors import Interrupted
from components.shared.progress import progress
from components.shared.reward_model import ScalarHead, last_states
from components.shared.tracking import StageRun

_logger = logging.getLogger(__name__)


class RewardTrainer:
    """Trains the active adapter ``reward`` and a scalar head, with a safety head beside it where one is given.

    Attributes:
        step: optimizer steps done.
        num_steps: optimizer steps in all.
        history: what was logged, each entry with its ``step``.
        best: lowest validation loss so far with its step and weights.
    """

    def __init__(
        self,
        model: PeftModel,
        head: ScalarHead,
        train: list[EncodedPair],
        validation: list[EncodedPair],
        settings: RewardConfig,
        safety_head: ScalarHead | None = None,
    ) -> None:
        """Take a model whose adapter ``reward`` is active and trainable, and tokenized pairs."""
        self.model, self.head, self.safety_head = model, head, safety_head
        self.heads = [head] if safety_head is None else [head, safety_head]
        self._train, self._validation, self._settings = train, validation, settings
        step_size = settings.batch_size * settings.gradient_accumulation_steps
        self._step_size, self._steps_per_epoch = step_size, math.ceil(len(train) / step_size)
        self.num_steps = settings.num_epochs * self._steps_per_epoch
        self._sampler = LengthGroupedSampler(lengths(train), step_size, settings.seed)
        self._adapter = [parameter for _, parameter in modeling.adapter_parameters(model, ADAPTER)]
        self._head_parameters = [parameter for part in self.heads for parameter in part.parameters()]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": self._adapter, "lr": settings.learning_rate},
                {"params": self._head_parameters, "lr": settings.head_learning_rate},
            ],
            weight_decay=settings.weight_decay,
        )
        warmup = math.ceil(settings.warmup_fraction * self.num_steps)
        self._schedule = get_cosine_schedule_with_warmup(self._optimizer, warmup, self.num_steps)
        self.step = 0
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Any] | None = None
        self._sums: dict[str, tuple[float, int]] = {}
        self._order: list[int] = []
        self._prefix = ""

    def train(self, stage: StageRun, folder: Path | None, prefix: str = "") -> None:
        """Train to the end, from the state in ``folder`` where there is one.

        Args:
            stage: gets the metrics.
            folder: for checkpoints; None: none are made.
            prefix: stands before the metrics' names in the tracking server.

        Raises:
            Interrupted: a stop was asked for; the state is written where there is a folder.
        """
        self._prefix = prefix
        self._resume(folder)
        for entry in self.history:
            self._send(stage, entry)
        saved = time.monotonic()
        self.model.train()
        with progress(f"reward {prefix}".rstrip(" /"), self.num_steps, initial=self.step) as bar:
            while self.step < self.num_steps:
                self._add(self._optimize(self._rows_of_step()))
                self.step += 1
                at_epoch_end = self.step % self._steps_per_epoch == 0
                if at_epoch_end or self.step % self._settings.logging_steps == 0:
                    self._log(stage, self._means())
                if at_epoch_end:
                    self._validate(stage)
                stop = shutdown.requested()
                if folder is not None and (stop or at_epoch_end or time.monotonic() - saved >= self._settings.checkpoint_seconds):
                    checkpoints.save_state(folder, self._state())
                    saved = time.monotonic()
                bar.advance()
                if stop and self.step < self.num_steps:
                    raise Interrupted

    def restore_best(self) -> None:
        """Put the weights with the lowest validation loss back."""
        assert self.best is not None, "training ends with a validation"
        self._load_weights(self.best)

    def batches(self, rows: list[EncodedPair]) -> list[list[EncodedPair]]:
        """Cut the pairs of one optimizer step into forward passes."""
        return [rows[start : start + self._settings.batch_size] for start in range(0, len(rows), self._settings.batch_size)]

    def _rows_of_step(self) -> list[EncodedPair]:
        epoch, position = divmod(self.step, self._steps_per_epoch)
        if not self._order or position == 0:
            self._sampler.set_epoch(epoch)
            self._order = list(self._sampler)
        return [self._train[index] for index in self._order[position * self._step_size : (position + 1) * self._step_size]]

    def _optimize(self, rows: list[EncodedPair]) -> dict[str, float]:
        """Do one optimizer step on the mean loss of these pairs; return loss, accuracy, score gap and gradient norm."""
        total = wins = gap = safety_total = 0.0
        num_rated = sum(row.safety is not None for row in rows)
        for batch in self.batches(rows):
            states = self._states(batch)
            scores = self.head(states)
            chosen, rejected = scores[: len(batch)], scores[len(batch) :]
            margin = torch.tensor([row.margin for row in batch], device=scores.device)
            loss = pair_loss(chosen, rejected, margin, centring_coef=self._settings.centring_coef, num_pairs=len(rows))
            total += loss.item()
            if self.safety_head is not None and num_rated:
                error = squared_error(self.safety_head(states), safety_targets(batch, states.device), num_pairs=num_rated)
                loss = loss + self._settings.safety_coef * error
                safety_total += error.item()
            loss.backward()  # type: ignore[no-untyped-call]
            wins += (chosen > rejected).sum().item()
            gap += (chosen - rejected).sum().item()
        norm = torch.nn.utils.clip_grad_norm_([*self._adapter, *self._head_parameters], self._settings.max_grad_norm or math.inf)
        rate = self._schedule.get_last_lr()[0]
        self._optimizer.step()
        self._schedule.step()
        self._optimizer.zero_grad()
        return {
            "train/loss": total,
            "train/accuracy": wins / len(rows),
            "train/score_gap": gap / len(rows),
            "train/grad_norm": norm.item(),
            "train/learning_rate": rate,
            **({"train/safety_loss": safety_total} if self.safety_head is not None and num_rated else {}),
        }

    def _states(self, batch: list[EncodedPair]) -> torch.Tensor:
        """Read both replies of each pair in one pass; return the states at their ends, chosen ones first, shape (2 P, H)."""
        ids, sizes = pad([row.chosen_ids for row in batch] + [row.rejected_ids for row in batch], self._adapter[0].device)
        return last_states(self.model, ids, sizes)

    def _validate(self, stage: StageRun) -> None:
        sequences = sequences_of(self._validation)
        scores, *ratings = score_heads(self.model, self.heads, sequences, 2 * self._settings.batch_size, "validation loss")
        pairs = paired(scores, self._validation)
        chosen, rejected = torch.tensor(pairs.chosen), torch.tensor(pairs.rejected)
        loss = float(bradley_terry(chosen, rejected, torch.zeros_like(chosen)).mean())  # no margin: the likelihood of the preferences
        accuracy = float((chosen > rejected).float().mean())
        values = {"validation/loss": loss, "validation/accuracy": accuracy}
        if ratings:
            values["validation/safety_error"] = mean_absolute_error(*rated_replies(ratings[0], self._validation))
        self._log(stage, values)
        if self.best is None or loss < self.best["loss"]:
            self.best = {"loss": loss, "step": self.step, **self._weights()}

    def _add(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + value, count + 1

    def _means(self) -> dict[str, float]:
        means = {name: total / count for name, (total, count) in self._sums.items()}
        self._sums = {}
        return means

    def _log(self, stage: StageRun, values: Mapping[str, float]) -> None:
        entry = {"step": float(self.step), **values}
        self.history.append(entry)
        self._send(stage, entry)

    def _send(self, stage: StageRun, entry: Mapping[str, float]) -> None:
        stage.log_metrics({f"{self._prefix}{name}": value for name, value in entry.items() if name != "step"}, step=int(entry["step"]))

    def _weights(self) -> dict[str, Any]:
        heads = [{key: value.detach().cpu().clone() for key, value in head.state_dict().items()} for head in self.heads]
        return {"adapter": modeling.adapter_state(self.model, ADAPTER), "heads": heads}

    def _load_weights(self, weights: Mapping[str, Any]) -> None:
        modeling.restore_adapter_state(self.model, ADAPTER, weights["adapter"])
        for head, state in zip(self.heads, weights["heads"], strict=True):
            head.load_state_dict(state)

    def _state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "history": self.history,
            "sums": self._sums,
            "best": self.best,
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            **self._weights(),
        }

    def _resume(self, folder: Path | None) -> None:
        state = checkpoints.load_state(folder)
        if state is None:
            return
        self._load_weights(state)
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self.step, self.history, self.best, self._sums = state["step"], state["history"], state["best"], state["sums"]
        _logger.info("continuing from step %d of %d", self.step, self.num_steps)
