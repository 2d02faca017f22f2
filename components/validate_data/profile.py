"""What a data set looks like in numbers alone, kept for comparison with the next one.

Shares and quantiles, no word that a row holds: labels are counted in sixteen buckets by digest, so that a shift shows and no label
can be read.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import quantiles
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from components.shared.errors import ContractError
from components.shared.storage import open_binary
from components.validate_data.features import Features

NUMBERS = (
    "turns",
    "user_characters",
    "reply_characters",
    "longest_characters",
    "chosen_characters",
    "rejected_characters",
    "letters_fraction",
)
FLAGS = (
    *("crisis", "crisis_suicide", "crisis_self_harm", "crisis_abuse", "crisis_violence", "unsafe_crisis_reply", "toxic_reply", "diagnosis"),
    *("medication_advice", "code_switched", "near_duplicate", "markup", "mojibake", "trimmed", "longer_is_chosen"),
)
_QUANTILES = 10
LABEL_BUCKETS = 16
_MAX_BYTES = 16 << 20


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NumberProfile(_Strict):
    """Distribution of a number: distinct deciles, the share of rows up to each and above the last, and the mean."""

    cuts: list[float]
    shares: list[float]
    mean: float

    @model_validator(mode="after")
    def _fits(self) -> "NumberProfile":
        if len(self.shares) != len(self.cuts) + 1 or sorted(self.cuts) != self.cuts:
            raise ValueError("one share more than cuts is wanted, and ascending cuts")
        return self


class PartProfile(_Strict):
    """One of the two files."""

    rows: int = Field(ge=0)
    numbers: dict[str, NumberProfile] = {}
    languages: dict[str, float] = {}
    flags: dict[str, float] = {}
    labels: dict[str, Annotated[list[float], Field(min_length=LABEL_BUCKETS, max_length=LABEL_BUCKETS)]] = {}
    """Share of the rows' labels in each bucket, by key of meta."""


class Profile(_Strict):
    """Both files. Shares are 0-1, lengths are in characters, turns are messages."""

    kind: Literal["validation_profile/v1"] = "validation_profile/v1"
    conversations: PartProfile
    preferences: PartProfile


def profile_of(rows: Sequence[Features]) -> PartProfile:
    """Return the profile of the accepted rows of a file."""
    if not rows:
        return PartProfile(rows=0)
    count = len(rows)
    languages = Counter(row["language"] for row in rows)
    return PartProfile(
        rows=count,
        numbers={key: _number([float(row[key]) for row in rows]) for key in NUMBERS if key in rows[0]},
        languages={language: number / count for language, number in sorted(languages.items())},
        flags={key: sum(float(row[key]) for row in rows) / count for key in FLAGS if key in rows[0]},
        labels=_labels(rows),
    )


def read_profile(uri: str) -> Profile:
    """Read the profile of an earlier run.

    Raises:
        ContractError: it cannot be read, or is no profile.
    """
    with open_binary(uri) as file:
        content = file.read(_MAX_BYTES)
    try:
        return Profile.model_validate_json(content)
    except ValueError:
        raise ContractError(f"{uri} is not a validation_profile/v1; give the profile.json of an earlier run's checks artifact") from None


def shares_between(values: Sequence[float], cuts: Sequence[float]) -> list[float]:
    """Return the share of values up to the first cut, between the cuts (upper end included), and above the last."""
    bounds = [float("-inf"), *cuts, float("inf")]
    return [sum(low < value <= high for value in values) / len(values) for low, high in pairwise(bounds)]


def label_counts(rows: Sequence[Features]) -> dict[str, Counter[str]]:
    """Return how often each label (as a digest) occurs, by key of meta."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        for key, digests in row["labels"].items():
            counts.setdefault(key, Counter()).update(digests)
    return {key: count for key, count in sorted(counts.items()) if count}


def _number(values: Sequence[float]) -> NumberProfile:
    deciles = quantiles(values, n=_QUANTILES, method="inclusive") if len(values) > 1 else list(values)
    cuts = sorted(set(deciles))
    return NumberProfile(cuts=cuts, shares=shares_between(values, cuts), mean=sum(values) / len(values))


def _labels(rows: Sequence[Features]) -> dict[str, list[float]]:
    result = {}
    for key, counts in label_counts(rows).items():
        buckets = [0] * LABEL_BUCKETS
        for digest, number in counts.items():
            buckets[int(digest, 16) % LABEL_BUCKETS] += number
        result[key] = [number / counts.total() for number in buckets]
    return result
