"""Searching one tenant: of every size, through filters, and in tables that have grown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from langgraph.store.base import BaseStore

from ..bench import Bench
from ..harness import Contestant, Options, race
from ..results import NO_GOAL, OFFICIAL, Goal, Result
from ..stores import Sides, event_loop, open_ours, open_sides
from .answers import (
    Answer,
    Lookup,
    Quality,
    Question,
    Questions,
    aask,
    ask,
    median_seconds,
    our_index,
    quality_of,
    their_index,
)
from .samples import SHARES, Mixture, Sample, Tenant, Vectors, VectorTable
from .tables import filled

Search: TypeAlias = Callable[[Questions], list[Answer]]
Searchers: TypeAlias = dict[str, Search]

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

    def questions(self, field: str | None = None) -> list[Question]:
        """Return one for each query."""
        return [Question(self.sample.tenant.namespace, text, field) for text in self.lookup]

    def quality(self, answers: Sequence[Answer], field: str | None = None) -> Quality:
        """Judge answers against measuring all of the tenant's vectors."""
        distances = [self.sample.distances(query, field) for query in self.queries]
        return quality_of([answer.numbers for answer in answers], distances)


def sizes(bench: Bench, table: VectorTable) -> Iterator[Result]:
    """Measure tenants of every size."""
    yield from _rows(bench, table, [(tenant, None) for tenant in table.measured])


def filters(bench: Bench, table: VectorTable) -> Iterator[Result]:
    """Measure a large tenant and a very large one, of which few items pass."""
    tenants = [tenant for tenant in table.measured if tenant.size in _FILTERED]
    yield from _rows(bench, table, [(t, field) for t in tenants for field in SHARES])


def growth(
    bench: Bench, small: VectorTable, large: VectorTable, *, theirs: bool
) -> Iterator[Result]:
    """Measure the same tenant in both tables, by ours alone."""
    tenants = [tenant for tenant in small.measured if tenant.size in _GROWN]
    asked = _asked(small, tenants, bench.options)
    open_table = partial(
        open_ours,
        connections=bench.options.connections,
        index=our_index(small.dims, _lookup(asked)),
    )
    dsns = filled(bench, small, theirs=False), filled(bench, large, theirs=theirs)
    with event_loop() as loop, open_table(dsns[0]) as before, open_table(dsns[1]) as after:
        for tenant in tenants:
            rivals: Searchers = {"before": _awaited(loop, before)}
            name, rival = _name(large, tenant, None), f"ours, of {small.rows:,}"
            yield _raced(
                name, _awaited(loop, after), rivals, asked[tenant], bench.options,
                goal_of=lambda _: Goal(1 / _GROWTH), rival=rival,
            )  # fmt: skip


def _rows(
    bench: Bench, table: VectorTable, cases: Sequence[tuple[Tenant, str | None]]
) -> Iterator[Result]:
    asked = _asked(table, [tenant for tenant, _ in cases], bench.options)
    lookup, dsn = _lookup(asked), filled(bench, table)
    indexes = our_index(table.dims, lookup), their_index(table.dims, lookup)
    with open_sides(dsn, bench.options.connections, *indexes) as sides:
        for tenant, flag in cases:
            yield _raced(
                _name(table, tenant, flag),
                _awaited(sides.loop, sides.ours), _searchers(sides), asked[tenant], bench.options,
                goal_of=partial(_goal_of, table, tenant, flag), flag=flag,
            )  # fmt: skip


def _asked(table: VectorTable, tenants: Sequence[Tenant], options: Options) -> dict[Tenant, Asked]:
    mixture, count = Mixture(table.dims), 10 if options.quick else 40
    samples = {tenant: mixture.sample(tenant) for tenant in tenants}
    return {t: Asked(sample, mixture.queries(sample, count)) for t, sample in samples.items()}


def _lookup(asked: dict[Tenant, Asked]) -> Lookup:
    return Lookup({text: vector for one in asked.values() for text, vector in one.lookup.items()})


def _searchers(sides: Sides) -> Searchers:
    """Return the official store, in each way it can be used for one search after the other."""
    blocking = {f"{way}, blocking": partial(ask, store) for way, store in sides.blocking.items()}
    awaited = {f"{way}, awaited": _awaited(sides.loop, s) for way, s in sides.awaited.items()}
    return {**blocking, **awaited}


def _awaited(loop: asyncio.AbstractEventLoop, store: BaseStore) -> Search:
    return lambda questions: loop.run_until_complete(aask(store, questions))


def _raced(
    name: str,
    ours: Search,
    rivals: Searchers,
    asked: Asked,
    options: Options,
    *,
    goal_of: Callable[[Quality], Goal],
    flag: str | None = None,
    rival: str = OFFICIAL,
) -> Result:
    """Race ours against the fastest of the rivals; a figure is the median latency of a search."""
    questions = asked.questions(flag)
    tried = {way: _warmed(search, questions[:_TRIED]) for way, search in rivals.items()}
    fastest = min(tried, key=lambda way: median_seconds(tried[way]))
    searches = {"ours": ours, fastest: rivals[fastest]}
    answers = [_warmed(search, questions) for search in searches.values()]
    slowest_s = max(sum(answer.seconds for answer in some) for some in answers)
    # The same questions for both, some of them where all would take too long.
    share = _LONGEST * options.seconds / slowest_s
    some = questions[: max(_TRIED, int(len(questions) * share))]
    first, second = (
        Contestant(way, partial(_median_of_passes, search, some))
        for way, search in searches.items()
    )
    mine, theirs = (asked.quality(each, flag) for each in answers)
    row = race(name, first, [second], options, goal=goal_of(theirs), unit="ms", rival=rival)
    right = mine.complete == 1.0 and mine.recall >= _LEAST_RECALL
    shares = (mine.complete, theirs.complete, mine.recall, theirs.recall)
    return replace(row, right=right, extra=tuple(f"{share:.3f}" for share in shares))


def _median_of_passes(search: Search, questions: list[Question], passes: int) -> float:
    return median_seconds(search(questions * passes))


def _warmed(search: Search, questions: Questions) -> list[Answer]:
    """Return the answers, after some questions that only warm up."""
    search(questions[:_TRIED])
    return search(questions)


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
