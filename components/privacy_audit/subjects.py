"""Who is audited: members and matched non-members, the replies to continue, the openings of free generations."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from components.privacy_audit.config import PrivacyAuditConfig
from components.shared import chat
from components.shared.canaries import is_canary
from components.shared.errors import ContractError
from components.shared.progress import track
from components.shared.records import Conversation, Message

OPENINGS = Path(__file__).with_name("openings.txt")


@dataclass(frozen=True)
class Dialogue:
    """A conversation as the models read it.

    Attributes:
        row: the conversation.
        stretches: windows of whole turns with the assistant's tokens marked.
    """

    row: Conversation
    stretches: list[chat.Encoded]

    @property
    def num_tokens(self) -> int:
        """Tokens of the assistant."""
        return sum(sum(stretch.assistant_mask) for stretch in self.stretches)

    def replies(self) -> list[list[int]]:
        """Return the tokens of each reply; one that a window cuts is cut."""
        found: list[list[int]] = []
        for stretch in self.stretches:
            inside = False
            for token, mark in zip(stretch.input_ids, stretch.assistant_mask, strict=True):
                if mark and not inside:
                    found.append([])
                if mark:
                    found[-1].append(token)
                inside = bool(mark)
        return found


@dataclass(frozen=True)
class Prefix:
    """What was said before a reply, and the reply.

    Attributes:
        person: whose dialogue it is.
        ids: the prompt.
        reply: tokens of the reply.
    """

    person: str
    ids: list[int]
    reply: list[int]


def dialogues(tokenizer: Any, rows: Sequence[Conversation], context: int, description: str) -> list[Dialogue]:
    """Tokenize people's conversations (canaries left out) that hold a reply."""
    people = [row for row in rows if not is_canary(row)]
    encoded = [Dialogue(row, chat.windows(tokenizer, row.messages, context)) for row in track(people, description, len(people))]
    kept = [dialogue for dialogue in encoded if dialogue.num_tokens > 1]
    if not kept:
        raise ContractError(f"{description}: no conversation holds a reply that fits into {context} tokens; check the split stage")
    return kept


def choose(items: Sequence[Any], limit: int, seed: int) -> list[Any]:
    """Return at most ``limit`` items in their order, chosen by the seed."""
    kept = sorted(random.Random(seed).sample(range(len(items)), min(limit, len(items))))
    return [items[index] for index in kept]


def matched(members: Sequence[Dialogue], others: Sequence[Dialogue], limit: int, seed: int) -> tuple[list[Dialogue], list[Dialogue]]:
    """Return equally many members and non-members whose replies are about equally long: each takes the nearest member that is left."""
    chosen = choose(others, min(limit, len(members)), seed)
    free = list(choose(members, len(members), seed))
    random.Random(seed).shuffle(free)
    lengths = numpy.array([dialogue.num_tokens for dialogue in free], dtype=float)
    picked = []
    for dialogue in chosen:
        nearest = int(numpy.abs(lengths - dialogue.num_tokens).argmin())
        picked.append(free[nearest])
        lengths[nearest] = numpy.inf
    return picked, chosen


def prefixes(tokenizer: Any, source: Sequence[Dialogue], settings: PrivacyAuditConfig, room: int) -> list[Prefix]:
    """Return what came before replies that are long enough to be extracted; a seeded choice, one of a conversation."""
    rng = random.Random(settings.seed)
    found = []
    for dialogue in choose(source, len(source), settings.seed):
        messages = dialogue.row.messages
        turns = [
            turn for turn, message in enumerate(messages) if turn and message.role == "assistant" and messages[turn - 1].role == "user"
        ]
        rng.shuffle(turns)
        for turn in turns:
            prompt = chat.recent_turns(tokenizer, messages[:turn], room)
            if not prompt:
                continue
            ids, reply = chat.encode_reply(tokenizer, prompt, messages[turn])
            if len(reply) > settings.extraction_tokens:
                found.append(Prefix(dialogue.row.person_id, ids, reply))
                break
    return choose(found, settings.num_prefixes, settings.seed)


def openings(tokenizer: Any, count: int) -> list[list[int]]:
    """Return ``count`` prompts, the openings in turn."""
    lines = OPENINGS.read_text(encoding="utf-8").splitlines()
    encoded = [chat.encode_prompt(tokenizer, [Message(role="user", content=line)]) for line in lines]
    return [encoded[index % len(encoded)] for index in range(count)]
