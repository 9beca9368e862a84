"""`DataStore`: the documented `data_store` object, for blocking code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from langgraph.store.base import NOT_PROVIDED, NotProvided

from .._support.lifecycle import Closing
from ..config.search_index import QuerySyntax, SearchMode
from ..model.provenance import acting_as
from ..store.executor import ResultT
from ..store.items import PAGE_SIZE
from ..store.step_driver import Steps, run
from .display import data_store_html
from .locks import DEFAULT_LEASE_S, RecordLock
from .models import DataStoreRecord, FoundRecord
from .past_records import RecordHistory
from .watch import Watch
from .writes import Pairs


class DataStore(Closing, RecordHistory):
    """The records of one user in one namespace, by key. Values are any JSON.

    Its methods block and may be called anywhere: in scripts, threads and notebooks, and in blocking
    code on the thread of a running event loop. Each method is one statement. `AsyncDataStore` has
    the same methods as coroutines.

    Args:
        store: an `AgentStore`, or a view of one.
        user_id: the owner of the records; no method reaches records of another user.
        agent_name: the name of the agent that reads and writes. None: reads are not counted.
        default_namespace: the namespace, such as `"files:my-repo"`.
        ops_log: a list or a function that gets an entry after each success.
        access: "read", "write" or "both"; other operations raise `NotPermittedError`.
        max_value_bytes: the limit for one value, as JSON text.
        ttl: minutes until written records expire; None for never. By default, the store's TTL.

    Raises:
        MissingUserError: the user id is None or empty.
        InvalidNamespaceError: the namespace is empty, or too long.
        ConfigurationError: another option is wrong.
    """

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value, or `default` if there is no record. Counts a read.

        Values come back unchanged, including 0, "", False, [], {} and None.
        """
        return self._do(self._operations.get(key, default))

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return the values of these keys, in their order, without missing keys.

        Counts a read of each. A key given twice counts twice.
        """
        return self._do(self._operations.get_many(keys))

    def get_all(self) -> dict[str, Any]:
        """Return every value of the namespace, by key. Counts a read of each."""
        return self._do(self._operations.get_all())

    def items(
        self, prefix: str | None = None, *, page_size: int = PAGE_SIZE
    ) -> Iterator[tuple[str, Any]]:
        """Iterate over keys and values, by key, in constant memory. Counts no reads.

        Pages of `page_size` records are read on demand. A record that exists throughout is returned
        once. A record written behind the current position is not returned.
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
        """List the keys that start with `prefix`, matched literally, in code point order.

        Args:
            prefix: None for all keys.
            after: list only keys after this one, such as the last key of the previous page.
            limit: the maximum number of keys; None for all.
        """
        return self._do(self._operations.list_keys(prefix, after, limit))

    def list_namespaces(self) -> list[str]:
        """List the user's namespaces that contain a record, in code point order.

        Namespaces without a string form are left out: the one without labels, and those with a
        colon within a label. Only LangGraph's tuples reach them.
        """
        return self._do(self._operations.list_namespaces())

    def exists(self, key: str) -> bool:
        """Return whether the record exists. Counts no read."""
        return self._do(self._operations.exists(key))

    def record(self, key: str) -> DataStoreRecord | None:
        """Return the full record, or None. Counts no read.

        The counts include reads of this process at once, and reads of others within a second.
        """
        return self._do(self._operations.record(key))

    def get_metadata(self, key: str) -> dict[str, Any] | None:
        """Return the metadata of a record, or None if there is no record. Counts no read."""
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
        query_syntax: QuerySyntax | None = None,
    ) -> list[FoundRecord]:
        """Return records of this namespace and of those below it, best or newest first.

        `files` includes `files:my-repo` here, as in LangGraph's search. The arguments are those of
        `AgentStore.search`. A query needs a store with an index.
        """
        self._operations.may_read("search")
        found = self._view.search(
            self._operations.at.labels,
            **self._asked(query, filter, limit, offset),
            mode=mode,
            min_score=min_score,
            min_similarity=min_similarity,
            query_syntax=query_syntax,
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
        """Write a record; replace an existing one.

        Args:
            key: a non-empty string.
            value: any JSON; tuples come back as lists.
            metadata: merged into the existing metadata; new keys win. None or {} changes nothing.
            ttl: minutes until the record expires; None for never. By default, the TTL of the proxy
                or the store.

        Raises:
            TypeError: the value is not JSON.
            ValueError: JSON in Postgres cannot represent the value, or the value is too large.
        """
        self._do(self._operations.set(key, value, metadata, ttl))

    def set_many(
        self,
        items: Pairs,
        metadata: Mapping[str, Any] | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> int:
        """Write a dict or pairs in one statement, all or none; return the number of records.

        All records get the same metadata. Raises the same errors as `set`.
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
        """Write a record if it does not exist; return whether it was written.

        Of several concurrent calls, exactly one writes.
        """
        return self._do(self._operations.set_if_absent(key, value, metadata, ttl))

    def compare_and_set(self, key: str, expected: Any, new: Any) -> bool:
        """Write `new` if the value equals `expected` as JSON; return whether it was written.

        If there is no record, nothing is written; use `set_if_absent` for that.
        """
        return self._do(self._operations.compare_and_set(key, expected, new))

    def increment(self, key: str, by: float = 1) -> Any:
        """Add to a number, or start with `by`; return the sum. No concurrent call is lost.

        Decimals are added exactly: 0.1 and 0.2 make 0.3.

        Raises:
            TypeError: the value is not a number.
            ValueError: the sum has more than 64 bits.
        """
        return self._do(self._operations.increment(key, by))

    def append(self, key: str, item: Any) -> int:
        """Append to a list, or start one; return its length. No concurrent call is lost.

        Raises:
            TypeError: the value is not a list.
            ValueTooLargeError: the list would be too large.
        """
        return self._do(self._operations.append(key, item))

    def update(self, key: str, fn: Callable[[Any], Any], default: Any = None) -> Any:
        """Read the value, apply `fn`, write the result; repeat if the record changed in between.

        Args:
            key: the record's key.
            fn: gets the value, or `default` if there is none, and returns the new value. It may be
                called several times, so it should have no other effect.
            default: the argument of `fn` if there is no record.

        Returns:
            The written value. No concurrent change is lost. The record keeps its TTL, and its
            expiry restarts.
        """
        return self._do(self._operations.update(key, fn, default))

    def delete(self, key: str) -> bool:
        """Delete a record; return whether it existed."""
        return self._do(self._operations.delete(key))

    def clear(self) -> int:
        """Delete the records of exactly this namespace, none below it; return their number."""
        return self._do(self._operations.clear())

    def lock(
        self, key: str, timeout_s: float = DEFAULT_LEASE_S, *, wait_s: float | None = None
    ) -> RecordLock:
        """Return a lock named `key`, for `with`. Only one caller holds it at a time.

        The lock is advisory: it does not protect the record, and appears in no listing.

        Args:
            key: the lock's name within the namespace; no record of that key is needed.
            timeout_s: the lease in seconds. If the holder dies, the lock is free after that time.
            wait_s: the longest wait while another holds the lock; None waits until it is free.

        Raises:
            LockHeldError: on entering, another caller held the lock for all of `wait_s`.
            LockLostError: on leaving, the work had taken longer than the lease.
        """
        return RecordLock(self._operations, key, timeout_s, wait_s)

    def watch(self, prefix: str | None = None, *, timeout_s: float | None = None) -> Watch:
        """Iterate over the changes of records whose keys start with `prefix`, from now on.

        Yields every change by any writer, in order for each key. This includes changes made while
        the server or the network was down. Ends if no change came for `timeout_s`; None waits
        forever. Close the watch, or use it in `with`.

        Raises:
            WatchLapsedError: while iterating; the watch was not read for an hour, or a share of the
                namespace began or was revoked.
        """
        watching = self._watching(prefix)
        self._executor.run(watching.begin())
        return Watch(self._operations, watching, timeout_s)

    def flush(self) -> None:
        """Write the counts of all reads so far, of all proxies of the store."""
        self._executor.run(self._executor.access.flush_job)

    def close(self) -> None:
        """Write the counts of all reads so far. The store stays open."""
        if not self._executor.is_closed:
            self.flush()

    def _repr_html_(self) -> str:
        return data_store_html(self)

    def _do(self, steps: Steps[ResultT]) -> ResultT:
        with acting_as(self.agent_name):
            return run(steps, self._executor.reading())


AgentDataStoreProxy = DataStore
"""The same class under its documented name."""
