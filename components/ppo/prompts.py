"""Where queries and ptx conversations come from, in an order that a seed decides and a checkpoint can continue (needs a tokenizer).

Contexts are kept as places in the data and tokenized when they are drawn, because a large data set has far more of them than a run uses.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from components.shared.chat import Encoded, encode, encode_prompt, recent_turns
from components.shared.errors import ContractError
from components.shared.records import Conversation, Message, PreferencePair

Item = TypeVar("Item")


@dataclass(frozen=True)
class Context:
    """What was said before an assistant's turn.

    Attributes:
        prompt_id: the row's id, for a conversation with the number of the turn: it finds the text in the data, logs carry nothing else.
        messages: the conversation it comes from, or a preference pair's prompt.
        turn: number of messages before the reply.
    """

    prompt_id: str
    messages: Sequence[Message]
    turn: int

    @property
    def before(self) -> Sequence[Message]:
        """The turns before the reply."""
        return self.messages[: self.turn]


@dataclass(frozen=True)
class Query:
    """A tokenized prompt."""

    prompt_id: str
    input_ids: list[int]


def conversation_contexts(conversations: Iterable[Conversation], *, every_turn: bool) -> list[Context]:
    """Return a context for each assistant turn that answers a user, or only for the last such turn of each conversation."""
    contexts = []
    for row in conversations:
        turns = [
            turn
            for turn, message in enumerate(row.messages)
            if turn > 0 and message.role == "assistant" and row.messages[turn - 1].role == "user"
        ]
        contexts += [Context(f"{row.id}#{turn}", row.messages, turn) for turn in (turns if every_turn else turns[-1:])]
    return contexts


def preference_contexts(pairs: Iterable[PreferencePair]) -> list[Context]:
    """Return the prompts of preference pairs, each once however many pairs share it."""
    distinct: dict[tuple[Message, ...], Context] = {}
    for pair in pairs:
        distinct.setdefault(tuple(pair.prompt), Context(pair.id, pair.prompt, len(pair.prompt)))
    return list(distinct.values())


class SeededCycle(Generic[Item]):
    """Goes through items again and again, each time in a new order that depends on the seed and the pass alone."""

    def __init__(self, items: Sequence[Item], seed: int) -> None:
        self._items, self._seed = items, seed
        self._order: list[int] = []
        self._pass = -1
        self.position = 0
        """Items drawn so far; all that a checkpoint needs to keep."""

    def __next__(self) -> Item:
        """Return the next item."""
        number, place = divmod(self.position, len(self._items))
        if number != self._pass:
            self._order = list(range(len(self._items)))
            random.Random(f"{self._seed}/{number}").shuffle(self._order)
            self._pass = number
        self.position += 1
        return self._items[self._order[place]]


class QuerySource:
    """Draws tokenized queries; a prompt whose last user turn alone is too long is passed over."""

    def __init__(self, contexts: Sequence[Context], tokenizer: Any, max_prompt_length: int, seed: int) -> None:
        """Raise ContractError when there is nothing to draw from."""
        if not contexts:
            raise ContractError(
                "no prompts: the split holds neither a conversation with a reply nor a preference pair; check the split stage"
            )
        self._tokenizer, self._max_length, self._count = tokenizer, max_prompt_length, len(contexts)
        self.cycle = SeededCycle(contexts, seed)

    def draw(self, count: int) -> list[Query]:
        """Return the next ``count`` queries.

        Raises:
            ContractError: a whole pass over the prompts found none that is short enough.
        """
        queries: list[Query] = []
        refused = 0
        while len(queries) < count:
            context = next(self.cycle)
            turns = recent_turns(self._tokenizer, context.before, self._max_length)
            if turns:
                queries.append(Query(context.prompt_id, encode_prompt(self._tokenizer, turns)))
                refused = 0
            else:
                refused += 1
            if refused == 2 * self._count:  # so many in a row hold a whole pass, wherever it began
                raise ContractError(f"all {self._count} prompts are longer than {self._max_length} tokens; raise ppo.max_prompt_length")
        return queries


class PtxSource:
    """Draws stretches of human conversations for the cross-entropy term: a context, cut as for a query, with the reply it got."""

    def __init__(self, contexts: Sequence[Context], tokenizer: Any, max_length: int, seed: int) -> None:
        """Raise ContractError when there is nothing to draw from."""
        if not contexts:
            raise ContractError("no conversations for the ptx term; give conversations or set ppo.ptx_coef to 0")
        self._tokenizer, self._max_length = tokenizer, max_length
        self.cycle = SeededCycle(contexts, seed)

    def draw(self, count: int) -> list[Encoded]:
        """Return the next ``count`` stretches; a reply that does not fit is cut at its end."""
        drawn: list[Encoded] = []
        while len(drawn) < count:
            context = next(self.cycle)
            reply = context.messages[context.turn]
            turns = recent_turns(self._tokenizer, context.before, self._max_length // 2) or context.before[-1:]
            encoded = encode(self._tokenizer, [*turns, reply])
            drawn.append(Encoded(encoded.input_ids[: self._max_length], encoded.assistant_mask[: self._max_length]))
        return drawn
