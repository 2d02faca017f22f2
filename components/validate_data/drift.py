"""Drift of a data set against a stored profile: the population stability index of each measure.

PSI = sum over bins of (p - q) ln(p / q), with q the shares then and p the shares now (Siddiqi, Credit Risk Scorecards, 2006: below 0.1
no shift, above 0.25 a major one). Without any shift PSI / (1/n + 1/m) is about chi-squared with bins - 1 degrees of freedom (Yurdakul
and Naranjo, Statistical properties of the population stability index, 2020): small samples pass 0.25 by chance, so a shift must also
exceed that quantile.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from components.validate_data.features import Features
from components.validate_data.profile import PartProfile, profile_of, shares_between

_CONFIDENCE = 0.999
"""Of one comparison; some thirty are made in a run."""


@dataclass(frozen=True)
class Drift:
    """Drift of one measure.

    Attributes:
        part: ``conversations`` or ``preferences``.
        measure: ``turns``, ``languages``, ``flags.crisis``, ``labels.strategy`` ...
        index: population stability index.
        chance: what the index may be by chance alone at these sizes (99.9 %).
    """

    part: str
    measure: str
    index: float
    chance: float


def compare(part: str, rows: Sequence[Features], then: PartProfile) -> list[Drift]:
    """Return the drift of each measure that both have; nothing where either is empty."""
    if not rows or not then.rows:
        return []
    now = profile_of(rows)
    pairs: dict[str, tuple[Sequence[float], Sequence[float]]] = {}
    for key in now.numbers.keys() & then.numbers.keys():
        pairs[key] = (shares_between([float(row[key]) for row in rows], then.numbers[key].cuts), then.numbers[key].shares)
    pairs["languages"] = _aligned(now.languages, then.languages)
    for key in now.flags.keys() & then.flags.keys():
        pairs[f"flags.{key}"] = ([now.flags[key], 1 - now.flags[key]], [then.flags[key], 1 - then.flags[key]])
    for key in now.labels.keys() & then.labels.keys():
        pairs[f"labels.{key}"] = (now.labels[key], then.labels[key])
    return [
        Drift(part, key, stability_index(new, old, now.rows, then.rows), _chance(new, old, now.rows, then.rows))
        for key, (new, old) in sorted(pairs.items())
    ]


def stability_index(now: Sequence[float], then: Sequence[float], rows_now: int, rows_then: int) -> float:
    """Return the PSI of two lists of shares over the same bins; an empty bin counts as half a row."""
    total = 0.0
    for new, old in zip(now, then, strict=True):
        if new or old:
            p, q = max(new, 0.5 / rows_now), max(old, 0.5 / rows_then)
            total += (p - q) * math.log(p / q)
    return total


def _chance(now: Sequence[float], then: Sequence[float], rows_now: int, rows_then: int) -> float:
    bins = sum(bool(new or old) for new, old in zip(now, then, strict=True))
    return chi_squared_quantile(_CONFIDENCE, bins - 1) * (1 / rows_now + 1 / rows_then) if bins > 1 else 0.0


def chi_squared_quantile(probability: float, degrees: int) -> float:
    """Return the quantile by Wilson and Hilferty's cube (1931), within 2 % from 2 degrees on and a little high at 1."""
    spread = 2 / (9 * degrees)
    return degrees * float(1 - spread + NormalDist().inv_cdf(probability) * math.sqrt(spread)) ** 3


def _aligned(now: Mapping[str, float], then: Mapping[str, float]) -> tuple[list[float], list[float]]:
    names = sorted(now.keys() | then.keys())
    return [now.get(name, 0.0) for name in names], [then.get(name, 0.0) for name in names]
