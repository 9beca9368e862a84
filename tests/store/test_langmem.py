"""langmem's tools and its store manager on an `AgentStore`."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import InvalidNamespaceError
from tests.memory_tools.agents import RepliesInTurn, asking, call, of, tool_graph
from tests.support.embedders import words_vector
from tests.support.memory_graphs import needs_async_contexts

langmem: Any = pytest.importorskip("langmem")

DIMS = 256
OF_USER = ("users", "{user_id}", "memories")
ALICES = ("users", "alice", "memories")
BOBS = ("users", "bob", "memories")


def embed(texts: Any) -> list[list[float]]:
    return [words_vector(text, DIMS) for text in texts]


INDEXES: dict[str, Any] = {
    "no index": None,
    "text": {"mode": "text"},
    "vector": {"dims": DIMS, "embed": embed, "mode": "vector"},
    "hybrid": {"dims": DIMS, "embed": embed, "mode": "hybrid"},
}


@pytest.fixture(params=INDEXES)
def indexed(
    request: pytest.FixtureRequest, postgres_dsn: str, schema_name: str
) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=schema_name, index=INDEXES[request.param]) as store:
        yield store


def graph_of_tools(store: Any, namespace: tuple[str, ...]) -> Any:
    tools = [
        langmem.create_manage_memory_tool(namespace=namespace),
        langmem.create_search_memory_tool(namespace=namespace),
    ]
    builder = StateGraph(MessagesState).add_node("tools", ToolNode(tools))
    return builder.add_edge(START, "tools").compile(store=store)


def used(graph: Any, name: str, user: str = "alice", **args: Any) -> str:
    answer = graph.invoke({"messages": [asking((name, args))]}, of(user))
    text: str = answer["messages"][-1].text
    return text


async def aused(graph: Any, name: str, user: str = "alice", **args: Any) -> str:
    answer = await graph.ainvoke({"messages": [asking((name, args))]}, of(user))
    text: str = answer["messages"][-1].text
    return text


def contents(store: Any, namespace: tuple[str, ...] = ALICES) -> list[Any]:
    return [item.value["content"] for item in store.search(namespace)]


# The tools


def test_a_memory_is_created_found_changed_and_deleted(indexed: AgentStore) -> None:
    graph = graph_of_tools(indexed, OF_USER)

    created = used(graph, "manage_memory", content="The user likes tea.")
    key = created.rpartition(" ")[2]
    [found] = json.loads(used(graph, "search_memory", query="tea"))
    assert (found["key"], found["namespace"]) == (key, [*ALICES])
    assert found["value"] == {"content": "The user likes tea."}

    used(graph, "manage_memory", action="update", id=key, content="Likes coffee.")
    assert contents(indexed) == ["Likes coffee."]
    assert contents(indexed.for_user("alice"), ("memories",)) == ["Likes coffee."]

    used(graph, "manage_memory", action="delete", id=key)
    assert contents(indexed) == []


@needs_async_contexts
async def test_the_awaited_tools_do_the_same(indexed: AgentStore) -> None:
    graph = graph_of_tools(indexed, OF_USER)

    created = await aused(graph, "manage_memory", content="The user likes tea.")
    key = created.rpartition(" ")[2]
    [found] = json.loads(await aused(graph, "search_memory", query="tea"))
    await aused(graph, "manage_memory", action="delete", id=key)

    assert found["key"] == key
    assert contents(indexed) == []


def test_users_stay_apart_by_the_template_and_by_the_view(store: AgentStore) -> None:
    by_template = graph_of_tools(store, OF_USER)
    by_view = graph_of_tools(store.per_user(), ("memories",))

    used(by_template, "manage_memory", content="Alice's.")
    used(by_view, "manage_memory", "bob", content="Bob's.")

    assert contents(store) == ["Alice's."]
    assert contents(store, BOBS) == ["Bob's."]
    assert json.loads(used(by_view, "search_memory", query=""))[0]["value"]["content"] == "Alice's."


def test_ids_with_periods_need_the_view(store: AgentStore) -> None:
    user = "alice@example.org"

    with pytest.raises(InvalidNamespaceError):
        used(graph_of_tools(store, OF_USER), "manage_memory", user, content="Likes tea.")
    used(graph_of_tools(store.per_user(), ("memories",)), "manage_memory", user, content="Naps.")

    assert contents(store.for_user(user), ("memories",)) == ["Naps."]


def test_deleting_a_user_deletes_what_is_below_users(store: AgentStore) -> None:
    used(graph_of_tools(store, OF_USER), "manage_memory", content="Gone.")
    used(graph_of_tools(store, ("memories", "{user_id}")), "manage_memory", content="Shared.")

    store.delete_user("alice")

    assert contents(store) == []
    assert contents(store, ("memories", "alice")) == ["Shared."]


# The manager


def remembers(content: str) -> AIMessage:
    return asking(("Memory", {"content": content}))


def corrects(content: str) -> Any:
    """Patch the first memory that the model is shown."""

    def reply(messages: list[Any]) -> AIMessage:
        patch = {"op": "replace", "path": "/content", "value": content}
        args = {"json_doc_id": _known_in(messages), "planned_edits": "", "patches": [patch]}
        return asking(("PatchDoc", args))

    return reply


def removes(messages: list[Any]) -> AIMessage:
    return asking(("RemoveDoc", {"json_doc_id": _known_in(messages)}))


def _known_in(messages: list[Any]) -> str:
    text = "\n".join(message.text for message in messages)
    found = re.search(r"\b[0-9a-f]{32}\b", text)
    assert found is not None, text
    return found[0]


def manager_of(store: Any, *replies: Any, namespace: tuple[str, ...] = OF_USER) -> Any:
    return langmem.create_memory_store_manager(
        RepliesInTurn(replies=list(replies)),
        namespace=namespace,
        store=store,
        enable_deletes=True,
    )


def said(text: str) -> Any:
    return {"messages": [HumanMessage(text)]}


def test_the_manager_extracts_corrects_and_removes(indexed: AgentStore) -> None:
    manager = manager_of(
        indexed, remembers("The user likes tea."), corrects("The user likes coffee."), removes
    )

    manager.invoke(said("I like tea."), of("alice"))
    assert contents(indexed) == [{"content": "The user likes tea."}]
    manager.invoke(said("I mean the user likes coffee."), of("alice"))
    assert contents(indexed) == [{"content": "The user likes coffee."}]
    manager.invoke(said("Forget what the user likes."), of("alice"))
    assert contents(indexed) == []


@needs_async_contexts
async def test_the_awaited_manager_does_the_same(indexed: AgentStore) -> None:
    manager = manager_of(
        indexed, remembers("The user likes tea."), corrects("The user likes coffee."), removes
    )

    await manager.ainvoke(said("I like tea."), of("alice"))
    await manager.ainvoke(said("I mean the user likes coffee."), of("alice"))
    assert contents(indexed) == [{"content": "The user likes coffee."}]
    await manager.ainvoke(said("Forget what the user likes."), of("alice"))

    assert contents(indexed) == []


@pytest.mark.parametrize("mode", ["text", "hybrid"])
def test_quotes_in_a_conversation_hide_no_memory_from_plain_queries(
    postgres_dsn: str, schema_name: str, mode: str
) -> None:
    index = {**INDEXES[mode], "query_syntax": "plain"}
    with AgentStore(postgres_dsn, schema=schema_name, index=index) as store:
        manager = manager_of(store, remembers("Likes tea."), corrects("Likes coffee."))
        manager.invoke(said("I like tea."), of("alice"))
        manager.invoke(said('Not "black tea" -tea, "black coffee".'), of("alice"))

        assert contents(store) == [{"content": "Likes coffee."}]


def test_one_manager_serves_all_users_of_a_per_user_graph(store: AgentStore) -> None:
    users = [f"user:{number}" for number in range(6)]
    manager = langmem.create_memory_store_manager(
        Echoing(replies=[]), namespace=("memories",), enable_deletes=True
    )

    def node(state: MessagesState) -> dict[str, Any]:
        manager.invoke({"messages": state["messages"]})
        return {}

    builder = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node")
    graph = builder.compile(store=store.per_user())
    threads = [
        threading.Thread(target=graph.invoke, args=(said(f"I am {user}."), of(user)))
        for user in users
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for user in users:
        [content] = contents(store, ("users", user, "memories"))
        assert f"I am {user}." in content["content"]


class Echoing(RepliesInTurn):
    """Remembers what the user said."""

    def _generate(self, messages: list[Any], *_: Any, **__: Any) -> Any:
        words = re.search(r"I am [\w:]+\.", messages[-1].text)
        assert words is not None
        return RepliesInTurn(replies=[remembers(words[0])])._generate(messages)


@needs_async_contexts
async def test_many_awaited_managers_at_once_lose_nothing(store: AgentStore) -> None:
    users = [f"user:{number}" for number in range(20)]

    async def extract(user: str) -> None:
        await manager_of(store, remembers(f"I am {user}.")).ainvoke(said("Hello."), of(user))

    await asyncio.gather(*map(extract, users))

    for user in users:
        assert contents(store, ("users", user, "memories")) == [{"content": f"I am {user}."}]


def test_the_managers_own_methods_read_the_store(indexed: AgentStore) -> None:
    manager = manager_of(indexed, remembers("The user likes tea."))
    manager.invoke(said("I like tea."), of("alice"))

    [found] = manager.search(query="tea", config=of("alice"))
    again = manager.get(found.key, config=of("alice"))

    assert found.value.content == again.value.content == "The user likes tea."
    assert manager.search(query="tea", config=of("bob")) == []


def test_the_memory_tools_of_this_package_show_what_langmem_saved(store: AgentStore) -> None:
    manager_of(store, remembers("The user likes tea.")).invoke(said("I like tea."), of("alice"))
    graph = tool_graph(store, namespace=("memories",))

    answer = call(graph, "search_memories", of("alice"), query="tea")

    assert ': "The user likes tea." (' in answer
