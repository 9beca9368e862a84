"""A plot of recall by way of search."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .figures import Estimate

_SALT = "benchmarks.memory"
"""Makes the ids in the file the same at each run."""


def write_plot(path: Path, title: str, estimates: Mapping[str, Estimate]) -> None:
    """Write recall@10 with intervals, in percent, as an SVG file."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 0.6 + 0.4 * len(estimates)), layout="constrained")
    axes = figure.add_subplot()
    for row, one in enumerate(estimates.values()):
        below, above = 100 * (one.mean - one.low), 100 * (one.high - one.mean)
        axes.errorbar(
            100 * one.mean, row, xerr=[[below], [above]], fmt="o", color="#336791", capsize=3
        )
    axes.set_yticks(range(len(estimates)), list(estimates))
    axes.invert_yaxis()
    axes.set_xlabel("recall@10, %")
    axes.set_title(title)
    axes.grid(axis="x", alpha=0.3)
    with mpl.rc_context({"svg.hashsalt": _SALT, "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
