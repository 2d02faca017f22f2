"""The safety head: how it learns ratings, and how far it is from them. P: pairs.

Ratings are those of people, in rating points; a pair counts when both of its replies are rated. The head predicts the rating itself, not a
preference, because PPO holds it against a threshold in the same points (a constraint, Dai et al. 2024, arXiv:2310.12773).
"""

import math
from collections.abc import Sequence

import torch

from components.reward.agreement import spearman
from components.reward.pairs import EncodedPair
from components.shared.errors import ContractError
from components.shared.reward_model import ScalarHead


def safety_head_for(rows: Sequence[EncodedPair], hidden_size: int) -> ScalarHead:
    """Return a new head that starts at the mean rating of the training pairs: from 0 its first errors would drown the preferences."""
    head = ScalarHead(hidden_size)
    torch.nn.init.constant_(head.linear.bias, mean_rating(rows))
    return head


def safety_targets(rows: Sequence[EncodedPair], device: torch.device) -> torch.Tensor:
    """Return the ratings of the chosen, then of the rejected replies, not a number where a pair is unrated, shape (2 P,)."""
    ratings = [row.safety or (math.nan, math.nan) for row in rows]
    return torch.tensor([chosen for chosen, _ in ratings] + [rejected for _, rejected in ratings], device=device)


def squared_error(predicted: torch.Tensor, ratings: torch.Tensor, *, num_pairs: int) -> torch.Tensor:
    """Return this batch's share of the mean squared error over the replies of ``num_pairs`` rated pairs; shares add up to the mean.

    Args:
        predicted: rating points, shape (2 P,).
        ratings: shape (2 P,), not a number where unrated.
        num_pairs: rated pairs in the whole optimizer step, at least 1.
    """
    rated = ~ratings.isnan()
    return ((predicted[rated] - ratings[rated]) ** 2).sum() / (2 * num_pairs)


def rated_replies(predicted: Sequence[float], rows: Sequence[EncodedPair]) -> tuple[list[float], list[float]]:
    """Return predictions and ratings of the rated replies.

    Args:
        predicted: for chosen and rejected replies in turn, two a pair.
        rows: the pairs.
    """
    rated = [index for index, row in enumerate(rows) if row.safety is not None]
    return [predicted[2 * index + side] for index in rated for side in (0, 1)], all_ratings(rows)


def safety_metrics(predicted: Sequence[float], rows: Sequence[EncodedPair], constant: float) -> dict[str, float]:
    """Measure predictions on held-out pairs.

    Args:
        predicted: for chosen and rejected replies in turn, two a pair.
        rows: the pairs.
        constant: what someone would say who knew only the training pairs' mean rating.

    Returns:
        Mean absolute error, the constant's, Spearman's correlation, number of rated replies.
    """
    said, ratings = rated_replies(predicted, rows)
    return {
        "safety_error": mean_absolute_error(said, ratings),
        "safety_constant_error": mean_absolute_error([constant] * len(ratings), ratings),
        "safety_correlation": spearman(said, ratings),
        "safety_n": len(ratings),
    }


def mean_absolute_error(predicted: Sequence[float], ratings: Sequence[float]) -> float:
    """Return the mean distance, rating points, of predictions and ratings of the same length, which is not 0."""
    return sum(abs(left - right) for left, right in zip(predicted, ratings, strict=True)) / len(ratings)


def mean_rating(rows: Sequence[EncodedPair]) -> float:
    """Return the mean rating of all rated replies."""
    ratings = all_ratings(rows)
    return sum(ratings) / len(ratings)


def all_ratings(rows: Sequence[EncodedPair]) -> list[float]:
    """Return the ratings of chosen and rejected replies in turn, unrated pairs left out."""
    return [rating for row in rows if row.safety is not None for rating in row.safety]


def require_ratings(rows: Sequence[EncodedPair], split: str) -> None:
    """Make sure that there is something to learn from or to measure with.

    Raises:
        ContractError: no pair of the split is rated.
    """
    if not all_ratings(rows):
        raise ContractError(
            f"{split}: safety_head is set, but none of {len(rows)} pairs has a number in both meta.ratings.chosen.safety and "
            "meta.ratings.rejected.safety; rate some pairs, or set reward.safety_head to false"
        )
