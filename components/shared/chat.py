"""Conversations as token ids, with a mask of what the assistant said (needs a tokenizer, not torch).

One definition serves SFT, the ptx term of PPO and perplexity: a token counts when it belongs to an assistant reply, its end-of-turn token
included. It is found from the rendered text, because most published chat templates have no generation markers and then return an
all-zero mask with only a warning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.shared.errors import ContractError
from components.shared.records import Message


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
        ContractError: the template rewrites earlier turns when later ones are added, so no part of it can be attributed to a turn.
    """
    text = render(tokenizer, messages)
    spans = []
    for index, message in enumerate(messages):
        if message.role == "assistant":
            begin = len(_prefix(tokenizer, messages[:index], text, for_reply=True))
            end = len(_prefix(tokenizer, messages[: index + 1], text, for_reply=False))
            spans.append((begin, end))
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, mask = list(encoding["input_ids"]), [0] * len(encoding["input_ids"])
    stops = end_of_turn_ids(tokenizer)
    for begin, end in spans:
        for position, (left, right) in enumerate(encoding["offset_mapping"]):
            if left >= begin and right <= end and right > left:
                mask[position] = 1
                if ids[position] in stops:
                    break  # what the template writes after the end of the turn (a newline) is not the assistant's
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
    the right end.
    """
    system = [message for message in messages[:1] if message.role == "system"]
    turns = list(messages[len(system) :])
    exchanges: list[list[Message]] = []
    for message in turns:
        if message.role == "user" or not exchanges:
            exchanges.append([])
        exchanges[-1].append(message)
    result: list[Encoded] = []
    stretch: list[Message] = []
    for exchange in exchanges:
        if stretch and len(encode(tokenizer, [*system, *stretch, *exchange])) > max_length:
            result.append(_cut(encode(tokenizer, [*system, *stretch]), max_length))
            stretch = []
        stretch.extend(exchange)
    result.append(_cut(encode(tokenizer, [*system, *stretch]), max_length))
    return [window for window in result if any(window.assistant_mask)]


def recent_turns(tokenizer: Any, messages: Sequence[Message], max_length: int) -> list[Message]:
    """Drop the oldest exchanges of a prompt until it has at most ``max_length`` tokens; the system message stays.

    Returns:
        The shortened prompt; empty when even the last user turn alone is too long.
    """
    system = [message for message in messages[:1] if message.role == "system"]
    turns = list(messages[len(system) :])
    while turns:
        if turns[0].role == "user" and len(encode_prompt(tokenizer, [*system, *turns])) <= max_length:
            return [*system, *turns]
        turns.pop(0)
    return []


def end_of_turn_ids(tokenizer: Any) -> set[int]:
    """Return the token ids that end an assistant's turn (the tokenizer's eos token)."""
    if tokenizer.eos_token_id is None:
        raise ContractError("the tokenizer names no eos token; set eos_token to the chat template's end-of-turn token")
    return {int(tokenizer.eos_token_id)}


def _prefix(tokenizer: Any, messages: Sequence[Message], text: str, *, for_reply: bool) -> str:
    prefix = render(tokenizer, messages, for_reply=for_reply)
    if not text.startswith(prefix):
        raise ContractError(
            "the model's chat template rewrites earlier turns when a later one is added (templates that drop old reasoning do so); "
            "give the model a template whose output only grows, in chat_template.jinja beside the tokenizer"
        )
    return prefix


def _cut(encoded: Encoded, max_length: int) -> Encoded:
    return Encoded(encoded.input_ids[:max_length], encoded.assistant_mask[:max_length])
