"""Listing namespaces: all of them, and truncated to their first label."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langgraph.store.base import BaseStore

from ..bench import Bench
from ..data import Dataset, mixed
from ..results import NO_GOAL, Goal, Result

NAME = "list"

_SOME = {"limit": 1000}
_ALL = {"limit": 1_000_000}
_FIRST_PAGE: dict[str, Any] = {}
_FIRST_LABELS = {"max_depth": 1, "limit": 1000}


def measure(bench: Bench) -> Iterator[Result]:
    """Few namespaces of many items, which is usual, and many of one item, which is hardest."""
    few = bench.main
    lone = mixed(5_000 if bench.options.quick else 100_000, 1)
    yield from _listed(bench, few, {"all": (_SOME, Goal(1)), "depth 1": (_FIRST_LABELS, Goal(20))})
    yield from _listed(
        bench,
        lone,
        {
            "first 100": (_FIRST_PAGE, NO_GOAL),
            "depth 1": (_FIRST_LABELS, NO_GOAL),
            "all": (_ALL, NO_GOAL),
        },
    )


def _listed(
    bench: Bench, dataset: Dataset, pages: dict[str, tuple[dict[str, Any], Goal]]
) -> Iterator[Result]:
    spaces = dataset.spaces
    with bench.sides(dataset) as sides:
        for what, (page, goal) in pages.items():

            async def work(store: BaseStore, steps: int, page: dict[str, Any] = page) -> None:
                for _ in range(steps):
                    await store.alist_namespaces(**page)

            async def ask(store: BaseStore, page: dict[str, Any] = page) -> Any:
                return sorted(await store.alist_namespaces(**page))

            yield bench.row(
                NAME,
                f"list {len(spaces):,} × {spaces[0].count:,}, {what}",
                sides.awaiting(work),
                goal=goal,
                same=sides.agree(ask),
                unit="ms",
            )
