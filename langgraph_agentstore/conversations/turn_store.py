"""One user's turns in one store: everything that differs from store to store.

`GenericTurnStore` needs LangGraph's interface only, so it works over any store.
`postgres_turn_store.py` has the turns of an `AgentStore`. Methods are programs of steps, which run
blocking or awaited; see `store/step_driver.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice, pairwise
from typing import Any, Protocol, TypeAlias, TypeVar

from langgraph.store.base import BaseStore, GetOp, Item, Op, PutOp, SearchOp
from typing_extensions import override

from .._support.external_sort import ExternalSort
from .._support.lru import Lru
from .._support.progress import Progress, telling_progress
from ..errors import InvalidOperationError
from ..model.namespaces import Labels
from ..model.turn_text import CONTEXT_PATH
from ..store.base import StoreBase
from ..store.executor import OPEN, Executor
from ..store.step_driver import On, Steps, StoreOps, run
from ..store.ttl_defaults import default_ttl
from ..store.user_scope import UserPart
from .indexed_text import CREDITED_MATCHES, ContextWriter, Match, credited
from .storable_json import LARGEST_VALUE
from .turn_query import TurnQuery
from .turns import ThreadSummary, Turn, TurnRange, summaries, turn_of_value

TURNS_PER_PAGE = 1_000
NEWEST_PER_PAGE = 100
REMEMBERED_THREADS = 1_024
TURN_INDEX = (CONTEXT_PATH,)
"""The field by which turns are found, whatever fields the store's index names."""

EVERY_TURN = TurnRange()

PagedT = TypeVar("PagedT")
NextPage: TypeAlias = Callable[[], Steps[Sequence[PagedT]]]
"""A function that returns the entries that follow; none at the end."""


class TurnStore(Protocol):
    """One user's turns in one store."""

    store: BaseStore
    executor: Executor | None

    def put(self, turns: Sequence[Turn]) -> Steps[None]:
        """Write turns, all at once; their expiry is the store's default."""

    def load(self, turns: Iterable[Turn], progress: Progress | bool | None) -> int:
        """Write any number of turns in large batches, blocking; return how many."""

    def oldest_first(self, within: TurnRange) -> NextPage[Turn]:
        """Read turns in the order in which they were said, none twice."""

    def newest_first(
        self, thread_id: str | None = None, page_size: int = NEWEST_PER_PAGE
    ) -> NextPage[Turn]:
        """Read the turns of a thread, or all, the newest first."""

    def context_writer(self) -> ContextWriter:
        """Return what adds to turns the context by which this store finds them."""

    def threads(self) -> Steps[list[ThreadSummary]]:
        """Return all threads, the latest first."""

    def search(self, search: TurnQuery) -> Steps[list[Match]]:
        """Return the best matches, best first.

        Raises:
            InvalidOperationError: the store has no index, or does not tell similarities.
        """

    def get(self, keys: Sequence[str]) -> Steps[list[Turn]]:
        """Return the turns that exist under these keys."""

    def neighbors(self, turns: Sequence[Turn]) -> Steps[list[Turn]]:
        """Return the turns said directly before and after each of these in its thread."""

    def forget(self, thread_id: str) -> Steps[int]:
        """Remove a thread; return how many turns it had."""


