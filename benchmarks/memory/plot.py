"""A plot of recall by way of search, with a panel for each corpus."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .figures import Estimate

PANEL_WIDTH, ROW_HEIGHT = 2.6, 0.32
SIDE = 1.9
"""Inches of a panel, of a row, and of the names of the ways of search."""

TEXT = "#808080"
COLORS = {"store": "#b07020", "conversations": "#1f78b4", "official store": "#c03a3a"}
"""Colors that are read on white and on black: a page may be either, and shows through."""

_SALT = "benchmarks.memory"
"""Makes the ids in the file the same at each run."""


def write_plot(path: Path, title: str, found: Mapping[str, Mapping[str, Estimate]]) -> None:
    """Write recall@10 with intervals, in percent, by corpus and way of search, as an SVG file."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    ways = list(next(iter(found.values())))
    size = SIDE + PANEL_WIDTH * len(found), 1.0 + ROW_HEIGHT * len(ways)
    grey = {f"{part}.color": TEXT for part in ("text", "xtick", "ytick")}
    grey |= {"axes.labelcolor": TEXT, "axes.edgecolor": TEXT, "axes.titlecolor": TEXT}
    how: Any = {"svg.hashsalt": _SALT, "svg.fonttype": "none", "font.size": 9, **grey}
    with mpl.rc_context(how):
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
        for axes, (name, estimates) in zip(panels, found.items(), strict=True):
            _draw(axes, name, estimates)
        panels[0].set_yticks(range(len(ways)), ways)
        panels[0].invert_yaxis()
        figure.suptitle(f"Answers among the first ten results, with 95 % intervals ({title})")
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})


def _draw(axes: Any, name: str, estimates: Mapping[str, Estimate]) -> None:
    for row, (way, one) in enumerate(estimates.items()):
        color = COLORS[way.partition(",")[0]]
        ends = [[100 * (one.mean - one.low)], [100 * (one.high - one.mean)]]
        axes.errorbar(100 * one.mean, row, xerr=ends, fmt="o", color=color, capsize=3)
    axes.set(title=name, xlabel="recall@10, %", xlim=(0, 102))
    axes.grid(axis="x", color=TEXT, alpha=0.3)
