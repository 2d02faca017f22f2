"""Preference pairs as token ids with margins."""

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from components.shared import chat
from components.shared.errors import ContractError
from components.shared.progress import track
from components.shared.records import PreferencePair

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EncodedPair:
    """Two replies to one prompt, tokenized.

    Attributes:
        chosen_ids: prompt and preferred reply.
        rejected_ids: prompt and the other reply.
        chosen_length: tokens of the preferred reply alone.
        rejected_length: tokens of the other alone.
        margin: by how much the preferred should win, nats.
        safety: safety ratings of the preferred reply and of the other, rating points; None where either is unrated.
    """

    chosen_ids: list[int]
    rejected_ids: list[int]
    chosen_length: int
    rejected_length: int
    margin: float
    safety: tuple[float, float] | None = None

    def __len__(self) -> int:
        return max(len(self.chosen_ids), len(self.rejected_ids))


@dataclass(frozen=True)
class Pairs:
    """The pairs of a split and what was counted on the way."""

    rows: list[EncodedPair]
    num_shortened: int
    """Pairs whose prompt lost its oldest exchanges."""
    num_too_long: int
    """Pairs left out: a reply and the last user turn alone do not fit."""
    num_unrated: int
    """Pairs without the ratings that a margin needs: margin 0."""


@dataclass(frozen=True)
class MarginRule:
    """How ratings become margins; no attributes: every margin is 0."""

    attributes: tuple[str, ...]
    scale: float

    def margin(self, ratings: Any) -> float | None:
        """Return ``scale`` times the mean difference of the ratings, at least 0, or None where none is rated in both replies.

        Args:
            ratings: ``{"chosen": {attribute: number}, "rejected": {...}}``, or anything else for unrated.
        """
        if not isinstance(ratings, Mapping):
            return None
        chosen, rejected = ratings.get("chosen"), ratings.get("rejected")
        if not isinstance(chosen, Mapping) or not isinstance(rejected, Mapping):
            return None
        differences = [
            chosen[name] - rejected[name] for name in self.attributes if _number(chosen.get(name)) and _number(rejected.get(name))
        ]
        if not differences:
            return None
        return max(0.0, self.scale * float(sum(differences)) / len(differences))


def safety_ratings(ratings: Any) -> tuple[float, float] | None:
    """Return the safety ratings of the chosen and the rejected reply, or None where either has none.

    Args:
        ratings: ``{"chosen": {"safety": number}, "rejected": {"safety": number}}``, or anything else for unrated.
    """
    if not isinstance(ratings, Mapping):
        return None
    chosen, rejected = ratings.get("chosen"), ratings.get("rejected")
    if not isinstance(chosen, Mapping) or not isinstance(rejected, Mapping):
        return None
    good, bad = chosen.get("safety"), rejected.get("safety")
    if not (_number(good) and _number(bad) and math.isfinite(good) and math.isfinite(bad)):
        return None
    return float(good), float(bad)


def build(tokenizer: Any, pairs: Iterable[PreferencePair], max_length: int, rule: MarginRule, split: str) -> Pairs:
    """Tokenize the pairs of a split.

    Args:
        tokenizer: of the base model.
        pairs: with a prompt that ends with the user.
        max_length: longest prompt and reply, tokens.
        rule: for the margins.
        split: its name, for progress and errors.

    Raises:
        ContractError: the split holds no pair that fits.
    """
    source = list(pairs)
    rows: list[EncodedPair] = []
    num_shortened = num_unrated = 0
    for pair in track(source, f"tokenize {split}", len(source)):
        encoded = _encode(tokenizer, pair, max_length)
        if encoded is None:
            continue
        prompt_kept, chosen, rejected = encoded
        ratings = pair.meta.get("ratings")
        margin = rule.margin(ratings)
        num_shortened += prompt_kept < len(pair.prompt)
        num_unrated += margin is None
        sequences = [*chosen[0], *chosen[1]], [*rejected[0], *rejected[1]]
        rows.append(EncodedPair(*sequences, len(chosen[1]), len(rejected[1]), margin or 0.0, safety_ratings(ratings)))
    if not rows:
        raise ContractError(f"{split}: none of {len(source)} preference pairs can be used; give preferences, or check max_length")
    _logger.info("%s: %d pairs, %d without ratings, %d too long", split, len(rows), num_unrated, len(source) - len(rows))
    return Pairs(rows, num_shortened, len(source) - len(rows), num_unrated)


def _encode(
    tokenizer: Any, pair: PreferencePair, max_length: int
) -> tuple[int, tuple[list[int], list[int]], tuple[list[int], list[int]]] | None:
    """Return how many prompt turns were kept, and prompt and reply ids of both replies; None where they cannot fit."""
    chosen = chat.encode_reply(tokenizer, pair.prompt, pair.chosen[0])
    rejected = chat.encode_reply(tokenizer, pair.prompt, pair.rejected[0])
    longest = max(len(chosen[1]), len(rejected[1]))
    if len(chosen[0]) + longest <= max_length:
        return len(pair.prompt), chosen, rejected
    prompt = chat.recent_turns(tokenizer, pair.prompt, max_length - longest)
    if not prompt:
        return None
    return len(prompt), chat.encode_reply(tokenizer, prompt, pair.chosen[0]), chat.encode_reply(tokenizer, prompt, pair.rejected[0])


def _number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def lengths(rows: Sequence[EncodedPair]) -> list[int]:
    """Return the longer length of each pair, tokens."""
    return [len(row) for row in rows]
