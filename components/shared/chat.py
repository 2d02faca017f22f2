"""Conversations as token ids, with a mask of what the assistant said (needs a tokenizer, not torch).

One definition serves SFT, the ptx term of PPO and perplexity: a token counts when it belongs to an assistant reply, its end-of-turn token
included. It is found from the rendered text, because most published chat templates have no generation markers and then return an
all-zero mask with only a warning.
"""

import functools
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from components.shared.errors import ContractError
from components.shared.records import Message

_TURN_CHARACTERS = 20  # what a template writes around a turn, roughly; only the speed of windows depends on it


@dataclass(frozen=True)
class Encoded:
    """A tokenized conversation, or a window of one.

    Attributes:
        input_ids: token ids, length T.
        assistant_mask: 1 where the token belongs to an assistant reply (end-of-turn included), length T.
    """

    input_ids: list[int]
    assistant_mask: list[int]

    def __len__(self) -> int:
        return len(self.input_ids)


def render(tokenizer: Any, messages: Sequence[Message], *, for_reply: bool = False) -> str:
    """Return the conversation as the model's chat template writes it; ``for_reply`` opens the assistant's turn at the end."""
    turns = [message.model_dump() for message in messages]
    return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=for_reply))


def encode(tokenizer: Any, messages: Sequence[Message]) -> Encoded:
    """Tokenize a conversation and mark the assistant's tokens.

    Raises:
        ContractError: the template rewrites earlier turns when later ones are added, or ends only some replies with an end-of-turn token,
            so that no part of its output can be attributed to a turn; or the conversation begins with the assistant.
    """
    text = render(tokenizer, messages)
    begins = _reply_begins(tokenizer, messages, text)
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids = list(encoding["input_ids"])
    mask = [0] * len(ids)
    stops = end_of_turn_ids(tokenizer)
    reply = 0
    for position, (_, right) in enumerate(encoding["offset_mapping"]):
        # A token counts when it covers a character of the reply. Some tokenizers trim spaces from offsets, so that a space covers nothing;
        # its right edge still says on which side of the boundary it is.
        if reply < len(begins) and right > begins[reply]:
            mask[position] = 1
            if ids[position] in stops:
                reply += 1  # what the template writes after the end of the turn (a newline) is not the assistant's
    if reply < len(begins):
        raise ContractError(
            "the model's chat template does not end each of the assistant's turns with its end-of-turn token, only some of them; "
            "give the model a template that does, in chat_template.jinja beside the tokenizer"
        )
    return Encoded(ids, mask)


