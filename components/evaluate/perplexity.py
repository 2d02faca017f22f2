"""Negative log-likelihood of chosen tokens under a causal model, in nats.

``NLL = sum over marked t of -log p(x_t | x_<t)``; corpus perplexity is ``exp(sum NLL / sum tokens)``, token weighted (the mean of
per-dialogue perplexities is another number); bits per byte are ``NLL / ln 2 / UTF-8 bytes of the text``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.shared import chat
from components.shared.records import Message
from components.shared.token_losses import token_losses


@dataclass(frozen=True)
class Passage:
    """Text to be scored: one or more stretches of at most the context's length, each marked token in exactly one.

    Attributes:
        stretches: token ids and marks (1 = scored), each of length T.
        n_bytes: UTF-8 bytes of the scored text.
        cut: part of the text did not fit and is not scored.
    """

    stretches: list[chat.Encoded]
    n_bytes: int
    cut: bool = False


@dataclass(frozen=True)
class TextLikelihood:
    """What a model makes of a passage."""

    nats: float
    n_tokens: int
    n_bytes: int

    @property
    def nats_per_token(self) -> float:
        """Mean negative log-likelihood."""
        return self.nats / self.n_tokens

    @property
    def bits_per_byte(self) -> float:
        """Comparable between tokenizers."""
        return self.nats / math.log(2) / self.n_bytes


def conversation_passage(tokenizer: Any, messages: Sequence[Message], max_length: int) -> Passage:
    """Mark the assistant's replies of a dialogue, end-of-turn tokens included (bytes count the words only)."""
    stretches = chat.windows(tokenizer, messages, max_length)
    stops = chat.end_of_turn_ids(tokenizer)
    marked = [i for s in stretches for i, mark in zip(s.input_ids, s.assistant_mask, strict=True) if mark]
    first_user = next((turn for turn, message in enumerate(messages) if message.role == "user"), len(messages))
    replies = [message.content for message in messages[first_user:] if message.role == "assistant"]
    cut = sum(token in stops for token in marked) < len(replies)
    text = tokenizer.decode([token for token in marked if token not in stops]) if cut else "".join(replies)
    return Passage(stretches, len(text.encode()), cut)


def text_passage(tokenizer: Any, text: str, max_length: int) -> Passage:
    """Mark every token of a plain text; stretches overlap by half, so that no token is scored without context."""
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    ids = [int(start), *tokenizer(text, add_special_tokens=False)["input_ids"]]
    stretches, scored, half = [], 1, max_length // 2
    while scored < len(ids):
        begin = max(0, scored - half) if scored > 1 else 0
        end = min(len(ids), begin + max_length)
        marks = [0] * (scored - begin) + [1] * (end - scored)
        stretches.append(chat.Encoded(ids[begin:end], marks))
        scored = end
    return Passage(stretches, len(text.encode()))


def continuation_passage(prompt: Sequence[int], reply: Sequence[int], text: str) -> Passage:
    """Mark the tokens of a reply that follows a prompt, as they were generated."""
    marks = [0] * len(prompt) + [1] * len(reply)
    return Passage([chat.Encoded([*prompt, *reply], marks)], len(text.encode()))


def likelihoods(model: Any, passages: Sequence[Passage], *, batch_tokens: int, description: str) -> list[TextLikelihood]:
    """Score passages under the model as it is set up (active adapter).

    Args:
        model: a causal language model, in eval mode.
        passages: what to score.
        batch_tokens: tokens in a batch, padding included.
        description: of the progress bar.
    """
    owners = [(index, stretch) for index, passage in enumerate(passages) for stretch in passage.stretches]
    losses = token_losses(model, [stretch for _, stretch in owners], batch_tokens=batch_tokens, description=description)
    nats, tokens = [0.0] * len(passages), [0] * len(passages)
    for (index, _), found in zip(owners, losses, strict=True):
        nats[index] += float(found.sum())
        tokens[index] += len(found)
    return [TextLikelihood(nats[i], tokens[i], passage.n_bytes) for i, passage in enumerate(passages)]
