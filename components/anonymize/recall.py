"""How much of the gold was found, with the uncertainty of the count."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from components.anonymize.records_text import GoldSpan
from components.anonymize.spans import DIRECT_TYPES, Span, covered

_Z = 1.959964
"""Standard normal quantile of a two-sided 95 % interval."""


@dataclass
class Tally:
    """Counts over rows with gold spans; adds up over processes."""

    found: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    kept_by_policy: Counter[str] = field(default_factory=Counter)
    characters: int = 0
    masked: int = 0
    masked_outside_gold: int = 0
    rows: int = 0

    def add(self, other: "Tally") -> None:
        """Add another tally to this one."""
        for name in ("found", "total", "kept_by_policy"):
            getattr(self, name).update(getattr(other, name))
        for name in ("characters", "masked", "masked_outside_gold", "rows"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def count_text(self, text: str, gold: Iterable[GoldSpan], masked: list[Span], wanted: set[GoldSpan]) -> None:
        """Count one turn: a gold span is found only when all its characters are masked.

        Args:
            text: the original turn.
            gold: its gold spans.
            masked: the disjoint, ordered spans that were replaced.
            wanted: the gold spans that the policy replaces; the others are counted as kept.
        """
        inside: set[int] = set()
        for span in gold:
            inside.update(range(span.start, span.end))
            if span not in wanted:
                self.kept_by_policy[span.type] += 1
                continue
            self.total[span.type] += 1
            self.found[span.type] += covered(span.start, span.end, masked)
        characters = {position for span in masked for position in range(span.start, span.end)}
        self.characters += len(text)
        self.masked += len(characters)
        self.masked_outside_gold += len(characters - inside)

    def direct(self) -> tuple[int, int]:
        """Return found and total of the direct identifiers."""
        return sum(self.found[name] for name in DIRECT_TYPES), sum(self.total[name] for name in DIRECT_TYPES)


def wilson(found: int, total: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a proportion (Wilson 1927); (0, 1) where nothing was counted."""
    if total == 0:
        return 0.0, 1.0
    share = found / total
    spread = _Z * math.sqrt(share * (1 - share) / total + _Z**2 / (4 * total**2))
    centre = share + _Z**2 / (2 * total)
    scale = 1 + _Z**2 / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
