"""The reward stage: a LoRA adapter and a scalar head learn which of two replies a person prefers."""

import gc
import math
import random
from pathlib import Path
from typing import Any

import numpy
import torch
from kfp import dsl

from components.reward import agreement, pairs, scoring
from components.reward.config import RewardConfig
from components.reward.curves import build_page
from components.reward.scoring import ADAPTER
from components.reward.trainer import RewardTrainer
from components.shared import artifacts, checkpoints, modeling, report, tracking
from components.shared.artifacts import Manifest
from components.shared.base_model import BaseModelReference, read_reference
from components.shared.dataset_splits import DatasetSplit
from components.shared.errors import ContractError
from components.shared.outputs import publish_metrics, publish_page
from components.shared.reward_model import REWARD_SCHEMA, Normalisation, ScalarHead, save_reward_model
from components.shared.tracking import StageRun

_PARITY_PAIRS = 4


def run(
    train: dsl.Input[dsl.Dataset],
    validation: dsl.Input[dsl.Dataset],
    base_model: str,
    sft_adapter: dsl.Input[dsl.Model],
    reward_model: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
    curves: dsl.Output[dsl.HTML],
    config: dict[str, Any] = {},
) -> None:
    """Learn r(x, y) from preference pairs. Contract: README.md beside this file."""
    settings = RewardConfig.parse(config)
    train_split, validation_split = DatasetSplit(train), DatasetSplit(validation)
    reference = read_reference(base_model)
    sft_directory, sft_manifest = open_adapter(sft_adapter, reference)
    digests = {"train": train_split.manifest.digest, "validation": validation_split.manifest.digest}
    parents = {**digests, "base_model": reference.digest, "sft_adapter": sft_manifest.digest}
    with tracking.stage_run("reward", settings) as stage:
        stage.log_input("train", digest=digests["train"], uri=train.uri, context="training")
        stage.log_input("validation", digest=digests["validation"], uri=validation.uri, context="validation")
        tokenizer = modeling.load_tokenizer(reference)
        rule = pairs.MarginRule(tuple(settings.margin_attributes) if settings.margin == "ratings" else (), settings.margin_scale)
        rows = pairs.build(tokenizer, train_split.preferences(), settings.max_length, rule, "train")
        held_out = pairs.build(tokenizer, validation_split.preferences(), settings.max_length, rule, "validation")
        folder = checkpoints.checkpoint_directory("reward", settings.to_parameter(), parents)
        trainer = _trainer(reference, sft_directory, rows, held_out, settings)
        values, normalisation = _train(trainer, stage, folder, rows, held_out, settings)
        directory = artifacts.start(reward_model.path)
        save_reward_model(trainer.model, ADAPTER, trainer.head, normalisation, directory)
        values["reload_difference"] = _check(trainer, reference, directory, held_out)
        properties = {"base_model": reference.uri, "base_model_digest": reference.digest, "sft_adapter_digest": sft_manifest.digest}
        normalisation_values = {"score_mean": normalisation.mean, "score_std": normalisation.std}
        artifacts.seal(reward_model, REWARD_SCHEMA, properties={**properties, **normalisation_values, **values}, parents=parents)
        publish_metrics(metrics, {**values, **normalisation_values}, stage)
        publish_page(curves, report.render(build_page(values, normalisation, trainer.history, rows, held_out)), stage, "reward.html")
        checkpoints.remove(folder)


def open_adapter(artifact: Any, reference: BaseModelReference) -> tuple[Path, Manifest]:
    """Open the SFT adapter.

    Raises:
        ContractError: it is none, or it belongs to another base model.
    """
    directory, manifest = artifacts.open_sealed(artifact, modeling.ADAPTER_SCHEMA)
    trained_on = manifest.properties.get("base_model_digest")
    if trained_on != reference.digest:
        raise ContractError(
            f"the SFT adapter belongs to base model {str(trained_on)[:12]}, but {reference.uri} is {reference.digest[:12]}; "
            "run sft on this base model first"
        )
    return directory, manifest


