"""One graph for all users: `per_user()` gives each run its own user's records and no others.

The nodes name no user, so they cannot name the wrong one. A run without a user is an error.

python examples/per_user_graph.py
"""

from typing import Any
from uuid import uuid4

from langchain_core.messages import SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.base import BaseStore
from scripted_model import ScriptedModel

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import MissingUserError

# With a real model: init_chat_model("openai:gpt-5-mini"), of the package langchain.
model = ScriptedModel()


def talk(state: MessagesState, *, store: BaseStore) -> dict[str, Any]:
    """Answers with all in mind that this run's user told before."""
    said = state["messages"][-1].text
    told = [memory.value["text"] for memory in store.search(("memories",), limit=100)]
    if not said.endswith("?"):
        store.put(("memories",), str(uuid4()), {"text": said})
    known = SystemMessage("The user told you earlier:\n" + "\n".join(told))
    return {"messages": [model.invoke([known, *state["messages"]])]}


def main() -> None:
    """Two users, one graph, the same namespace."""
    with AgentStore(schema="agentstore_examples") as store:
        builder = StateGraph(MessagesState).add_node(talk).add_edge(START, "talk")
        graph = builder.compile(store=store.per_user())

        for user, says in [
            ("ada", "My cat is called Turing."),
            ("bob", "My cat is called Hopper."),
            ("ada", "What is my cat called?"),
            ("bob", "What is my cat called?"),
        ]:
            config: RunnableConfig = {"configurable": {"user_id": user}}
            answer = graph.invoke({"messages": [("user", says)]}, config)
            print(f"{user}:   {says}")
            print(f"agent: {answer['messages'][-1].text}")

        try:
            graph.invoke({"messages": [("user", "What is my cat called?")]})
        except MissingUserError as error:
            print(f"nobody: {error}")

        # Outside of graphs the user is named: to show the rows, and to remove them.
        for user in ("ada", "bob"):
            for item in store.for_user(user).iter_items():
                print(f"{user} : {':'.join(item.namespace)} : {item.value['text']}")
            store.delete_user(user)


if __name__ == "__main__":
    main()
