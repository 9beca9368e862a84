"""`DataStoreService`: the records of any user, for a host of several agents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from langgraph.store.base import NOT_PROVIDED, NotProvided

from .._support.lifecycle import Handle
from ..model.addresses import locate
from ..model.namespaces import labels_named
from ..model.users import Address
from ..sql.statement import Put
from ..store.base import StoreBase
from .models import DataStoreRecord
from .options import DEFAULT_NAMESPACE, LARGEST_VALUE_BYTES
from .sync_data_store import DataStore

Rows: TypeAlias = "Iterable[tuple[str, str, Any, Mapping[str, Any] | None]]"
"""Namespace, key, value, metadata."""


class DataStoreService(Handle):
    """The methods of `DataStore`, with user, namespace and agent passed to each call.

    Args:
        store: an `AgentStore`, or a view of one.
        max_value_bytes: the limit for one value, as JSON text.
    """

    def __init__(self, store: StoreBase, *, max_value_bytes: int = LARGEST_VALUE_BYTES) -> None:
        self._store = store
        self._max_value_bytes = max_value_bytes

    def get(
        self, user_id: str, namespace: str, key: str, agent_name: str | None = None
    ) -> DataStoreRecord | None:
        """Return the whole record as it was before this read, or None. Counts a read."""
        proxy = self._proxy(user_id, namespace, agent_name)
        record = proxy.record(key)
        if record is not None and proxy.agent_name is not None:
            at = proxy._operations.at
            touched = ((at.user_id, at.stored, record.key), record.created_at)
            self._store.executor.note_access([touched], 1, proxy.agent_name)
        return record

    def get_many(
        self, user_id: str, namespace: str, keys: Iterable[str], agent_name: str | None = None
    ) -> dict[str, Any]:
        """Return the values of these keys, in their order, without missing ones. Counts reads."""
        return self._proxy(user_id, namespace, agent_name).get_many(keys)

    def get_all(
        self, user_id: str, namespace: str, agent_name: str | None = None
    ) -> dict[str, Any]:
        """Return every value of a namespace, by key. Counts a read of each."""
        return self._proxy(user_id, namespace, agent_name).get_all()

    def set(
        self,
        user_id: str,
        namespace: str,
        key: str,
        value: Any,
        metadata: Mapping[str, Any] | None = None,
        agent_name: str | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> None:
        """Write a record; see `DataStore.set`."""
        self._proxy(user_id, namespace, agent_name).set(key, value, metadata, ttl=ttl)

    def set_many(self, user_id: str, rows: Rows, agent_name: str | None = None) -> int:
        """Write rows of `(namespace, key, value, metadata)`, all or none; return how many.

        The namespaces may differ. If a record comes twice, the last wins.
        """
        proxy = self._proxy(user_id, DEFAULT_NAMESPACE, agent_name)
        operations = proxy._operations
        puts: dict[Any, Put] = {}
        for namespace, key, value, metadata in rows:
            labels = labels_named(namespace)
            at = locate(Address(proxy.user_id, labels), labels)
            put = operations.put(key, value, metadata, at=at)
            puts[put.item_id] = put
        proxy._do(operations.put_together(list(puts.values())))
        return len(puts)

    def delete(self, user_id: str, namespace: str, key: str, agent_name: str | None = None) -> bool:
        """Delete a record; return whether it existed."""
        return self._proxy(user_id, namespace, agent_name).delete(key)

    def list_keys(self, user_id: str, namespace: str, prefix: str | None = None) -> list[str]:
        """List the keys that start with `prefix`, by code point."""
        return self._proxy(user_id, namespace).list_keys(prefix)

    def list_namespaces(self, user_id: str) -> list[str]:
        """List the user's namespaces that hold a record, by code point."""
        return self._proxy(user_id, DEFAULT_NAMESPACE).list_namespaces()

    def clear_namespace(self, user_id: str, namespace: str, agent_name: str | None = None) -> int:
        """Delete the records of exactly this namespace; return their number."""
        return self._proxy(user_id, namespace, agent_name).clear()

    def flush(self) -> None:
        """Write the counts of all reads so far."""
        self._store.executor.run(self._store.executor.access.flush_job)

    def _proxy(self, user_id: str, namespace: str, agent_name: str | None = None) -> DataStore:
        return DataStore(
            self._store, user_id, agent_name, namespace, max_value_bytes=self._max_value_bytes
        )
