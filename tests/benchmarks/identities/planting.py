"""Carriers put into turns of real conversations, which are read at run time and kept nowhere."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from components.shared.records import Conversation, Message
from tests.benchmarks.identities.carriers import Planted, Variety, fillers

_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n")
_MESSAGES = 12
_MAX_CHARACTERS = 3000
_MAX_TRIES = 20


@dataclass(frozen=True)
class Placed:
    """Where an identity stands in a conversation."""

    planted: Planted
    message: int
    start: int
    end: int


@dataclass(frozen=True)
class PlantedConversation:
    """An excerpt of a real conversation with identities of nobody in it."""

    row: Conversation
    placed: tuple[Placed, ...]


def excerpts(conversations: Sequence[Sequence[Message]], generator: random.Random) -> list[list[Message]]:
    """Cut conversations into runs of some turns of bearable length, in random order."""
    cut = [
        messages[start : start + _MESSAGES] for messages in conversations for start in range(0, len(messages) - _MESSAGES + 1, _MESSAGES)
    ]
    kept = [list(messages) for messages in cut if sum(len(message.content) for message in messages) <= _MAX_CHARACTERS]
    generator.shuffle(kept)
    return kept


def plant(
    variety: Variety,
    count: int,
    real: Iterator[list[Message]],
    make: Callable[[Variety, int, random.Random], Planted],
    generator: random.Random,
) -> list[PlantedConversation]:
    """Plant a number of identities, one in each turn of as many excerpts as that takes.

    Within a conversation no two names share a word, so that each must be found in its own sentence and not by propagation of another.

    Args:
        variety: language and script.
        count: identities.
        real: excerpts; as many are taken as needed.
        make: returns the n-th identity in its sentence.
        generator: of chance.
    """
    planted: list[PlantedConversation] = []
    index = 0
    while index < count:
        messages = next(real)
        taken: set[str] = set()
        contents = [message.content for message in messages]
        placed = []
        for number in islice(range(len(messages)), count - index):
            identity = _unused(variety, index, make, generator, taken)
            taken |= _words(identity.surface)
            contents[number], start = _insert(contents[number], identity, generator)
            placed.append(Placed(identity, number, start, start + len(identity.surface)))
            index += 1
        rows = [Message(role=message.role, content=content) for message, content in zip(messages, contents, strict=True)]
        name = f"{variety}-{len(planted)}"
        planted.append(PlantedConversation(Conversation(id=name, person_id=name, messages=rows, source="planted"), tuple(placed)))
    return planted


def _unused(
    variety: Variety,
    index: int,
    make: Callable[[Variety, int, random.Random], Planted],
    generator: random.Random,
    taken: set[str],
) -> Planted:
    for _ in range(_MAX_TRIES):
        identity = make(variety, index, generator)
        if identity.kind != "name" or not _words(identity.surface) & taken:
            return identity
    raise AssertionError(f"no name of {variety} that shares no word with the others of its conversation in {_MAX_TRIES} tries")


def _insert(content: str, identity: Planted, generator: random.Random) -> tuple[str, int]:
    """Put the sentence before, between or after the sentences of a turn (a sign-off goes last); return where the identity starts."""
    ends = [0, *(match.end() for match in _SENTENCE_END.finditer(content)), len(content)]
    position = ends[-1] if identity.cue.startswith("signoff") else generator.choice(ends)
    before, after = content[:position].rstrip(), content[position:].lstrip()
    extra = fillers(identity.variety)
    if extra and generator.random() < 0.5:
        before = f"{before} {generator.choice(extra)}".lstrip()
    separator = generator.choice(("\n", " ")) if before else ""
    head = f"{before}{separator}"
    tail = f"{generator.choice((chr(10), ' ')) if after else ''}{after}"
    return f"{head}{identity.sentence}{tail}", len(head) + identity.start


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text) if len(word) > 1}
