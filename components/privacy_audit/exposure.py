"""Exposure of planted secrets: ``log2 |R| - log2 rank`` over every secret that could have been drawn (arXiv:1802.08232, 4.2).

R: candidates; B: batch; L: tokens of a candidate; V: vocabulary. The reply up to the secret is read once; candidates that differ in their
last token only are read together.
"""

import copy
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from scipy import stats
from transformers import DynamicCache

from components.shared import chat
from components.shared.canaries import Canary
from components.shared.errors import ContractError
from components.shared.token_losses import MAX_LOGITS, Losses

_SAMPLE = 64
"""Candidates on which it is checked that tokenizing in two parts gives the same tokens."""


@dataclass(frozen=True)
class CandidateSpace:
    """Every secret of a canary as the model reads it.

    Attributes:
        prefix: token ids that all candidates begin with: the prompt and the reply up to the secret.
        tails: what follows, per candidate.
        number: place of the drawn secret.
    """

    prefix: list[int]
    tails: list[list[int]]
    number: int


def candidate_space(tokenizer: Any, canary: Canary, context: int) -> CandidateSpace:
    """Tokenize all candidates of a canary.

    Raises:
        ContractError: they are longer than the model's context.
    """
    opening = chat.render(tokenizer, canary.prompt, for_reply=True) + canary.lead
    rows = _tokenized(tokenizer, opening, canary.candidates())
    if max(map(len, rows)) > context:
        raise ContractError(f"{canary.id} has more tokens than the {context} of the model's context; raise privacy_audit.max_length")
    shared = 0
    # The first and the last in order differ as early as any two do.
    for left, right in zip(min(rows), max(rows), strict=False):
        if left != right:
            break
        shared += 1
    return CandidateSpace(rows[0][:shared], [row[shared:] for row in rows], canary.number)


def _tokenized(tokenizer: Any, opening: str, candidates: Sequence[str]) -> list[list[int]]:
    """Tokenize the opening with each candidate; only the last word of the opening again each time, where the tokenizer allows it."""
    cut = opening.rstrip().rfind(" ")
    head = tokenizer(opening[:cut], add_special_tokens=False)["input_ids"]
    tails = tokenizer([opening[cut:] + candidate for candidate in candidates], add_special_tokens=False)["input_ids"]
    rows = [[*head, *tail] for tail in tails]
    sample = range(0, len(candidates), max(1, len(candidates) // _SAMPLE))
    whole = tokenizer([opening + candidates[place] for place in sample], add_special_tokens=False)["input_ids"]
    if all(rows[place] == ids for place, ids in zip(sample, whole, strict=True)):
        return rows
    full: list[list[int]] = tokenizer([opening + candidate for candidate in candidates], add_special_tokens=False)["input_ids"]
    return full


@torch.inference_mode()
def candidate_losses(model: Any, space: CandidateSpace, batch_tokens: int) -> Losses:
    """Return ``-log p(candidate | prefix)`` of every candidate, nats, shape (R,)."""
    families: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for index, tail in enumerate(space.tails):
        families[tuple(tail[:-1])].append(index)
    stems = sorted(families, key=len)
    past = DynamicCache(config=model.config)
    if len(space.prefix) > 1:
        model(input_ids=torch.tensor([space.prefix[:-1]], device=model.device), past_key_values=past, use_cache=True, logits_to_keep=1)
    losses = numpy.zeros(len(space.tails))
    width = 1 + len(stems[-1])
    size = max(1, min(batch_tokens, MAX_LOGITS // int(model.config.vocab_size)) // width)
    for start in range(0, len(stems), size):
        batch = stems[start : start + size]
        own, totals, logits = _stem_losses(model, past, len(space.prefix) - 1, [[space.prefix[-1], *stem] for stem in batch])
        members = [(row, index) for row, stem in enumerate(batch) for index in families[stem]]
        rows = torch.tensor([row for row, _ in members])
        ends = torch.tensor([len(stem) for stem in batch])[rows]
        lasts = torch.tensor([space.tails[index][-1] for _, index in members])
        last = totals[rows, ends] - logits[rows, ends, lasts].float()
        losses[[index for _, index in members]] = (own[rows] + last.double()).numpy()
    return losses


def exposure(losses: Losses, number: int) -> float:
    """Return the exposure of one candidate, bits: 0 when all others are likelier, log2 R when it is the likeliest."""
    rank = 1 + int((losses < losses[number]).sum())
    return math.log2(len(losses)) - math.log2(rank)


def median_bounds(values: Sequence[float]) -> tuple[float, float]:
    """Return one-sided 95 % bounds of a median from order statistics (exact, by the binomial distribution)."""
    ordered = sorted(values)
    n = len(ordered)
    # P(fewer than r of n are below the median) <= 5 %: the r-th smallest is a lower bound.
    place = int(stats.binom.ppf(0.05, n, 0.5))
    if stats.binom.cdf(place, n, 0.5) > 0.05:
        place -= 1
    if place < 0:
        return ordered[0], ordered[-1]
    return ordered[place], ordered[n - 1 - place]


def single_limit(limit: float, count: int) -> float:
    """Return the limit for the largest of ``count`` exposures: without memory it is passed with a chance of at most 5 %."""
    return max(limit, math.log2(count / 0.05))


def _stem_losses(
    model: Any, past: DynamicCache, past_length: int, rows: Sequence[Sequence[int]]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Read rows after the prefix, padded at the right.

    Returns:
        On the CPU: loss of each row's tokens after its first, shape (B,); log of the sum over the vocabulary, shape (B, L); logits, shape
        (B, L, V).
    """
    width = max(map(len, rows))
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    attention = torch.zeros(len(rows), past_length + width, dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(list(row))
        attention[place, : past_length + len(row)] = 1
    cache = copy.deepcopy(past)
    cache.batch_repeat_interleave(len(rows))
    where = model.device
    output = model(input_ids=ids.to(where), attention_mask=attention.to(where), past_key_values=cache, use_cache=True)
    logits = output.logits.cpu()
    totals = torch.logsumexp(logits.float(), dim=-1)
    chosen = logits[:, :-1].gather(2, ids[:, 1:, None]).squeeze(2).float()
    real = attention[:, past_length + 1 :].bool()
    own = ((totals[:, :-1] - chosen).double() * real).sum(dim=1)
    return own, totals, logits
