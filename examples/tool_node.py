"""Tools that reach the store: LangGraph injects it, and the model never sees the argument.

python examples/tool_node.py
"""

from typing import Annotated, Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedStore, ToolNode, tools_condition
from langgraph.store.base import BaseStore
from scripted_model import ScriptedModel

from langgraph_agentstore import AgentStore


@tool
def remember(
    about: str,
    fact: str,
    config: RunnableConfig,
    store: Annotated[BaseStore, InjectedStore()],
) -> str:
    """Keep a fact about the user, such as about="cat", fact="called Turing"."""
    store.put(("users", config["configurable"]["user_id"], "facts"), about, {"is": fact})
    return "noted"


@tool
def recall(config: RunnableConfig, store: Annotated[BaseStore, InjectedStore()]) -> str:
    """Everything the user has told."""
    facts = store.search(("users", config["configurable"]["user_id"], "facts"), limit=100)
    facts.sort(key=lambda fact: fact.key)  # tools run at once: either may have been first
    return "; ".join(f"my {fact.key} is {fact.value['is']}" for fact in facts) or "nothing yet"


TOOLS = [remember, recall]
# With a real model: init_chat_model("openai:gpt-5-mini").bind_tools(TOOLS), of langchain.
model = ScriptedModel().bind_tools(TOOLS)


def talk(state: MessagesState) -> dict[str, Any]:
    """Answers, or calls a tool first."""
    return {"messages": [model.invoke(state["messages"])]}


def main() -> None:
    """Without a checkpointer: all that lasts from one run to the next is in the store."""
    with AgentStore(schema="agentstore_examples") as store:
        builder = StateGraph(MessagesState).add_node(talk).add_node("tools", ToolNode(TOOLS))
        builder.add_edge(START, "talk").add_conditional_edges("talk", tools_condition)
        graph = builder.add_edge("tools", "talk").compile(store=store)

        for says in ("My name is Ada and my cat is called Turing.", "What is my cat called?"):
            config: RunnableConfig = {"configurable": {"user_id": "ada"}}
            messages = graph.invoke({"messages": [("user", says)]}, config)["messages"]
            print(f"ada:   {says}")
            for message in messages:
                if isinstance(message, ToolMessage):
                    print(f"       {message.name} → {message.text}")
            print(f"agent: {messages[-1].text}")
        # So that the example can be run again.
        store.delete_user("ada")


if __name__ == "__main__":
    main()
