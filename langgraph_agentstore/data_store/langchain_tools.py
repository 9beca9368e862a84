"""LangChain tools by which a model reads and writes the running user's records.

Answers go into a prompt, so their size is limited, whatever the model asks for. An answer that was
cut has a `next`, with which the model continues.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from langchain_core.tools import BaseTool, StructuredTool

from ..model.json_values import encode_value
from ..store.base import StoreBase
from .options import DEFAULT_NAMESPACE, Access
from .running_graph import data_store
from .sync_data_store import DataStore

ToolT = TypeVar("ToolT")

LONGEST_ANSWER: Final = 20_000
"""Characters of JSON that one answer has at most, give or take a key: some 5,000 tokens."""

MOST_KEYS: Final = 200
MOST_FOUND: Final = 50


def data_store_tools(
    namespace: str = DEFAULT_NAMESPACE,
    *,
    store: StoreBase | None = None,
    access: Access = "both",
) -> list[BaseTool]:
    """Return tools for one namespace of the running user, for `create_agent` or a `ToolNode`.

    Args:
        namespace: the only namespace that the tools reach.
        store: by default, the store that the graph was compiled with.
        access: "read" leaves out the tools that write, "write" those that read.

    Returns:
        `data_store_get`, `data_store_list_keys`, `data_store_search`, `data_store_set`,
        `data_store_delete`. Each answers with JSON of at most about 20,000 characters, 200 keys
        or 50 results; an answer that was cut has a `next`. Records name the tool as their agent.
    """

    def own() -> DataStore:
        return data_store(namespace, store=store, access=access)

    def data_store_get(key: str, offset: int = 0) -> Any:
        """Read what was stored under a key; null if there is nothing.

        A long value comes as text in parts: go on with `offset` set to `next`.
        """
        return _part_of(own().get(key), offset)

    def data_store_list_keys(prefix: str = "", after: str = "") -> Any:
        """List the keys that begin with a prefix; all keys if it is empty.

        A long list comes in parts: go on with `after` set to `next`.
        """
        return _keys(own(), prefix, after)

    def data_store_search(query: str, limit: int = 10, offset: int = 0) -> Any:
        """Find stored values that fit a query: a list of key and value, best first.

        What does not fit comes in parts: go on with `offset` set to `next`.
        """
        return _found(own(), query, max(0, limit), max(0, offset))

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


def _keys(data: DataStore, prefix: str, after: str) -> Any:
    keys = data.list_keys(prefix, after=after or None, limit=MOST_KEYS + 1)
    shown = list(_as_much_as_fits(keys[:MOST_KEYS], len))
    return keys if len(shown) == len(keys) else {"keys": shown, "next": shown[-1]}


def _found(data: DataStore, query: str, limit: int, offset: int) -> Any:
    most = min(limit, MOST_FOUND)
    found = data.search(query, limit=most, offset=offset)
    fitting = _as_much_as_fits(found, lambda each: len(encode_value(each.value)))
    # A value that alone is too long comes as a part, to be read by its key.
    shown = [{"key": each.key, "value": _part_of(each.value, 0)} for each in fitting]
    if len(shown) == len(found) and (len(found) < most or limit <= most):
        return shown
    return {"found": shown, "next": offset + len(shown)}


def _part_of(value: Any, offset: int) -> Any:
    """Return the value, or one part of its JSON text if that is long."""
    text = encode_value(value).decode()
    if len(text) <= LONGEST_ANSWER:
        return value
    start = max(0, offset)
    end = start + LONGEST_ANSWER
    part = {"part_of_json": text[start:end], "characters": len(text)}
    return {**part, "next": end} if end < len(text) else part


def _as_much_as_fits(parts: Iterable[ToolT], size: Callable[[ToolT], int]) -> Iterable[ToolT]:
    """Yield the first parts, at least one, that together fit into an answer."""
    left = LONGEST_ANSWER
    for number, part in enumerate(parts):
        left -= size(part)
        if left < 0 and number:
            return
        yield part
