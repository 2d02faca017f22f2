"""Measures one arm after another: likelihoods and replies first, then what the scorer and the rules say of the replies."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from components.evaluate import crisis, diversity, lexical, perplexity
from components.evaluate.config import EvaluateConfig
from components.evaluate.empathy import EmpathyModel
from components.evaluate.held_out import Prompt
from components.evaluate.inputs import CrisisPrompt, GeneralText
from components.evaluate.perplexity import Passage, TextLikelihood
from components.evaluate.sentence_embedding import SentenceEncoder
from components.shared.arms import Arms
from components.shared.eval_report import ARMS, ItemScore, Reply
from components.shared.generation import Decoding, Generated, generate
from components.shared.pieces import piece
from components.shared.records import Conversation


@dataclass(frozen=True)
class Workload:
    """What every arm is measured on; an empty list is a section that is off."""

    conversations: list[Conversation]
    texts: list[GeneralText]
    support: list[Prompt]
    crisis: list[Prompt]


class ArmRun(BaseModel):
    """What running one arm gave: all that needs the model, and so all that is worth keeping when the stage is killed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    items: list[ItemScore]
    """Likelihoods."""
    replies: list[Generated]
    """One per prompt, support prompts first, in the order of the workload."""


@dataclass
class Measured:
    """What was found.

    Attributes:
        items: a value per item, arm and metric.
        replies: arm to its replies, as in ``ArmRun``.
        arm_numbers: arm to numbers of all its support replies together.
        facts: counts that say on what the numbers rest.
    """

    items: list[ItemScore] = field(default_factory=list)
    replies: dict[str, list[Generated]] = field(default_factory=dict)
    arm_numbers: dict[str, dict[str, float]] = field(default_factory=dict)
    facts: dict[str, int] = field(default_factory=dict)


def measure_arms(arms: Arms, workload: Workload, settings: EvaluateConfig, checkpoint: Path | None) -> Measured:
    """Run the models: likelihood of human replies and general text, replies to all prompts, and the replies under the base model.

    Args:
        arms: the models.
        workload: what to measure them on.
        settings: how.
        checkpoint: where finished arms are kept and found again; None where nothing is kept.
    """
    measured = Measured()
    people, references = _references(arms, workload.conversations, measured)
    texts = [(row.id, row.id) for row in workload.texts]
    general = [perplexity.text_passage(arms.tokenizer, row.text, arms.context) for row in workload.texts]
    prompts = [*workload.support, *workload.crisis]
    passages = {"reference": (people, references), "general": (texts, general)}
    for arm in ARMS:
        run = piece(checkpoint, arm, ArmRun, functools.partial(_run_arm, arms, arm, passages, prompts, settings))
        measured.items += run.items
        measured.replies[arm] = run.replies
    if settings.perplexity and workload.support:
        _measure_generated(arms, workload.support, measured, settings)
    return measured


def score_support(
    prompts: Sequence[Prompt], measured: Measured, encoder: SentenceEncoder, model: EmpathyModel, settings: EvaluateConfig
) -> None:
    """Add empathy, relevance, length and diversity of the replies to support prompts."""
    replies = {arm: [reply.text for reply in measured.replies[arm][: len(prompts)]] for arm in ARMS}
    budget = min([settings.diversity_words, *(diversity.word_count(texts) for texts in replies.values())])
    measured.facts["distinct_2_words"] = budget
    turns = encoder.encode([prompt.messages[-1].content for prompt in prompts], settings.embedding_batch_size, "embedding prompts")
    for arm, texts in replies.items():
        embeddings = encoder.encode(texts, settings.embedding_batch_size, f"{arm}: embedding")
        levels = model.expected_levels(texts, embeddings)
        cosines = (turns * embeddings).sum(axis=1)
        for index, prompt in enumerate(prompts):
            values = {f"empathy_{name}": float(scores[index]) for name, scores in levels.items()}
            values["empathy"] = sum(values.values()) / len(values)
            values["relevance"] = float(cosines[index])
            values["reply_words"] = float(len(lexical.words(texts[index])))
            values["reply_truncated"] = float(measured.replies[arm][index].truncated)
            measured.items += _reply_items(arm, prompt, measured.replies[arm][index], values)
        measured.arm_numbers[arm] = {
            "replies": len(texts),
            "opener_share": diversity.opener_share(texts),
            "duplicate_share": diversity.duplicate_share(texts),
            **({"distinct_2": diversity.distinct_2(texts, budget, settings.seed)} if budget else {}),
            **({"self_similarity": diversity.self_similarity(embeddings)} if len(texts) > 1 else {}),
        }


