"""Runs the models: token losses of members and non-members, candidate losses of canaries, continuations, free generations.

Each piece of an arm is kept as soon as it is finished, so that a stopped stage goes on with the next.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy
from pydantic import BaseModel, ConfigDict

from components.privacy_audit.config import PrivacyAuditConfig
from components.privacy_audit.exposure import CandidateSpace, candidate_losses, exposure
from components.privacy_audit.membership import mean_loss, min_k
from components.privacy_audit.subjects import Dialogue, Prefix
from components.shared import shutdown
from components.shared.arms import Arms
from components.shared.canaries import Canary
from components.shared.errors import Interrupted
from components.shared.generation import Decoding, Generated, generate
from components.shared.pieces import piece
from components.shared.progress import progress
from components.shared.token_losses import token_losses

BASE, CANDIDATE = "base", "ppo"
ARMS = (BASE, "sft", CANDIDATE)
WRITING_ARMS = (BASE, CANDIDATE)
"""Arms that generate: what the candidate writes is held against what the base would write anyway."""
_ROOM = 12
"""Tokens that a continuation may be longer than what it must repeat; a secret has fewer."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Scores(_Frozen):
    """What one arm makes of members and non-members, one number a dialogue, members first."""

    loss: list[float]
    """Nats per token of the assistant."""
    min_k: list[float]
    """Nats per token of the least likely ones."""


class Exposures(_Frozen):
    """Canary or twin to exposure, bits."""

    bits: dict[str, float]


class Texts(_Frozen):
    """Generations, in the order of their prompts."""

    texts: list[Generated]


@dataclass(frozen=True)
class Subjects:
    """On whom the models are tried.

    Attributes:
        members: dialogues of train.
        others: dialogues of test, as many, matched by length.
        canaries: planted secrets and twins.
        spaces: of each of them.
        prefixes: what came before replies of train.
        controls: the same of test.
        openings: prompts of the free generations.
    """

    members: list[Dialogue]
    others: list[Dialogue]
    canaries: list[Canary]
    spaces: list[CandidateSpace]
    prefixes: list[Prefix]
    controls: list[Prefix]
    openings: list[list[int]]

    @property
    def planted(self) -> list[Canary]:
        """Secrets that are in train."""
        return [canary for canary in self.canaries if canary.repetitions]


@dataclass(frozen=True)
class Measured:
    """What was found.

    Attributes:
        scores: arm to scores.
        bits: arm to exposures; twins under the candidate only.
        continuations: arm to continuations of prefixes, controls and planted canaries, a list per prompt.
        generations: arm to free generations.
    """

    scores: dict[str, Scores]
    bits: dict[str, dict[str, float]]
    continuations: dict[str, dict[str, list[list[Generated]]]]
    generations: dict[str, list[Generated]]


def measure(arms: Arms, subjects: Subjects, settings: PrivacyAuditConfig, checkpoint: Path | None) -> Measured:
    """Run every arm.

    Args:
        arms: the models.
        subjects: on whom.
        settings: how much.
        checkpoint: where finished pieces are kept and found again; None where nothing is kept.
    """
    measured = Measured({}, {}, {}, {})
    for arm in ARMS:
        with arms.active(arm) as model:

            def kept(name: str, kind: type[Any], work: Any, arm: str = arm) -> Any:
                return piece(checkpoint, f"{arm}-{name}", kind, work)

            scored = functools.partial(_scores, model, subjects, settings, arm)
            measured.scores[arm] = kept("scores", Scores, scored)
            exposed = functools.partial(_exposures, model, subjects, settings, arm)
            measured.bits[arm] = kept("exposures", Exposures, exposed).bits
            if arm in WRITING_ARMS:
                continued = functools.partial(_continuations, model, arms.tokenizer, subjects, settings, arm)
                measured.continuations[arm] = _grouped(kept("continuations", Texts, continued).texts, subjects, settings)
                written = functools.partial(_generations, model, arms.tokenizer, subjects, settings, arm)
                measured.generations[arm] = kept("generations", Texts, written).texts
    return measured


def _scores(model: Any, subjects: Subjects, settings: PrivacyAuditConfig, arm: str) -> Scores:
    dialogues = [*subjects.members, *subjects.others]
    stretches = [stretch for dialogue in dialogues for stretch in dialogue.stretches]
    losses = iter(token_losses(model, stretches, batch_tokens=settings.batch_tokens, description=f"{arm}: dialogues"))
    joined = [numpy.concatenate([next(losses) for _ in dialogue.stretches]) for dialogue in dialogues]
    return Scores(
        loss=[mean_loss(each) for each in joined],
        min_k=[min_k(each, settings.min_k_fraction) for each in joined],
    )


def _exposures(model: Any, subjects: Subjects, settings: PrivacyAuditConfig, arm: str) -> Exposures:
    # Twins say how exposed the candidate leaves secrets that it never saw; under the other arms that is known: as by luck.
    asked = [pair for pair in zip(subjects.canaries, subjects.spaces, strict=True) if pair[0].repetitions or arm == CANDIDATE]
    bits = {}
    with progress(f"{arm}: canaries", len(asked)) as bar:
        for canary, space in asked:
            bits[canary.id] = exposure(candidate_losses(model, space, settings.batch_tokens), space.number)
            bar.advance()
            if shutdown.requested():
                raise Interrupted
    return Exposures(bits=bits)


def _continuations(model: Any, tokenizer: Any, subjects: Subjects, settings: PrivacyAuditConfig, arm: str) -> Texts:
    """Continue each prompt once greedily, then so many times by sampling."""
    prompts = _prompts(subjects)
    if not prompts:
        return Texts(texts=[])
    greedy = Decoding(settings.extraction_tokens + _ROOM, 0.0, settings.seed, settings.generation_batch_size)
    sampled = replace(greedy, temperature=1.0)
    texts = generate(model, tokenizer, prompts, greedy, f"{arm}: likeliest continuations")
    repeated = [prompt for prompt in prompts for _ in range(settings.samples_per_prefix)]
    if repeated:
        texts += generate(model, tokenizer, repeated, sampled, f"{arm}: sampled continuations")
    return Texts(texts=texts)


def _generations(model: Any, tokenizer: Any, subjects: Subjects, settings: PrivacyAuditConfig, arm: str) -> Texts:
    decoding = Decoding(settings.max_new_tokens, 1.0, settings.seed, settings.generation_batch_size)
    return Texts(texts=generate(model, tokenizer, subjects.openings, decoding, f"{arm}: free generations"))


def _prompts(subjects: Subjects) -> list[Sequence[int]]:
    secrets = [space.prefix for canary, space in zip(subjects.canaries, subjects.spaces, strict=True) if canary.repetitions]
    return [*(prefix.ids for prefix in subjects.prefixes), *(prefix.ids for prefix in subjects.controls), *secrets]


def _grouped(texts: Sequence[Generated], subjects: Subjects, settings: PrivacyAuditConfig) -> dict[str, list[list[Generated]]]:
    count, samples = len(_prompts(subjects)), settings.samples_per_prefix
    each = [[texts[index], *texts[count + index * samples : count + (index + 1) * samples]] for index in range(count)]
    first, second = len(subjects.prefixes), len(subjects.prefixes) + len(subjects.controls)
    return {"prefixes": each[:first], "controls": each[first:second], "canaries": each[second:]}
