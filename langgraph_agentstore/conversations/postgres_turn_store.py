"""One user's turns in an `AgentStore`, by statements of their own.

Threads are read as ranges of keys and counted on the server. Bulk loads use COPY.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

from langgraph.store.base import BaseStore, Item
from typing_extensions import override

from .._support.progress import Progress
from ..model.namespaces import Labels
from ..model.users import Address
from ..store.executor import Query, SqlContext, Statement
from ..store.step_driver import On, Steps
from ..store.user_scope import part_of
from ..store.user_views import UserStore
from .indexed_text import ContextWriter, Match
from .sql import (
    newest_first_after,
    plan_forget_thread,
    plan_neighbors,
    plan_newest_turns,
    plan_thread_page,
    plan_threads,
    plan_turns_by_key,
)
from .turn_query import TurnQuery
from .turn_search_sql import FoundTurn, plan_turn_search
from .turn_store import (
    NEWEST_PER_PAGE,
    TURNS_PER_PAGE,
    GenericTurnStore,
    NextPage,
    TurnStore,
    pages_of,
)
from .turns import ThreadSummary, Turn, TurnRange, summary, turn_of_value

CONVERSATIONS: Labels = ("conversations",)
"""The labels, below a user's, under which turns are stored."""

TURNS_PER_LOAD = 5_000
EMBEDDED_PER_LOAD = 1_000
"""Turns in a load; fewer where they are embedded, so that a failure undoes less work."""


class PostgresTurnStore(GenericTurnStore):
    """One user's turns in an `AgentStore`, read and counted by statements of their own."""

    def __init__(self, store: UserStore, labels: Labels) -> None:
        super().__init__(store, labels)
        self._view = store
        self._address = Address(store.user_id, labels)
        self.executor = store.executor
        self.max_value_bytes = store.planner.context.max_value_bytes

    @override
    def put(self, turns: Sequence[Turn]) -> Steps[None]:
        planner = self._view.planner
        puts = [planner.put(self.put_op(turn)) for turn in turns]
        yield puts[0] if len(puts) == 1 else On(self._view.executor, puts)

    @override
    def load(self, turns: Iterable[Turn], progress: Progress | bool | None) -> int:
        puts = map(self.put_op, turns)
        index = self._context.index
        is_embedded = index is not None and index.vectors is not None
        size = EMBEDDED_PER_LOAD if is_embedded else TURNS_PER_LOAD
        return self._view.load(puts, batch_size=size, progress=progress)

    @override
    def oldest_first(self, within: TurnRange) -> NextPage[Turn]:
        if within.thread_id is None:
            return super().oldest_first(within)
        return _sorted_by_second(self._thread(within.thread_id, within, TURNS_PER_PAGE))

    @override
    def newest_first(
        self, thread_id: str | None = None, page_size: int = NEWEST_PER_PAGE
    ) -> NextPage[Turn]:
        if thread_id is not None:
            return self._thread(thread_id, TurnRange(thread_id), page_size, newest_first=True)

        def read(last: Item | None, _offset: int) -> Steps[Any]:
            before = None
            if last is not None:
                before = newest_first_after(last, self._context)
            return (yield plan_newest_turns(self._address, before, page_size, self._context))

        return pages_of(read, self._turns, page_size)

    @override
    def context_writer(self) -> ContextWriter:
        # Neighbors are found by their keys, when a search needs them.
        return ContextWriter(None)

    @override
    def threads(self) -> Steps[list[ThreadSummary]]:
        rows = yield plan_threads(self._address, self._context)
        return [summary(*row) for row in rows]

    @override
    def forget(self, thread_id: str) -> Steps[int]:
        removed: int = yield plan_forget_thread(self._address, thread_id, self._context)
        return removed

    @override
    def neighbors(self, turns: Sequence[Turn]) -> Steps[list[Turn]]:
        keys = [(turn.thread_id, turn.key) for turn in turns]
        return list(self._turns((yield plan_neighbors(self._address, keys, self._context))))

    @property
    def _context(self) -> SqlContext:
        return self._view.executor.context

    @override
    def search(self, search: TurnQuery) -> Steps[list[Match]]:
        index = self._view.planner.context.index
        if index is None:
            return (yield from super().search(search))

        def statement(context: SqlContext, vector: bytes | None) -> Statement[list[FoundTurn]]:
            return plan_turn_search(search, index.mode, vector, self._address, context)

        text = None if index.mode == "text" else search.query
        found: list[FoundTurn] = yield Query(text, statement, kind="search_turns")
        turns = ((turn_of_value(one.key, one.value, one.created_at), one.scores) for one in found)
        return [Match(turn, scores.score, scores) for turn, scores in turns if turn is not None]

    @override
    def _all(self, within: TurnRange) -> NextPage[Turn]:
        days = _days_around(within)

        def read(last: Item | None, _offset: int) -> Steps[Any]:
            after = "" if last is None else last.key
            size, context = TURNS_PER_PAGE, self._context
            return (yield plan_turns_by_key(self._address, after, days, size, context))

        return pages_of(read, partial(self._turns, within=within), TURNS_PER_PAGE)

    def _thread(
        self, thread_id: str, within: TurnRange, size: int, *, newest_first: bool = False
    ) -> NextPage[Turn]:
        """Read a thread in the order of its keys, or in the opposite order."""
        first, end = (
            None if day is None else f"{thread_id}_{day.replace('-', '')}"
            for day in _days_around(within)
        )

        def read(last: Item | None, _offset: int) -> Steps[Any]:
            after, order = first if last is None else last.key, {"newest_first": newest_first}
            page = plan_thread_page(
                self._address, thread_id, after, size, self._context, before=end, **order
            )
            return (yield page)

        return pages_of(read, partial(self._turns, within=within), size)


def turn_store_of(store: BaseStore, user_id: str) -> TurnStore:
    """Return the turns that a store has of a user."""
    part = part_of(store, user_id, CONVERSATIONS)
    if isinstance(part.store, UserStore):
        return PostgresTurnStore(part.store, part.labels)
    return GenericTurnStore(part.store, part.labels)


def _second_of(turn: Turn) -> str:
    return turn.key[:-9]


def _sorted_by_second(next_page: NextPage[Turn]) -> NextPage[Turn]:
    """Sort the turns of each second: other programs end their keys by chance."""
    held: list[Turn] = []

    def next_sorted() -> Steps[list[Turn]]:
        nonlocal held
        page: Sequence[Turn] = ()
        while page := (yield from next_page()):
            turns = [*held, *page]
            cut = len(turns)
            while cut and _second_of(turns[cut - 1]) == _second_of(turns[-1]):
                cut -= 1
            ready, held = turns[:cut], turns[cut:]
            if ready:
                return _by_time(ready)
        ready, held = held, []
        return _by_time(ready)

    return next_sorted


def _by_time(turns: list[Turn]) -> list[Turn]:
    return [
        turn
        for _, said in groupby(turns, key=_second_of)
        for turn in sorted(said, key=lambda turn: turn.order)
    ]


def _days_around(within: TurnRange) -> tuple[str | None, str | None]:
    """Return the days, such as `2026-01-31`, between which the turns of a range are read.

    There is a day to spare: a turn that another program put may be in another time zone, or have
    another form of timestamp, which as a text compares no finer than that.
    """
    since, until = within.since, within.until
    return None if since is None else _day(since, -1), None if until is None else _day(until, 2)


def _day(moment: datetime, days: int) -> str:
    try:
        return (moment + timedelta(days=days)).date().isoformat()
    except OverflowError:
        return moment.date().isoformat()
