"""Searching one tenant: of every size, through filters, and in tables that have grown."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from ..bench import OFFICIAL, Bench
from ..results import NO_GOAL, Goal
from .options import VectorOptions
from .quality import COMPLETE, Quality, Searched, quality_of
from .samples import SHARES, Mixture, Sample, Tenant, Vectors, VectorTable
from .stores import (
    LIMIT,
    Answer,
    Lookup,
    Question,
    Searcher,
    awaited,
    event_loop,
    open_ours,
    open_theirs,
)
from .tables import filled

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


@dataclass(frozen=True, slots=True)
class Asked:
    """Queries (n, dims) to one tenant."""

    sample: Sample
    queries: Vectors

    def questions(self, field: str | None = None) -> list[Question]:
        """One for each query."""
        tenant = self.sample.tenant
        return [Question(tenant.namespace, text, field) for text in self.lookup()]

    def lookup(self) -> dict[str, list[float]]:
        """Each query's vector, by its text."""
        name = self.sample.tenant.name
        return {f"{name} {n}": query.tolist() for n, query in enumerate(self.queries)}

    def quality(self, answers: Sequence[Answer], field: str | None) -> Quality:
        """Against measuring all of the tenant's vectors."""
        found = [[int(key.rpartition("-")[2]) for key in answer.keys] for answer in answers]
        distances = [self.sample.distances(query, field) for query in self.queries]
        return quality_of(found, distances, LIMIT)


@dataclass
class Searches:
    """The rows of all tables; a table is filled when the first row asks for it."""

    bench: Bench
    options: VectorOptions
    _dsns: dict[tuple[VectorTable, bool], str] = field(default_factory=dict)

    def sizes(self, table: VectorTable) -> Iterator[Searched]:
        """Tenants of every size."""
        yield from self._rows(table, [(tenant, None) for tenant in table.measured])

    def filters(self, table: VectorTable) -> Iterator[Searched]:
        """A large tenant and a very large one, of which few items pass."""
        tenants = [tenant for tenant in table.measured if tenant.size in _FILTERED]
        yield from self._rows(table, [(t, field) for t in tenants for field in SHARES])

    def growth(self, small: VectorTable, large: VectorTable, *, theirs: bool) -> Iterator[Searched]:
        """The same tenant in both tables, by ours alone."""
        tenants = [tenant for tenant in small.measured if tenant.size in _GROWN]
        asked = {tenant: self._asked(small, tenant) for tenant in tenants}
        lookup = _lookup(list(asked.values()))
        dsns = [self._dsn(small, theirs=False), self._dsn(large, theirs=theirs)]
        with (
            event_loop() as loop,
            open_ours(dsns[0], small.dims, lookup) as before,
            open_ours(dsns[1], small.dims, lookup) as after,
        ):
            grown, rival = awaited("grown", after, loop), awaited("ours", before, loop)
            for tenant in tenants:
                name = _name(large, tenant, None)
                run = self._race(grown, [rival], asked[tenant].questions())
                yield Searched(
                    "growth", name, "ms", run.ours, run.theirs, f"ours, of {small.rows:,}",
                    Goal(1 / _GROWTH), our_quality=asked[tenant].quality(run.our_answers, None),
                    their_quality=asked[tenant].quality(run.their_answers, None),
                )  # fmt: skip

    def _rows(
        self, table: VectorTable, cases: Sequence[tuple[Tenant, str | None]]
    ) -> Iterator[Searched]:
        asked = {tenant: self._asked(table, tenant) for tenant, _ in cases}
        lookup, dsn = _lookup(list(asked.values())), self._dsn(table, theirs=True)
        with (
            event_loop() as loop,
            open_ours(dsn, table.dims, lookup) as store,
            open_theirs(dsn, table.dims, lookup, loop) as rivals,
        ):
            ours = awaited("ours", store, loop)
            for tenant, flag in cases:
                run = self._race(ours, rivals, asked[tenant].questions(flag))
                theirs = asked[tenant].quality(run.their_answers, flag)
                yield Searched(
                    "filter" if flag else "search", _name(table, tenant, flag), "ms", run.ours,
                    run.theirs, f"{OFFICIAL}, {run.rival}", goal_of(table, tenant, flag, theirs),
                    our_quality=asked[tenant].quality(run.our_answers, flag), their_quality=theirs,
                )  # fmt: skip

    def _race(
        self, ours: Searcher, rivals: Sequence[Searcher], questions: Sequence[Question]
    ) -> _Run:
        return raced(ours, rivals, questions, self.options.rounds, self.options.seconds)

    def _asked(self, table: VectorTable, tenant: Tenant) -> Asked:
        mixture = Mixture(table.dims)
        sample = mixture.sample(tenant)
        return Asked(sample, mixture.queries(sample, self.options.queries))

    def _dsn(self, table: VectorTable, *, theirs: bool) -> str:
        if (table, theirs) not in self._dsns:
            self._dsns[table, theirs] = filled(self.bench, table, theirs=theirs)
        return self._dsns[table, theirs]


