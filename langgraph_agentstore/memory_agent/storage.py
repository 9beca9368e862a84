"""Storages of a memory agent: a small protocol, and its implementations.

Any LangGraph store can answer it (`StoreStorage`); an `AgentStore` answers it faster, and with
more promises (`AgentStoreStorage`); so does a file (`LocalFileStorage`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Protocol, TypeAlias

from langgraph.store.base import BaseStore, GetOp, PutOp
from langgraph.store.memory import InMemoryStore
from typing_extensions import override

from ..errors import InvalidOperationError
from ..model.json_values import as_mapping, decode_value, encode_value
from ..model.namespaces import Labels
from ..sql.filters import matches, parse_filter
from ..sql.items.records import plan_keys, plan_page_of_values
from ..sql.statement import StoredValue
from ..store.bulk_load import LOAD_BATCH_SIZE
from ..store.items import LARGEST_SIZE, PAGE_SIZE
from ..store.user_views import ItemStore
from .file_store import FileStore

Value: TypeAlias = dict[str, Any]
MemoryChange: TypeAlias = Callable[[Value | None], Value]
"""A function from a value, or None, to the new value. It may be called again, and may raise."""

_PAGE: Final = 1_000_000
"""Items per page: usually one page, since few stores continue where the last page ended."""


class Storage(Protocol):
    """Items by namespace and key. Values are objects; each call returns new ones."""

    store: BaseStore
    """The same items as a store, for `transfer`."""

    def get(self, labels: Labels, key: str) -> Value | None:
        """Return the value, or None."""

    def get_many(self, labels: Labels, keys: Sequence[str]) -> list[Value | None]:
        """Return the values of several keys in the order given, read at once."""
        return [self.get(labels, key) for key in keys]

    def keys(self, labels: Labels, prefix: str) -> Iterable[str]:
        """Return the keys of exactly this namespace that begin with the prefix, in any order."""
        return (key for key, _ in self.scan(labels, None, prefix))

    def write(self, puts: Sequence[PutOp]) -> None:
        """Run all puts, or none on an error where the store can."""

    def update(self, labels: Labels, key: str, change: MemoryChange) -> Value:
        """Replace a value by the result of `change`; an error of it leaves the value."""

    def together(self) -> AbstractContextManager[Any]:
        """Make this thread's writes within the block at once, where the store can."""

    def rewrite(self) -> None:
        """Sign the storage again, if it is signed as a whole."""
        return

    def scan(
        self, labels: Labels, filter: Mapping[str, Any] | None, prefix: str = "", /
    ) -> Iterator[tuple[str, Value]]:
        """Yield the items of exactly this namespace whose keys begin with the prefix.

        Items that do not match the filter may be left out.
        """


class StoreStorage(Storage):
    """Any LangGraph store. If two processes update one value at once, the later one wins."""

    def __init__(
        self, store: BaseStore, alone: Callable[[], AbstractContextManager[Any]] | None = None
    ) -> None:
        lock = threading.Lock()
        self.store = store
        self._alone = alone or (lambda: lock)
        # It returns the stored objects themselves, and a caller may change what it gets.
        self._own = _copied if isinstance(store, InMemoryStore) else dict[str, Any]

    @override
    def get(self, labels: Labels, key: str) -> Value | None:
        item = self.store.get(labels, key)
        return None if item is None else self._own(item.value)

    @override
    def get_many(self, labels: Labels, keys: Sequence[str]) -> list[Value | None]:
        found: Any = self.store.batch([GetOp(labels, key) for key in keys])
        return [None if item is None else self._own(item.value) for item in found]

    @override
    def write(self, puts: Sequence[PutOp]) -> None:
        self.store.batch(puts)

    @override
    def update(self, labels: Labels, key: str, change: MemoryChange) -> Value:
        with self._alone():
            value = change(self.get(labels, key))
            self.write([PutOp(labels, key, value)])
        return value

    @override
    def together(self) -> AbstractContextManager[Any]:
        return nullcontext()

    @override
    def scan(
        self, labels: Labels, _filter: Mapping[str, Any] | None, prefix: str = "", /
    ) -> Iterator[tuple[str, Value]]:
        seen: set[str] = set()
        read, page = 0, _PAGE
        while page == _PAGE:
            items = self.store.search(labels, limit=_PAGE, offset=read)
            page, before = len(items), len(seen)
            read += page
            for item in items:
                if tuple(item.namespace) == labels and item.key not in seen:
                    seen.add(item.key)
                    if item.key.startswith(prefix):
                        yield item.key, self._own(item.value)
            if len(seen) == before:  # the store ignores offsets and repeated the page
                return


class LocalFileStorage(StoreStorage):
    """A file, or one user's part of it. Updates hold the file's lock."""

    def __init__(self, file: FileStore, view: BaseStore) -> None:
        super().__init__(view)
        self._file = file

    @override
    def update(self, labels: Labels, key: str, change: MemoryChange) -> Value:
        with self.together():
            return super().update(labels, key, change)

    @override
    def together(self) -> AbstractContextManager[Any]:
        return self._file.together()

    @override
    def rewrite(self) -> None:
        self._file.rewrite()


class AgentStoreStorage(StoreStorage):
    """An `AgentStore` or a view. Filters run on the server; many writes are one COPY."""

    store: ItemStore

    def __init__(self, store: ItemStore) -> None:
        super().__init__(store)

    @override
    def keys(self, labels: Labels, prefix: str) -> Iterable[str]:
        planner = self.store.planner
        found: list[str] = self.store.executor.run(
            plan_keys(planner.address_of(labels), prefix, None, None, planner.context)
        )
        return found

    @override
    def write(self, puts: Sequence[PutOp]) -> None:
        """Run the puts in one transaction, unless one deletes an item."""
        if len(puts) < 2 or any(put.value is None for put in puts):
            self.store.batch(puts)
            return
        if len(puts) > LARGEST_SIZE:
            raise InvalidOperationError(
                f"at most {LARGEST_SIZE} memories are written at once, got {len(puts)}"
            )
        self.store.load(puts, batch_size=max(len(puts), LOAD_BATCH_SIZE))

    @override
    def update(self, labels: Labels, key: str, change: MemoryChange) -> Value:
        return self.store.update(labels, key, change)

    @override
    def scan(
        self, labels: Labels, filter: Mapping[str, Any] | None, prefix: str = "", /
    ) -> Iterator[tuple[str, Value]]:
        planner = self.store.planner
        at, wanted = planner.address_of(labels), parse_filter(filter or {})
        # The server cannot filter values that the store encrypts.
        passes = wanted if filter and planner.context.sealing is None else None
        after: str | None = None
        while True:
            page: dict[str, StoredValue] = self.store.executor.run(
                plan_page_of_values(at, prefix, after, PAGE_SIZE, planner.context, passes)
            )
            for after, stored in page.items():
                if passes is not None or matches(wanted, stored.value):
                    yield after, as_mapping(stored.value)
            if len(page) < PAGE_SIZE:
                return


def _copied(value: Mapping[str, Any]) -> Value:
    copy: Value = decode_value(encode_value(dict(value)))
    return copy
