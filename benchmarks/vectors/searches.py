"""Searching one tenant: of every size, through filters, and in tables that have grown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from statistics import median
from typing import Any, TypeAlias

import numpy as np
from langgraph.store.base import BaseStore, SearchItem
from numpy.typing import NDArray

from ..bench import Bench, event_loop, open_ours, open_sides
from ..harness import NO_GOAL, OFFICIAL, Contestant, Goal, Options, Result, race
from .samples import SHARES, Mixture, Sample, Tenant, Vectors, VectorTable
from .tables import MARK, Lookup, filled, our_index, their_index

QUALITY_HEADINGS = ("rows, ours", "other", "recall, ours", "other")

_LIMIT = 10
_GOALS = {10: Goal(3), 100: Goal(3), 1_000: Goal(1.5)}
_LARGE = 5_000
# At these dimensions: where the official store leaves rows out, it is no measure of speed.
_USUAL_DIMS, _QUICK_ENOUGH_MS = 384, 15.0
_LARGEST, _GOAL_OF_LARGEST = 100_000, Goal(3)
_FILTERED = (_LARGE, _LARGEST)
_GROWN = (1_000, _LARGE)
# Questions that each way to use the official store is tried with; and how many times the seconds
# of a round it may take at most to ask all.
_TRIED, _LONGEST = 5, 4
# Ours in the large table may take so many times as long as in the small one.
_GROWTH = 1.5
# From this share of the rows on an answer counts as complete; ours is to reach this recall.
_COMPLETE, _LEAST_RECALL = 0.99, 0.99
# Cosine distances that differ by less are a tie: of numbers of 16 bits not more is known.
_TIE = 2e-5
_serial = count()


@dataclass(frozen=True, slots=True)
class Answer:
    """The keys that were found, and after how many seconds."""

    keys: tuple[str, ...]
    seconds: float


Search: TypeAlias = Callable[[Sequence[str]], list[Answer]]
"""Searches by one text after the other."""


@dataclass(frozen=True, slots=True)
class Quality:
    """`complete`: rows that came, of min(limit, matches). `recall`: of the nearest, how many."""

    complete: float
    recall: float


@dataclass(frozen=True, slots=True)
class Asked:
    """Queries (n, dims) to one tenant."""

    sample: Sample
    queries: Vectors

    @property
    def lookup(self) -> dict[str, list[float]]:
        """The vector of each query, by its text."""
        name = self.sample.tenant.name
        return {f"{name} {n}": query.tolist() for n, query in enumerate(self.queries)}

    def quality(self, answers: Sequence[Answer], flag: str | None) -> Quality:
        """Judge answers against measuring all of the tenant's vectors; the mean over queries."""
        scores = [
            _score(answer, self.sample.distances(query, flag))
            for answer, query in zip(answers, self.queries, strict=True)
        ]
        complete, recall = np.mean(scores, axis=0)
        return Quality(float(complete), float(recall))


def _score(answer: Answer, distances: NDArray[np.float64]) -> tuple[float, float]:
    """Return both shares; `distances` (size,) are infinite where an item does not match."""
    wanted = min(_LIMIT, int(np.isfinite(distances).sum()))
    if not wanted:
        return 1.0, 1.0
    farthest = np.partition(distances, wanted - 1)[wanted - 1]
    found = distances[sorted({int(key.rpartition("-")[2]) for key in answer.keys})]
    return int(np.isfinite(found).sum()) / wanted, int((found <= farthest + _TIE).sum()) / wanted


def sizes(bench: Bench, table: VectorTable) -> Iterator[Result]:
    """Measure tenants of every size."""
    yield from _rows(bench, table, [(tenant, None) for tenant in table.measured])


def filters(bench: Bench, table: VectorTable) -> Iterator[Result]:
    """Measure a large tenant and a very large one, of which few items pass."""
    tenants = [tenant for tenant in table.measured if tenant.size in _FILTERED]
    yield from _rows(bench, table, [(t, flag) for t in tenants for flag in SHARES])


def _rows(
    bench: Bench, table: VectorTable, cases: Sequence[tuple[Tenant, str | None]]
) -> Iterator[Result]:
    asked = _asked(table, [tenant for tenant, _ in cases], bench.options)
    lookup, dsn = _lookup(asked), filled(bench, table)
    indexes = our_index(table.dims, lookup), their_index(table.dims, lookup)
    with open_sides(dsn, bench.options.connections, *indexes) as sides:
        for tenant, flag in cases:
            ours = _awaited(sides.loop, sides.ours, tenant, flag)
            rivals = {
                f"{way}, blocking": _blocking(store, tenant, flag)
                for way, store in sides.blocking.items()
            }
            for way, store in sides.awaited.items():
                rivals[f"{way}, awaited"] = _awaited(sides.loop, store, tenant, flag)
            name, goal = _name(table, tenant, flag), partial(_goal_of, table, tenant, flag)
            yield _raced(name, ours, rivals, asked[tenant], flag, bench.options, goal)


