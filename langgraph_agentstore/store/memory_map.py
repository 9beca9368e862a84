"""A map of a user's items: their vectors in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._support.optional import imported
from .notebook_sql import MappedItem

MOST_COLORS = 20
"""Namespaces beyond these share one color."""


def projected(vectors: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Return a point for each vector: its first two principal components, each from -1 to 1.

    Vectors that lie near each other mostly get points near each other; far ones may, too.
    """
    import numpy as np

    if not vectors:
        return []
    centered = np.asarray(vectors, dtype=np.float64)
    centered = centered - centered.mean(axis=0)
    # The eigenvectors of the small matrix, the last two for the largest variance.
    _, axes = np.linalg.eigh(centered.T @ centered)
    points = centered @ axes[:, ::-1][:, :2]
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
