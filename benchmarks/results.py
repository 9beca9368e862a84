"""What was measured: figures by round, their ratios, and whether a goal is met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

Unit = Literal["/s", "ms", "s", "MB", "trips"]

WIDE_SPREAD = 0.5
"""Greatest ratio minus least, over the median: from here on a row is called noisy."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a row is to reach.

    `ratio`: ours is at least so many times better than the rival; `aim`: better still.
    `ours_at_most`: a bound on our own figure, in the row's unit.
    """

    ratio: float | None = None
    aim: float | None = None
    ours_at_most: float | None = None

    def __str__(self) -> str:
        if self.ours_at_most is not None:
            return f"≤ {self.ours_at_most:g}"
        if self.ratio is None:
            return ""
        aim = f", aim {self.aim:g}×" if self.aim else ""
        return f"≥ {self.ratio:.2g}×{aim}"


NO_GOAL = Goal()
"""For what is shown for information."""


@dataclass(frozen=True, slots=True)
class Result:
    """One row: a figure per round and side. `rival` says what ours was compared with.

    `same`: whether both gave the same answers; None where there was nothing to compare.
    """

    family: str
    name: str
    unit: Unit
    ours: tuple[float, ...]
    theirs: tuple[float, ...] = ()
    rival: str = ""
    goal: Goal = NO_GOAL
    same: bool | None = None

    @property
    def ratios(self) -> tuple[float, ...]:
        """How many times better ours is, by round: more per second, or less of anything else."""
        pairs = zip(self.ours, self.theirs, strict=bool(self.theirs))
        if self.unit == "/s":
            return tuple(ours / theirs for ours, theirs in pairs)
        return tuple(theirs / ours for ours, theirs in pairs)

    @property
    def ratio(self) -> float | None:
        """The median of the ratios."""
        return median(self.ratios) if self.theirs else None

    @property
    def spread(self) -> float:
        """How far the ratios lie apart, as a share of their median."""
        return (max(self.ratios) - min(self.ratios)) / median(self.ratios) if self.theirs else 0.0

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without a goal. Different answers never reach one."""
        goal = self.goal
        if goal.ours_at_most is not None:
            return self.same is not False and median(self.ours) <= goal.ours_at_most
        if goal.ratio is None or self.ratio is None:
            return None
        return self.same is not False and self.ratio >= goal.ratio

    @property
    def noisy(self) -> bool:
        """Whether the rounds differ so much that the ratio says little."""
        return self.spread > WIDE_SPREAD

    def as_json(self) -> dict[str, Any]:
        """All figures, and what follows from them."""
        derived = {"ratio": self.ratio, "ratios": self.ratios, "met": self.met}
        return {**asdict(self), **derived, "ours_median": median(self.ours)}


def missed(results: Sequence[Result]) -> list[Result]:
    """The rows that do not meet their goal, or whose answers differ."""
    return [result for result in results if result.met is False or result.same is False]


def times(ratio: float) -> str:
    """A ratio with about three digits."""
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"
