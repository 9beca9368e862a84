"""Memories found by meaning, by words or by both; a graph gives its model only the best of them.

python examples/search.py
"""

import re
from typing import Any

from langchain_core.messages import SystemMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from scripted_model import ScriptedModel

from langgraph_agentstore import AgentStore

TOLD = [
    "My cat is called Turing.",
    "My sister is Lena, she plays the violin.",
    "Green tea without sugar is what I take in the morning.",
    "The booking of the night train to Oslo has number KX4471.",
    "I paint in watercolour at weekends.",
]

TOPICS = [
    "cat pet animal kitten lives",
    "sister brother family relatives",
    "tea coffee drink breakfast",
    "train travel journey booking",
    "paint watercolour art hobby",
]


def embed(texts: list[str]) -> list[list[float]]:
    """Stands in for a model of sentences: one number for each topic."""
    said = [re.findall(r"\w+", text.lower()) for text in texts]
    return [[0.1 + sum(w in topic.split() for w in words) for topic in TOPICS] for words in said]


# With a real model: {"embed": "openai:text-embedding-3-small", "dims": 1536, …}
index = {"embed": embed, "dims": len(TOPICS), "fields": ["text"], "mode": "hybrid"}


def talk(state: MessagesState, runtime: Runtime) -> dict[str, Any]:
    """Answers with the two memories in mind that the question is about."""
    assert runtime.store is not None
    question = state["messages"][-1]
    found = runtime.store.search(("memories",), query=question.text, limit=2)
    known = SystemMessage("The user told you:\n" + "\n".join(item.value["text"] for item in found))
    return {"messages": [ScriptedModel().invoke([known, question])]}


def main() -> None:
    """Search in each of the ways, then let a graph do so."""
    with AgentStore(schema="agentstore_example_search", index=index) as store:
        ada = store.for_user("ada")
        for number, text in enumerate(TOLD):
            ada.put(("memories",), str(number), {"text": text})

        for mode, query in [
            ("vector", "Which animal lives with me?"),
            ("text", "KX4471"),
            ("hybrid", "When does my train leave?"),
        ]:
            best = ada.search(("memories",), query=query, mode=mode, limit=1)[0]
            print(f"{mode:6}  {query} → {best.value['text']} ({best.scored_by} {best.score:.2f})")

        builder = StateGraph(MessagesState).add_node(talk).add_edge(START, "talk")
        graph = builder.compile(store=store.per_user())
        answer = graph.invoke(
            {"messages": [("user", "What is my cat called?")]}, {"configurable": {"user_id": "ada"}}
        )
        print(f"agent: {answer['messages'][-1].text}")
        # So that the example can be run again.
        store.delete_user("ada")


if __name__ == "__main__":
    main()
