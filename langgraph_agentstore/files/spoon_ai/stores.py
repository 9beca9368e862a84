"""Dialect 1's own stores: values by exact namespace and key."""

from __future__ import annotations

import abc
import copy
import threading
from collections.abc import Mapping
from typing import Any

from ...model.namespaces import Labels


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
