"""One user's turns in one store: all that differs from store to store is in this module.

`GenericTurnStore` knows LangGraph's interface and nothing else, so it works over any store.
`PostgresTurnStore` reads threads as ranges of keys, counts threads on the server and loads by COPY.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Any

from langgraph.store.base import BaseStore, GetOp, Item, PutOp

from .._support.external_sort import in_order
from .._support.lru import Lru
from .._support.progress import Progress, telling_progress
from ..errors import InvalidOperationError
from ..model.namespaces import Labels
from ..model.users import Address
from ..sql.search.text import MOST_CHARACTERS
from ..store.base import StoreBase
from ..store.executor import OPEN
from ..store.user_scope import part_of
from ..store.views import UserStore
from .context_index import Match
from .sql import (
    plan_forget_thread,
    plan_newest_turns,
    plan_thread_page,
    plan_threads,
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
"""What a turn is found by, whatever fields the store's index names; see `context_index.py`."""


class GenericTurnStore:
    """One user's turns in any store of LangGraph's interface.

    It reads pages of `search` and sorts them itself; the latest turn of a thread it keeps in mind,
    since finding it takes reading the thread.
    """

    def __init__(self, store: BaseStore, labels: Labels) -> None:
        self.store = store
        self.labels = labels
        self.max_value_bytes = LARGEST_VALUE
        self._latest: Lru[str, Turn] = Lru(REMEMBERED_THREADS)

    def put(self, turns: Sequence[Turn]) -> None:
        """Writes them, all at once."""
        self.store.batch([self.put_op(turn) for turn in turns])
        for turn in turns:
            self._remember(turn)

    def put_op(self, turn: Turn) -> PutOp:
        """The operation that writes a turn; its expiry is the store's default."""
        ttl = (getattr(self.store, "ttl_config", None) or {}).get("default_ttl")
        return PutOp(self.labels, turn.key, turn.value(self.max_value_bytes), list(INDEXED), ttl)

    def load(self, turns: Iterable[Turn], progress: Progress | bool | None) -> int:
        """Writes any number of them, in large pieces; how many."""
        written, left = 0, iter(turns)
        with telling_progress(progress, "saving") as tell:
            while piece := list(islice(left, PAGE_SIZE)):
                self.put(piece)
                written += len(piece)
                tell(written)
        return written

    def read(
        self,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Turn]:
        """The turns of a thread or of all, in any order, from one moment on and before another.

        One may come twice if others write meanwhile.
        """
        only = None if thread_id is None else {"thread_id": thread_id}
        offset = 0
        while page := self.store.search(self.labels, filter=only, limit=PAGE_SIZE, offset=offset):
            yield from _between(since, until, self._turns(page, thread_id))
            offset += len(page)

    def oldest_first(
        self,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Turn]:
        """As `read`, in the order in which they were said, and none twice."""
        return in_order(self.read(thread_id, since, until), lambda turn: turn.order)

    def newest_first(
        self,
        thread_id: str | None = None,
        page_size: int = NEWEST_PAGE_SIZE,  # noqa: ARG002 - PostgresTurnStore's
    ) -> Iterator[Turn]:
        """The turns of a thread or of all, the newest first; all are read, whatever the page."""
        yield from sorted(self.read(thread_id), key=lambda turn: turn.order, reverse=True)

    def before(self, turn: Turn) -> Turn | None:
        """The turn of the same thread that was said before this one."""
        known = self._latest.get(turn.thread_id)
        # Somebody else may have removed the thread: nothing of it may be written again.
        if known is not None and known.order < turn.order and self.get([known.key]):
            return known
        earlier = (one for one in self.read(turn.thread_id) if one.order < turn.order)
        return max(earlier, key=lambda one: one.order, default=None)

    def threads(self) -> list[ThreadSummary]:
        """All threads, the latest first."""
        return summaries(self.read())

    def search(
        self, query: str, thread_id: str | None, limit: int, min_similarity: float | None
    ) -> list[Match]:
        """The best matches, best first.

        Raises:
            InvalidOperationError: the store was not given an index, or cannot tell similarities.
        """
        if getattr(self.store, "index_config", True) is None:
            raise InvalidOperationError(
                "this store was not given an index, so nothing can be searched for; "
                "AgentStore(index={'mode': 'text'}) finds by words and needs no model"
            )
        only = None if thread_id is None else {"thread_id": thread_id}
        options: dict[str, Any] = {}
        if min_similarity is not None:
            if not isinstance(self.store, StoreBase):
                raise InvalidOperationError(
                    f"min_similarity needs an AgentStore: {type(self.store).__name__} does not "
                    "tell how similar a turn is"
                )
            options = {"min_similarity": min_similarity}
        query = query[:MOST_CHARACTERS]
        found = self.store.search(self.labels, query=query, filter=only, limit=limit, **options)
        scores = {item.key: item.score for item in found}
        return [Match(turn, scores[turn.key]) for turn in self._turns(found, thread_id)]

    def forget(self, thread_id: str) -> int:
        """Removes a thread; how many turns it had."""
        return self.delete({turn.key for turn in self.read(thread_id)})

    def get(self, keys: Sequence[str]) -> list[Turn]:
        """Those that are there."""
        found = self.store.batch([GetOp(self.labels, key) for key in keys])
        return list(self._turns([item for item in found if isinstance(item, Item)], None))

    def delete(self, keys: Iterable[str]) -> int:
        """Removes them; how many were given."""
        removed, left = 0, iter(keys)
        while piece := list(islice(left, PAGE_SIZE)):
            self.store.batch([PutOp(self.labels, key, None) for key in piece])
            self._forget(piece)
            removed += len(piece)
        return removed

    def _forget(self, keys: Iterable[str]) -> None:
        gone = set(keys)
        for thread_id, turn in list(self._latest.items()):
            if turn.key in gone:
                self._latest.pop(thread_id, None)

    def _remember(self, turn: Turn) -> None:
        known = self._latest.get(turn.thread_id, turn)
        self._latest[turn.thread_id] = max(known, turn, key=lambda turn: turn.order)

    def _turns(self, items: Iterable[Item], thread_id: str | None) -> Iterator[Turn]:
        """The turns among items of this namespace and of those below it."""
        for item in items:
            if tuple(item.namespace) != self.labels:
                continue
            turn = turn_of_value(item.key, item.value, item.created_at)
            if turn is not None and thread_id in (None, turn.thread_id):
                yield turn


