"""What stores and views do beyond LangGraph's interface."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sized
from typing import Any, TypeAlias

from langgraph.store.base import Item, PutOp

from .._support.paging import AwaitedPages
from .._support.progress import Progress, telling_progress
from ..errors import InvalidNamespaceError, ValueTypeError, VersionConflictError
from ..model.namespaces import Labels, check_labels
from ..results import ItemRecord
from ..runtime.jobs.copy_load import AFTER_LARGE_LOAD, BEFORE_LARGE_LOAD, load_job
from ..sql.items.delete import plan_delete_regions
from ..sql.items.pages import plan_count, plan_page, plan_record
from ..sql.statement import (
    ItemId,
    Put,
    PutExpected,
    Statement,
)
from .bulk_load import (
    ToLoad,
    check_size,
    load_batches,
    telling,
)
from .search import SearchSurface

Update: TypeAlias = Callable[[dict[str, Any] | None], Mapping[str, Any]]

UPDATE_ATTEMPTS = 1000
"""After so many lost races `update` gives up; each means that another writer succeeded."""

PAGE_SIZE = 1000
LOAD_BATCH_SIZE = 10_000


class ExtendedSurface(SearchSurface):
    """`SearchSurface` with counting, walking, loading, removing and atomic updates."""

    def count(self, prefix: Labels = (), filter: Mapping[str, Any] | None = None) -> int:
        """How many items at or below a namespace pass the filter. Reads all of them."""
        total: int = self._run(self._plan_count(prefix, filter))
        return total

    async def acount(self, prefix: Labels = (), filter: Mapping[str, Any] | None = None) -> int:
        """As `count`."""
        total: int = await self._arun(self._plan_count(prefix, filter))
        return total

    def get_record(self, namespace: Labels, key: str) -> ItemRecord | None:
        """The item with its version, metadata and expiry, or None. Does not move the expiry."""
        record: ItemRecord | None = self._run(self._plan_record(namespace, key))
        return record

    async def aget_record(self, namespace: Labels, key: str) -> ItemRecord | None:
        """As `get_record`."""
        record: ItemRecord | None = await self._arun(self._plan_record(namespace, key))
        return record

    def update(self, namespace: Labels, key: str, fn: Update) -> dict[str, Any]:
        """Reads, applies `fn`, writes, and does it again if the item changed in between.

        Args:
            namespace: where the item is.
            key: which item.
            fn: gets the value, or None if there is no item, and returns the new one. It may be
                called several times, so it should do nothing else.

        Returns:
            The value written. No concurrent `update` is lost. An item keeps its TTL, and its
            expiry starts anew; a new one has the store's default.

        Raises:
            VersionConflictError: other writers won `UPDATE_ATTEMPTS` times in a row.
        """
        for _ in range(UPDATE_ATTEMPTS):
            record = self.get_record(namespace, key)
            value = _applied(fn, record)
            try:
                self._run(self._plan_replacement(namespace, key, value, record))
            except VersionConflictError as conflict:
                lost = conflict
            else:
                return value
        raise lost

    async def aupdate(self, namespace: Labels, key: str, fn: Update) -> dict[str, Any]:
        """As `update`; `fn` is a plain function."""
        for _ in range(UPDATE_ATTEMPTS):
            record = await self.aget_record(namespace, key)
            value = _applied(fn, record)
            try:
                await self._arun(self._plan_replacement(namespace, key, value, record))
            except VersionConflictError as conflict:
                lost = conflict
            else:
                return value
        raise lost

    def delete_namespace(self, prefix: Labels) -> int:
        """Removes everything at or below a namespace by one statement; how many items that were.

        Raises:
            InvalidNamespaceError: the prefix is empty, which would remove everything.
        """
        removed: int = self._run(self._plan_delete_namespace(prefix))
        return removed

    async def adelete_namespace(self, prefix: Labels) -> int:
        """As `delete_namespace`."""
        removed: int = await self._arun(self._plan_delete_namespace(prefix))
        return removed

    def iter_items(
        self,
        prefix: Labels = (),
        *,
        filter: Mapping[str, Any] | None = None,
        page_size: int = PAGE_SIZE,
    ) -> Iterator[Item]:
        """Every item at or below a namespace, in constant memory, by user, namespace and key.

        Pages of `page_size` are read as they are needed: an item written behind the point
        reached is not seen, one that is there throughout is seen once.
        """
        next_page = self._pages(prefix, filter, page_size)

        def items() -> Iterator[Item]:
            page = self._run(next_page(None))
            while page:
                for _, item in page:
                    yield item
                page = self._run(next_page(page[-1][0])) if len(page) == page_size else []

        return items()

    def aiter_items(
        self,
        prefix: Labels = (),
        *,
        filter: Mapping[str, Any] | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Item]:
        """As `iter_items`, for `async for`."""
        next_page = self._pages(prefix, filter, page_size)

        async def read(after: ItemId | None) -> list[tuple[ItemId, Item]]:
            page: list[tuple[ItemId, Item]] = await self._arun(next_page(after))
            return page

        return AwaitedPages(read, page_size)

    def load(
        self,
        items: Iterable[ToLoad],
        *,
        batch_size: int = LOAD_BATCH_SIZE,
        progress: Progress | bool | None = None,
    ) -> int:
        """Writes any number of items by COPY, in constant memory; how many were written.

        On a store with an index the items are embedded batch by batch, unless their vectors are
        given; where there are no vectors yet, the approximate index is made at the end.

        Args:
            items: `(namespace, key, value)`; `(namespace, key, value, vectors)` with the item's
                vector, (dims,) numbers, or a list of one for each of its texts; items of any
                store; or `PutOp` where an item has a TTL of its own.
            batch_size: items to a transaction; each batch is written whole or not at all.
            progress: called with the number of items written so far, after each batch; True
                shows a bar on a terminal and in a notebook.

        Raises:
            AgentStoreError: an item is bad, or the server failed. The message says which item,
                and how many items, all of them before it, are written.
        """
        written, large = 0, False
        try:
            with telling_progress(progress, "loading", _length(items)) as tell:
                for puts in self._load_batches(items, batch_size):
                    if not written and len(puts) == batch_size:
                        large = True
                        self._run(BEFORE_LARGE_LOAD)
                    with telling(written):
                        written += self._run(load_job(puts))
                    tell(written)
        finally:
            if large:
                self._run(AFTER_LARGE_LOAD)
        return written

    async def aload(
        self,
        items: Iterable[ToLoad],
        *,
        batch_size: int = LOAD_BATCH_SIZE,
        progress: Progress | bool | None = None,
    ) -> int:
        """As `load`."""
        written, large = 0, False
        try:
            with telling_progress(progress, "loading", _length(items)) as tell:
                for puts in self._load_batches(items, batch_size):
                    if not written and len(puts) == batch_size:
                        large = True
                        await self._arun(BEFORE_LARGE_LOAD)
                    with telling(written):
                        written += await self._arun(load_job(puts))
                    tell(written)
        finally:
            if large:
                await self._arun(AFTER_LARGE_LOAD)
        return written

    def _load_batches(self, items: Iterable[ToLoad], size: int) -> Iterator[list[Put]]:
        check_size("batch_size", size)
        default_ttl = (self.ttl_config or {}).get("default_ttl")
        return load_batches(items, size, self._planner, default_ttl)

    def _plan_count(self, prefix: Labels, filter: Mapping[str, Any] | None) -> Statement[int]:
        planner = self._planner
        regions = planner.scope.regions(check_labels(prefix))
        return plan_count(regions, planner.filter(filter), planner.context)

    def _plan_record(self, namespace: Labels, key: str) -> Statement[ItemRecord | None]:
        planner = self._planner
        item_id, labels = planner.item_id(namespace, key)
        return plan_record(item_id, labels, planner.context)

    def _plan_replacement(
        self, namespace: Labels, key: str, value: dict[str, Any], record: ItemRecord | None
    ) -> PutExpected:
        """A put over just what `record` shows, or where it shows nothing."""
        planner = self._planner
        ttl = (self.ttl_config or {}).get("default_ttl") if record is None else record.ttl_minutes
        put = planner.plan(PutOp(namespace, key, value, ttl=ttl))
        assert isinstance(put, Put)
        if record is None:
            return PutExpected(put, 0)
        return PutExpected(put, record.version, record.created_at)

    def _plan_delete_namespace(self, prefix: Labels) -> Statement[int]:
        labels = check_labels(prefix)
        if not labels:
            raise InvalidNamespaceError(
                "delete_namespace(()) would remove everything; name a namespace, or use "
                "delete_user for all that one user has"
            )
        planner = self._planner
        return plan_delete_regions(planner.scope.regions(labels), planner.context)

    def _pages(
        self, prefix: Labels, filter: Mapping[str, Any] | None, size: int
    ) -> Callable[[ItemId | None], Statement[Any]]:
        """What plans the page after an item: one user's, whoever asks for the later pages."""
        check_size("page_size", size)
        planner = self._planner
        regions = planner.scope.regions(check_labels(prefix))
        parsed = planner.filter(filter)
        return lambda after: plan_page(regions, parsed, after, size, planner.scope, planner.context)


def _length(items: Iterable[ToLoad]) -> int | None:
    return len(items) if isinstance(items, Sized) else None


def _applied(fn: Update, record: ItemRecord | None) -> dict[str, Any]:
    value = fn(None if record is None else record.value)
    if not isinstance(value, Mapping):
        raise ValueTypeError(
            f"the function given to update returns the new value, a mapping; it returned "
            f"{type(value).__name__}"
        )
    return dict(value)
