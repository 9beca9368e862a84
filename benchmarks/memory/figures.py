"""Recall, and intervals by the bootstrap over groups of questions."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

DRAWS = 2_000
FEWEST_GROUPS = 8
_SEED = 17


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % interval; printed in percent."""

    mean: float
    low: float
    high: float

    @property
    def differs(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return f"{100 * self.mean:.1f} ({100 * self.low:.1f}–{100 * self.high:.1f})"

    @property
    def signed(self) -> str:
        """The estimate of a difference; a star marks an interval that excludes zero."""
        ends = f"({100 * self.low:+.1f} to {100 * self.high:+.1f})"
        return f"{100 * self.mean:+.1f} {ends}{' *' if self.differs else ''}"


def recall(found: Sequence[Collection[str]], gold: Collection[str], depth: int) -> float:
    """Return the share of the gold ids that the first `depth` results hold, from 0 to 1.

    Args:
        found: the ids that each result holds, best first.
        gold: the ids that answer.
        depth: how many results count.
    """
    held = {id for ids in found[:depth] for id in ids}
    return len(held.intersection(gold)) / len(set(gold))


def estimated(values: Sequence[float], groups: Sequence[Hashable]) -> Estimate:
    """Return the mean and its interval; groups are drawn with replacement.

    With fewer than `FEWEST_GROUPS`, the values themselves are drawn: a draw of two or three groups
    says little, and intervals of it are too narrow.
    """
    distinct = list(dict.fromkeys(groups))
    if len(distinct) < FEWEST_GROUPS:
        groups, distinct = range(len(values)), list(range(len(values)))
    position = {group: number for number, group in enumerate(distinct)}
    at = np.array([position[group] for group in groups])
    sums = np.bincount(at, weights=np.asarray(values, dtype=float))
    means = _drawn_means(sums, np.bincount(at))
    low, high = np.quantile(means, (0.025, 0.975))
    return Estimate(float(np.mean(values)), float(low), float(high))


def _drawn_means(sums: npt.NDArray[Any], counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    drawn = np.random.default_rng(_SEED).integers(0, len(sums), (DRAWS, len(sums)))
    means: npt.NDArray[Any] = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return means


def difference(
    values: Sequence[float], others: Sequence[float], groups: Sequence[Hashable]
) -> Estimate:
    """Return by how much `values` exceed `others`, paired by question."""
    return estimated([one - two for one, two in zip(values, others, strict=True)], groups)
