"""A run as a picture: memory and pace of its processes, and what went wrong meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.soak.chaos import Mishap
from tests.soak.samples import Sample

MEGABYTE = 2**20
COLOURS = {"kill server": "#c44e52", "freeze server": "#4c72b0"}


def draw(runs: Sequence[Sequence[Sample]], mishaps: Sequence[Mishap], path: Path) -> None:
    """An SVG: above, memory in MiB by minutes; below, operations per second."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "soak", "font.size": 8}):
        figure = Figure(figsize=(7, 4), layout="constrained")
        memory, pace = figure.subplots(2, 1, sharex=True)
        for number, samples in enumerate(runs):
            _draw_memory(memory, number, samples)
            _draw_pace(pace, number, samples)
        for axes in (memory, pace):
            axes.set_ylim(bottom=0)
            _mark(axes, mishaps)
        memory.set_ylabel("MiB")
        pace.set_ylabel("operations / s")
        pace.set_xlabel("minutes; red: the server is killed, blue: it is frozen")
        memory.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _draw_memory(axes: Axes, number: int, samples: Sequence[Sample]) -> None:
    minutes = [sample.seconds / 60 for sample in samples]
    colour, name = f"C{number}", f"process {number}"
    axes.plot(minutes, [s.rss / MEGABYTE for s in samples], colour, lw=1, label=f"RSS, {name}")
    if any(sample.traced for sample in samples):
        traced = [sample.traced / MEGABYTE for sample in samples]
        axes.plot(minutes, traced, colour, lw=1, ls=":", label=f"tracemalloc, {name}")


def _draw_pace(axes: Axes, number: int, samples: Sequence[Sample]) -> None:
    pairs = list(pairwise(samples))
    paces = [(b.operations - a.operations) / (b.seconds - a.seconds) for a, b in pairs]
    axes.plot([b.seconds / 60 for _, b in pairs], paces, f"C{number}", lw=1)


def _mark(axes: Axes, mishaps: Sequence[Mishap]) -> None:
    for mishap in mishaps:
        if mishap.kind in COLOURS:
            axes.axvline(mishap.at_s / 60, color=COLOURS[mishap.kind], lw=0.6, ls="--")
