"""The loss of a preference pair. P: pairs.

``r_w`` and ``r_l`` are the scores of the chosen and the rejected reply, ``m`` the pair's margin.
"""

import torch
from torch.nn.functional import logsigmoid


def bradley_terry(chosen: torch.Tensor, rejected: torch.Tensor, margin: torch.Tensor) -> torch.Tensor:
    """Return ``-log sigmoid(r_w - r_l - m)`` for each pair (Bradley and Terry 1952; margin as in Llama 2, arXiv:2307.09288, eq. 2).

    Args:
        chosen: scores of the preferred replies, shape (P,).
        rejected: scores of the others, shape (P,).
        margin: by how much the first should win, shape (P,), not negative.

    Returns:
        Losses in nats, shape (P,).
    """
    return -logsigmoid(chosen - rejected - margin)


def centring(chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
    """Return ``(r_w + r_l)^2`` for each pair, shape (P,): the difference alone leaves the zero of the scores free."""
    return (chosen + rejected) ** 2


def pair_loss(chosen: torch.Tensor, rejected: torch.Tensor, margin: torch.Tensor, *, centring_coef: float, num_pairs: int) -> torch.Tensor:
    """Return this batch's share of the mean loss over ``num_pairs`` pairs: shares of all batches of a step add up to the mean.

    Args:
        chosen: shape (P,).
        rejected: shape (P,).
        margin: shape (P,).
        centring_coef: weight of the centring term.
        num_pairs: pairs in the whole optimizer step, at least P.
    """
    losses = bradley_terry(chosen, rejected, margin) + centring_coef * centring(chosen, rejected)
    return losses.sum() / num_pairs
