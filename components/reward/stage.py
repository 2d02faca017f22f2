"""The reward stage: LoRA adapters and scalar heads learn which of two replies a person prefers."""

import gc
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from kfp import dsl

from components.reward import agreement, pairs, safety, scoring
from components.reward.config import RewardConfig
from components.reward.curves import build_page
from components.reward.losses import bradley_terry
from components.reward.members import Material, TrainedMember, ensemble_scores, train_members
from components.shared import artifacts, checkpoints, modeling, report, tracking
from components.shared.artifacts import Manifest
from components.shared.base_model import BaseModelReference, read_reference
from components.shared.dataset_splits import DatasetSplit
from components.shared.errors import ContractError
from components.shared.outputs import publish_metrics, publish_page
from components.shared.reward_model import REWARD_SCHEMA


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
        if settings.safety_head:
            safety.require_ratings(rows.rows, "train")
            safety.require_ratings(held_out.rows, "validation")
        folder = checkpoints.checkpoint_directory("reward", settings.to_parameter(), parents)
        directory = artifacts.start(reward_model.path)
        material = Material(reference, sft_directory, rows.rows, held_out.rows)
        members = train_members(material, settings, stage, folder, directory)
        values = _values(members, rows, held_out)
        gc.collect()  # two bases need not fit on the accelerator at once
        torch.cuda.empty_cache()
        values["reload_difference"] = scoring.check_reload(reference, directory, material.probes, [member.probes for member in members])
        properties = {"base_model": reference.uri, "base_model_digest": reference.digest, "sft_adapter_digest": sft_manifest.digest}
        normalisation_values = {"score_mean": members[0].normalisation.mean, "score_std": members[0].normalisation.std}
        artifacts.seal(reward_model, REWARD_SCHEMA, properties={**properties, **normalisation_values, **values}, parents=parents)
        publish_metrics(metrics, {**values, **normalisation_values}, stage)
        publish_page(curves, report.render(build_page(values, members, rows, held_out)), stage, "reward.html")
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


def _values(members: Sequence[TrainedMember], rows: pairs.Pairs, held_out: pairs.Pairs) -> dict[str, float]:
    """Return what the stage measured: of the mean over members, on member 0's scale, and of each."""
    scores = ensemble_scores(members)
    mean = scoring.paired(scores.mean(0).tolist(), held_out.rows)
    first = members[0]
    values = {
        **_agreement(mean),
        "validation_loss": first.validation_loss,
        "train_accuracy": first.train_accuracy,
        "chosen_step": first.chosen_step,
        "num_steps": first.num_steps,
        "num_trainable_parameters": sum(member.num_parameters for member in members),
        "num_train_pairs": len(rows.rows),
        "num_unrated_pairs": rows.num_unrated,
        "num_shortened_pairs": rows.num_shortened,
        "num_too_long_pairs": rows.num_too_long + held_out.num_too_long,
    }
    if len(members) > 1:
        gaps = torch.tensor(mean.chosen, dtype=torch.float64) - torch.tensor(mean.rejected, dtype=torch.float64)
        values["validation_loss"] = float(bradley_terry(gaps, torch.zeros_like(gaps), torch.zeros_like(gaps)).mean())
        values |= {"ensemble_std": float(scores.std(0, correction=0).mean()), "ensemble_correlation": _mean_correlation(scores.tolist())}
        for index, member in enumerate(members):
            values[f"member_{index}_accuracy"] = agreement.accuracy(scoring.paired(member.held_out, held_out.rows)).value
    ratings = [member.ratings for member in members if member.ratings is not None]
    if ratings:
        predicted = torch.tensor(ratings, dtype=torch.float64).mean(0).tolist()
        values |= safety.safety_metrics(predicted, held_out.rows, safety.mean_rating(rows.rows))
    return values


def _mean_correlation(scores: Sequence[Sequence[float]]) -> float:
    correlations = [agreement.spearman(left, right) for left, right in itertools.combinations(scores, 2)]
    return sum(correlations) / len(correlations)


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
