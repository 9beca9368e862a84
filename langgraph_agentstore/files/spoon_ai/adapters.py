"""Between dialect 1's stores and LangGraph's: each can be used as the other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from langgraph.store.base import BaseStore as LangGraphStore
from langgraph.store.base import GetOp, Item, Op, PutOp, Result, SearchItem, SearchOp

from ..._support.lifecycle import Closing, Handle
from ..._support.sqlite import open_sqlite
from ...errors import InvalidOperationError
from ...model.namespaces import Labels
from ..any_store_storage import PAGE
from .stores import BaseStore, passes

_LONG_AGO = datetime.fromtimestamp(0, timezone.utc)


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