def encode_prompt(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """Tokenize a prompt (it ends with the user's turn) up to where the assistant's first token comes."""
    return list(tokenizer(render(tokenizer, messages, for_reply=True), add_special_tokens=False)["input_ids"])


def encode_reply(tokenizer: Any, prompt: Sequence[Message], reply: Message) -> tuple[list[int], list[int]]:
    """Tokenize a prompt and a reply to it.

    Returns:
        Prompt ids and reply ids; the reply ends with its end-of-turn token. Their concatenation is what the model reads.
    """
    encoded = encode(tokenizer, [*prompt, reply])
    last = len(encoded) - 1 - encoded.assistant_mask[::-1].index(1)
    first = last
    while first > 0 and encoded.assistant_mask[first - 1]:
        first -= 1
    return encoded.input_ids[:first], encoded.input_ids[first : last + 1]


def windows(tokenizer: Any, messages: Sequence[Message], max_length: int) -> list[Encoded]:
    """Cut a conversation into consecutive stretches of whole turns, each at most ``max_length`` tokens.

    Every stretch begins with a user turn (after the system message, which each repeats) and holds at least one reply. Each reply is in
    exactly one stretch, so token sums over stretches are sums over the conversation. A single exchange that alone is too long is cut at
    the right end. Assistant turns before the first user turn answer nothing and are left out, as is a last user turn without an answer.
    """
    system = [message for message in messages[:1] if message.role == "system"]
    exchanges = _exchanges(messages[len(system) :])
    result: list[Encoded] = []
    while exchanges:
        taken = len(exchanges)
        encoded = _encode_exchanges(tokenizer, system, exchanges)
        while len(encoded) > max_length and taken > 1:
            # Lengths are nearly proportional to characters: jump to about the right number of exchanges, then go down one by one.
            taken = min(taken - 1, _fitting(exchanges[:taken], max_length / len(encoded)))
            encoded = _encode_exchanges(tokenizer, system, exchanges[:taken])
        result.append(Encoded(encoded.input_ids[:max_length], encoded.assistant_mask[:max_length]))
        exchanges = exchanges[taken:]
    return [window for window in result if any(window.assistant_mask)]


def recent_turns(tokenizer: Any, messages: Sequence[Message], max_length: int) -> list[Message]:
    """Drop the oldest exchanges of a prompt until it has at most ``max_length`` tokens; the system message stays.

    Returns:
        The shortened prompt; empty when even the last user turn alone is too long.
    """
    system = [message for message in messages[:1] if message.role == "system"]
    starts = [index for index, message in enumerate(messages) if message.role == "user"]
    # The prompt gets shorter with each later start: bisect for the first one that fits.
    first = bisect_left(starts, 1, key=lambda start: len(encode_prompt(tokenizer, [*system, *messages[start:]])) <= max_length)
    return [*system, *messages[starts[first] :]] if first < len(starts) else []


@functools.lru_cache(maxsize=8)
def end_of_turn_ids(tokenizer: Any) -> frozenset[int]:
    """Return the token ids that end an assistant's turn: the tokenizer's eos token, and the special token that the template writes there.

    The two differ in some models (Gemma ends turns with ``<end_of_turn>``, its eos is ``<eos>``).

    Raises:
        ContractError: the template ends replies with no special token, so a model could not learn to stop.
    """
    reply = "reply"
    text = render(tokenizer, [Message(role="user", content="message"), Message(role="assistant", content=reply)])
    tail = tokenizer(text[text.rindex(reply) + len(reply) :], add_special_tokens=False)["input_ids"]
    endings = [token for token in tail if token in tokenizer.all_special_ids or token in tokenizer.added_tokens_decoder]
    if not endings:
        raise ContractError(
            "the model's chat template ends the assistant's turn with no special token, so a reply would never stop; "
            "give the model a template that writes its eos token after each reply, in chat_template.jinja beside the tokenizer"
        )
    eos = set() if tokenizer.eos_token_id is None else {int(tokenizer.eos_token_id)}
    return frozenset({int(endings[0]), *eos})


def _reply_begins(tokenizer: Any, messages: Sequence[Message], text: str) -> list[int]:
    """Return where each assistant reply begins, in characters of the rendered text."""
    begins = []
    for index, message in enumerate(messages):
        if message.role != "assistant":
            continue
        if not any(earlier.role == "user" for earlier in messages[:index]):
            raise ContractError("a conversation begins with the assistant: its first reply answers nothing; let it begin with the user")
        prefix = render(tokenizer, messages[:index], for_reply=True)
        if not text.startswith(prefix):
            raise ContractError(
                "the model's chat template rewrites earlier turns when a later one is added (templates that drop old reasoning do so); "
                "give the model a template whose output only grows, in chat_template.jinja beside the tokenizer"
            )
        begins.append(len(prefix))
    return begins


def _exchanges(turns: Sequence[Message]) -> list[list[Message]]:
    """Group turns into exchanges, each beginning with a user turn; a last user turn that nobody answered is left out."""
    last = max((index for index, message in enumerate(turns) if message.role == "assistant"), default=-1)
    exchanges: list[list[Message]] = []
    for message in turns[: last + 1]:
        if message.role == "user":
            exchanges.append([])
        if exchanges:
            exchanges[-1].append(message)
    return exchanges


def _encode_exchanges(tokenizer: Any, system: Sequence[Message], exchanges: Sequence[Sequence[Message]]) -> Encoded:
    return encode(tokenizer, [*system, *(message for exchange in exchanges for message in exchange)])


def _fitting(exchanges: Sequence[Sequence[Message]], share: float) -> int:
    """Return how many of the first exchanges hold at most ``share`` of all characters; at least one."""
    sizes = list(accumulate(sum(len(message.content) + _TURN_CHARACTERS for message in exchange) for exchange in exchanges))
    return max(1, sum(size <= share * sizes[-1] for size in sizes))
