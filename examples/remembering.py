"""An agent that finds what its user said 2,000 turns ago, among the turns of others.

python examples/remembering.py
"""

from datetime import datetime, timedelta, timezone
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from scripted_model import ScriptedModel

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import (
    ConversationMemory,
    new_turn,
    recall_conversation,
    remember_conversation,
)

CATS = {"ada@example.org": "Turing", "bob@example.org": "Church"}
BEGINNING = datetime(2024, 5, 1, tzinfo=timezone.utc)

# With a real model: init_chat_model("openai:gpt-5-mini"), of the package langchain.
model = ScriptedModel()


def talk(state: MessagesState) -> dict[str, Any]:
    """Answers what it was told and shown, and nothing else."""
    return {"messages": [model.invoke(state["messages"])]}


def main() -> None:
    """Save long histories, ask in a new thread, then show what was recalled and why."""
    # With an embedder, the search is by words and by meaning: index={"embed": …, "dims": …}.
    with AgentStore(schema="agentstore_examples", index={"mode": "text"}) as store:
        for user, cat in CATS.items():
            said = [f"My cat is called {cat}.", *(f"Ticket {n} is closed." for n in range(2_000))]
            turns = (
                new_turn("monday", text, "Noted.", at=BEGINNING + timedelta(minutes=n))
                for n, text in enumerate(said)
            )
            print(f"{user}: {ConversationMemory(store, user).save_turns(turns)} turns saved")

        builder = StateGraph(MessagesState).add_node(talk)
        builder.add_node("recall", recall_conversation(mode="relevant"))
        builder.add_node("remember", remember_conversation())
        builder.add_edge(START, "recall").add_edge("recall", "talk").add_edge("talk", "remember")
        graph = builder.compile(store=store, checkpointer=InMemorySaver())
        for user in (*CATS, "eve@example.org"):
            config: RunnableConfig = {"configurable": {"thread_id": "friday", "user_id": user}}
            answer = graph.invoke({"messages": [("user", "What is my cat called?")]}, config)
            print(f"{user}: {answer['messages'][-1].text}")

        recalled = ConversationMemory(store, "ada@example.org").explain_recall(
            "What is my cat called?", thread_id="friday", mode="relevant"
        )
        for part in recalled.shown:
            print(f"{part.kind}  {part.line}")
        # So that the example can be run again.
        for user in (*CATS, "eve@example.org"):
            store.delete_user(user)


if __name__ == "__main__":
    main()
