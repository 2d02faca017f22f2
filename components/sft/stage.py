"""The sft stage: a LoRA adapter learns the assistant's turns."""

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kfp import dsl
from peft import PeftModel

from components.sft import examples
from components.sft.callback import StageCallback, latest_checkpoint
from components.sft.config import SftConfig
from components.sft.curves import build_page
from components.sft.trainer import ADAPTER, AssistantTrainer, build_trainer, perplexity
from components.sft.units import group, max_conversations_per_person
from components.shared import artifacts, checkpoints, modeling, report, tracking
from components.shared.base_model import BaseModelReference, read_reference
from components.shared.dataset_splits import DatasetSplit
from components.shared.errors import Interrupted
from components.shared.outputs import publish_metrics, publish_page
from components.shared.tracking import StageRun

_logger = logging.getLogger(__name__)


def run(
    train: dsl.Input[dsl.Dataset],
    validation: dsl.Input[dsl.Dataset],
    base_model: str,
    adapter: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
    curves: dsl.Output[dsl.HTML],
    config: dict[str, Any] = {},
) -> None:
    """Fine-tune a LoRA adapter on the assistant's turns. Contract: README.md beside this file."""
    settings = SftConfig.parse(config)
    train_split, validation_split = DatasetSplit(train), DatasetSplit(validation)
    reference = read_reference(base_model)
    parents = {"train": train_split.manifest.digest, "validation": validation_split.manifest.digest, "base_model": reference.digest}
    with tracking.stage_run("sft", settings) as stage:
        stage.log_input("train", digest=parents["train"], uri=train.uri, context="training")
        stage.log_input("validation", digest=parents["validation"], uri=validation.uri, context="validation")
        kept = checkpoints.checkpoint_directory("sft", settings.to_parameter(), parents)
        model, tokenizer = _new_model(reference, settings)
        rows = examples.build(tokenizer, train_split.conversations(), settings.max_length, "train")
        held_out = examples.build(tokenizer, validation_split.conversations(), settings.max_length, "validation")
        with _working_folder(kept) as folder:
            trainer, spent = _new_trainer(model, tokenizer, rows, held_out, settings, folder)
            values = _train(trainer, stage, folder, settings, resumable=kept is not None) | spent()
        values |= _counts(model, rows, held_out)
        modeling.save_adapter(model, ADAPTER, artifacts.start(adapter.path))
        properties = {"base_model": reference.uri, "base_model_digest": reference.digest, **_privacy_words(settings), **values}
        artifacts.seal(adapter, modeling.ADAPTER_SCHEMA, properties=properties, parents=parents)
        publish_metrics(metrics, values, stage)
        publish_page(curves, report.render(build_page(values, trainer.state.log_history, rows, settings)), stage, "sft.html")
        checkpoints.remove(kept)


def _new_model(reference: BaseModelReference, settings: SftConfig) -> tuple[PeftModel, Any]:
    checkpoints.seed_everything(settings.seed)
    model = modeling.new_adapter(modeling.load_base(reference), ADAPTER, settings.lora)
    modeling.use_adapter(model, ADAPTER, trainable=True)
    return model, modeling.load_tokenizer(reference)


def _new_trainer(
    model: PeftModel, tokenizer: Any, rows: examples.Examples, held_out: examples.Examples, settings: SftConfig, folder: Path
) -> tuple[AssistantTrainer, Callable[[], dict[str, float]]]:
    """Return the trainer that the settings ask for, and what tells the privacy spent after training (nothing without)."""
    train, validation = rows.dataset(), held_out.dataset(by_length=True)
    if not settings.dp.enabled:
        return build_trainer(model, tokenizer, train, validation, settings, folder), dict
    from components.sft.dp_trainer import build_private_trainer  # Opacus is an extra

    units = group(rows, settings.dp.unit)
    trainer = build_private_trainer(model, tokenizer, units, train, validation, settings, folder)
    most = 1 if settings.dp.unit == "person" else max_conversations_per_person(rows)
    return trainer, lambda: trainer.spent() | {"dp_max_units_per_person": float(most)}


def _privacy_words(settings: SftConfig) -> dict[str, str]:
    return {"dp_unit": settings.dp.unit, "dp_accountant": settings.dp.accountant} if settings.dp.enabled else {}


def _train(trainer: AssistantTrainer, stage: StageRun, folder: Path, settings: SftConfig, *, resumable: bool) -> dict[str, float]:
    """Train, from the newest checkpoint where there is one, and leave the chosen adapter in the model.

    Raises:
        Interrupted: a stop was asked for; the checkpoint is written.
    """
    base_loss = trainer.evaluate()["eval_loss"]  # the adapter starts at zero: this is the base model's
    callback = StageCallback(trainer, stage, folder, checkpoint_seconds=settings.checkpoint_seconds if resumable else None)
    trainer.add_callback(callback)
    stage.log_metrics({"validation/loss": base_loss}, step=0)
    checkpoint = latest_checkpoint(folder)
    if checkpoint is not None:
        _logger.info("continuing from %s", checkpoint.name)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if callback.interrupted:
        raise Interrupted
    history = trainer.state.log_history
    last_epoch = [entry["loss"] for entry in history if "loss" in entry and entry["epoch"] > trainer.state.num_train_epochs - 1]
    train_loss = {} if settings.dp.enabled else {"train_loss": sum(last_epoch) / max(1, len(last_epoch))}
    validation_losses = [entry["eval_loss"] for entry in history if "eval_loss" in entry]
    loss, step = validation_losses[-1], trainer.state.global_step
    if settings.load_best:
        loss, step = callback.best_loss_and_step()
        modeling.load_weights(trainer.model, ADAPTER, callback.best_directory)
    return {
        **train_loss,
        "validation_loss": loss,
        "validation_perplexity": perplexity(loss),
        "base_validation_loss": base_loss,
        "base_validation_perplexity": perplexity(base_loss),
        "chosen_step": float(step),
        "num_steps": float(trainer.state.global_step),
    }


def _counts(model: PeftModel, rows: examples.Examples, held_out: examples.Examples) -> dict[str, float]:
    trainable, base = modeling.parameter_counts(model, ADAPTER)
    return {
        "num_trainable_parameters": trainable,
        "num_parameters": trainable + base,
        "trainable_fraction": trainable / (trainable + base),
        "num_train_conversations": rows.num_conversations,
        "num_train_windows": len(rows.windows),
        "num_train_tokens": rows.num_tokens,
        "num_train_loss_tokens": rows.num_loss_tokens,
        "num_split_conversations": rows.num_split,
        "num_cut_windows": rows.num_cut,
        "num_lost_replies": rows.num_lost_replies,
        "num_validation_windows": len(held_out.windows),
        "num_validation_loss_tokens": held_out.num_loss_tokens,
    }


@contextmanager
def _working_folder(kept: Path | None) -> Iterator[Path]:
    """Give the folder for checkpoints, or a temporary one for the best adapter where no checkpoints are kept."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
    else:
        with tempfile.TemporaryDirectory() as directory:
            yield Path(directory)
