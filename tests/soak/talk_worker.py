"""Conversations: a graph that recalls and remembers, and the memory of what was said."""

from __future__ import annotations

from typing import Any

from langgraph.graph import START, MessagesState, StateGraph

from langgraph_agentstore.conversations import (
    ConversationMemory,
    recall_conversation,
    remember_conversation,
)
from tests.conversations.talking import config_of
from tests.soak.workers import Place, Worker

LONGEST_THREAD = 15
THREADS = 5


def answer(state: MessagesState) -> dict[str, Any]:
    """Says what it was told by people, in all threads that were recalled."""
    told = [message.text for message in state["messages"] if message.type == "human"]
    return {"messages": [("ai", " | ".join(told))]}


class TalkWorker(Worker):
    """Every reply comes at once; every turn is saved, once and in order, when the server is up."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.remember = remember_conversation(metadata={"of": self.user})
        nodes: list[Any] = [
            ("recall", recall_conversation(mode="latest", max_messages=None)),
            answer,
            ("remember", self.remember),
        ]
        builder = StateGraph(MessagesState).add_sequence(nodes).add_edge(START, "recall")
        self.graph = builder.compile(store=place.store)
        self.memory = ConversationMemory(place.store, self.user)
        self.thread, self.said = 0, 0
        self.forgetting = False

    def turn(self) -> None:
        if self.said == LONGEST_THREAD:
            self._forget()
            return
        if self.chance.random() < 0.8:
            self._say()
        else:
            self._read()

    def check(self) -> None:
        assert self.remember.flush(60)
        assert self.forgetting or self._read() == self.said, "turns are lost"
        stats = self.remember.stats()
        assert (stats.lost, stats.refused, stats.waiting) == (0, 0, 0), stats
        assert stats.saved == stats.accepted

    def close(self) -> None:
        self.remember.close()

    def _say(self) -> None:
        text = self._text(self.said)
        config = config_of(self.user, f"thread {self.thread}")
        shown = self.call(self.graph, "invoke", {"messages": [("user", text)]}, config)
        self.said += 1
        told = shown["messages"][-1].text.split(" | ")
        assert told[-1] == text
        # While the server is away the latest turns are not recalled, or none.
        assert told[:-1] == [self._text(n) for n in range(len(told) - 1)], told

    def _read(self) -> int:
        """How many turns are saved so far: the first ones, none missing."""
        turns = self.call(self.memory, "turns", f"thread {self.thread}")
        self.owned([turn.metadata for turn in turns])
        assert [turn.query for turn in turns] == [self._text(n) for n in range(len(turns))]
        return len(turns)

    def _forget(self) -> None:
        """Begins anew, so that what is remembered stays as small as it is; names come again."""
        if not self.forgetting:
            if not self.remember.flush(30):
                return
            assert self._read() == self.said, "turns are lost"
        self.forgetting = True  # if it fails, some of them may be gone
        self.call(self.memory, "forget", f"thread {self.thread}")
        self.thread, self.said = (self.thread + 1) % THREADS, 0
        self.forgetting = False

    def _text(self, number: int) -> str:
        return f"{self.user} {self.thread} {number}"
