"""The smallest graphs with a memory: what is said is kept, what was said before is known."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_store
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore
from typing_extensions import TypedDict

Labels: TypeAlias = tuple[str, ...]
Graph: TypeAlias = "CompiledStateGraph[Talk, Any, Talk, Talk]"

NOTES: Labels = ("users", "alice", "notes")

needs_async_contexts = pytest.mark.skipif(
    sys.version_info < (3, 11),
    reason="LangGraph finds no config in asynchronous nodes before Python 3.11",
)


class Talk(TypedDict, total=False):
    """What is said now, and what was known before it was said."""

    says: str
    knows: list[str]


def keep(store: BaseStore, says: str, namespace: Labels = NOTES) -> Talk:
    knows = sorted(item.value["text"] for item in store.search(namespace))
    store.put(namespace, says, {"text": says})
    return {"knows": knows}


async def akeep(store: BaseStore, says: str, namespace: Labels = NOTES) -> Talk:
    knows = sorted(item.value["text"] for item in await store.asearch(namespace))
    await store.aput(namespace, says, {"text": says})
    return {"knows": knows}


def from_signature(state: Talk, *, store: BaseStore) -> Talk:
    return keep(store, state["says"])


def from_get_store(state: Talk) -> Talk:
    return keep(get_store(), state["says"])


def from_runtime(state: Talk, runtime: Runtime[Any]) -> Talk:
    assert runtime.store is not None
    return keep(runtime.store, state["says"])


async def afrom_signature(state: Talk, *, store: BaseStore) -> Talk:
    return await akeep(store, state["says"])


async def afrom_get_store(state: Talk) -> Talk:
    return await akeep(get_store(), state["says"])


async def afrom_runtime(state: Talk, runtime: Runtime[Any]) -> Talk:
    assert runtime.store is not None
    return await akeep(runtime.store, state["says"])


def graph_of(node: Any, store: BaseStore, **options: Any) -> Graph:
    """One node, compiled with the store, and with checkpoints that end with the process."""
    builder = StateGraph(Talk, **options).add_node("talk", node).add_edge(START, "talk")
    return builder.compile(store=store, checkpointer=InMemorySaver())


@dataclass(frozen=True)
class ServerUser:
    """The Agent Server's object for the user whom it authenticated."""

    identity: str


def thread(name: str, **configurable: Any) -> RunnableConfig:
    return {"configurable": {"thread_id": name, **configurable}}
