"""Graphs that name no user: `per_user()` finds the one they run for."""

from __future__ import annotations

import sys
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore
from typing_extensions import TypedDict

from tests.conversations.talking import config_of
from tests.soak.beliefs import Believed, Fate
from tests.soak.workers import Caller, Place, Worker

NAMESPACE = ("notes",)
USERS = 4


class State(TypedDict, total=False):
    """What is noted, and all that is known then."""

    note: dict[str, Any]
    known: list[dict[str, Any]]


def note(state: State, config: RunnableConfig, *, store: BaseStore) -> State:
    store.put(NAMESPACE, "note", state["note"])
    return {"known": [item.value for item in store.search(NAMESPACE)]}


async def anote(state: State, config: RunnableConfig, *, store: BaseStore) -> State:
    await store.aput(NAMESPACE, "note", state["note"])
    return {"known": [item.value for item in await store.asearch(NAMESPACE)]}


class GraphWorker(Worker):
    """One graph for several users, in turns: each sees what is its own."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        if sys.version_info < (3, 11):  # asynchronous nodes find no config there
            self.call = Caller(None)
        node: Any = anote if self.call.is_awaited else note
        builder = StateGraph(State).add_node("note", node).add_edge(START, "note")
        self.graph = builder.compile(store=place.store.per_user())
        self.users = [f"{self.user}.{n}" for n in range(USERS)]
        self.cells = {user: Believed() for user in self.users}
        self.number = 0

    def turn(self) -> None:
        self.user = self.chance.choice(self.users)
        self.number += 1
        value = {"of": self.user, "n": self.number}
        # The graph also reads: that it failed does not say that nothing was written.
        self.cells[self.user].note(value, Fate.DOUBTFUL)
        answer = self.call(self.graph, "invoke", {"note": value}, config_of(self.user, "one"))
        self.cells[self.user].note(value, Fate.DONE)
        assert self.owned(answer["known"]) == [value]

    def check(self) -> None:
        for user in self.users:
            item = self.place.store.for_user(user).get(NAMESPACE, "note")
            self.cells[user].check(None if item is None else item.value)
