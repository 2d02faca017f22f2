"""Forest plots: differences with their intervals, one line each (imports matplotlib)."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from components.shared import figures  # noqa: F401 - sets matplotlib's backend and the salt that makes equal data equal bytes

_GOOD, _BAD, _PLAIN = "#18794e", "#b42318", "#5b6b7c"


@dataclass(frozen=True)
class ForestRow:
    """One difference.

    Attributes:
        label: for people.
        difference: candidate minus baseline.
        low: end of the interval; None draws the point alone.
        high: other end.
        better: higher, lower or none.
    """

    label: str
    difference: float
    low: float | None
    high: float | None
    better: str

    @property
    def colour(self) -> str:
        """Green where the whole interval is better than no difference, red where it is worse, grey where zero is inside."""
        if self.low is None or self.high is None or self.better == "none" or self.low <= 0 <= self.high:
            return _PLAIN
        return _GOOD if (self.low > 0) == (self.better == "higher") else _BAD


def forest_plot(title: str, measure: str, rows: Sequence[ForestRow]) -> Markup:
    """Draw differences in one unit of measure as an SVG element.

    Args:
        title: of the figure.
        measure: label of the axis.
        rows: from top to bottom.
    """
    figure = Figure(figsize=(5.6, 0.9 + 0.3 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for height, row in enumerate(reversed(rows)):
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [height, height], color=row.colour, linewidth=2.2, solid_capstyle="round")
        axes.plot([row.difference], [height], marker="o", markersize=5, color=row.colour)
    axes.axvline(0, color="#1d2733", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [row.label for row in reversed(rows)], fontsize=8)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_xlabel(measure, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", alpha=0.25)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.margins(x=0.08)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    return Markup(text[text.index("<svg") :])