class GenericTurnStore(TurnStore):
    """One user's turns in any store of LangGraph's interface.

    It sorts turns itself. It remembers the latest turn of each thread, because finding that turn
    requires reading the whole thread.
    """

    max_value_bytes = LARGEST_VALUE

    def __init__(self, store: BaseStore, labels: Labels) -> None:
        self.store = store
        self.executor: Executor | None = None
        self.labels = labels
        self._shown_at: tuple[Labels, ...] = (labels,)
        self._latest: Lru[str, Turn] = Lru(REMEMBERED_THREADS)

    @override
    def put(self, turns: Sequence[Turn]) -> Steps[None]:
        yield self._ops(map(self.put_op, turns))
        for turn in turns:
            self._remember(turn)

    def put_op(self, turn: Turn) -> PutOp:
        """Return the operation that writes a turn."""
        ttl = default_ttl(self.store)
        return PutOp(self.labels, turn.key, turn.value(self.max_value_bytes), list(TURN_INDEX), ttl)

    @override
    def load(self, turns: Iterable[Turn], progress: Progress | bool | None) -> int:
        written, left = 0, iter(turns)
        with telling_progress(progress, "saving") as tell:
            while batch := list(islice(left, TURNS_PER_PAGE)):
                run(self.put(batch), self.executor)
                written += len(batch)
                tell(written)
        return written

    @override
    def oldest_first(self, within: TurnRange) -> NextPage[Turn]:
        return sorted_pages(self._all(within), lambda turn: turn.order)

    @override
    def newest_first(
        self, thread_id: str | None = None, page_size: int = NEWEST_PER_PAGE
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
    def context_writer(self) -> ContextWriter:
        return ContextWriter(self._before)

    def _before(self, turn: Turn) -> Steps[Turn | None]:
        """Return the turn that was said before this one in its thread."""
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
    def search(self, search: TurnQuery) -> Steps[list[Match]]:
        if getattr(self.store, "index_config", True) is None:
            raise InvalidOperationError(
                "this store was not given an index, so nothing can be searched for; "
                "AgentStore(index={'mode': 'text'}) finds by words and needs no model"
            )
        for name in ("min_similarity", "min_relevance"):
            if getattr(search, name) is not None:
                raise InvalidOperationError(
                    f"{name} needs an AgentStore: {type(self.store).__name__} does not tell "
                    "how similar a turn is"
                )
        depth = max(CREDITED_MATCHES, search.limit)
        [found] = yield self._ops([self._search_op(search.thread_id, depth, query=search.query)])
        scores = {item.key: item.score for item in found}
        turns = self._turns(found, TurnRange(search.thread_id, search.since, search.until))
        matches = [Match(turn, scores[turn.key]) for turn in turns]
        return (yield from self._credited(matches, search))

    def _credited(self, matches: Sequence[Match], search: TurnQuery) -> Steps[list[Match]]:
        """Return the best of the matches and of the turns before them."""
        known = {match.turn.key: match.turn for match in matches}
        best = credited(matches, search.query)
        missing = [key for key, _ in best if key not in known]
        if missing:
            turns = yield from self.get(missing)
            known.update((turn.key, turn) for turn in turns)
        # A turn before a match may have been forgotten since.
        similar = {match.turn.key: match.score for match in matches}
        found = [
            Match(known[key], score, similarity=similar.get(key))
            for key, score in best
            if key in known
        ]
        excepted, window = search.except_thread_id, TurnRange(None, search.since, search.until)
        return [one for one in found if one.turn.thread_id != excepted and one.turn in window][
            : search.limit
        ]

    @override
    def get(self, keys: Sequence[str]) -> Steps[list[Turn]]:
        found = yield self._ops(GetOp(self.labels, key) for key in keys)
        return list(self._turns([item for item in found if isinstance(item, Item)]))

    @override
    def neighbors(self, turns: Sequence[Turn]) -> Steps[list[Turn]]:
        around: dict[str, Turn] = {}
        for thread_id in dict.fromkeys(turn.thread_id for turn in turns):
            thread = sorted((yield from self._read(thread_id)), key=lambda turn: turn.order)
            wanted = {turn.key for turn in turns}
            for first, second in pairwise(thread):
                around.update({second.key: second} if first.key in wanted else {})
                around.update({first.key: first} if second.key in wanted else {})
        return list(around.values())

    @override
    def forget(self, thread_id: str) -> Steps[int]:
        keys = {turn.key for turn in (yield from self._read(thread_id))}
        left = iter(keys)
        while batch := list(islice(left, TURNS_PER_PAGE)):
            yield self._ops(PutOp(self.labels, key, None) for key in batch)
        self._latest.pop(thread_id, None)
        return len(keys)

    def _ops(self, ops: Iterable[Op]) -> StoreOps:
        return StoreOps(self.store, list(ops))

    def _search_op(
        self, thread_id: str | None, limit: int, offset: int = 0, query: str | None = None
    ) -> SearchOp:
        only = None if thread_id is None else {"thread_id": thread_id}
        return UserPart(self.store, self.labels).search_op(limit, offset, query, only)

    def _read(self, thread_id: str | None) -> Steps[list[Turn]]:
        found: list[Turn] = []
        next_page = self._all(TurnRange(thread_id))
        while page := (yield from next_page()):
            found += page
        return found

    def _all(self, within: TurnRange) -> NextPage[Turn]:
        """Read turns in the store's order; one may come twice if others write meanwhile."""

        def read(_last: Item | None, offset: int) -> Steps[Any]:
            [items] = yield self._ops([self._search_op(within.thread_id, TURNS_PER_PAGE, offset)])
            return items

        # A store may return fewer items than asked for: only an empty page is the end.
        return pages_of(read, partial(self._turns, within=within), 1)

    def _remember(self, turn: Turn) -> None:
        known = self._latest.get(turn.thread_id, turn)
        self._latest[turn.thread_id] = max(known, turn, key=lambda turn: turn.order)

    def _turns(self, items: Iterable[Item], within: TurnRange = EVERY_TURN) -> Iterator[Turn]:
        """Yield the turns of a range among items of this namespace and of those below it."""
        for item in items:
            if tuple(item.namespace) in self._shown_at:
                turn = turn_of_value(item.key, item.value, item.created_at)
                if turn is not None and turn in within:
                    yield turn


def opening(store: BaseStore) -> Steps[None]:
    """Open an `AgentStore` unless it is open, so that opening counts against no deadline.

    Raises:
        AgentStoreError: it cannot be opened.
    """
    if isinstance(store, StoreBase) and not store.executor.is_open:
        yield On(store.executor, [OPEN])


def sorted_pages(next_page: NextPage[PagedT], order: Callable[[PagedT], Any]) -> NextPage[PagedT]:
    """Sort the entries of all pages in constant memory; drop those with an equal sort key."""
    ordered: Iterator[PagedT] | None = None

    def next_sorted() -> Steps[list[PagedT]]:
        nonlocal ordered
        if ordered is None:
            sort = ExternalSort(order)
            while page := (yield from next_page()):
                sort.add(page)
            ordered = sort.in_order()
        return list(islice(ordered, TURNS_PER_PAGE))

    return next_sorted


def pages_of(
    read: Callable[[Item | None, int], Steps[Any]],
    turns_of: Callable[[list[Item]], Iterator[Turn]],
    size: int,
) -> NextPage[Turn]:
    """Read turns page by page; `read` gets the last item read, and how many were.

    A page of fewer than `size` items is the last one.
    """
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
