"""The stores of spoon_ai, and adapters between them and LangGraph stores."""

from __future__ import annotations

import abc
import asyncio
import copy
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from langgraph.store.base import BaseStore as LangGraphStore
from langgraph.store.base import GetOp, Item, Op, PutOp, Result, SearchItem, SearchOp

from ..._support.lifecycle import Closing, Handle
from ..._support.sqlite import open_sqlite
from ...errors import InvalidOperationError
from ...model.namespaces import Labels
from ..any_store_storage import NO_LIMIT

_LONG_AGO = datetime.fromtimestamp(0, timezone.utc)


class BaseStore(abc.ABC):
    """A store of dicts by namespace and key; subclass it for a store of your own.

    Namespaces are exact: `("a",)` holds nothing of `("a", "b")`, and `("a/b",)` differs from
    `("a", "b")`.
    """

    @abc.abstractmethod
    def get(self, namespace: Labels, key: str) -> dict[str, Any] | None:
        """Return the value, or None if there is none."""

    @abc.abstractmethod
    def put(self, namespace: Labels, key: str, value: dict[str, Any]) -> None:
        """Write the value, replacing the present one."""

    @abc.abstractmethod
    def delete(self, namespace: Labels, key: str) -> None:
        """Remove the value; do nothing if there is none."""

    @abc.abstractmethod
    def search(
        self,
        namespace: Labels,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """Return a page of the matching values, each as `{"key": …, "value": …}`.

        Args:
            namespace: exactly the namespace to search.
            query: a text that `value["content"]` contains, ignoring case.
            filter: fields of the value and what they must equal.
            limit: the maximum number of values to return.
            offset: the number of matching values to skip.
        """


class InMemoryStore(BaseStore):
    """A store in the memory of this process; for tests."""

    def __init__(self) -> None:
        self._spaces: dict[Labels, dict[str, dict[str, Any]]] = {}
        self._gate = threading.Lock()

    def get(self, namespace: Labels, key: str) -> dict[str, Any] | None:
        """Return a copy of the value, or None if there is none."""
        with self._gate:
            return copy.deepcopy(self._spaces.get(tuple(namespace), {}).get(key))

    def put(self, namespace: Labels, key: str, value: dict[str, Any]) -> None:
        """Write a copy of the value."""
        with self._gate:
            self._spaces.setdefault(tuple(namespace), {})[key] = copy.deepcopy(value)

    def delete(self, namespace: Labels, key: str) -> None:
        """Remove the value; do nothing if there is none."""
        with self._gate:
            self._spaces.get(tuple(namespace), {}).pop(key, None)

    def search(
        self,
        namespace: Labels,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """See `BaseStore.search`; values are in the order of the first writes of their keys."""
        with self._gate:
            values = self._spaces.get(tuple(namespace), {})
            found = [kv for kv in values.items() if passes(kv[1], query, filter)]
            page = found[offset : offset + limit]
            return [{"key": key, "value": copy.deepcopy(value)} for key, value in page]


def passes(value: Mapping[str, Any], query: str | None, filter: Mapping[str, Any] | None) -> bool:
    """Return whether a value passes the filter and contains the query."""
    if any(value.get(name) != wanted for name, wanted in (filter or {}).items()):
        return False
    if not query:
        return True
    content = value.get("content", "")
    text = "\n".join(map(str, content)) if isinstance(content, list) else str(content)
    return query.lower() in text.lower()


class FromLangGraph(Handle, BaseStore):
    """A LangGraph store as a store of spoon_ai's kind. Labels of namespaces have no periods."""

    def __init__(self, store: LangGraphStore) -> None:
        self.store = store

    def get(self, namespace: Labels, key: str) -> dict[str, Any] | None:
        """Return the value, or None if there is none."""
        item = self.store.get(tuple(namespace), key)
        return None if item is None else item.value

    def put(self, namespace: Labels, key: str, value: dict[str, Any]) -> None:
        """Write the value, replacing the present one."""
        self.store.put(tuple(namespace), key, value)

    def delete(self, namespace: Labels, key: str) -> None:
        """Remove the value; do nothing if there is none."""
        self.store.delete(tuple(namespace), key)

    def search(
        self,
        namespace: Labels,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """See `BaseStore.search`; values are sorted by key. Reads the whole namespace."""
        items = self.store.search(tuple(namespace), limit=NO_LIMIT)
        found = {
            item.key: item.value
            for item in items
            if item.namespace == tuple(namespace) and passes(item.value, query, filter)
        }
        return [{"key": key, "value": found[key]} for key in sorted(found)[offset : offset + limit]]


class SQLiteStore(Closing, FromLangGraph):
    """A store in an SQLite file, by LangGraph's `SqliteStore`; needs the extra `sqlite`.

    Raises:
        MissingExtraError: the extra is not installed.
    """

    def __init__(self, db_path: str = "store.db") -> None:
        super().__init__(open_sqlite(db_path))
        self.db_path = db_path

    def close(self) -> None:
        """Close the file. Idempotent."""
        self.store.conn.close()  # type: ignore[attr-defined]


class ToLangGraph(LangGraphStore):
    """A store of spoon_ai's kind as a LangGraph store.

    The times of items are those in the files. The store cannot list namespaces, and a search
    finds nothing below its namespace. The async methods run in threads.
    """

    def __init__(self, store: BaseStore) -> None:
        self.store = store

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Run the operations one by one.

        Raises:
            InvalidOperationError: one lists namespaces.
        """
        return [self._result(op) for op in ops]

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Async form of `batch`, in a thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    def _result(self, op: Op) -> Result:
        if isinstance(op, GetOp):
            value = self.store.get(op.namespace, op.key)
            return None if value is None else Item(**_item_fields(op.namespace, op.key, value))
        if isinstance(op, PutOp):
            if op.value is None:
                self.store.delete(op.namespace, op.key)
            else:
                self.store.put(op.namespace, op.key, dict(op.value))
            return None
        if isinstance(op, SearchOp):
            namespace = op.namespace_prefix
            found = self.store.search(namespace, op.query, op.filter, op.limit, op.offset)
            return [SearchItem(**_item_fields(namespace, kv["key"], kv["value"])) for kv in found]
        raise InvalidOperationError(
            f"{type(op).__name__}: a store of this kind cannot list namespaces"
        )


def _item_fields(namespace: Labels, key: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "namespace": namespace,
        "key": key,
        "value": value,
        "created_at": _time_of(value.get("created_at")),
        "updated_at": _time_of(value.get("modified_at")),
    }


def _time_of(text: Any) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return _LONG_AGO
