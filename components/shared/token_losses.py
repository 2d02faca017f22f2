"""Negative log-likelihood of each marked token under a causal model, in nats (needs torch).

T: tokens of a stretch. The loss of a token is ``-log p(x_t | x_<t)``; the first token of a stretch is never scored, nothing comes before
it. Logits are taken in fp32 whatever the model's type: bf16 moves the third digit.
"""

from collections.abc import Sequence
from typing import Any

import numpy
import torch
from numpy.typing import NDArray

from components.shared import chat, shutdown
from components.shared.errors import Interrupted
from components.shared.progress import progress

Losses = NDArray[numpy.float64]
MAX_LOGITS = 1 << 28
"""Logits in a batch, 1 GiB of fp32."""


def token_losses(model: Any, stretches: Sequence[chat.Encoded], *, batch_tokens: int, description: str) -> list[Losses]:
    """Score the marked tokens of stretches under the model as it is set up (active adapter).

    Args:
        model: a causal language model, in eval mode.
        stretches: token ids and marks, each at most as long as the context.
        batch_tokens: tokens in a batch, padding included; lowered where the vocabulary makes logits too large.
        description: of the progress bar.

    Returns:
        For each stretch the losses of its marked tokens in their order, the first token of the stretch left out.
    """
    order = sorted(range(len(stretches)), key=lambda index: -len(stretches[index]))  # what does not fit in memory fails at once
    limit = min(batch_tokens, max(1, MAX_LOGITS // int(model.config.vocab_size)))
    losses: dict[int, Losses] = {}
    with progress(description, len(order)) as bar:
        while order:
            count = max(1, limit // max(1, len(stretches[order[0]])))
            batch, order = order[:count], order[count:]
            losses.update(zip(batch, _batch_losses(model, [stretches[index] for index in batch]), strict=True))
            bar.advance(len(batch))
            if shutdown.requested():
                raise Interrupted
    return [losses[index] for index in range(len(stretches))]


@torch.inference_mode()
def _batch_losses(model: Any, stretches: Sequence[chat.Encoded]) -> list[Losses]:
    # Right padding; the mask comes from lengths.
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
    parts = torch.split(chosen.double().cpu(), marks.sum(dim=1).tolist())
    return [part.numpy() for part in parts]
