"""A graph whose node takes the store from its signature, and remembers across threads.

python examples/sync_graph.py
"""

from typing import Any
from uuid import uuid4

from langchain_core.messages import SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.base import BaseStore
from scripted_model import ScriptedModel

from langgraph_agentstore import AgentStore

# With a real model: init_chat_model("openai:gpt-5-mini"), of the package langchain.
model = ScriptedModel()


def talk(state: MessagesState, config: RunnableConfig, *, store: BaseStore) -> dict[str, Any]:
    """Answers with all in mind that the user told before, whichever the thread was."""
    memories = ("users", config["configurable"]["user_id"], "memories")
    said = state["messages"][-1].text
    told = [memory.value["text"] for memory in store.search(memories, limit=100)]
    if not said.endswith("?"):
        store.put(memories, str(uuid4()), {"text": said})
    known = SystemMessage("The user told you earlier:\n" + "\n".join(told))
    return {"messages": [model.invoke([known, *state["messages"]])]}


def main() -> None:
    """Tells in one thread, asks in another."""
    with AgentStore(schema="agentstore_examples") as store:
        builder = StateGraph(MessagesState).add_node(talk).add_edge(START, "talk")
        graph = builder.compile(store=store, checkpointer=InMemorySaver())

        for thread, says in [
            ("monday", "Hello, my name is Ada and my cat is called Turing."),
            ("friday", "What is my cat called?"),
        ]:
            config: RunnableConfig = {"configurable": {"thread_id": thread, "user_id": "ada"}}
            answer = graph.invoke({"messages": [("user", says)]}, config)
            print(f"{thread}  ada:   {says}")
            print(f"{thread}  agent: {answer['messages'][-1].text}")

        print("stored: ", *(item.value["text"] for item in store.search(("users", "ada"))))
        # So that the example can be run again.
        store.delete_user("ada")


if __name__ == "__main__":
    main()
