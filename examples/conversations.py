"""A graph that goes on with a talk whose checkpoints are gone, in another thread.

python examples/conversations.py
"""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from scripted_model import ScriptedModel

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import (
    ConversationMemory,
    recall_conversation,
    remember_conversation,
)

# With a real model: init_chat_model("openai:gpt-5-mini"), of the package langchain.
model = ScriptedModel()


def talk(state: MessagesState) -> dict[str, Any]:
    """Answers what it was told and shown, and nothing else."""
    return {"messages": [model.invoke(state["messages"])]}


def main() -> None:
    """Tells in one thread, asks in another, then looks at what is stored."""
    with AgentStore(schema="agentstore_examples", index={"mode": "text"}) as store:
        builder = StateGraph(MessagesState).add_node(talk)
        builder.add_node("recall", recall_conversation(mode="latest", max_tokens=2_000))
        builder.add_node("remember", remember_conversation())
        builder.add_edge(START, "recall").add_edge("recall", "talk").add_edge("talk", "remember")

        for thread, user, says in [
            ("monday", "ada@example.org", "Hello, my cat is called Turing."),
            ("friday", "ada@example.org", "What is my cat called?"),
            ("friday", "bob@example.org", "What is my cat called?"),
        ]:
            # Each time a checkpointer that knows nothing, as if its checkpoints had expired.
            graph = builder.compile(store=store, checkpointer=InMemorySaver())
            config: RunnableConfig = {"configurable": {"thread_id": thread, "user_id": user}}
            answer = graph.invoke({"messages": [("user", says)]}, config)
            print(f"{thread}  {user}: {says}")
            print(f"{thread}  agent: {answer['messages'][-1].text}")

        memory = ConversationMemory(store, "ada@example.org")
        for turn in memory.turns():
            print(f"stored  {turn.thread_id}: {turn.query} → {turn.response}")
        print(f"found   {memory.search('Turing', limit=1)[0].query}")
        # So that the example can be run again.
        for user in ("ada@example.org", "bob@example.org"):
            store.delete_user(user)


if __name__ == "__main__":
    main()