def _trainer(
    reference: BaseModelReference, sft_directory: Path, rows: pairs.Pairs, held_out: pairs.Pairs, settings: RewardConfig
) -> RewardTrainer:
    checkpoints.seed_everything(settings.seed)
    model = modeling.load_adapter(modeling.load_base(reference), ADAPTER, sft_directory)  # the reward adapter starts as the SFT adapter
    modeling.use_adapter(model, ADAPTER, trainable=True)
    if settings.activation_checkpointing:
        model.get_base_model().activation_checkpointing_enable({"use_reentrant": False})
    head = ScalarHead(model.get_base_model().config.hidden_size).to(modeling.device())
    return RewardTrainer(model, head, rows.rows, held_out.rows, settings)


def _train(
    trainer: RewardTrainer, stage: StageRun, folder: Path | None, rows: pairs.Pairs, held_out: pairs.Pairs, settings: RewardConfig
) -> tuple[dict[str, float], Normalisation]:
    """Train, choose the weights, measure them on the held-out pairs and normalise on training replies."""
    trainer.train(stage, folder)
    chosen_step = trainer.num_steps
    if settings.load_best and trainer.best is not None:
        trainer.restore_best()
        chosen_step = int(trainer.best["step"])
    scored = scoring.score_pairs(trainer.model, trainer.head, held_out.rows, settings.batch_size, "held-out pairs")
    known = random.Random(settings.seed).sample(rows.rows, min(settings.num_normalisation_pairs, len(rows.rows)))
    on_training = scoring.score_pairs(trainer.model, trainer.head, known, settings.batch_size, "training replies")
    raw = numpy.array([*on_training.chosen, *on_training.rejected])
    normalisation = Normalisation(mean=float(raw.mean()), std=float(raw.std()))
    if not (math.isfinite(normalisation.mean) and normalisation.std > 0):
        raise ContractError(
            f"scores of training replies have mean {normalisation.mean} and standard deviation {normalisation.std}: nothing was learned "
            "that PPO could use; lower learning_rate or look at the pairs"
        )
    trainable = sum(parameter.numel() for parameter in trainer.model.parameters() if parameter.requires_grad)
    values = {
        **_agreement(scored),
        "validation_loss": float(trainer.best["loss"]) if settings.load_best and trainer.best else trainer.history[-1]["validation/loss"],
        "train_accuracy": agreement.accuracy(on_training).value,
        "chosen_step": chosen_step,
        "num_steps": trainer.num_steps,
        "num_trainable_parameters": trainable + sum(parameter.numel() for parameter in trainer.head.parameters()),
        "num_train_pairs": len(rows.rows),
        "num_unrated_pairs": rows.num_unrated,
        "num_shortened_pairs": rows.num_shortened,
        "num_too_long_pairs": rows.num_too_long + held_out.num_too_long,
    }
    return values, normalisation


def _agreement(scored: agreement.ScoredPairs) -> dict[str, float]:
    """Return accuracies with intervals; shares over no pairs at all are left out, a metric cannot say "nothing"."""
    shares = {
        "accuracy": agreement.accuracy(scored),
        "accuracy_shorter_right": agreement.accuracy_against_length(scored),
        "length_rule_accuracy": agreement.length_rule_accuracy(scored),
    }
    values: dict[str, float] = {}
    for name, share in shares.items():
        if share.n:
            values |= {name: share.value, f"{name}_low": share.low, f"{name}_high": share.high}
        values[f"{name}_n"] = share.n
    return values | {
        "length_correlation": agreement.length_correlation(scored),
        "calibration_error": agreement.calibration_error(scored),
    }


def _check(trainer: RewardTrainer, reference: BaseModelReference, directory: Path, held_out: pairs.Pairs) -> float:
    sequences = [ids for row in held_out.rows[:_PARITY_PAIRS] for ids in (row.chosen_ids, row.rejected_ids)]
    expected = scoring.score(trainer.model, trainer.head, sequences, len(sequences), "score for the check")
    trainer.model.cpu()  # two bases need not fit on the accelerator at once
    gc.collect()
    torch.cuda.empty_cache()
    return scoring.check_reload(reference, directory, sequences, expected)
