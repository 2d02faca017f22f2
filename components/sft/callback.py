"""What happens around training steps: progress, MLflow, checkpoints, the best adapter, an orderly stop."""

import json
import logging
import math
import os
import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from components.sft.trainer import ADAPTER, AssistantTrainer
from components.shared import modeling, shutdown
from components.shared.progress import Progress, progress
from components.shared.tracking import StageRun

_COMPLETE = "complete"
_BEST, _BEST_LOSS = "best", "loss.json"
_NAMES = {
    "loss": "train/loss",
    "grad_norm": "train/grad_norm",
    "learning_rate": "train/learning_rate",
    "entropy": "train/entropy",
    "mean_token_accuracy": "train/mean_token_accuracy",
    "eval_loss": "validation/loss",
    "eval_mean_token_accuracy": "validation/mean_token_accuracy",
    "dp_epsilon": "privacy/epsilon",
}
_logger = logging.getLogger(__name__)


class StageCallback(TrainerCallback):  # type: ignore[misc]
    """Ties the Trainer's loop to the stage.

    A checkpoint is written when ``checkpoint_seconds`` have passed, at each epoch's end after validation, and when the stage is asked to
    stop; writing one never changes the result. ``complete`` inside it is written last, so that a kill while saving leaves no trap.
    """

    def __init__(self, trainer: AssistantTrainer, run: StageRun, folder: Path, *, checkpoint_seconds: float | None) -> None:
        """Bind to a trainer.

        Args:
            trainer: it.
            run: MLflow run.
            folder: for checkpoints and the best adapter.
            checkpoint_seconds: time between checkpoints within an epoch; None: no checkpoints, there is no volume to keep them.
        """
        self._trainer, self._run, self._folder, self._interval = trainer, run, folder, checkpoint_seconds
        self._stack = ExitStack()
        self._bar: Progress | None = None
        self._saved = time.monotonic()
        self.interrupted = False

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Show progress; a resumed run tells MLflow what its earlier part logged, so that curves begin at the beginning."""
        self._bar = self._stack.enter_context(progress("sft", state.max_steps, initial=state.global_step))
        for entry in state.log_history:
            self._log(entry)
        self._saved = time.monotonic()

    def on_epoch_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Choose the epoch's order."""
        self._trainer.sampler.set_epoch(int(state.epoch or 0))

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Count the step; save where it is time, stop where it is asked."""
        assert self._bar is not None, "on_train_begin comes first"
        self._bar.advance()
        if self._at_epoch_end(state):
            return  # validation comes first; on_epoch_end saves
        if shutdown.requested():
            self.interrupted = True
            control.should_training_stop = True
        if self._interval is not None and (self.interrupted or time.monotonic() - self._saved >= self._interval):
            control.should_save = True

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Validate and save, unless a stop in mid-epoch brought us here: then the checkpoint exists and time is short."""
        if self.interrupted:
            control.should_evaluate = control.should_save = False
            return
        control.should_save = self._interval is not None
        if shutdown.requested() and state.global_step < state.max_steps:
            self.interrupted = control.should_training_stop = True

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, metrics: Any = None, **kwargs: Any
    ) -> None:
        """Keep the adapter if this validation loss is the lowest so far."""
        loss = float(metrics["eval_loss"])
        if loss >= self.best_loss_and_step()[0]:
            return
        temporary = self._folder / f"{_BEST}.new"
        shutil.rmtree(temporary, ignore_errors=True)
        modeling.save_adapter(self._trainer.model, ADAPTER, temporary)
        (temporary / _BEST_LOSS).write_text(json.dumps({"loss": loss, "step": state.global_step}), encoding="utf-8")
        shutil.rmtree(self.best_directory, ignore_errors=True)
        os.replace(temporary, self.best_directory)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Mark the checkpoint as whole."""
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / _COMPLETE).touch()
        self._saved = time.monotonic()

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **kwargs: Any) -> None:
        """Send a point to MLflow."""
        self._log({**(logs or {}), "step": state.global_step})

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Take the progress bar away."""
        self._stack.close()

    @property
    def best_directory(self) -> Path:
        """Where the adapter with the lowest validation loss lies."""
        return self._folder / _BEST

    def best_loss_and_step(self) -> tuple[float, int]:
        """Return the lowest validation loss so far and its step; infinity and 0 before the first."""
        path = self.best_directory / _BEST_LOSS
        if not path.is_file():
            return math.inf, 0
        best = json.loads(path.read_text(encoding="utf-8"))
        return float(best["loss"]), int(best["step"])

    def _log(self, entry: dict[str, Any]) -> None:
        values = {name: float(entry[key]) for key, name in _NAMES.items() if key in entry}
        if values:
            self._run.log_metrics(values, step=int(entry["step"]))

    def _at_epoch_end(self, state: TrainerState) -> bool:
        return state.global_step >= state.max_steps or float(state.epoch or 0).is_integer()


def latest_checkpoint(folder: Path) -> Path | None:
    """Return the newest whole checkpoint in a folder, or None."""
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{_COMPLETE}")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