class PostgresTurnStore(GenericTurnStore):
    """One user's turns in an `AgentStore`, by the quick ways that it has."""

    def __init__(self, store: UserStore, labels: Labels) -> None:
        super().__init__(store, labels)
        self._view = store
        self.max_value_bytes = store.planner.context.max_value_bytes
        self._address = Address(store.user_id, labels)
        self.engine = store.executor

    def put(self, turns: Sequence[Turn]) -> None:
        """Writes them, all at once; none is kept in mind, since `before` asks the server."""
        self.store.batch([self.put_op(turn) for turn in turns])

    def load(self, turns: Iterable[Turn], progress: Progress | bool | None) -> int:
        """By COPY."""
        puts = (self.put_op(turn) for turn in turns)
        return self._view.load(puts, batch_size=LOAD_BATCH_SIZE, progress=progress)

    def read(
        self,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Turn]:
        """As those of any store; a thread comes in the order of its keys, and nothing twice."""
        if thread_id is not None:
            found = self._thread(thread_id, PAGE_SIZE, *_keys_around(thread_id, since, until))
        else:
            items = self._view.iter_items(self.labels, filter=_around(since, until))
            found = self._turns(items, None)
        yield from _between(since, until, found)

    def oldest_first(
        self,
        thread_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Turn]:
        """A thread page by page, in the order of its keys, which sort as time does."""
        if thread_id is None:
            yield from super().oldest_first(None, since, until)
            return
        # To the second, that is: other programs end their keys by chance.
        for _, turns in groupby(self.read(thread_id, since, until), key=lambda turn: turn.key[:-9]):
            yield from sorted(turns, key=lambda turn: turn.order)

    def newest_first(
        self, thread_id: str | None = None, page_size: int = NEWEST_PAGE_SIZE
    ) -> Iterator[Turn]:
        """Page by page."""
        if thread_id is not None:
            yield from self._thread(thread_id, page_size, newest_first=True)
            return
        before: tuple[str, str] | None = None
        while page := self._newest(before, page_size):
            yield from self._turns(page, None)
            if len(page) < page_size:
                return
            before = str(page[-1].value.get("timestamp") or ""), page[-1].key

    def before(self, turn: Turn) -> Turn | None:
        """By the key, which sorts as time does."""
        context = self._view.planner.context
        page = self._view.executor.run(
            plan_thread_page(self._address, turn.thread_id, turn.key, 1, context, newest_first=True)
        )
        return next(self._turns(page, turn.thread_id), None)

    def forget(self, thread_id: str) -> int:
        """By one statement."""
        context = self._view.planner.context
        removed: int = self._view.executor.run(
            plan_forget_thread(self._address, thread_id, context)
        )
        return removed

    def threads(self) -> list[ThreadSummary]:
        """All threads, counted on the server."""
        rows = self._view.executor.run(plan_threads(self._address, self._view.planner.context))
        return [summary(*row) for row in rows]

    def _newest(self, before: tuple[str, str] | None, size: int) -> list[Item]:
        context = self._view.planner.context
        page: list[Item] = self._view.executor.run(
            plan_newest_turns(self._address, before, size, context)
        )
        return page

    def _thread(
        self,
        thread_id: str,
        size: int,
        after: str | None = None,
        before: str | None = None,
        *,
        newest_first: bool = False,
    ) -> Iterator[Turn]:
        while True:
            context = self._view.planner.context
            page: list[Item] = self._view.executor.run(
                plan_thread_page(
                    self._address,
                    thread_id,
                    after,
                    size,
                    context,
                    before=before,
                    newest_first=newest_first,
                )
            )
            yield from self._turns(page, thread_id)
            if len(page) < size:
                return
            after = page[-1].key