def growth(
    bench: Bench, small: VectorTable, large: VectorTable, *, theirs: bool
) -> Iterator[Result]:
    """Measure the same tenant in both tables, by ours alone."""
    tenants = [tenant for tenant in small.measured if tenant.size in _GROWN]
    asked = _asked(small, tenants, bench.options)
    options = bench.options.connections, our_index(small.dims, _lookup(asked))
    dsns = filled(bench, small, theirs=False), filled(bench, large, theirs=theirs)
    with (
        event_loop() as loop,
        open_ours(dsns[0], *options) as before,
        open_ours(dsns[1], *options) as after,
    ):
        for tenant in tenants:
            then, now = (_awaited(loop, store, tenant, None) for store in (before, after))
            name, rival = _name(large, tenant, None), f"ours, of {small.rows:,}"
            case = (name, now, {"then": then}, asked[tenant], None, bench.options)
            yield _raced(*case, lambda _: Goal(1 / _GROWTH), rival)


def _asked(table: VectorTable, tenants: Sequence[Tenant], options: Options) -> dict[Tenant, Asked]:
    mixture, queries = Mixture(table.dims), 10 if options.quick else 40
    samples = {tenant: mixture.sample(tenant) for tenant in tenants}
    return {t: Asked(sample, mixture.queries(sample, queries)) for t, sample in samples.items()}


def _lookup(asked: dict[Tenant, Asked]) -> Lookup:
    return Lookup({text: vector for one in asked.values() for text, vector in one.lookup.items()})


def _blocking(store: BaseStore, tenant: Tenant, flag: str | None) -> Search:
    def search(texts: Sequence[str]) -> list[Answer]:
        answers = []
        for text in texts:
            began = time.perf_counter()
            found = store.search(tenant.namespace, **_arguments(text, flag))
            answers.append(_answer(found, began))
        return answers

    return search


def _awaited(
    loop: asyncio.AbstractEventLoop, store: BaseStore, tenant: Tenant, flag: str | None
) -> Search:
    async def search(texts: Sequence[str]) -> list[Answer]:
        answers = []
        for text in texts:
            began = time.perf_counter()
            found = await store.asearch(tenant.namespace, **_arguments(text, flag))
            answers.append(_answer(found, began))
        return answers

    return lambda texts: loop.run_until_complete(search(texts))


def _arguments(text: str, flag: str | None) -> dict[str, Any]:
    """Return the arguments of a search; the text is another one each time."""
    filter = None if flag is None else {flag: True}
    return {"query": f"{text}{MARK}{next(_serial)}", "filter": filter, "limit": _LIMIT}


def _answer(found: Sequence[SearchItem], began: float) -> Answer:
    seconds = time.perf_counter() - began
    return Answer(tuple(item.key for item in found), seconds)


def _raced(
    name: str,
    ours: Search,
    rivals: dict[str, Search],
    asked: Asked,
    flag: str | None,
    options: Options,
    goal_of: Callable[[Quality], Goal],
    rival: str = OFFICIAL,
) -> Result:
    """Race ours against the fastest of the rivals; a figure is the median latency of a search."""
    texts = list(asked.lookup)
    fastest = min(rivals, key=lambda way: _median_s(_warmed(rivals[way], texts[:_TRIED])))
    searches = {"ours": ours, fastest: rivals[fastest]}
    answers = [_warmed(search, texts) for search in searches.values()]
    slowest_s = max(sum(answer.seconds for answer in some) for some in answers)
    # The same questions for both, some of them where all would take too long.
    some = texts[: max(_TRIED, int(len(texts) * _LONGEST * options.seconds / slowest_s))]
    first, second = (
        Contestant(way, lambda steps, search=search: _median_s(search(some * steps)))  # type: ignore[misc]
        for way, search in searches.items()
    )
    mine, theirs = (asked.quality(each, flag) for each in answers)
    row = race(name, first, [second], options, goal=goal_of(theirs), unit="ms", rival=rival)
    right = mine.complete == 1.0 and mine.recall >= _LEAST_RECALL
    shares = (mine.complete, theirs.complete, mine.recall, theirs.recall)
    return replace(row, right=right, extra=tuple(f"{share:.3f}" for share in shares))


def _warmed(search: Search, texts: list[str]) -> list[Answer]:
    """Return the answers, after some questions that only warm up."""
    search(texts[:_TRIED])
    return search(texts)


def _median_s(answers: Sequence[Answer]) -> float:
    return median(answer.seconds for answer in answers)


def _goal_of(table: VectorTable, tenant: Tenant, flag: str | None, theirs: Quality) -> Goal:
    """Return the goal of a row; a large tenant's depends on whether theirs is an answer."""
    if tenant.size < _LARGE:
        return _GOALS.get(tenant.size, NO_GOAL)
    usual = table.dims == _USUAL_DIMS
    if usual and flag is None and tenant.size == _LARGEST:
        return _GOAL_OF_LARGEST
    if theirs.complete >= _COMPLETE:
        return Goal(1)
    return Goal(ours_at_most=_QUICK_ENOUGH_MS) if usual else NO_GOAL


def _name(table: VectorTable, tenant: Tenant, flag: str | None) -> str:
    share = f", {SHARES[flag]:.1%} pass".replace(".0%", "%") if flag else ""
    return f"{table.dims} dims: {tenant.size:,} of {table.rows:,}{share}"
