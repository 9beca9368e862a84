"""One user's turns in one store: everything that differs from store to store.

`GenericTurnStore` needs LangGraph's interface only, so it works over any store.
`PostgresTurnStore` reads threads as ranges of keys, counts threads on the server and loads by COPY.
Their methods are programs of steps, which run blocking or awaited; see `store/steps.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby, islice
from typing import Any, Protocol, TypeAlias, TypeVar

from langgraph.store.base import BaseStore, GetOp, Item, Op, PutOp, SearchItem, SearchOp
from typing_extensions import override

from .._support.external_sort import ExternalSort
from .._support.lru import Lru
from .._support.progress import Progress, telling_progress
from ..errors import InvalidOperationError
from ..model.namespaces import Labels
from ..model.users import Address
from ..store.base import StoreBase
from ..store.executor import OPEN, Executor, SqlContext
from ..store.steps import InThread, On, Steps, StoreOps, run
from ..store.user_scope import part_of
from ..store.views import UserStore
from .context_index import Match
from .sql import (
    plan_forget_thread,
    plan_newest_turns,
    plan_thread_page,
    plan_threads,
    plan_turns_by_key,
)
from .storable_json import LARGEST_VALUE
from .turns import ThreadSummary, Turn, summaries, summary, turn_of_value

CONVERSATIONS: Labels = ("conversations",)
"""The labels, below a user's, under which turns are stored."""

PAGE_SIZE = 1_000
NEWEST_PAGE_SIZE = 100
LOAD_BATCH_SIZE = 5_000
REMEMBERED_THREADS = 1_024
INDEXED = ("context[*]",)
"""The field by which turns are found, whatever fields the store's index names."""

EntryT = TypeVar("EntryT")
NextPage: TypeAlias = Callable[[], Steps[Sequence[EntryT]]]
"""A function that returns the entries that follow; none at the end."""


