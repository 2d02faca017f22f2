"""Replies of a model to prompts: greedy, or seeded sampling from the full distribution (needs torch, transformers)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig

from components.shared import chat, shutdown
from components.shared.errors import Interrupted
from components.shared.progress import progress


@dataclass(frozen=True)
class Decoding:
    """How replies are drawn.

    Attributes:
        max_new_tokens: longest reply, tokens.
        temperature: 0 is greedy.
        seed: of sampling.
        batch_size: replies at once.
    """

    max_new_tokens: int
    temperature: float
    seed: int
    batch_size: int


@dataclass(frozen=True)
class Generated:
    """A reply.

    Attributes:
        ids: its tokens, end-of-turn included where it came.
        text: what a person reads.
        truncated: the token limit came before the end of the turn.
    """

    ids: list[int]
    text: str
    truncated: bool


def generate(model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]], decoding: Decoding, description: str) -> list[Generated]:
    """Reply to each prompt under the model as it is set up (active adapter).

    Args:
        model: a causal language model, in eval mode.
        tokenizer: its tokenizer.
        prompts: token ids up to where the reply begins; batches are made by length.
        decoding: how replies are drawn.
        description: of the progress bar.
    """
    settings = _generation_config(tokenizer, decoding)
    torch.manual_seed(decoding.seed)
    replies: dict[int, Generated] = {}
    order = sorted(range(len(prompts)), key=lambda index: (len(prompts[index]), index))
    with progress(description, len(order)) as bar:
        for start in range(0, len(order), decoding.batch_size):
            batch = order[start : start + decoding.batch_size]
            generated = _generate_batch(model, [prompts[index] for index in batch], settings, tokenizer)
            replies.update(zip(batch, generated, strict=True))
            bar.advance(len(batch))
            if shutdown.requested():
                raise Interrupted
    return [replies[index] for index in range(len(prompts))]


def _generation_config(tokenizer: Any, decoding: Decoding) -> GenerationConfig:
    # A published model's own generation_config (top_k, repetition penalty) must not colour the comparison; generate() defaults to top_k=50.
    sampling = {"do_sample": True, "temperature": decoding.temperature, "top_k": 0, "top_p": 1.0} if decoding.temperature > 0 else {}
    return GenerationConfig(
        max_new_tokens=decoding.max_new_tokens,
        eos_token_id=sorted(chat.end_of_turn_ids(tokenizer)),
        pad_token_id=tokenizer.pad_token_id,
        **({"do_sample": False} | sampling),
    )


@torch.inference_mode()
def _generate_batch(model: Any, prompts: Sequence[Sequence[int]], settings: GenerationConfig, tokenizer: Any) -> list[Generated]:
    # Left padding; where a reply ends is found by its first end-of-turn token, never by the pad id.
    width = max(len(prompt) for prompt in prompts)
    ids = torch.full((len(prompts), width), tokenizer.pad_token_id, dtype=torch.long)
    attention = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(list(prompt))
        attention[row, width - len(prompt) :] = 1
    where = model.device
    output = model.generate(input_ids=ids.to(where), attention_mask=attention.to(where), generation_config=settings)
    stops = chat.end_of_turn_ids(tokenizer)
    return [_reply(row, stops, tokenizer) for row in output[:, width:].tolist()]


def _reply(ids: list[int], stops: frozenset[int], tokenizer: Any) -> Generated:
    end = next((position for position, token in enumerate(ids) if token in stops), None)
    kept = ids if end is None else ids[: end + 1]
    text = tokenizer.decode(kept if end is None else ids[:end], skip_special_tokens=True).strip()
    return Generated(kept, text, truncated=end is None)
