"""How good answers are, beside how fast: the rows of this family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.table import Table

from ..results import Result, times

COMPLETE = 0.99
"""From this share of the rows on an answer counts as complete."""

LEAST_RECALL = 0.99
"""What ours is to reach, besides its goal in time."""

# Cosine distances that differ by less are a tie: of numbers of 16 bits not more is known.
_TIE = 2e-5


@dataclass(frozen=True, slots=True)
class Quality:
    """`complete`: rows that came, of min(limit, matches). `recall`: of the nearest, how many."""

    complete: float
    recall: float


@dataclass(frozen=True)
class Searched(Result):
    """A row, and how good both sides' answers were: a goal is met only by right answers."""

    our_quality: Quality = Quality(1.0, 1.0)
    their_quality: Quality | None = None

    @property
    def met(self) -> bool | None:
        """As of any row; and ours gave all rows, and the nearest ones."""
        met = super().met
        right = self.our_quality.complete == 1.0 and self.our_quality.recall >= LEAST_RECALL
        return met and right if met is not None else None


def quality_of(
    answers: Sequence[Sequence[int]], distances: Sequence[NDArray[np.float64]], limit: int
) -> Quality:
    """The mean over queries.

    `answers`: the numbers of the items found, for each query. `distances`: (size,) for each
    query, of all items in scope, infinite where one does not match.
    """
    scores = [_score(*pair, limit) for pair in zip(answers, distances, strict=True)]
    complete, recall = np.mean(scores, axis=0)
    return Quality(float(complete), float(recall))


def _score(
    answer: Sequence[int], distances: NDArray[np.float64], limit: int
) -> tuple[float, float]:
    wanted = min(limit, int(np.isfinite(distances).sum()))
    if not wanted:
        return 1.0, 1.0
    farthest = np.partition(distances, wanted - 1)[wanted - 1]
    found = distances[sorted(set(answer))]
    return int(np.isfinite(found).sum()) / wanted, int((found <= farthest + _TIE).sum()) / wanted


_HEADINGS = (
    "", "ours", "other", "ratio", "range", "rows, ours", "other", "recall, ours", "other", "goal",
    "", "who",
)  # fmt: skip


def table(results: Sequence[Result]) -> Table:
    """The rows, for a terminal."""
    shown = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for n, heading in enumerate(_HEADINGS):
        shown.add_column(heading, justify="left" if n in (0, 9, 10, 11) else "right")
    previous = ""
    for result in results:
        if previous not in ("", result.family):
            shown.add_section()
        previous = result.family
        cells = _cells(result)
        style = "bold red" if "missed" in cells else None
        shown.add_row(*cells, style=style)
    return shown


def markdown(results: Sequence[Result]) -> str:
    """The rows, for a document."""
    lines = [_HEADINGS, ["---"] * len(_HEADINGS), *map(_cells, results)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cells(result: Result) -> tuple[str, ...]:
    qualities = _qualities(result)
    ratios = result.ratios
    return (
        result.name,
        _figure(result.ours, result.unit),
        _figure(result.theirs, result.unit),
        "" if result.ratio is None else f"{times(result.ratio)}×",
        f"{times(min(ratios))}–{times(max(ratios))}" if result.theirs else "",
        *("" if quality is None else f"{quality.complete:.3f}" for quality in qualities),
        *("" if quality is None else f"{quality.recall:.3f}" for quality in qualities),
        str(result.goal) + (f" {result.unit}" if result.goal.ours_at_most is not None else ""),
        {None: "", True: "met", False: "missed"}[result.met],
        result.rival,
    )


def _qualities(result: Result) -> tuple[Quality | None, Quality | None]:
    if isinstance(result, Searched):
        return result.our_quality, result.their_quality
    return None, None


def _figure(figures: Sequence[float], unit: str) -> str:
    if not figures:
        return ""
    figure = median(figures)
    joint = "" if unit == "/s" else " "
    return f"{figure:,.{0 if figure >= 100 else 2}f}{joint}{unit}"
