"""The ratios as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from .bench import OFFICIAL
from .results import Result, times

_BAR, _MISSED, _GOAL = "#2a7f9e", "#c2573f", "#222222"


def write_plot(path: Path, results: Sequence[Result]) -> None:
    """A bar a row that was compared with the official store; a tick where its goal is.

    The whiskers are the least and the greatest ratio of the rounds; the axis is logarithmic.
    """
    rows = [row for row in results if row.ratio and row.rival.startswith(OFFICIAL)][::-1]
    if not rows:
        return
    figure, axes = plt.subplots(figsize=(9, 0.6 + 0.36 * len(rows)), layout="constrained")
    for height, row in enumerate(rows):
        _draw(axes, height, row)
    axes.set_yticks(range(len(rows)), [f"{row.name} ({row.unit})" for row in rows], fontsize=8)
    axes.set_xscale("log")
    axes.axvline(1, color=_GOAL, linewidth=0.8)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    axes.set_xlabel("times better than the official store; black tick: the goal")
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _draw(axes: Axes, height: int, row: Result) -> None:
    ratio = row.ratio or 1.0
    whiskers = [[ratio - min(row.ratios)], [max(row.ratios) - ratio]]
    colour = _MISSED if row.met is False else _BAR
    # From 1, where both are equal: better goes right, worse goes left.
    axes.barh(height, ratio - 1, left=1, color=colour, xerr=whiskers, height=0.7, ecolor="#888888")
    axes.annotate(
        f" {times(ratio)}×", (max(1, *row.ratios), height), va="center", fontsize=8, color=_GOAL
    )
    if row.goal.ratio is not None:
        axes.plot([row.goal.ratio], [height], marker="|", markersize=14, color=_GOAL)
