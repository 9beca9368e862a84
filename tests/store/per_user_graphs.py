"""Graphs whose nodes name no user."""

from __future__ import annotations

from dataclasses import dataclass

from langgraph.store.base import BaseStore

from langgraph_agentstore import AgentStore
from tests.support.memory_graphs import Talk, akeep, keep
from tests.support.row_security import items_of_all

OWN = ("notes",)


@dataclass
class Context:
    """As a graph's `context_schema`."""

    user_id: str | None = None


def note(state: Talk, *, store: BaseStore) -> Talk:
    return keep(store, state["says"], OWN)


async def anote(state: Talk, *, store: BaseStore) -> Talk:
    return await akeep(store, state["says"], OWN)


def owners(store: AgentStore) -> set[str]:
    """The users of all records; the shared space would show as a tuple of its own."""
    namespaces = {item.namespace for item in items_of_all(store)}
    assert {labels[0] for labels in namespaces} <= {"users"}
    return {labels[1] for labels in namespaces}
