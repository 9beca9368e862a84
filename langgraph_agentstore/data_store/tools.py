"""LangChain tools by which a model itself reads and writes the running user's records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool

from ..beyond import ExtendedSurface
from .blocking import DataStore
from .running import data_store
from .settings import DEFAULT_NAMESPACE, Access


def data_store_tools(
    namespace: str = DEFAULT_NAMESPACE,
    *,
    store: ExtendedSurface | None = None,
    access: Access = "both",
) -> list[BaseTool]:
    """Tools over one namespace of the running graph's user, for `create_agent` or a `ToolNode`.

    Args:
        namespace: the only one they reach.
        store: left out, the store that the graph was compiled with.
        access: "read" leaves out those that write, "write" those that read.

    Returns:
        `data_store_get`, `data_store_list_keys`, `data_store_search`, `data_store_set`,
        `data_store_delete`. Each answers with JSON; records tell the tool's name as the agent's.
    """

    def own() -> DataStore:
        return data_store(namespace, store=store, access=access)

    def data_store_get(key: str) -> Any:
        """Read what was stored under a key; null if there is nothing."""
        return own().get(key)

    def data_store_list_keys(prefix: str = "") -> list[str]:
        """List the keys that begin with a prefix; all keys if it is empty."""
        return own().list_keys(prefix)

    def data_store_search(query: str, limit: int = 10) -> list[dict[str, Any]]:
        """Find stored values that fit a query: a list of key and value, best first."""
        return [
            {"key": found.key, "value": found.value} for found in own().search(query, limit=limit)
        ]

    def data_store_set(key: str, value: Any) -> str:
        """Store a JSON value under a key, in place of what was there."""
        own().set(key, value)
        return f"stored {key}"

    def data_store_delete(key: str) -> str:
        """Remove what is stored under a key."""
        return f"removed {key}" if own().delete(key) else f"there was nothing at {key}"

    reading: list[Callable[..., Any]] = [data_store_get, data_store_list_keys, data_store_search]
    writing: list[Callable[..., Any]] = [data_store_set, data_store_delete]
    chosen = {"read": reading, "write": writing, "both": [*reading, *writing]}[access]
    return [StructuredTool.from_function(function) for function in chosen]
