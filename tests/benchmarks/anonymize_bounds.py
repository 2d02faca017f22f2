"""What a count is worth: one-sided 95 % bounds, and the tables they are printed in."""

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from scipy.stats import beta

_CONFIDENCE = 0.95
_RESAMPLES = 1000

Sense = Literal["at least", "at most"]


def lower_bound(found: int, total: int) -> float:
    """Return the one-sided 95 % lower bound of a proportion (Clopper and Pearson 1934); 0 where nothing was counted."""
    return 0.0 if found == 0 else float(beta.ppf(1 - _CONFIDENCE, found, total - found + 1))


def upper_bound(found: int, total: int) -> float:
    """Return the one-sided 95 % upper bound of a proportion (Clopper and Pearson 1934); 1 where nothing was counted."""
    return 1.0 if found == total else float(beta.ppf(_CONFIDENCE, found + 1, total - found))


def resampled_bound(pairs: Sequence[tuple[float, float]], sense: Sense, seed: int = 0) -> float:
    """Return the one-sided 95 % bound of a ratio of sums, resampling the texts it is summed over.

    Characters of one text are no independent draws, so that a binomial bound over characters would claim too much.

    Args:
        pairs: numerator and denominator of each text.
        sense: ``at least`` asks for the lower bound, ``at most`` for the upper one.
        seed: of the resampling.
    """
    generator = random.Random(seed)
    ratios = []
    for _ in range(_RESAMPLES):
        drawn = generator.choices(pairs, k=len(pairs))
        ratios.append(sum(above for above, _ in drawn) / max(1e-9, sum(below for _, below in drawn)))
    ratios.sort()
    return ratios[int((1 - _CONFIDENCE if sense == "at least" else _CONFIDENCE) * _RESAMPLES)]


def gap_bound(samples: Sequence[tuple[int, int]], gap: Callable[[Sequence[float]], float]) -> float:
    """Return the one-sided 95 % upper bound of a difference of shares, by drawing each share again (parametric bootstrap).

    Args:
        samples: found and total of each share; a share of 1 is drawn as if half a name were missed, so that it varies, too.
        gap: the difference, as a function of the shares.
    """
    generator = np.random.default_rng(0)
    chances = [min(found, total - 1 / 2) / total for found, total in samples]
    draws = [generator.binomial(total, chance, _RESAMPLES) / total for chance, (_, total) in zip(chances, samples, strict=True)]
    return float(np.quantile([gap(shares) for shares in np.stack(draws, axis=1).tolist()], _CONFIDENCE))


@dataclass(frozen=True)
class Line:
    """One number of a table."""

    name: str
    value: float
    n: int
    bound: float | None = None
    """One-sided 95 %."""
    target: float | None = None
    sense: Sense = "at least"
    note: str = ""

    @property
    def verdict(self) -> str:
        """Whether the value (not the bound) reaches the target."""
        if self.target is None:
            return ""
        reached = self.value >= self.target if self.sense == "at least" else self.value <= self.target
        return "reached" if reached else "MISSED"


def recall(name: str, found: int, total: int, target: float | None = None, note: str = "") -> Line:
    """Return a share that should be high, with its lower bound."""
    return Line(name, found / max(1, total), total, lower_bound(found, total), target, "at least", note)


def share(name: str, pairs: Sequence[tuple[float, float]], sense: Sense, target: float | None = None, note: str = "") -> Line:
    """Return a ratio of sums over texts, with its resampled bound; n is the sum of the denominators."""
    total = sum(below for _, below in pairs)
    value = sum(above for above, _ in pairs) / max(1e-9, total)
    return Line(name, value, round(total), resampled_bound(pairs, sense) if pairs else None, target, sense, note)


@dataclass
class Table:
    """The numbers of one part."""

    title: str
    lines: list[Line] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    show: Callable[[float], str] = "{:.4f}".format

    def __str__(self) -> str:
        width = max([len(line.name) for line in self.lines], default=4) + 2
        rows = [f"\n{self.title}", f"{'':{width}}{'value':>12}{'n':>10}{'95 % bound':>12}{'target':>14}  "]
        for line in self.lines:
            sign = ">=" if line.sense == "at least" else "<="
            bound = f"{sign} {self.show(line.bound)}" if line.bound is not None else ""
            target = f"{sign} {self.show(line.target)}" if line.target is not None else ""
            rows.append(
                f"{line.name:{width}}{self.show(line.value):>12}{line.n:>10}{bound:>12}{target:>14}  {line.verdict} {line.note}".rstrip()
            )
        return "\n".join([*rows, *(f"  {remark}" for remark in self.remarks)])

    def document(self) -> dict[str, Any]:
        """Return the numbers as JSON."""
        return {"title": self.title, "lines": [asdict(line) | {"verdict": line.verdict} for line in self.lines], "remarks": self.remarks}