def goal_of(table: VectorTable, tenant: Tenant, flag: str | None, theirs: Quality) -> Goal:
    """What a row is to reach; what a large tenant's is depends on whether theirs is an answer."""
    if tenant.size < _LARGE:
        return _GOALS.get(tenant.size, NO_GOAL)
    usual = table.dims == _USUAL_DIMS
    if usual and flag is None and tenant.size == _LARGEST:
        return _GOAL_OF_LARGEST
    if theirs.complete >= COMPLETE:
        return Goal(1)
    return Goal(ours_at_most=_QUICK_ENOUGH_MS) if usual else NO_GOAL


@dataclass(frozen=True, slots=True)
class _Run:
    """Median milliseconds of a search by round, and the answers of one time through."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    rival: str
    our_answers: list[Answer]
    their_answers: list[Answer]


def raced(
    ours: Searcher,
    rivals: Sequence[Searcher],
    questions: Sequence[Question],
    rounds: int,
    seconds: float,
) -> _Run:
    """Ours against the fastest of the rivals, in turn; a round takes about so many seconds."""
    fastest = min(rivals, key=lambda rival: _median_ms(_warmed(rival, questions[:_TRIED])))
    answers = [_warmed(searcher, questions) for searcher in (ours, fastest)]
    slowest_s = max(sum(answer.ms for answer in some) for some in answers) / 1000
    # The same questions for both, some of them where all would take too long.
    asked = list(questions)[: max(_TRIED, int(len(questions) * _LONGEST * seconds / slowest_s))]

    def round_ms(searcher: Searcher, some: Sequence[Answer]) -> float:
        took = sum(answer.ms for answer in some[: len(asked)]) / 1000
        gc.collect()
        return _median_ms(searcher.ask(asked * max(1, round(seconds / took))))

    figures = [(round_ms(ours, answers[0]), round_ms(fastest, answers[1])) for _ in range(rounds)]
    columns = zip(*figures, strict=True)
    return _Run(next(columns), next(columns), fastest.label, *answers)


def _warmed(searcher: Searcher, questions: Sequence[Question]) -> list[Answer]:
    """The answers, after some questions that only warm up."""
    searcher.ask(questions[:_TRIED])
    return searcher.ask(questions)


def _median_ms(answers: Sequence[Answer]) -> float:
    return median(answer.ms for answer in answers)


def _lookup(asked: Sequence[Asked]) -> Lookup:
    return Lookup({text: vector for one in asked for text, vector in one.lookup().items()})


def _name(table: VectorTable, tenant: Tenant, flag: str | None) -> str:
    share = f", {SHARES[flag]:.1%} pass".replace(".0%", "%") if flag else ""
    return f"{table.dims} dims: {tenant.size:,} of {table.rows:,}{share}"