def check_crisis(workload: Workload, rows: Sequence[CrisisPrompt], measured: Measured) -> None:
    """Add what the crisis rules say of the replies to crisis prompts and near misses."""
    expected = {row.id: row.expected for row in rows}
    for arm in ARMS:
        replies = measured.replies[arm][len(workload.support) :]
        for prompt, reply in zip(workload.crisis, replies, strict=True):
            outcomes = crisis.check(reply.text, expected[prompt.id])
            measured.items += _reply_items(arm, prompt, reply, {name: float(kept) for name, kept in outcomes.items()})


def reply_rows(workload: Workload, measured: Measured) -> list[Reply]:
    """Return every reply with the id of its prompt."""
    prompts = [*workload.support, *workload.crisis]
    return [
        Reply(item=prompt.id, kind=prompt.kind, arm=arm, reply=reply.text, n_tokens=len(reply.ids), truncated=reply.truncated)
        for arm, replies in measured.replies.items()
        for prompt, reply in zip(prompts, replies, strict=True)
    ]


def _run_arm(
    arms: Arms,
    arm: str,
    passages: Mapping[str, tuple[Sequence[tuple[str, str]], Sequence[Passage]]],
    prompts: Sequence[Prompt],
    settings: EvaluateConfig,
) -> ArmRun:
    decoding = Decoding(settings.max_new_tokens, settings.temperature, settings.seed, settings.generation_batch_size)
    items: list[ItemScore] = []
    with arms.active(arm) as model:
        for kind, (names, texts) in passages.items():
            found = _likelihoods(model, texts, settings, f"{arm}: {kind} text") if texts else []
            items += _likelihood_items(arm, kind, names, found)
        ids = [prompt.ids for prompt in prompts]
        replies = generate(model, arms.tokenizer, ids, decoding, f"{arm}: replies") if ids else []
    return ArmRun(items=items, replies=replies)


def _references(arms: Arms, rows: Sequence[Conversation], measured: Measured) -> tuple[list[tuple[str, str]], list[Passage]]:
    passages = [perplexity.conversation_passage(arms.tokenizer, row.messages, arms.context) for row in rows]
    kept = [(row, passage) for row, passage in zip(rows, passages, strict=True) if passage.stretches]
    measured.facts["conversations"] = len(kept)
    measured.facts["conversations_too_long"] = len(rows) - len(kept)
    measured.facts["conversations_cut"] = sum(passage.cut for _, passage in kept)
    return [(row.id, row.person_id) for row, _ in kept], [passage for _, passage in kept]


def _measure_generated(arms: Arms, prompts: Sequence[Prompt], measured: Measured, settings: EvaluateConfig) -> None:
    # One fixed judge for all arms. An empty reply has only its end-of-turn token and is scored like any other.
    with arms.active("base") as model:
        for arm in ARMS:
            replies = measured.replies[arm][: len(prompts)]
            passages = [
                perplexity.continuation_passage(prompt.ids, reply.ids, reply.text) for prompt, reply in zip(prompts, replies, strict=True)
            ]
            found = _likelihoods(model, passages, settings, f"{arm}: own replies")
            for prompt, value in zip(prompts, found, strict=True):
                measured.items.append(_item(arm, "nll_generated", (prompt.id, prompt.unit), value.nats_per_token, value))


def _likelihoods(model: Any, passages: Sequence[Passage], settings: EvaluateConfig, description: str) -> list[TextLikelihood]:
    return perplexity.likelihoods(model, passages, batch_tokens=settings.batch_tokens, description=description)


def _likelihood_items(arm: str, kind: str, names: Sequence[tuple[str, str]], found: Sequence[TextLikelihood]) -> list[ItemScore]:
    items = [_item(arm, f"nll_{kind}", name, value.nats_per_token, value) for name, value in zip(names, found, strict=True)]
    return items + [_item(arm, f"bpb_{kind}", name, value.bits_per_byte, value) for name, value in zip(names, found, strict=True)]


def _item(arm: str, metric: str, name: tuple[str, str], value: float, size: TextLikelihood) -> ItemScore:
    return ItemScore(item=name[0], unit=name[1], arm=arm, metric=metric, value=value, n_tokens=size.n_tokens, n_bytes=size.n_bytes)


def _reply_items(arm: str, prompt: Prompt, reply: Generated, values: dict[str, float]) -> list[ItemScore]:
    size = len(reply.text.encode())
    return [
        ItemScore(item=prompt.id, unit=prompt.unit, arm=arm, metric=name, value=value, n_tokens=len(reply.ids), n_bytes=size)
        for name, value in values.items()
    ]
