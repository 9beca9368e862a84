"""Read access for operators, by the official SDK's client."""

from __future__ import annotations

from mcp.shared.memory import create_connected_server_and_client_session as connected

from langgraph_agentstore import AgentStore
from langgraph_agentstore.mcp_server import inspection_server
from tests.mcp_server.clients import call, refused


async def filled(store: AgentStore) -> None:
    for number in range(5):
        await store.aput(("users", "ada", "notes"), f"k/{number}", {"n": number})
    await store.aput(("users", "bob", "notes"), "tea", {"n": 9})


async def test_namespaces_and_items_are_paged_through(store: AgentStore) -> None:
    await filled(store)
    async with connected(inspection_server(store)) as session:
        top = await call(session, "list_namespaces", namespace="users")
        keys: list[str] = []
        after = None
        while True:
            page = await call(session, "list_items", namespace="users", after=after, limit=2)
            keys += [row["path"] for row in page["items"]]
            after = page["next"]
            if after is None:
                break
    assert top == {"namespaces": ["users/ada", "users/bob"]}
    assert keys == [*[f"users/ada/notes/k%2F{n}" for n in range(5)], "users/bob/notes/tea"]


async def test_one_item_is_shown_and_a_missing_one_is_told(store: AgentStore) -> None:
    await filled(store)
    async with connected(inspection_server(store)) as session:
        found = await call(session, "get_item", namespace="users/ada/notes", key="k/3")
        told = await refused(session, "get_item", namespace="users/ada/notes", key="none")
        some = await call(session, "list_items", namespace="users/ada", filter=["n>=3"])
        health = await call(session, "store_health")
    assert found["value"] == '{"n": 3}'
    assert "no item" in told
    assert [row["value"] for row in some["items"]] == ['{"n": 3}', '{"n": 4}']
    assert health["read_only"] == "False"


async def test_every_tool_only_reads(store: AgentStore) -> None:
    async with connected(inspection_server(store)) as session:
        tools = (await session.list_tools()).tools
    assert len(tools) == 5
    for tool in tools:
        assert tool.annotations is not None
        assert tool.annotations.readOnlyHint


async def test_hostile_values_are_shown_as_text(store: AgentStore) -> None:
    await store.aput(("users", "ada"), "k", {"text": "\u202e\x1b[2Jboo"})
    async with connected(inspection_server(store)) as session:
        listed = await call(session, "list_items", namespace="users/ada")
        shown = await call(session, "get_item", namespace="users/ada", key="k")
    for value in (listed["items"][0]["value"], shown["value"]):
        assert "\x1b" not in value
        assert "\u202e" not in value
