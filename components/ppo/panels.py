"""Small charts over the steps of a run, four in a row in one figure, so that many fit on a screen (imports matplotlib)."""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from components.shared import figures  # noqa: F401 - sets matplotlib's backend and the salt that makes equal data equal bytes

History = Sequence[Mapping[str, float]]
Points = Sequence[tuple[float, float]]
_COLUMNS = 4
_INK, _SOFT, _DOT = "#1d2733", "#5b6b7c", "#d1570b"


@dataclass(frozen=True)
class Chart:
    """What is drawn: lines by label, each the name of a metric.

    Attributes:
        title: with the unit.
        lines: metric of each label.
        dots: metric, measured now and then, that belongs on the same axis.
        levels: names of settings that are drawn as dashed lines.
        factor: multiplies every value.
        lowest: smaller values are drawn here.
        changing: left out where nothing in it changes, such as a fixed coefficient.
        stacked: the lines are parts of a whole.
    """

    title: str
    lines: Mapping[str, str]
    dots: str = ""
    levels: Sequence[str] = ()
    factor: float = 1.0
    lowest: float = -math.inf
    changing: bool = False
    stacked: bool = False


def smoothing_window(history: History) -> int:
    """Return how many steps a line averages; 1 draws them as they are."""
    return max(1, len(history) // 20)


def draw_panels(
    charts: Sequence[Chart], history: History, dots: Mapping[str, Points], levels: Mapping[str, float], kept_step: int | None
) -> Markup:
    """Draw charts as one SVG element; those of metrics that no step has are left out.

    Args:
        charts: from left to right, row by row.
        history: metrics of each step.
        dots: points of metrics measured now and then.
        levels: settings by name; a chart takes those that it names.
        kept_step: where a dotted line stands; None: nowhere.
    """
    shown = [(chart, series) for chart in charts if (series := _series(history, chart))]
    height = math.ceil(len(shown) / _COLUMNS)
    figure = Figure(figsize=(11.2, 2.4 * height), layout="constrained")
    grid = figure.subplots(height, _COLUMNS, squeeze=False).flatten()
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    for axes, (chart, series) in zip(grid, shown, strict=False):
        largest = max(abs(y) for points in series.values() for _, y in points)
        # Ticks such as 0.00003 are hard to read, and matplotlib's own remedy, a factor in the corner, lies on the title.
        power = 3 * math.ceil(-math.log10(largest) / 3) if 0 < largest < 1e-2 else 0
        scale = 10.0**power
        lines = {label: [(x, scale * y) for x, y in points] for label, points in series.items()}
        (_draw_stack if chart.stacked else _draw_lines)(axes, lines, smoothing_window(history))
        if chart.dots in dots:
            axes.plot(*zip(*dots[chart.dots], strict=True), "o", color=_DOT, markersize=3.5, label="validation")
        for name in chart.levels:
            if name in levels and scale * levels[name] <= 2 * axes.get_ylim()[1]:  # farther up it would press the curve flat
                axes.axhline(scale * levels[name], color=_SOFT, linewidth=1.0, linestyle="--", label=name)
        if kept_step is not None:
            axes.axvline(kept_step, color=_INK, linewidth=0.9, linestyle=":")
        finish(axes, chart.title + (f", x 1e-{power}" if power else ""), "step", whole=True)
    return to_svg(figure)


def finish(axes: Axes, title: str, x_label: str, *, whole: bool = False) -> None:
    """Put title, labels, grid and legend on axes; ``whole``: only whole numbers stand below."""
    axes.set_title(title, fontsize=8.5, loc="left")
    axes.set_xlabel(x_label, fontsize=7.5)
    axes.tick_params(labelsize=7.5)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=whole))
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if len(axes.get_legend_handles_labels()[0]) > 1:
        axes.legend(fontsize=7, frameon=True, framealpha=0.7, edgecolor="none", borderpad=0.2)


def to_svg(figure: Figure) -> Markup:
    """Return a figure as an SVG element."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return Markup(text[text.index("<svg") :])


def _series(history: History, chart: Chart) -> dict[str, Points]:
    series = {
        label: [
            (float(step), max(chart.factor * row[metric], chart.lowest))
            for step, row in enumerate(history)
            if metric in row and math.isfinite(row[metric])
        ]
        for label, metric in chart.lines.items()
    }
    filled: dict[str, Points] = {label: points for label, points in series.items() if points}
    if chart.changing and all(len({y for _, y in points}) == 1 for points in filled.values()):
        return {}
    return filled


def _draw_lines(axes: Axes, lines: Mapping[str, Points], window: int) -> None:
    for label, points in lines.items():
        steps, values = [x for x, _ in points], [y for _, y in points]
        means = []
        for end in range(1, len(values) + 1):
            part = values[max(0, end - window) : end]
            means.append(math.fsum(part) / len(part))
        (line,) = axes.plot(steps, means, label=label, linewidth=1.5, marker="o" if len(steps) == 1 else "")
        if window > 1:
            axes.plot(steps, values, color=line.get_color(), linewidth=0.6, alpha=0.35)


def _draw_stack(axes: Axes, lines: Mapping[str, Points], window: int) -> None:
    # Not smoothed: a slow step should stand out.
    steps = sorted({x for points in lines.values() for x, _ in points})
    heights = [[dict(points).get(step, 0.0) for step in steps] for points in lines.values()]
    axes.stackplot(steps, heights, labels=list(lines), alpha=0.75)
