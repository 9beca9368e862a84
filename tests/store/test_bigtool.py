"""langgraph-bigtool: an agent that finds its tools in an `AgentStore`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.tools import BaseTool, tool
from langgraph.prebuilt import ToolNode

from langgraph_agentstore import AgentStore
from langgraph_agentstore.memory_tools import memory_tools
from tests.memory_tools.agents import RepliesInTurn, asking, of, told
from tests.support.embedders import words_vector
from tests.support.memory_graphs import needs_async_contexts

bigtool: Any = pytest.importorskip("langgraph_bigtool")

DIMS = 256
TOOLS = ("tools",)


def embed(texts: Any) -> list[list[float]]:
    return [words_vector(text, DIMS) for text in texts]


INDEXES: dict[str, Any] = {
    "text": {"mode": "text"},
    "vector": {"dims": DIMS, "embed": embed, "mode": "vector"},
    "hybrid": {"dims": DIMS, "embed": embed, "mode": "hybrid"},
}


@tool
def add(a: int, b: int) -> int:
    """Return the sum of two numbers."""
    return a + b


@tool
def translate(text: str) -> str:
    """Translate a text to French."""
    return f"« {text} »"


@tool
def book_train(city: str) -> str:
    """Book a seat on the next train."""
    return f"booked to {city}"


REGISTRY: dict[str, BaseTool] = {"1": add, "2": translate, "3": book_train}


@pytest.fixture(autouse=True)
def _method_that_langgraph_1_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the how-to: a `ToolNode` injects by itself since LangGraph 1.0."""
    if not hasattr(ToolNode, "inject_tool_args"):
        monkeypatch.setattr(
            ToolNode, "inject_tool_args", lambda _self, call, *_: call, raising=False
        )


@pytest.fixture(params=INDEXES)
def indexed(
    request: pytest.FixtureRequest, postgres_dsn: str, schema_name: str
) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=schema_name, index=INDEXES[request.param]) as store:
        for key, each in REGISTRY.items():
            store.put(TOOLS, key, {"description": f"{each.name}: {each.description}"})
        yield store


def model_that_needs(query: str, name: str, **args: Any) -> RepliesInTurn:
    return RepliesInTurn(
        replies=[asking(("retrieve_tools", {"query": query})), asking((name, args)), "Done."]
    )


@pytest.mark.parametrize(
    ("query", "name", "args", "says"),
    [
        ("the sum of numbers", "add", {"a": 1, "b": 2}, "3"),
        ("book a seat on a train", "book_train", {"city": "Rome"}, "booked to Rome"),
    ],
)
def test_an_agent_finds_the_tool_and_uses_it(
    indexed: AgentStore, query: str, name: str, args: Any, says: str
) -> None:
    model = model_that_needs(query, name, **args)
    agent = bigtool.create_agent(model, REGISTRY, limit=1).compile(store=indexed)

    answer = agent.invoke({"messages": [("user", "Please.")]})

    assert told(answer) == [f"Available tools: ['{name}']", says]
    assert [each.name for each in model.offered[0]] == ["retrieve_tools"]
    assert [each.name for each in model.offered[1]] == ["retrieve_tools", name]


@needs_async_contexts
async def test_an_awaited_agent_does_so_too(indexed: AgentStore) -> None:
    model = model_that_needs("the sum of numbers", "add", a=1, b=2)
    agent = bigtool.create_agent(model, REGISTRY, limit=1).compile(store=indexed)

    answer = await agent.ainvoke({"messages": [("user", "Please.")]})

    assert told(answer) == ["Available tools: ['add']", "3"]


def test_a_filter_limits_the_tools(indexed: AgentStore) -> None:
    indexed.put(TOOLS, "1", {"description": "add: the sum of two numbers", "group": "math"})
    model = RepliesInTurn(
        replies=[asking(("retrieve_tools", {"query": "book a train, or the sum of two"})), "Done."]
    )
    agent = bigtool.create_agent(model, REGISTRY, limit=3, filter={"group": "math"})

    answer = agent.compile(store=indexed).invoke({"messages": [("user", "Please.")]})

    assert told(answer) == ["Available tools: ['add']"]


def test_its_tools_may_keep_facts_of_the_user(indexed: AgentStore) -> None:
    save, *_ = memory_tools()
    indexed.put(TOOLS, "4", {"description": f"{save.name}: {save.description}"})
    model = model_that_needs("remember a fact", "save_memory", content="Likes tea.")
    agent = bigtool.create_agent(model, {**REGISTRY, "4": save}, limit=1).compile(store=indexed)

    agent.invoke({"messages": [("user", "I like tea.")]}, of("alice"))

    [item] = indexed.search(("users", "alice", "facts"))
    assert item.value["content"] == "Likes tea."


def test_tools_of_all_users_are_not_found_through_one_users_view(indexed: AgentStore) -> None:
    model = RepliesInTurn(replies=[asking(("retrieve_tools", {"query": "the sum"})), "None."])
    agent = bigtool.create_agent(model, REGISTRY).compile(store=indexed.per_user())

    answer = agent.invoke({"messages": [("user", "Please.")]}, of("alice"))

    assert told(answer) == ["Available tools: []"]
