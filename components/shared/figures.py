"""Line charts as inline SVG for the HTML pages (imports matplotlib)."""

import io
from collections.abc import Mapping, Sequence

import matplotlib
from markupsafe import Markup

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "attune"  # equal data, equal bytes
from matplotlib import pyplot  # noqa: E402

Series = Sequence[tuple[float, float]]


def line_chart(title: str, series: Mapping[str, Series], *, x_label: str = "step") -> Markup:
    """Draw one or more series of (x, y) points and return the SVG element."""
    figure, axes = pyplot.subplots(figsize=(5.2, 3.0), layout="constrained")
    for name, points in series.items():
        axes.plot([x for x, _ in points], [y for _, y in points], label=name, linewidth=1.6)
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_xlabel(x_label, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if len(series) > 1:
        axes.legend(fontsize=8, frameon=False)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    text = buffer.getvalue()
    return Markup(text[text.index("<svg") :])
