"""One user's turns in an `AgentStore`, by statements of their own.

Threads are read as ranges of keys and counted on the server. Bulk loads use COPY.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any, NoReturn

from langgraph.store.base import BaseStore, Item
from typing_extensions import override

from .._support.progress import Progress
from ..errors import ConfigurationError, NotPermittedError
from ..model.namespaces import Labels
from ..model.shared_scope import Neighbors
from ..model.users import Address, check_user_id
from ..sql.shared_items import OfView
from ..store.base import StoreBase
from ..store.executor import Job, Operation, Query, ResultT, SqlContext, Statement
from ..store.step_driver import On, Steps
from ..store.user_scope import part_of
from ..store.user_views import UserStore, view_of
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

    def __init__(self, store: UserStore, labels: Labels, shared_by: str | None = None) -> None:
        super().__init__(store, labels)
        self._view = store
        self._shared_by = shared_by
        if shared_by is not None:  # statements of turns show the owner's namespace
            self._shown_at = (labels, CONVERSATIONS)
        self.executor = store.executor
        self.max_value_bytes = store.planner.context.max_value_bytes

    @override
    def put(self, turns: Sequence[Turn]) -> Steps[None]:
        planner = self._view.planner
        puts = [self._shared(planner.put(self.put_op(turn))) for turn in turns]
        yield puts[0] if len(puts) == 1 else On(self._view.executor, puts)

    @override
    def load(self, turns: Iterable[Turn], progress: Progress | bool | None) -> int:
        puts = map(self.put_op, turns)
        if self._shared_by is not None:  # a COPY checks no shares
            return super().load(turns, progress)
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
            return (
                yield self._planned(
                    lambda at: plan_newest_turns(at, before, page_size, self._context)
                )
            )

        return pages_of(read, self._turns, page_size)

    @override
    def context_writer(self) -> ContextWriter:
        # Neighbors are found by their keys, when a search needs them.
        return ContextWriter(None)

    @override
    def threads(self) -> Steps[list[ThreadSummary]]:
        rows = yield self._planned(lambda at: plan_threads(at, self._context))
        return [summary(*row) for row in rows]

    @override
    def forget(self, thread_id: str) -> Steps[int]:
        forget = self._planned(
            lambda at: plan_forget_thread(at, thread_id, self._context), writes=True
        )
        removed: int = yield self._shared(forget)
        return removed

    @override
    def neighbors(self, turns: Sequence[Turn]) -> Steps[list[Turn]]:
        keys = [(turn.thread_id, turn.key) for turn in turns]
        items = yield self._planned(lambda at: plan_neighbors(at, keys, self._context))
        return list(self._turns(items))

    @property
    def _context(self) -> SqlContext:
        return self._view.executor.context

    @override
    def search(self, search: TurnQuery) -> Steps[list[Match]]:
        index = self._view.planner.context.index
        if index is None:
            return (yield from super().search(search))

        text = None if index.mode == "text" else search.query

        def query(at: Address) -> Query[list[FoundTurn]]:
            def statement(context: SqlContext, vector: bytes | None) -> Statement[list[FoundTurn]]:
                return plan_turn_search(search, index.mode, vector, at, context)

            return Query(text, statement, kind="search_turns")

        found: list[FoundTurn] = yield self._planned(query)
        turns = ((turn_of_value(one.key, one.value, one.created_at), one.scores) for one in found)
        return [Match(turn, scores.score, scores) for turn, scores in turns if turn is not None]

    @override
    def _all(self, within: TurnRange) -> NextPage[Turn]:
        days = _days_around(within)

        def read(last: Item | None, _offset: int) -> Steps[Any]:
            after = "" if last is None else last.key
            size, context = TURNS_PER_PAGE, self._context
            return (
                yield self._planned(lambda at: plan_turns_by_key(at, after, days, size, context))
            )

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
            page = self._planned(
                lambda at: plan_thread_page(
                    at, thread_id, after, size, self._context, before=end, **order
                )
            )
            return (yield page)

        return pages_of(read, partial(self._turns, within=within), size)

    def _planned(
        self, plan: Callable[[Address], Operation[ResultT]], *, writes: bool = False
    ) -> Operation[ResultT]:
        """Plan an operation at the turns' address: another user's while they are shared."""
        labels = self.labels
        return self._view.planner.at(
            labels, lambda planner: plan(planner.scope.address(labels)), writes=writes
        )

    def _shared(self, write: Operation[ResultT]) -> Operation[ResultT]:
        """Return a write of another user's turns that is refused where they are not shared."""
        if self._shared_by is None or not isinstance(write, OfView):
            return write
        return replace(write, own=Job(self._refuse, kind=write.kind))

    async def _refuse(self, _session: object) -> NoReturn:
        raise NotPermittedError(
            f"{self._shared_by!r} shares no conversations with {self._view.user_id!r}: the owner "
            'allows writing by share(("conversations",), …, "write")'
        )


def turn_store_of(store: BaseStore, user_id: str, shared_by: str | None = None) -> TurnStore:
    """Return the turns that a store has of a user, or of one who shares them with that user."""
    if shared_by is not None:
        return _shared_turns(store, user_id, check_user_id(shared_by))
    part = part_of(store, user_id, CONVERSATIONS)
    if isinstance(part.store, UserStore):
        return PostgresTurnStore(part.store, part.labels)
    return GenericTurnStore(part.store, part.labels)


def _shared_turns(store: BaseStore, user_id: str, owner: str) -> PostgresTurnStore:
    if not isinstance(store, StoreBase):
        raise ConfigurationError(
            f"shared_by needs an AgentStore, or a view of one, got {type(store).__name__}"
        )
    view = view_of(store, user_id)
    labels = (*view.planner.current_rules.constants, owner, *CONVERSATIONS)
    if Neighbors(labels[: -1 - len(CONVERSATIONS)], user_id).named(labels) is None:
        raise ConfigurationError(
            f"shared_by={owner!r} names no other user than {user_id!r} here: leave it out for the "
            "user's own conversations; a store shares none if its user template has no label "
            "before the user"
        )
    return PostgresTurnStore(view, labels, owner)


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
