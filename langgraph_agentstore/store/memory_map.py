"""A map of a user's items: their vectors in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._support.optional import imported
from .notebook_sql import MappedItem

MOST_COLORS = 20
"""Namespaces beyond these share one color."""


_DIRECTIONS = 8
_ITERATIONS = 8
"""Far more than the first two components need, unless others are as large, which then will do."""


def projected(vectors: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Return a point for each vector: its first two principal components, each from -1 to 1.

    Vectors that lie near each other mostly get points near each other; far ones may, too.
    """
    import numpy as np

    if not vectors:
        return []
    centered = np.asarray(vectors, dtype=np.float32)
    centered = centered - centered.mean(axis=0)
    # Subspace iteration: the whole matrix of a model with many dimensions takes seconds to solve.
    plane = np.random.default_rng(0).normal(size=(centered.shape[1], _DIRECTIONS))
    plane, _ = np.linalg.qr(plane.astype(np.float32))
    for _ in range(_ITERATIONS):
        plane, _ = np.linalg.qr(centered.T @ (centered @ plane))
    _, _, axes = np.linalg.svd(centered @ plane, full_matrices=False)
    points = centered @ plane @ axes[:2].T
    if points.shape[1] < 2:
        points = np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
    largest = np.abs(points).max(axis=0)
    points = points / np.where(largest == 0, 1, largest)
    return [(float(x), float(y)) for x, y in points]


def drawn_map(user_id: str, items: Sequence[MappedItem], is_cut: bool) -> Any:
    """Return matplotlib axes with a point for each item, colored by namespace."""
    pyplot = imported("matplotlib.pyplot", "notebook")
    figure, axes = pyplot.subplots(figsize=(8, 6))
    groups: dict[str, list[tuple[float, float]]] = {}
    for item, point in zip(items, projected([item.vector for item in items]), strict=True):
        groups.setdefault(":".join(item.labels) or "(root)", []).append(point)
    colors = pyplot.get_cmap("tab20").colors
    for n, (name, points) in enumerate(sorted(groups.items(), key=lambda of: -len(of[1]))):
        color = colors[n] if n < MOST_COLORS else "gray"
        axes.scatter(*zip(*points, strict=True), s=14, color=color, label=f"{name} ({len(points)})")
    newest = "the newest " if is_cut else ""
    axes.set_title(f"{user_id or '(shared)'}: {newest}{len(items):,} items with vectors")
    axes.set_xticks([])
    axes.set_yticks([])
    if groups:
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(
            handles[:MOST_COLORS],
            [label.replace("$", r"\$") for label in labels[:MOST_COLORS]],
            loc="center left",
            bbox_to_anchor=(1, 0.5),
            frameon=False,
        )
    figure.tight_layout()
    pyplot.close(figure)  # or a notebook would show it twice
    return axes
