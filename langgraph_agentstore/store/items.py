"""Items: LangGraph's methods for them, and methods beyond its interface."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from typing import Any, Literal, TypeAlias

from langgraph.store.base import (
    NOT_PROVIDED,
    Item,
    ListNamespacesOp,
    MatchCondition,
    NotProvided,
    PutOp,
)

from .._support.paging import AwaitedPages
from ..errors import (
    InvalidNamespaceError,
    InvalidOperationError,
    ValueTypeError,
    VersionConflictError,
)
from ..model.checks import check_whole
from ..model.namespaces import Labels, check_labels
from ..results import ItemRecord
from ..sql.items.delete import plan_delete_regions
from ..sql.items.pages import plan_count, plan_page, plan_record
from ..sql.planner import Planner
from ..sql.statement import ItemId, Operation, Put, Statement
from .base import StoreBase
from .step_driver import Steps, arun, run
from .ttl_defaults import default_ttl, refreshes

Update: TypeAlias = Callable[[dict[str, Any] | None], Mapping[str, Any]]

UPDATE_ATTEMPTS = 1000
"""`update` gives up after this many lost races; in each, another writer succeeded."""

PAGE_SIZE = 1000
LARGEST_SIZE = 1_000_000

Index = Literal[False] | list[str] | None


class Items(StoreBase):
    """Methods that read, write, list, count, iterate, remove and atomically update items."""

    def get(self, namespace: Labels, key: str, *, refresh_ttl: bool | None = None) -> Item | None:
        """Return the item as a new object, or None if it does not exist or has expired."""
        return self._reader.run(plan_get(self, namespace, key, refresh_ttl))

    async def aget(
        self, namespace: Labels, key: str, *, refresh_ttl: bool | None = None
    ) -> Item | None:
        """Async form of `get`."""
        return await self._reader.arun(plan_get(self, namespace, key, refresh_ttl))

    def put(
        self,
        namespace: Labels,
        key: str,
        value: Mapping[str, Any],
        index: Index = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
        expected_version: int | None = None,
    ) -> None:
        """Write the item; replace an existing one.

        Args:
            namespace: labels without periods; the first is not "langgraph".
            key: a non-empty string. An int or a UUID is converted to text.
            value: a JSON object. None deletes the item, as in LangGraph.
            index: on a store with an index, the fields by which searches find the item: None for
                the fields of the index, False for none, or paths such as `["text", "tags[*]"]`.
            ttl: minutes until the item expires; None for never. By default, the store's TTL.
            expected_version: write only over this version (see `get_record`); 0: only if the item
                does not exist. An item that was deleted and put again starts at 1 again.

        Raises:
            VersionConflictError: the item has another version; nothing was written.
            EmbeddingError: the index's embedder failed; nothing was written.
        """
        self.executor.run(plan_put(self, namespace, key, value, index, ttl, expected_version))

    async def aput(
        self,
        namespace: Labels,
        key: str,
        value: Mapping[str, Any],
        index: Index = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
        expected_version: int | None = None,
    ) -> None:
        """Async form of `put`."""
        await self.executor.arun(
            plan_put(self, namespace, key, value, index, ttl, expected_version)
        )

    def delete(self, namespace: Labels, key: str) -> None:
        """Delete the item; do nothing if it does not exist."""
        self.executor.run(self.planner.put(PutOp(namespace, key, None)))

    async def adelete(self, namespace: Labels, key: str) -> None:
        """Async form of `delete`."""
        await self.executor.arun(self.planner.put(PutOp(namespace, key, None)))

    def list_namespaces(
        self,
        *,
        prefix: Labels | None = None,
        suffix: Labels | None = None,
        max_depth: int | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Labels]:
        """Return the distinct namespaces that hold an item, sorted as tuples.

        Args:
            prefix: the first labels of the namespaces; `"*"` stands for any one label.
            suffix: the last labels of the namespaces; `"*"` stands for any one label.
            max_depth: the number of labels to keep; 0 gives `[()]` if there is any item.
            limit: the maximum number of namespaces.
            offset: the number of namespaces to skip first.
        """
        op = _list_op(prefix, suffix, max_depth, limit, offset)
        return self._reader.run(self.planner.list_namespaces(op))

    async def alist_namespaces(
        self,
        *,
        prefix: Labels | None = None,
        suffix: Labels | None = None,
        max_depth: int | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Labels]:
        """Async form of `list_namespaces`."""
        op = _list_op(prefix, suffix, max_depth, limit, offset)
        return await self._reader.arun(self.planner.list_namespaces(op))

    def count(self, prefix: Labels = (), filter: Mapping[str, Any] | None = None) -> int:
        """Count the items at or below a namespace that pass the filter; reads every such item."""
        return self._reader.run(self._plan_count(prefix, filter))

    async def acount(self, prefix: Labels = (), filter: Mapping[str, Any] | None = None) -> int:
        """Async form of `count`."""
        return await self._reader.arun(self._plan_count(prefix, filter))

    def get_record(self, namespace: Labels, key: str) -> ItemRecord | None:
        """Return the item with its version, metadata and expiry, or None.

        The expiry stays unchanged.
        """
        return self._reader.run(self._plan_record(namespace, key))

    async def aget_record(self, namespace: Labels, key: str) -> ItemRecord | None:
        """Async form of `get_record`."""
        return await self._reader.arun(self._plan_record(namespace, key))

    def update(self, namespace: Labels, key: str, fn: Update) -> dict[str, Any]:
        """Read the item, apply `fn`, write the result; repeat if the item changed in between.

        Args:
            namespace: the item's namespace.
            key: the item's key.
            fn: gets the value, or None if there is no item, and returns the new value. It may be
                called several times, so it should have no other effect.

        Returns:
            The written value. No concurrent `update` is lost. An existing item keeps its TTL, and
            its expiry restarts. A new item gets the store's default TTL.

        Raises:
            VersionConflictError: another writer was faster in each of `UPDATE_ATTEMPTS` attempts.
        """
        return run(self._updating(namespace, key, fn), self.executor)

    async def aupdate(self, namespace: Labels, key: str, fn: Update) -> dict[str, Any]:
        """Async form of `update`; `fn` is a plain function."""
        return await arun(self._updating(namespace, key, fn), self.executor)

    def _updating(self, namespace: Labels, key: str, fn: Update) -> Steps[dict[str, Any]]:
        for _ in range(UPDATE_ATTEMPTS):
            record: ItemRecord | None = yield self._plan_record(namespace, key)
            value = _applied(fn, record)
            try:
                yield plan_replacement(self, namespace, key, value, record)
            except VersionConflictError as conflict:
                lost = conflict
            else:
                return value
        raise lost

    def delete_namespace(self, prefix: Labels) -> int:
        """Delete all items at or below a namespace in one statement; return the number of items.

        Raises:
            InvalidNamespaceError: the prefix is empty, which would delete everything.
        """
        return self.executor.run(self._plan_delete_namespace(prefix))

    async def adelete_namespace(self, prefix: Labels) -> int:
        """Async form of `delete_namespace`."""
        return await self.executor.arun(self._plan_delete_namespace(prefix))

    def iter_items(
        self,
        prefix: Labels = (),
        *,
        filter: Mapping[str, Any] | None = None,
        page_size: int = PAGE_SIZE,
    ) -> Iterator[Item]:
        """Iterate over all items at or below a namespace, in constant memory.

        The order is user, namespace, key. Pages of `page_size` items are read on demand. An item
        that exists throughout is returned once. An item written behind the current position is
        not returned.
        """
        next_page, executor = self._pages(prefix, filter, page_size), self._reader.bound()

        def items() -> Iterator[Item]:
            page = executor.run(next_page(None))
            while page:
                for _, item in page:
                    yield item
                page = executor.run(next_page(page[-1][0])) if len(page) == page_size else []

        return items()

    def aiter_items(
        self,
        prefix: Labels = (),
        *,
        filter: Mapping[str, Any] | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Item]:
        """Async form of `iter_items`, for `async for`."""
        next_page, executor = self._pages(prefix, filter, page_size), self._reader.bound()

        async def read(after: ItemId | None) -> list[tuple[ItemId, Item]]:
            return await executor.arun(next_page(after))

        return AwaitedPages(read, page_size)

    def _plan_count(self, prefix: Labels, filter: Mapping[str, Any] | None) -> Operation[int]:
        def plan(planner: Planner) -> Statement[int]:
            regions = planner.scope.regions(check_labels(prefix))
            return plan_count(regions, planner.filter(filter, prefix), planner.context)

        return self.planner.below(prefix, plan)

    def _plan_record(self, namespace: Labels, key: str) -> Operation[ItemRecord | None]:
        return self.planner.at(
            namespace,
            lambda planner: plan_record(*planner.item_id(namespace, key), planner.context),
        )

    def _plan_delete_namespace(self, prefix: Labels) -> Operation[int]:
        labels = check_labels(prefix)
        if not labels:
            raise InvalidNamespaceError(
                "delete_namespace(()) would remove everything; name a namespace, or use "
                "delete_user for all that one user has"
            )
        return self.planner.at(
            labels,
            lambda planner: plan_delete_regions(
                planner.scope.regions_to_delete(labels), planner.context
            ),
            writes=True,
        )

    def _pages(
        self, prefix: Labels, filter: Mapping[str, Any] | None, size: int
    ) -> Callable[[ItemId | None], Operation[list[tuple[ItemId, Item]]]]:
        """Return a function that plans the page after an item, always for the user of this call."""
        check_size("page_size", size)
        view = self.planner
        view.filter(filter, prefix)

        def plan(planner: Planner, after: ItemId | None) -> Statement[list[tuple[ItemId, Item]]]:
            regions = planner.scope.regions(check_labels(prefix))
            parsed = planner.filter(filter, prefix)
            return plan_page(regions, parsed, after, size, planner.scope, planner.context)

        check_labels(prefix)
        return lambda after: view.below(prefix, partial(plan, after=after))


def check_size(name: str, size: int) -> None:
    """Raise InvalidOperationError unless `size` is valid for a batch or a page."""
    check_whole(name, size, 1, LARGEST_SIZE)


def plan_get(
    store: StoreBase, namespace: Labels, key: str, refresh_ttl: bool | None = None
) -> Operation[Item | None]:
    """Check the options of a `get` and plan it; raise for invalid ones."""
    return store.planner.get(namespace, key, refreshes(store, refresh_ttl))


def plan_put(
    store: StoreBase,
    namespace: Labels,
    key: str,
    value: Mapping[str, Any] | None,
    index: Index,
    ttl: float | NotProvided | None,
    expected_version: int | None,
) -> Operation[Any]:
    """Check the options of a `put` and plan it; raise for invalid ones."""
    if isinstance(ttl, NotProvided):
        ttl = default_ttl(store)
    op = PutOp(namespace, key, value, index, ttl)
    if expected_version is None:
        return store.planner.put(op)
    version = expected_version

    def plan(planner: Planner) -> Operation[Any]:
        planned = planner.put(op)
        if not isinstance(planned, Put):
            raise InvalidOperationError("expected_version goes with a value, and this put deletes")
        check_whole("expected_version", version, 0, 2**63 - 1)
        return planner.put_expected(planned, version)

    return store.planner.at(namespace, plan, writes=True)


def plan_replacement(
    store: StoreBase,
    namespace: Labels,
    key: str,
    value: dict[str, Any],
    record: ItemRecord | None,
    index: Index = None,
) -> Operation[Any]:
    """Plan a put over exactly the version of `record`; None: only if there is no item."""
    ttl = default_ttl(store) if record is None else record.ttl_minutes

    def plan(planner: Planner) -> Operation[Any]:
        put = planner.put(PutOp(namespace, key, value, index, ttl))
        assert isinstance(put, Put)
        if record is None:
            return planner.put_expected(put, 0)
        return planner.put_expected(put, record.version, record.created_at)

    return store.planner.at(namespace, plan, writes=True)


def _applied(fn: Update, record: ItemRecord | None) -> dict[str, Any]:
    value = fn(None if record is None else record.value)
    if not isinstance(value, Mapping):
        raise ValueTypeError(
            f"the function given to update returns the new value, a mapping; it returned "
            f"{type(value).__name__}"
        )
    return dict(value)


def _list_op(
    prefix: Labels | None, suffix: Labels | None, max_depth: int | None, limit: int, offset: int
) -> ListNamespacesOp:
    conditions = []
    if prefix:
        conditions.append(MatchCondition("prefix", prefix))
    if suffix:
        conditions.append(MatchCondition("suffix", suffix))
    return ListNamespacesOp(tuple(conditions), max_depth, limit, offset)
