"""The defaults by which results are ranked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ranking:
    """The parameters of BM25 and of the fusion."""

    k1: float = 1.2
    b: float = 0.4
    text_weight: float = 1.4
    vector_weight: float = 0.8
    recency_half_life_days: float | None = None
