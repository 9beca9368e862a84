"""The rows of a measurement: figures by round, ratios, goals; and tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, TypeAlias

OFFICIAL = "official"
HEADINGS = ("ours", "other", "ratio", "range", "goal", "met", "compared with")

Unit: TypeAlias = Literal["/s", "ms", "µs", "s", "MB", "trips"]

_FIRST_WIDTH, _WIDTH = 40, 7


@dataclass(frozen=True, slots=True)
class Goal:
    """The least ratio of a row and a better one to aim at, or a bound on our own figure."""

    ratio: float | None = None
    aim: float | None = None
    ours_at_most: float | None = None

    def __str__(self) -> str:
        if self.ours_at_most is not None:
            return f"≤ {self.ours_at_most:g}"
        if self.ratio is None:
            return ""
        return f"≥ {self.ratio:.2g}×" + (f", aim {self.aim:g}×" if self.aim else "")


NO_GOAL = Goal()


@dataclass(frozen=True, slots=True)
class Result:
    """One row: a figure per round and side. `rival` says what ours was compared with.

    `same`: whether both gave the same answers; None where there was nothing to compare.
    `right`: whether our answers are good enough to meet a goal. `extra`: cells of more columns.
    """

    name: str
    unit: Unit
    ours: tuple[float, ...]
    theirs: tuple[float, ...] = ()
    rival: str = ""
    goal: Goal = NO_GOAL
    same: bool | None = None
    right: bool = True
    extra: tuple[str, ...] = ()

    @property
    def ratios(self) -> tuple[float, ...]:
        """How many times better ours is, by round: more per second, or less of anything else."""
        pairs = zip(self.ours, self.theirs, strict=bool(self.theirs))
        if self.unit == "/s":
            return tuple(ours / theirs for ours, theirs in pairs)
        return tuple(theirs / ours for ours, theirs in pairs)

    @property
    def spread(self) -> float:
        """How far the ratios lie apart, as a share of their median."""
        return (max(self.ratios) - min(self.ratios)) / median(self.ratios) if self.theirs else 0.0

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal. Wrong answers never meet one."""
        if self.goal.ours_at_most is not None:
            met = median(self.ours) <= self.goal.ours_at_most
        elif self.goal.ratio is not None and self.theirs:
            met = median(self.ratios) >= self.goal.ratio
        else:
            return None
        return met and self.same is not False and self.right

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as it is printed."""
        ratios = self.ratios
        unit = "" if self.goal.ours_at_most is None else f" {self.unit}"
        verdict = {None: "", True: "met", False: "missed"}[self.met]
        return (
            self.name,
            _figure(self.ours, self.unit),
            _figure(self.theirs, self.unit),
            f"{_times(median(ratios))}×" if ratios else "",
            f"{_times(min(ratios))}–{_times(max(ratios))}" if ratios else "",
            f"{self.goal}{unit}",
            "other answers" if self.same is False else verdict,
            self.rival,
            *self.extra,
        )


def _figure(figures: Sequence[float], unit: Unit) -> str:
    if not figures:
        return ""
    figure = median(figures)
    digits = 0 if figure >= 100 or figure.is_integer() else 1 if figure >= 10 else 2
    return f"{figure:,.{digits}f}{'' if unit == '/s' else ' '}{unit}"


def _times(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table in Markdown, each row as soon as it is measured.

    Columns are aligned where their cells are no wider than usual.
    """
    widths = [_FIRST_WIDTH, *(max(len(heading), _WIDTH) for heading in headings[1:])]

    def line(cells: Sequence[str]) -> str:
        first, *others = [*cells, *[""] * (len(widths) - len(cells))]
        right = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        return f"| {' | '.join([first.ljust(widths[0]), *right])} |"

    print_lines(line(headings), f"|:--{'|--:' * (len(headings) - 1)}|")
    for row in rows:
        print_lines(line(row))


def print_lines(*lines: str) -> None:
    """Print lines at once, even into a file."""
    for line in lines:
        print(line, flush=True)
