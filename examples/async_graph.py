"""The same store from asyncio: many users at once, their reads and writes travelling together.

python examples/async_graph.py
"""

import asyncio
from typing import Any
from uuid import uuid4

from langchain_core.messages import SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from scripted_model import ScriptedModel

from langgraph_agentstore import AgentStore

CATS = {f"user-{number}": f"Cat{number}" for number in range(100)}

# With a real model: init_chat_model("openai:gpt-5-mini"), of the package langchain.
model = ScriptedModel()


async def talk(state: MessagesState, config: RunnableConfig, runtime: Runtime) -> dict[str, Any]:
    """Answers with all in mind that the user told before; the store comes with the runtime."""
    store = runtime.store
    assert store is not None
    memories = ("users", config["configurable"]["user_id"], "memories")
    said = state["messages"][-1].text
    told = [memory.value["text"] for memory in await store.asearch(memories, limit=100)]
    if not said.endswith("?"):
        await store.aput(memories, str(uuid4()), {"text": said})
    known = SystemMessage("The user told you earlier:\n" + "\n".join(told))
    return {"messages": [await model.ainvoke([known, *state["messages"]])]}


async def say(graph: CompiledStateGraph, user: str, says: str) -> str:
    """One turn in a thread of its own."""
    config: RunnableConfig = {"configurable": {"thread_id": str(uuid4()), "user_id": user}}
    answer = await graph.ainvoke({"messages": [("user", says)]}, config)
    text: str = answer["messages"][-1].text
    return text


async def main() -> None:
    """All users tell at once, then all ask at once."""
    async with AgentStore(schema="agentstore_examples") as store:
        builder = StateGraph(MessagesState).add_node(talk).add_edge(START, "talk")
        graph = builder.compile(store=store, checkpointer=InMemorySaver())

        await asyncio.gather(*(say(graph, u, f"My cat is called {c}.") for u, c in CATS.items()))
        answers = await asyncio.gather(*(say(graph, u, "What is my cat called?") for u in CATS))
        for user, answer in list(zip(CATS, answers, strict=True))[:3]:
            print(f"{user} asks what the cat is called: {answer}")
        right = sum(
            answer == f"Your cat is called {cat}."
            for cat, answer in zip(CATS.values(), answers, strict=True)
        )
        print(f"… {right} of {len(CATS)} got the name of their own cat.")

        stats = store.stats()
        print(f"{stats.operations} operations travelled in {stats.statements} statements.")
        # So that the example can be run again.
        await asyncio.gather(*map(store.adelete_user, CATS))


if __name__ == "__main__":
    asyncio.run(main())
