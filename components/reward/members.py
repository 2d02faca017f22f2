"""Training the members of a reward model one after the other on one base: mostly there is one, an ensemble has several.

Members differ by their seed: the head's first weights, the order of the pairs, dropout (Coste et al. 2024, arXiv:2310.02743), and for all
but member 0 a bootstrap resample of the pairs (Breiman 1996), because LoRA members of one frozen base from one SFT adapter start almost
equal and make correlated errors. Member 0 reads every pair once an epoch: it is the very model that an ensemble of one is.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from peft import PeftModel

from components.reward import agreement, safety, scoring
from components.reward.config import RewardConfig
from components.reward.pairs import EncodedPair
from components.reward.scoring import ADAPTER
from components.reward.trainer import RewardTrainer
from components.shared import checkpoints, modeling
from components.shared.base_model import BaseModelReference
from components.shared.errors import ContractError
from components.shared.reward_model import Normalisation, ScalarHead, member_directory, on_first_scale, save_reward_model
from components.shared.tracking import StageRun

_PARITY_PAIRS = 4


@dataclass(frozen=True)
class Material:
    """What every member is made of.

    Attributes:
        reference: the base model.
        sft_directory: the adapter that all members start from.
        train: training pairs.
        held_out: validation pairs.
    """

    reference: BaseModelReference
    sft_directory: Path
    train: list[EncodedPair]
    held_out: list[EncodedPair]

    @property
    def probes(self) -> list[list[int]]:
        """Sequences that a reloaded reward model must score like the trained one."""
        return scoring.sequences_of(self.held_out[:_PARITY_PAIRS])


@dataclass(frozen=True)
class TrainedMember:
    """What is known of a member after its training; replies are those of ``scoring.sequences_of``.

    Attributes:
        normalisation: of its scores, on the same training replies for all members.
        held_out: raw score of each held-out reply.
        ratings: safety rating that it predicts for each held-out reply, rating points; None without a safety head.
        probes: of each of its heads, what it says of ``Material.probes``.
        train_accuracy: on the pairs of the normalisation.
        validation_loss: nats a pair.
        chosen_step: optimizer step whose weights were kept.
        num_steps: optimizer steps in all.
        num_parameters: trained ones.
        history: the trainer's log.
    """

    normalisation: Normalisation
    held_out: list[float]
    ratings: list[float] | None
    probes: list[list[float]]
    train_accuracy: float
    validation_loss: float
    chosen_step: int
    num_steps: int
    num_parameters: int
    history: Sequence[Mapping[str, float]]


def train_members(material: Material, settings: RewardConfig, stage: StageRun, folder: Path | None, directory: Path) -> list[TrainedMember]:
    """Train all members and save each in the artifact's directory.

    A stopped stage trains again only from the last checkpoint of the member that it was at: members before it are restored from their last
    state and measured again, which gives the same numbers and bytes.

    Args:
        material: base, SFT adapter and pairs.
        settings: of the stage.
        stage: gets the metrics; those of member k are called ``member-k/...``.
        folder: for checkpoints, a sub-folder per further member; None: none are made.
        directory: of the artifact.
    """
    members: list[TrainedMember] = []
    model: PeftModel | None = None
    for index in range(settings.ensemble_size):
        trainer = start_member(model, material, settings, index)
        model = trainer.model
        trainer.train(stage, folder if folder is None else member_directory(folder, index), f"member-{index}/" if index else "")
        member = _finish(trainer, material, settings)
        save_reward_model(model, ADAPTER, trainer.head, member.normalisation, member_directory(directory, index), trainer.safety_head)
        members.append(member)
    return members


def start_member(model: PeftModel | None, material: Material, settings: RewardConfig, index: int) -> RewardTrainer:
    """Return the trainer of a member before its first step.

    Args:
        model: with the adapter of the member before; None for the first one.
        material: base, SFT adapter and pairs.
        settings: of the stage.
        index: which member.
    """
    seed = settings.seed + index
    checkpoints.seed_everything(seed)
    if model is None:
        model = modeling.load_adapter(modeling.load_base(material.reference), ADAPTER, material.sft_directory)
        modeling.use_adapter(model, ADAPTER, trainable=True)
        if settings.activation_checkpointing:
            base: Any = model.get_base_model()
            base.activation_checkpointing_enable({"use_reentrant": False})
    else:
        modeling.load_weights(model, ADAPTER, material.sft_directory)
        model.zero_grad(set_to_none=True)
    hidden_size = model.get_base_model().config.hidden_size
    head = ScalarHead(hidden_size).to(modeling.device())
    rows = resample(material.train, seed) if index else material.train
    safety_head = safety.safety_head_for(material.train, hidden_size).to(modeling.device()) if settings.safety_head else None
    return RewardTrainer(model, head, rows, material.held_out, settings.model_copy(update={"seed": seed}), safety_head)


def resample(rows: Sequence[EncodedPair], seed: int) -> list[EncodedPair]:
    """Draw as many pairs as there are, with replacement: about 63 % of them, some more than once."""
    return random.Random(seed).choices(rows, k=len(rows))


def _finish(trainer: RewardTrainer, material: Material, settings: RewardConfig) -> TrainedMember:
    """Choose the weights, measure them on the held-out pairs and normalise on training replies."""
    chosen_step, validation_loss = trainer.num_steps, trainer.history[-1]["validation/loss"]
    if settings.load_best and trainer.best is not None:
        trainer.restore_best()
        chosen_step, validation_loss = int(trainer.best["step"]), float(trainer.best["loss"])
    model, heads, size = trainer.model, trainer.heads, 2 * settings.batch_size
    scores, *ratings = scoring.score_heads(model, heads, scoring.sequences_of(material.held_out), size, "held-out pairs")
    known = random.Random(settings.seed).sample(material.train, min(settings.num_normalisation_pairs, len(material.train)))
    on_training = scoring.score_pairs(model, trainer.head, known, settings.batch_size, "training replies")
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return TrainedMember(
        normalisation=_normalisation([*on_training.chosen, *on_training.rejected]),
        held_out=scores,
        ratings=ratings[0] if ratings else None,
        probes=scoring.score_heads(model, heads, material.probes, len(material.probes), "score for the check"),
        train_accuracy=agreement.accuracy(on_training).value,
        validation_loss=validation_loss,
        chosen_step=chosen_step,
        num_steps=trainer.num_steps,
        num_parameters=trainable + sum(parameter.numel() for head in heads for parameter in head.parameters()),
        history=trainer.history,
    )


def _normalisation(scores: Sequence[float]) -> Normalisation:
    raw = numpy.array(scores)
    normalisation = Normalisation(mean=float(raw.mean()), std=float(raw.std()))
    if not (math.isfinite(normalisation.mean) and normalisation.std > 0):
        raise ContractError(
            f"scores of training replies have mean {normalisation.mean} and standard deviation {normalisation.std}: nothing was learned "
            "that PPO could use; lower learning_rate or look at the pairs"
        )
    return normalisation


def ensemble_scores(members: Sequence[TrainedMember]) -> torch.Tensor:
    """Return all members' scores of the held-out replies on member 0's scale, shape (K, 2 P), fp64."""
    raw = torch.tensor([member.held_out for member in members], dtype=torch.float64)
    return on_first_scale(raw, [member.normalisation for member in members])
