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
from ..any_store_storage import PAGE

_LONG_AGO = datetime.fromtimestamp(0, timezone.utc)


class BaseStore(abc.ABC):
    """A store of values, each a dict, by namespace and key. Derive from it to bring your own.

    Namespaces are exact: `("a",)` holds nothing of `("a", "b")`, and `("a/b",)` is another
    than `("a", "b")`.
    """

    @abc.abstractmethod
    def get(self, namespace: Labels, key: str) -> dict[str, Any] | None:
        """The value, or None if there is none."""

    @abc.abstractmethod
    def put(self, namespace: Labels, key: str, value: dict[str, Any]) -> None:
        """Writes the value, whether or not there is one."""

    @abc.abstractmethod
    def delete(self, namespace: Labels, key: str) -> None:
        """Removes the value; no error if there is none."""

    @abc.abstractmethod
    def search(
        self,
        namespace: Labels,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """A page of the namespace's values that pass, each as `{"key": …, "value": …}`.

        Args:
            namespace: just this one.
            query: a text that `value["content"]` holds, whatever the case of its letters.
            filter: what fields of the value must equal.
            limit: how many of what passes.
            offset: how many of it to leave out first.
        """


class InMemoryStore(BaseStore):
    """Values in this process, gone when it ends; for tests."""

    def __init__(self) -> None:
        self._spaces: dict[Labels, dict[str, dict[str, Any]]] = {}
        self._gate = threading.Lock()

    def get(self, namespace: Labels, key: str) -> dict[str, Any] | None:
        """The value, a copy, or None if there is none."""
        with self._gate:
            return copy.deepcopy(self._spaces.get(tuple(namespace), {}).get(key))

    def put(self, namespace: Labels, key: str, value: dict[str, Any]) -> None:
        """Writes a copy of the value."""
        with self._gate:
            self._spaces.setdefault(tuple(namespace), {})[key] = copy.deepcopy(value)

    def delete(self, namespace: Labels, key: str) -> None:
        """Removes the value; no error if there is none."""
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
        """As `BaseStore.search`; in the order of the keys' first writes."""
        with self._gate:
            values = self._spaces.get(tuple(namespace), {})
            found = [kv for kv in values.items() if passes(kv[1], query, filter)]
            page = found[offset : offset + limit]
            return [{"key": key, "value": copy.deepcopy(value)} for key, value in page]


def passes(value: Mapping[str, Any], query: str | None, filter: Mapping[str, Any] | None) -> bool:
    """Whether a value passes the filter and holds the query."""
    if any(value.get(name) != wanted for name, wanted in (filter or {}).items()):
        return False
    if not query:
        return True
    content = value.get("content", "")
    text = "\n".join(map(str, content)) if isinstance(content, list) else str(content)
    return query.lower() in text.lower()


class FromLangGraph(Handle, BaseStore):
    """A LangGraph store as one of dialect 1. LangGraph's rules hold for namespaces: no periods."""

    def __init__(self, store: LangGraphStore) -> None:
        self.store = store

    def get(self, namespace: Labels, key: str) -> dict[str, Any] | None:
        """The value, or None if there is none."""
        item = self.store.get(tuple(namespace), key)
        return None if item is None else item.value

    def put(self, namespace: Labels, key: str, value: dict[str, Any]) -> None:
        """Writes the value, whether or not there is one."""
        self.store.put(tuple(namespace), key, value)

    def delete(self, namespace: Labels, key: str) -> None:
        """Removes the value; no error if there is none."""
        self.store.delete(tuple(namespace), key)

    def search(
        self,
        namespace: Labels,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """As `BaseStore.search`; by key. Reads the whole namespace."""
        items = self.store.search(tuple(namespace), limit=PAGE)
        found = {
            item.key: item.value
            for item in items
            if item.namespace == tuple(namespace) and passes(item.value, query, filter)
        }
        return [{"key": key, "value": found[key]} for key in sorted(found)[offset : offset + limit]]


class SQLiteStore(Closing, FromLangGraph):
    """Values in a file of SQLite, by LangGraph's `SqliteStore`; the extra `sqlite`.

    Raises:
        MissingExtraError: the extra is not installed.
    """

    def __init__(self, db_path: str = "store.db") -> None:
        super().__init__(open_sqlite(db_path))
        self.db_path = db_path

    def close(self) -> None:
        """Closes the file. Idempotent."""
        self.store.conn.close()  # type: ignore[attr-defined]


class ToLangGraph(LangGraphStore):
    """A store of dialect 1 as one of LangGraph.

    It has no times but those that files carry, cannot tell which namespaces there are, and
    finds nothing below the namespace it searches. Its awaitable methods run in threads.
    """

    def __init__(self, store: BaseStore) -> None:
        self.store = store

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Does the operations one by one.

        Raises:
            InvalidOperationError: one lists namespaces.
        """
        return [self._result(op) for op in ops]

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """As `batch`, in a thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    def _result(self, op: Op) -> Result:
        if isinstance(op, GetOp):
            value = self.store.get(op.namespace, op.key)
            return None if value is None else Item(**_item(op.namespace, op.key, value))
        if isinstance(op, PutOp):
            if op.value is None:
                self.store.delete(op.namespace, op.key)
            else:
                self.store.put(op.namespace, op.key, dict(op.value))
            return None
        if isinstance(op, SearchOp):
            namespace = op.namespace_prefix
            found = self.store.search(namespace, op.query, op.filter, op.limit, op.offset)
            return [SearchItem(**_item(namespace, kv["key"], kv["value"])) for kv in found]
        raise InvalidOperationError(
            f"{type(op).__name__}: a store of this kind cannot tell which namespaces there are"
        )


def _item(namespace: Labels, key: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "namespace": namespace,
        "key": key,
        "value": value,
        "created_at": _time(value.get("created_at")),
        "updated_at": _time(value.get("modified_at")),
    }


def _time(text: Any) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return _LONG_AGO
