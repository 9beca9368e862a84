"""One turn of a conversation in a process of its own: `python -m tests.conversations.talking`.

It reads a task as JSON from stdin: how to reach the store, user, thread and what is said; and
prints what the model was shown and what it answered. A checkpointer that ends with the process
stands for one whose checkpoints have expired.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.base import BaseStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import recall_conversation, remember_conversation

PICTURE = {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"}


def answer(state: MessagesState) -> dict[str, Any]:
    """Says how many messages it was shown, after looking it up with a tool."""
    messages = state["messages"]
    call = {"name": "count", "args": {"of": ["messages"]}, "id": f"call-{len(messages)}"}
    return {
        "messages": [
            AIMessage("", tool_calls=[call]),
            ToolMessage(str(len(messages)), tool_call_id=call["id"], artifact={"n": 1}),
            AIMessage(f"I was shown {len(messages)}."),
        ]
    }


def graph_over(store: BaseStore, *, capacity: int = 10_000, **recalling: Any) -> Any:
    """recall → answer → remember, with a checkpointer of its own."""
    remember = remember_conversation(metadata={"agent": "talking"}, capacity=capacity)
    builder = StateGraph(MessagesState)
    builder.add_node("recall", recall_conversation(**{"mode": "latest", **recalling}))
    builder.add_node("answer", answer)
    builder.add_node("remember", remember)
    builder.add_edge(START, "recall").add_edge("recall", "answer").add_edge("answer", "remember")
    return builder.compile(store=store, checkpointer=InMemorySaver())


def config_of(user: str, thread: str, **configurable: Any) -> RunnableConfig:
    return {"configurable": {"user_id": user, "thread_id": thread, **configurable}}


def tell(node: Any, thread: str, query: str, user: str = "ann") -> None:
    """Has a node of `remember_conversation` accept a turn."""
    node({"messages": [HumanMessage(query), AIMessage("r")]}, config_of(user, thread))


def said(text: str) -> HumanMessage:
    """Text with a picture."""
    return HumanMessage([{"type": "text", "text": text}, PICTURE], id=f"id-{text}")


def dumped(messages: list[BaseMessage]) -> list[dict[str, Any]]:
    return [message.model_dump(mode="json") for message in messages]


def main() -> None:
    task = json.load(sys.stdin)
    with AgentStore(task["dsn"], schema=task["schema"]) as store:
        graph = graph_over(store, **task.get("recalling", {}))
        config = config_of(task["user"], task["thread"], **task.get("configurable", {}))
        for text in task["says"]:
            messages = graph.invoke({"messages": [said(text)]}, config)["messages"]
    print(json.dumps({"pid": os.getpid(), "messages": dumped(messages)}))


if __name__ == "__main__":
    main()