class TurnStore(Protocol):
    """One user's turns in one store."""

    store: BaseStore
    executor: Executor | None

    def put(self, turns: Sequence[Turn]) -> Steps[None]:
        """Write turns, all at once; their expiry is the store's default."""

    def load(self, turns: Iterable[Turn], progress: Progress | bool | None) -> int:
        """Write any number of turns in large batches, blocking; return how many."""

    def oldest_first(
        self,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> NextPage[Turn]:
        """Read the turns of a thread, or all, in the order in which they were said, none twice."""

    def newest_first(
        self, thread_id: str | None = None, page_size: int = NEWEST_PAGE_SIZE
    ) -> NextPage[Turn]:
        """Read the turns of a thread, or all, the newest first."""

    def before(self, turn: Turn) -> Steps[Turn | None]:
        """Return the turn that was said before this one in its thread."""

    def threads(self) -> Steps[list[ThreadSummary]]:
        """Return all threads, the latest first."""

    def search(
        self, query: str, thread_id: str | None, limit: int, min_similarity: float | None
    ) -> Steps[list[Match]]:
        """Return the best matches, best first.

        Raises:
            InvalidOperationError: the store has no index, or does not tell similarities.
        """

    def get(self, keys: Sequence[str]) -> Steps[list[Turn]]:
        """Return the turns that exist under these keys."""

    def forget(self, thread_id: str) -> Steps[int]:
        """Remove a thread; return how many turns it had."""


class GenericTurnStore(TurnStore):
    """One user's turns in any store of LangGraph's interface.

    It sorts turns itself. It remembers the latest turn of each thread, since finding that turn
    takes reading the whole thread.
    """

    max_value_bytes = LARGEST_VALUE

    def __init__(self, store: BaseStore, labels: Labels) -> None:
        self.store = store
        self.executor: Executor | None = None
        self.labels = labels
        self._latest: Lru[str, Turn] = Lru(REMEMBERED_THREADS)

    @override
    def put(self, turns: Sequence[Turn]) -> Steps[None]:
        yield self._ops(map(self.put_op, turns))
        for turn in turns:
            self._remember(turn)

    def put_op(self, turn: Turn) -> PutOp:
        """Return the operation that writes a turn."""
        ttl = (getattr(self.store, "ttl_config", None) or {}).get("default_ttl")
        return PutOp(self.labels, turn.key, turn.value(self.max_value_bytes), list(INDEXED), ttl)

    @override
    def load(self, turns: Iterable[Turn], progress: Progress | bool | None) -> int:
        written, left = 0, iter(turns)
        with telling_progress(progress, "saving") as tell:
            while batch := list(islice(left, PAGE_SIZE)):
                run(self.put(batch))
                written += len(batch)
                tell(written)
        return written

    @override
    def oldest_first(
        self,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> NextPage[Turn]:
        return sorted_pages(self._all(thread_id, since, until), lambda turn: turn.order)

    @override
    def newest_first(
        self, thread_id: str | None = None, page_size: int = NEWEST_PAGE_SIZE
    ) -> NextPage[Turn]:
        found: list[Turn] | None = None

        def next_page() -> Steps[list[Turn]]:
            nonlocal found
            if found is None:
                found = yield from self._read(thread_id)
                found.sort(key=lambda turn: turn.order)
            page = found[: -page_size - 1 : -1]
            del found[-page_size:]
            return page

        return next_page

    @override
    def before(self, turn: Turn) -> Steps[Turn | None]:
        known = self._latest.get(turn.thread_id)
        # Another program may have removed the thread: nothing of it may be written again.
        if known is not None and known.order < turn.order and (yield from self.get([known.key])):
            return known
        turns = yield from self._read(turn.thread_id)
        earlier = (one for one in turns if one.order < turn.order)
        return max(earlier, key=lambda one: one.order, default=None)

    @override
    def threads(self) -> Steps[list[ThreadSummary]]:
        return summaries((yield from self._read(None)))

    @override
    def search(
        self, query: str, thread_id: str | None, limit: int, min_similarity: float | None
    ) -> Steps[list[Match]]:
        if getattr(self.store, "index_config", True) is None:
            raise InvalidOperationError(
                "this store was not given an index, so nothing can be searched for; "
                "AgentStore(index={'mode': 'text'}) finds by words and needs no model"
            )
        if min_similarity is not None:
            raise InvalidOperationError(
                f"min_similarity needs an AgentStore: {type(self.store).__name__} does not tell "
                "how similar a turn is"
            )
        [found] = yield self._ops([self._search_op(thread_id, limit, query=query)])
        return self._matches(found, thread_id)

    def _matches(self, found: list[SearchItem], thread_id: str | None) -> list[Match]:
        scores = {item.key: item.score for item in found}
        return [Match(turn, scores[turn.key]) for turn in self._turns(found, thread_id)]

    @override
    def get(self, keys: Sequence[str]) -> Steps[list[Turn]]:
        found = yield self._ops(GetOp(self.labels, key) for key in keys)
        return list(self._turns([item for item in found if isinstance(item, Item)]))

    @override
    def forget(self, thread_id: str) -> Steps[int]:
        keys = {turn.key for turn in (yield from self._read(thread_id))}
        left = iter(keys)
        while batch := list(islice(left, PAGE_SIZE)):
            yield self._ops(PutOp(self.labels, key, None) for key in batch)
        self._latest.pop(thread_id, None)
        return len(keys)

    def _ops(self, ops: Iterable[Op]) -> StoreOps:
        return StoreOps(self.store, list(ops))

    def _search_op(
        self, thread_id: str | None, limit: int, offset: int = 0, query: str | None = None
    ) -> SearchOp:
        refreshes = (getattr(self.store, "ttl_config", None) or {}).get("refresh_on_read", True)
        only = None if thread_id is None else {"thread_id": thread_id}
        return SearchOp(self.labels, only, limit, offset, query, refreshes)

    def _read(self, thread_id: str | None) -> Steps[list[Turn]]:
        found: list[Turn] = []
        next_page = self._all(thread_id)
        while page := (yield from next_page()):
            found += page
        return found

    def _all(
        self,
        thread_id: str | None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> NextPage[Turn]:
        """Read turns in the store's order; one may come twice if others write meanwhile."""

        def read(_last: Item | None, offset: int) -> Steps[Any]:
            [items] = yield self._ops([self._search_op(thread_id, PAGE_SIZE, offset)])
            return items

        turns_of = partial(self._turns, thread_id=thread_id, since=since, until=until)
        return _pages(read, turns_of, PAGE_SIZE)

    def _remember(self, turn: Turn) -> None:
        known = self._latest.get(turn.thread_id, turn)
        self._latest[turn.thread_id] = max(known, turn, key=lambda turn: turn.order)

    def _turns(
        self,
        items: Iterable[Item],
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Turn]:
        """Yield the turns among items of this namespace and of those below it."""
        for item in items:
            turn = None
            if tuple(item.namespace) == self.labels:
                turn = turn_of_value(item.key, item.value, item.created_at)
            if (
                turn is not None
                and thread_id in (None, turn.thread_id)
                and (since is None or turn.timestamp >= since)
                and (until is None or turn.timestamp < until)
            ):
                yield turn


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
        return self._view.load(puts, batch_size=LOAD_BATCH_SIZE, progress=progress)

    @override
    def oldest_first(
        self,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> NextPage[Turn]:
        if thread_id is None:
            return super().oldest_first(None, since, until)
        return _sorted_by_second(self._thread(thread_id, PAGE_SIZE, since, until))

    @override
    def newest_first(
        self, thread_id: str | None = None, page_size: int = NEWEST_PAGE_SIZE
    ) -> NextPage[Turn]:
        if thread_id is not None:
            return self._thread(thread_id, page_size, newest_first=True)

        def read(last: Item | None, _offset: int) -> Steps[Any]:
            before = None
            if last is not None:
                before = str(last.value.get("timestamp") or ""), last.key
            return (yield plan_newest_turns(self._address, before, page_size, self._context))

        return _pages(read, self._turns, page_size)

    @override
    def before(self, turn: Turn) -> Steps[Turn | None]:
        # Keys sort as time does.
        page = yield plan_thread_page(
            self._address, turn.thread_id, turn.key, 1, self._context, newest_first=True
        )
        return next(self._turns(page, turn.thread_id), None)

    @override
    def threads(self) -> Steps[list[ThreadSummary]]:
        rows = yield plan_threads(self._address, self._context)
        return [summary(*row) for row in rows]

    @override
    def forget(self, thread_id: str) -> Steps[int]:
        removed: int = yield plan_forget_thread(self._address, thread_id, self._context)
        return removed

    @property
    def _context(self) -> SqlContext:
        return self._view.executor.context

    @override
    def search(
        self, query: str, thread_id: str | None, limit: int, min_similarity: float | None
    ) -> Steps[list[Match]]:
        if min_similarity is None or self._view.index_config is None:
            return (yield from super().search(query, thread_id, limit, None))
        only = None if thread_id is None else {"thread_id": thread_id}
        search = partial(self._view.search, self.labels, query=query, filter=only, limit=limit)
        found = yield InThread(partial(search, min_similarity=min_similarity))
        return self._matches(found, thread_id)

    @override
    def _all(
        self,
        thread_id: str | None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> NextPage[Turn]:
        days = _days_around(since, until)

        def read(last: Item | None, _offset: int) -> Steps[Any]:
            after = "" if last is None else last.key
            return (yield plan_turns_by_key(self._address, after, days, PAGE_SIZE, self._context))

        return _pages(read, partial(self._turns, since=since, until=until), PAGE_SIZE)

    def _thread(
        self,
        thread_id: str,
        size: int,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        newest_first: bool = False,
    ) -> NextPage[Turn]:
        """Read a thread in the order of its keys, or in the opposite order."""
        first, end = (
            None if day is None else f"{thread_id}_{day.replace('-', '')}"
            for day in _days_around(since, until)
        )

        def read(last: Item | None, _offset: int) -> Steps[Any]:
            return (
                yield plan_thread_page(
                    self._address,
                    thread_id,
                    first if last is None else last.key,
                    size,
                    self._context,
                    before=end,
                    newest_first=newest_first,
                )
            )

        turns_of = partial(self._turns, thread_id=thread_id, since=since, until=until)
        return _pages(read, turns_of, size)


def turn_store_of(store: BaseStore, user_id: str) -> TurnStore:
    """Return the turns that a store has of a user."""
    part = part_of(store, user_id, CONVERSATIONS)
    if isinstance(part.store, UserStore):
        return PostgresTurnStore(part.store, part.labels)
    return GenericTurnStore(part.store, part.labels)


def opening(store: BaseStore) -> Steps[None]:
    """Open an `AgentStore` unless it is open, so that opening counts against no deadline.

    Raises:
        AgentStoreError: it cannot be opened.
    """
    if isinstance(store, StoreBase) and not store.executor.is_open:
        yield On(store.executor, [OPEN])


def sorted_pages(next_page: NextPage[EntryT], order: Callable[[EntryT], Any]) -> NextPage[EntryT]:
    """Sort the entries of all pages in constant memory; drop those with an equal sort key."""
    ordered: Iterator[EntryT] | None = None

    def next_sorted() -> Steps[list[EntryT]]:
        nonlocal ordered
        if ordered is None:
            sort = ExternalSort(order)
            while page := (yield from next_page()):
                sort.add(page)
            ordered = sort.in_order()
        return list(islice(ordered, PAGE_SIZE))

    return next_sorted


def _pages(
    read: Callable[[Item | None, int], Steps[Any]],
    turns_of: Callable[[list[Item]], Iterator[Turn]],
    size: int,
) -> NextPage[Turn]:
    """Read turns page by page; `read` gets the last item read, and how many were."""
    last: Item | None = None
    count, ended = 0, False

    def next_page() -> Steps[list[Turn]]:
        nonlocal last, count, ended
        while not ended:
            items = yield from read(last, count)
            ended = len(items) < size
            last, count = items[-1] if items else last, count + len(items)
            if turns := list(turns_of(items)):
                return turns
        return []

    return next_page


def _second(turn: Turn) -> str:
    return turn.key[:-9]


def _sorted_by_second(next_page: NextPage[Turn]) -> NextPage[Turn]:
    """Sort the turns of each second: other programs end their keys by chance."""
    held: list[Turn] = []

    def next_sorted() -> Steps[list[Turn]]:
        nonlocal held
        page: Sequence[Turn] = ()
        while page := (yield from next_page()):
            turns = [*held, *page]
            held = [turn for turn in turns if _second(turn) == _second(turns[-1])]
            if ready := turns[: -len(held)]:
                return _in_order(ready)
        ready, held = held, []
        return _in_order(ready)

    return next_sorted


def _in_order(turns: list[Turn]) -> list[Turn]:
    return [
        turn
        for _, said in groupby(turns, key=_second)
        for turn in sorted(said, key=lambda turn: turn.order)
    ]


def _days_around(since: datetime | None, until: datetime | None) -> tuple[str | None, str | None]:
    """Return the days, such as `2026-01-31`, between which turns are read.

    There is a day to spare: a turn that another program put may be in another time zone, or have
    another form of timestamp, which as a text compares no finer than that.
    """
    return None if since is None else _day(since, -1), None if until is None else _day(until, 2)


def _day(moment: datetime, days: int) -> str:
    try:
        return (moment + timedelta(days=days)).date().isoformat()
    except OverflowError:
        return moment.date().isoformat()
