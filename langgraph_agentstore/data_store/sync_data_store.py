"""`DataStore`: the documented `data_store` object, for code that does not await."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from langgraph.store.base import NOT_PROVIDED, NotProvided

from .._support.lifecycle import Closing
from ..config.index import SearchMode
from ..store.items import PAGE_SIZE
from ..store.steps import ResultT, Steps, run
from .base import Proxy
from .display import data_store_html
from .locks import DEFAULT_LEASE_S, RecordLock
from .models import DataStoreRecord, FoundRecord
from .watch import Watch
from .writes import Items


class DataStore(Closing, Proxy):
    """The records of one user in one namespace, by key: values are any JSON.

    Blocking, and callable anywhere: in scripts, threads, notebooks, and in code without `await`
    on a running event loop's thread. Each method is one statement. `AsyncDataStore` has the same
    methods as coroutines.

    Args:
        store: an `AgentStore`, or a view of one.
        user_id: whose records; no method reaches another user's.
        agent_name: who reads and writes; None: reads are not counted.
        default_namespace: which namespace, such as `"files:my-repo"`.
        ops_log: gets an entry after each success: a list, or a function.
        access: "read", "write" or "both"; what it leaves out raises `NotPermittedError`.
        max_value_bytes: of one value's JSON text.
        ttl: minutes until what is written expires; None, never; left out, the store's default.

    Raises:
        MissingUserError: the user id is None or empty.
        InvalidNamespaceError: the namespace is empty, or too long.
        ConfigurationError: another option is wrong.
    """

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or `default` if there is no record; counts a read.

        What is stored comes back as it is, also 0, "", False, [], {} and None.
        """
        return self._do(self._operations.get(key, default))

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """The values of these keys, in their order, without those that are missing.

        Counts a read of each; a key that comes twice counts twice.
        """
        return self._do(self._operations.get_many(keys))

    def get_all(self) -> dict[str, Any]:
        """Every value of the namespace, by key; counts a read of each."""
        return self._do(self._operations.get_all())

    def items(
        self, prefix: str | None = None, *, page_size: int = PAGE_SIZE
    ) -> Iterator[tuple[str, Any]]:
        """Every key with its value, in constant memory, by key; counts nothing.

        Pages of `page_size` are read as they are needed: a record written behind the point
        reached is not seen, one that is there throughout is seen once.
        """
        self._check_page_size(page_size)
        page = self._do(self._operations.page(prefix, None, page_size))

        def walk(page: dict[str, Any]) -> Iterator[tuple[str, Any]]:
            while page:
                yield from page.items()
                last = next(reversed(page))
                full = len(page) == page_size
                page = self._do(self._operations.page(prefix, last, page_size)) if full else {}

        return walk(page)

    def list_keys(
        self, prefix: str | None = None, *, after: str | None = None, limit: int | None = None
    ) -> list[str]:
        """The keys that begin with `prefix`, taken literally, by code point.

        Args:
            prefix: None for all.
            after: only those that come after this one: the last of the page before.
            limit: how many at most; None for all.
        """
        return self._do(self._operations.list_keys(prefix, after, limit))

    def list_namespaces(self) -> list[str]:
        """Every namespace of the user that holds a record, by code point.

        Two cannot be named by a string, and are left out: the one without labels, and those with
        a colon within a label; LangGraph's tuples reach them.
        """
        return self._do(self._operations.list_namespaces())

    def exists(self, key: str) -> bool:
        """Whether there is such a record; counts nothing."""
        return self._do(self._operations.exists(key))

    def record(self, key: str) -> DataStoreRecord | None:
        """The record, whole, or None; counts nothing.

        Reads of this process are included; those of others are at most a second late.
        """
        return self._do(self._operations.record(key))

    def get_metadata(self, key: str) -> dict[str, Any] | None:
        """The metadata of a record, or None if there is none; counts nothing."""
        record = self.record(key)
        return None if record is None else record.metadata

    def search(
        self,
        query: str | None = None,
        *,
        filter: Mapping[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        mode: SearchMode | None = None,
        min_score: float | None = None,
        min_similarity: float | None = None,
    ) -> list[FoundRecord]:
        """Records of this namespace and of those below it: best first, or newest first.

        `files` includes `files:my-repo` here, as in LangGraph's search. See
        `AgentStore.search` for the arguments; a query needs a store with an index.
        """
        self._operations.may_read("search")
        found = self._view.search(
            self._operations.at.labels,
            **self._asked(query, filter, limit, offset, mode, min_score, min_similarity),
        )
        return self._found(found)

    def set(
        self,
        key: str,
        value: Any,
        metadata: Mapping[str, Any] | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> None:
        """Writes a record, whether or not there is one.

        Args:
            key: a non-empty string.
            value: any JSON; tuples come back as lists.
            metadata: merged into what there is, new keys win; None or {} leaves it.
            ttl: minutes until it expires; None, never; left out, the proxy's or the store's.

        Raises:
            TypeError: the value is not JSON.
            ValueError: JSON in Postgres cannot hold it, or it is too large.
        """
        self._do(self._operations.set(key, value, metadata, ttl))

    def set_many(
        self,
        items: Items,
        metadata: Mapping[str, Any] | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> int:
        """Writes all of these, a dict or pairs, or none; how many. One statement.

        All get the same metadata. Raises as `set`.
        """
        return self._do(self._operations.set_many(items, metadata, ttl))

    def set_if_absent(
        self,
        key: str,
        value: Any,
        metadata: Mapping[str, Any] | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> bool:
        """Writes a record where there is none; whether it did. Of many at once one wins."""
        return self._do(self._operations.set_if_absent(key, value, metadata, ttl))

    def compare_and_set(self, key: str, expected: Any, new: Any) -> bool:
        """Writes `new` if the value is `expected`, compared as JSON; whether it did.

        Where there is no record it does nothing: that is `set_if_absent`'s.
        """
        return self._do(self._operations.compare_and_set(key, expected, new))

    def increment(self, key: str, by: float = 1) -> Any:
        """Adds to a number, or begins with `by`; the sum. None of concurrent ones is lost.

        Decimals are added exactly: 0.1 and 0.2 make 0.3.

        Raises:
            TypeError: there is something else than a number.
            ValueError: the sum has more than 64 bits.
        """
        return self._do(self._operations.increment(key, by))

    def append(self, key: str, item: Any) -> int:
        """Appends to a list, or begins one; its length. None of concurrent ones is lost.

        Raises:
            TypeError: there is something else than a list.
            ValueTooLargeError: the list would be too large.
        """
        return self._do(self._operations.append(key, item))

    def update(self, key: str, fn: Callable[[Any], Any], default: Any = None) -> Any:
        """Reads, applies `fn`, writes, and does it again if the record changed in between.

        Args:
            key: which record.
            fn: gets the value, or `default` if there is none, and returns the new one. It may be
                called several times, so it should do nothing else.
            default: what `fn` gets where there is no record.

        Returns:
            The value written. No concurrent change is lost; a TTL stays, and begins anew.
        """
        return self._do(self._operations.update(key, fn, default))

    def delete(self, key: str) -> bool:
        """Removes a record; whether it was there."""
        return self._do(self._operations.delete(key))

    def clear(self) -> int:
        """Removes every record of exactly this namespace, none below it; how many."""
        return self._do(self._operations.clear())

    def lock(
        self, key: str, timeout_s: float = DEFAULT_LEASE_S, *, wait_s: float | None = None
    ) -> RecordLock:
        """A lock named `key`, for `with`: among all who use it one holds it.

        It is advisory: it keeps nobody from the record, and shows in no listing.

        Args:
            key: its name within the namespace; whether there is such a record plays no part.
            timeout_s: the lease, in seconds: a holder that dies holds it no longer than that.
            wait_s: how long to wait while another holds it; None, until it is free.

        Raises:
            LockHeldError: on entering: another kept it for `wait_s`.
            LockLostError: on leaving: it took longer than the lease.
        """
        return RecordLock(self._operations, key, timeout_s, wait_s)

    def watch(self, prefix: str | None = None, *, timeout_s: float | None = None) -> Watch:
        """The changes of records whose keys begin with `prefix`, from now on, for `for`.

        Every change, whoever makes it, in order for each key; also those made while the server
        or the network was away. Ends when none came for `timeout_s`; None, never. Close it, or
        use it in `with`.

        Raises:
            WatchLapsedError: while iterating: it was not read for an hour.
        """
        watching = self._watching(prefix)
        self._executor.run(watching.begin())
        return Watch(self._operations, watching, timeout_s)

    def flush(self) -> None:
        """Counts the reads made so far, of all proxies of the store, now."""
        self._executor.run(self._executor.access.flush_job)

    def close(self) -> None:
        """Counts the reads made so far. The store stays open: close it when nobody needs it."""
        if not self._executor.is_closed:
            self.flush()

    def _repr_html_(self) -> str:
        return data_store_html(self)

    def _do(self, steps: Steps[ResultT]) -> ResultT:
        return run(steps, self._executor)


AgentDataStoreProxy = DataStore
"""The same class under its documented name."""
