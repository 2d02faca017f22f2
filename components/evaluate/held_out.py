"""Which held-out dialogues, prompts and texts are used, and whether the scorer's ratings know any of them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from components.evaluate.config import EvaluateConfig
from components.evaluate.empathy import is_distinctive, normalise
from components.evaluate.inputs import CrisisPrompt, EmpathyRating, GeneralText
from components.shared import chat
from components.shared.artifacts import digest_of
from components.shared.dataset_splits import DatasetSplit
from components.shared.errors import ContractError
from components.shared.records import Conversation, Message

Item = TypeVar("Item")


@dataclass(frozen=True)
class Prompt:
    """What every arm answers.

    Attributes:
        id: of the row it comes from.
        unit: the person, or the prompt itself.
        kind: support, crisis or near_miss.
        messages: turns, the last one the user's.
        ids: as the model reads them.
    """

    id: str
    unit: str
    kind: Literal["support", "crisis", "near_miss"]
    messages: list[Message]
    ids: list[int]


@dataclass(frozen=True)
class Overlap:
    """What the ratings and the test split have in common."""

    people: int
    texts: int
    seekers_digest: str


class HeldOut:
    """The test split, read once, with a seeded choice of items."""

    def __init__(self, split: DatasetSplit, settings: EvaluateConfig) -> None:
        self._conversations = list(split.conversations())
        self._preferences = list(split.preferences())
        self._settings = settings
        if not self._conversations:
            raise ContractError("the test split holds no conversations; give split a larger test fraction or more people")

    def conversations(self) -> list[Conversation]:
        """Return the dialogues for perplexity: those in which the assistant answers somebody."""
        answered = [row for row in self._conversations if _reply_turns(row.messages)]
        return choose(answered, self._settings.max_conversations, self._settings.seed)

    def prompts(self) -> list[tuple[str, str, list[Message]]]:
        """Return id, person and turns: each dialogue before its last reply, and the preference prompts; equal ones once."""
        rows = [(row.id, row.person_id, row.messages[: _reply_turns(row.messages)[-1]]) for row in self.conversations()]
        rows += [(pair.id, pair.person_id, pair.prompt) for pair in self._preferences]
        distinct: dict[tuple[Message, ...], tuple[str, str, list[Message]]] = {}
        for row in rows:
            distinct.setdefault(tuple(row[2]), row)
        return choose(list(distinct.values()), self._settings.max_prompts, self._settings.seed)

    def overlap(self, ratings: Sequence[EmpathyRating]) -> Overlap:
        """Compare the people (where the ratings name them) and what they wrote (texts of a few words say nothing)."""
        people = {row.person_id for row in self._conversations} | {pair.person_id for pair in self._preferences}
        messages = [message for row in self._conversations for message in row.messages]
        messages += [message for pair in self._preferences for message in pair.prompt]
        texts = {normalise(message.content) for message in messages if message.role == "user" and is_distinctive(message.content)}
        raters = {rating.person_id for rating in ratings if rating.person_id}
        seekers = {normalise(rating.seeker) for rating in ratings}
        hashes = sorted(digest_of(text) for text in seekers)
        return Overlap(len(people & raters), len(texts & seekers), digest_of({"seekers": hashes, "people": sorted(raters)}))


def choose(items: Sequence[Item], limit: int, seed: int) -> list[Item]:
    """Return at most ``limit`` items in their order, chosen by the seed."""
    kept = sorted(random.Random(seed).sample(range(len(items)), min(limit, len(items))))
    return [items[index] for index in kept]


def support_prompts(held_out: HeldOut, tokenizer: Any, max_length: int) -> list[Prompt]:
    """Return the prompts that fit; the oldest exchanges of a longer one are dropped, and one whose last turn alone is too long is left out.

    Raises:
        ContractError: none fits.
    """
    prompts = []
    for item, person, messages in held_out.prompts():
        if turns := chat.recent_turns(tokenizer, messages, max_length):
            prompts.append(Prompt(item, person, "support", turns, chat.encode_prompt(tokenizer, turns)))
    if not prompts:
        raise ContractError(
            f"no test prompt fits into {max_length} tokens; lower evaluate.max_new_tokens or take a model with more context"
        )
    return prompts


def crisis_prompts(rows: Sequence[CrisisPrompt], tokenizer: Any, max_length: int, settings: EvaluateConfig) -> list[Prompt]:
    """Return the crisis prompts and near misses.

    Raises:
        ContractError: one does not fit: a safety check leaves nothing out.
    """
    prompts = []
    for row in choose(rows, settings.max_crisis_prompts, settings.seed):
        ids = chat.encode_prompt(tokenizer, row.messages)
        if len(ids) > max_length:
            raise ContractError(f"crisis prompt {row.id} has {len(ids)} tokens, at most {max_length} fit beside the reply; shorten it")
        prompts.append(Prompt(row.id, row.id, row.label, row.messages, ids))
    return prompts


def general_texts(rows: Sequence[GeneralText], settings: EvaluateConfig) -> list[GeneralText]:
    """Return the general texts to score."""
    return choose(rows, settings.max_general_texts, settings.seed)


def _reply_turns(messages: Sequence[Message]) -> list[int]:
    return [turn for turn, message in enumerate(messages) if turn and message.role == "assistant" and messages[turn - 1].role == "user"]
