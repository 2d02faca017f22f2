"""How varied an arm's replies are together: the guard against a policy that found one sentence the scorers like."""

import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy
from numpy.typing import NDArray

from components.evaluate import lexical

_RESAMPLES = 20
_OPENER_WORDS = 3


def distinct_2(replies: Sequence[str], budget: int, seed: int) -> float:
    """Return distinct over all word pairs within replies (Li et al. 2016, arXiv:1510.03055) at a fixed amount of text.

    Unbudgeted, the same human replies give .86 for 50 and .53 for 1,000 of them; here the mean over 20 random orders of the replies, each
    read until ``budget`` words.

    Raises:
        ValueError: the replies hold fewer words than the budget, so that arms could not be compared.
    """
    tokens = [lexical.words(reply) for reply in replies]
    if word_count(replies) < budget:
        raise ValueError(f"{word_count(replies)} words in {len(replies)} replies, fewer than the budget of {budget}")
    generator = random.Random(seed)
    return float(numpy.mean([_distinct_pairs(generator.sample(tokens, len(tokens)), budget) for _ in range(_RESAMPLES)]))


def word_count(replies: Sequence[str]) -> int:
    """Return the words in all replies."""
    return sum(len(lexical.words(reply)) for reply in replies)


def opener_share(replies: Sequence[str]) -> float:
    """Return the share of replies that begin with the most common first three words."""
    openers = Counter(tuple(lexical.words(reply)[:_OPENER_WORDS]) for reply in replies)
    return openers.most_common(1)[0][1] / len(replies)


def duplicate_share(replies: Sequence[str]) -> float:
    """Return the share of replies whose words some earlier reply has already said, exactly."""
    return 1 - len({tuple(lexical.words(reply)) for reply in replies}) / len(replies)


def self_similarity(embeddings: NDArray[numpy.float32]) -> float:
    """Return the mean cosine over pairs of different replies.

    Args:
        embeddings: unit vectors, shape (n, d), n at least 2.
    """
    n = len(embeddings)
    total = embeddings.astype(numpy.float64).sum(axis=0)
    return float((total @ total - n) / (n * (n - 1)))


def _distinct_pairs(replies: Sequence[Sequence[str]], budget: int) -> float:
    pairs: list[tuple[str, str]] = []
    for reply in replies:
        kept = reply[:budget]
        budget -= len(kept)
        pairs.extend(pairwise(kept))
        if budget <= 0:
            break
    return len(set(pairs)) / len(pairs) if pairs else 0.0