def await_open(store: BaseStore) -> None:
    """Opens an `AgentStore` unless it is open, so that opening counts against no deadline.

    Raises:
        AgentStoreError: it cannot be opened.
    """
    if isinstance(store, StoreBase) and not store.executor.is_open:
        store.executor.run(OPEN)


def turn_store_of(store: BaseStore, user_id: str) -> GenericTurnStore:
    """Where the store has that user's turns."""
    part = part_of(store, user_id, CONVERSATIONS)
    if isinstance(part.store, UserStore):
        return PostgresTurnStore(part.store, part.labels)
    return GenericTurnStore(part.store, part.labels)


def _between(
    since: datetime | None, until: datetime | None, turns: Iterable[Turn]
) -> Iterator[Turn]:
    for turn in turns:
        if (since is None or turn.timestamp >= since) and (until is None or turn.timestamp < until):
            yield turn


def _keys_around(
    thread_id: str, since: datetime | None, until: datetime | None
) -> tuple[str | None, str | None]:
    """What sorts before and after the keys of a thread's turns between two moments.

    With a day to spare, as `_around` has: a turn put by other means may say another time zone.
    """
    after = None if since is None else f"{thread_id}_{_day(since, -1).replace('-', '')}"
    end = None if until is None else f"{thread_id}_{_day(until, 2).replace('-', '')}"
    return after, end


def _around(since: datetime | None, until: datetime | None) -> dict[str, Any] | None:
    """A filter that passes all between, and some beyond.

    By the day, with a day to spare: turns that were put by other means may have a timestamp in
    another form or time zone, which compares as text no finer than that.
    """
    limits: dict[str, str] = {}
    if since is not None:
        limits["$gte"] = f"{_day(since, -1)}"
    if until is not None:
        limits["$lt"] = f"{_day(until, 2)}"
    if not limits:
        return None
    return {"$or": [{"timestamp": limits}, {"timestamp": {"$exists": False}}]}


def _day(moment: datetime, days: int) -> str:
    try:
        return (moment + timedelta(days=days)).date().isoformat()
    except OverflowError:
        return moment.date().isoformat()
