"""The agent of the demo, and a process that talks with it: JSON in, JSON out."""

import json
import os
import sys
from typing import Any

from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode, ToolRuntime, tools_condition
from langgraph.store.base import BaseStore
from scripted_model import ScriptedModel

from langgraph_agentstore import AgentStore

SCHEMA = "agentstore_demo"


@tool
def remember(about: str, fact: str, runtime: ToolRuntime) -> str:
    """Keep a fact about the user, such as about="cat", fact="called Turing"."""
    known = runtime.store.get(("facts",), about)
    thread = runtime.config["configurable"]["thread_id"]
    runtime.store.put(("facts",), about, {"is": fact, "thread": thread})
    return "known already" if known and known.value["is"] == fact else "noted"


@tool
def recall(runtime: ToolRuntime) -> str:
    """Everything the user has told, in this conversation or in earlier ones."""
    facts = runtime.store.search(("facts",), limit=100)
    return "; ".join(f"my {fact.key} is {fact.value['is']}" for fact in facts) or "nothing yet"


def build(store: BaseStore) -> CompiledStateGraph:
    """Make an agent with two tools. Its checkpoints stay in this process: only the store lasts."""
    # With a real model: init_chat_model("openai:gpt-5-mini"), of the package langchain.
    model = ScriptedModel()
    model_with_tools = model.bind_tools([remember, recall])

    def talk(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model_with_tools.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("talk", talk)
    graph.add_node("tools", ToolNode([remember, recall]))
    graph.add_edge(START, "talk")
    graph.add_conditional_edges("talk", tools_condition)
    graph.add_edge("tools", "talk")
    return graph.compile(store=store, checkpointer=InMemorySaver())


def converse(graph: CompiledStateGraph, user: str, thread: str, says: str) -> dict[str, Any]:
    """One turn: what was said, which tools were called and what they returned, the answer."""
    config = {"configurable": {"user_id": user, "thread_id": thread}}
    before = len(graph.get_state(config).values.get("messages", ()))
    messages = graph.invoke({"messages": [("user", says)]}, config)["messages"][before:]
    calls = [call for m in messages for call in getattr(m, "tool_calls", ())]
    results = {m.tool_call_id: m.text for m in messages if m.type == "tool"}
    return {
        "user": user,
        "thread": thread,
        "says": says,
        "tools": [[call["name"], call["args"], results[call["id"]]] for call in calls],
        "answers": messages[-1].text,
    }


def main() -> None:
    """Read `{"folder": …, "turns": [[user, thread, says], …]}`, write the answers."""
    task = json.load(sys.stdin)
    with AgentStore.embedded(task["folder"], schema=SCHEMA) as store:
        # Each call of the store finds its user in the config of the graph that runs.
        graph = build(store.per_user())
        turns = [converse(graph, *turn) for turn in task["turns"]]
    json.dump({"pid": os.getpid(), "turns": turns}, sys.stdout)


if __name__ == "__main__":
    main()
