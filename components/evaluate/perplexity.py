"""Negative log-likelihood of chosen tokens under a causal model, in nats.

T: tokens of a sequence; V: vocabulary. ``NLL = sum over marked t of -log p(x_t | x_<t)``; corpus perplexity is
``exp(sum NLL / sum tokens)``, token weighted (the mean of per-dialogue perplexities is another number); bits per byte are
``NLL / ln 2 / UTF-8 bytes of the text``. Logits are taken in fp32 whatever the model's type: bf16 moves the third digit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from components.shared import chat, shutdown
from components.shared.errors import Interrupted
from components.shared.progress import progress
from components.shared.records import Message

_MAX_LOGITS = 1 << 28  # 1 GiB of fp32 logits a batch


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
    owners.sort(key=lambda entry: -len(entry[1]))  # the longest first: a batch that does not fit in memory fails at once
    limit = min(batch_tokens, max(1, _MAX_LOGITS // int(model.config.vocab_size)))
    nats, tokens = [0.0] * len(passages), [0] * len(passages)
    with progress(description, len(owners)) as bar:
        while owners:
            count = max(1, limit // len(owners[0][1]))
            batch, owners = owners[:count], owners[count:]
            for (index, stretch), value in zip(batch, _batch_nats(model, [stretch for _, stretch in batch]), strict=True):
                nats[index] += value
                tokens[index] += sum(stretch.assistant_mask[1:])
            bar.advance(len(batch))
            if shutdown.requested():
                raise Interrupted
    return [TextLikelihood(nats[i], tokens[i], passage.n_bytes) for i, passage in enumerate(passages)]


@torch.inference_mode()
def _batch_nats(model: Any, stretches: Sequence[chat.Encoded]) -> list[float]:
    # Right padding; the mask comes from lengths. The first token is never scored: nothing comes before it.
    width = max(len(stretch) for stretch in stretches)
    ids = torch.zeros(len(stretches), width, dtype=torch.long)
    attention, marks = torch.zeros_like(ids), torch.zeros_like(ids, dtype=torch.bool)
    for row, stretch in enumerate(stretches):
        ids[row, : len(stretch)] = torch.tensor(stretch.input_ids)
        attention[row, : len(stretch)] = 1
        marks[row, : len(stretch)] = torch.tensor(stretch.assistant_mask, dtype=torch.bool)
    where = model.device
    logits = model(input_ids=ids.to(where), attention_mask=attention.to(where), use_cache=False).logits
    marks[:, 0] = False
    predicting = marks.roll(-1, dims=1)
    chosen = torch.nn.functional.cross_entropy(logits[predicting.to(where)].float(), ids[marks].to(where), reduction="none")
    values = torch.zeros(ids.shape, dtype=torch.float64)
    values[marks] = chosen.double().cpu()
    return [float(total) for total in values.sum(dim=1)]
