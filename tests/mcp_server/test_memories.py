"""One user's memories, by the official SDK's client."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from typing import Any

import httpx
import pytest
from mcp import ClientSession, McpError, types
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.memory import create_connected_server_and_client_session as connected
from pydantic import AnyUrl

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.errors import ConfigurationError, MissingUserError
from langgraph_agentstore.mcp_server import http_app, knowledge_graph_server, memory_server
from tests.mcp_server.clients import call, refused, stdio_session, text_of

TOKEN = "a-token-of-the-tests"


@pytest.fixture
def searching(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=schema_name, index={"mode": "text"}) as store:
        yield store


async def test_a_memory_lives_through_all_tools(searching: AgentStore) -> None:
    async with connected(memory_server(searching, "ada")) as session:
        saved = await call(session, "remember", content="The user's cat is called Turing.")
        found = await call(session, "search_memories", query="what is the cat's name?")
        await call(
            session, "update_memory", key=saved["key"], content="The user's cat is called Alan."
        )
        listed = await call(session, "list_memories")
        await call(session, "forget", key=saved["key"])
        empty = await call(session, "list_memories")
    assert saved["saved"]
    assert [memory["content"] for memory in found["memories"]] == [
        "The user's cat is called Turing."
    ]
    assert [memory["content"] for memory in listed["memories"]] == [
        "The user's cat is called Alan."
    ]
    assert empty == {"memories": [], "next_cursor": None}


async def test_errors_name_the_tools_that_help(searching: AgentStore) -> None:
    async with connected(memory_server(searching, "ada")) as session:
        assert "search_memories shows the keys" in await refused(session, "forget", key="nothing")
        await call(session, "remember", content="The user drinks black tea every morning.")
        again = await session.call_tool(
            "remember", {"content": "The user drinks black tea every morning!"}
        )
    assert "call update_memory with its key" in text_of(again)
    assert "call remember again" in text_of(again)
    assert again.structuredContent == {"saved": False, "key": None}


async def test_no_tool_lets_a_model_choose_the_user(searching: AgentStore) -> None:
    async with connected(memory_server(searching, "ada")) as session:
        tools = (await session.list_tools()).tools
    for tool in tools:
        assert not {"user", "user_id", "namespace"} & set(tool.inputSchema["properties"])


@pytest.mark.parametrize("make", [memory_server, knowledge_graph_server])
async def test_every_annotation_is_set(searching: AgentStore, make: Any) -> None:
    async with connected(make(searching, "ada")) as session:
        tools = (await session.list_tools()).tools
    for tool in tools:
        assert tool.annotations is not None
        assert None not in tool.annotations.model_dump().values(), tool.name
        assert tool.outputSchema is not None
        if tool.annotations.readOnlyHint:
            assert not tool.annotations.destructiveHint


async def test_pages_go_on_at_the_cursor_and_skip_nothing(searching: AgentStore) -> None:
    async with connected(memory_server(searching, "ada")) as session:
        for number in range(7):
            content = f"Fact {number}: {chr(97 + number) * 20}"
            await call(session, "remember", content=content, although_similar=True)
        seen: list[str] = []
        cursor = None
        while True:
            page = await call(session, "list_memories", cursor=cursor, limit=3)
            seen += [memory["content"][:6] for memory in page["memories"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
    assert sorted(seen) == [f"Fact {number}" for number in range(7)]


async def test_conversations_are_recalled_and_searched(searching: AgentStore) -> None:
    memory = ConversationMemory(searching, "ada")
    await memory.asave_turn("My cat is called Turing.", "A fine name!", thread_id="monday")
    await memory.asave_turn("I repaired the roof.", "Well done.", thread_id="tuesday")
    await ConversationMemory(searching, "bob").asave_turn("My cat is called Bob.", "Oh.", "b")
    async with connected(memory_server(searching, "ada")) as session:
        recalled = await call(session, "recall_conversation", query="How is my cat called?")
        found = await call(session, "search_conversations", query="cat")
    assert "Turing" in recalled["text"]
    assert "Bob" not in recalled["text"]
    assert found["turns"][0]["thread_id"] == "monday"
    assert "Bob" not in str(found)


async def test_memories_and_threads_are_resources(searching: AgentStore) -> None:
    await ConversationMemory(searching, "ada").asave_turn("Hello.", "Hi!", thread_id="a b/c")
    async with connected(memory_server(searching, "ada")) as session:
        saved = await call(session, "remember", content="The user plays the oboe.")
        [resource] = (await session.list_resources()).resources
        read = await session.read_resource(resource.uri)
        thread = await session.read_resource(AnyUrl("memory://threads/a%20b%2Fc"))
        templates = (await session.list_resource_templates()).resourceTemplates
        with pytest.raises(McpError, match="no resource"):
            await session.read_resource(AnyUrl("memory://facts/unknown"))
    assert resource.name == saved["key"]
    assert _text(read) == "The user plays the oboe."
    assert "Hello." in _text(thread)
    assert {template.name for template in templates} == {"memory", "conversation"}


async def test_a_subscriber_is_told_of_what_another_process_writes(
    postgres_dsn: str, schema_name: str
) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()

    async def hear(message: Any) -> None:
        if isinstance(message, types.ServerNotification) and isinstance(
            message.root, types.ResourceUpdatedNotification
        ):
            await told.put(str(message.root.params.uri))

    arguments = (postgres_dsn, schema_name, "--user", "ada")
    async with (
        stdio_session(*arguments, message_handler=hear) as listening,
        stdio_session(*arguments) as writing,
    ):
        await listening.subscribe_resource(AnyUrl("memory://facts"))
        await call(writing, "remember", content="The user plays the oboe.")
        assert await asyncio.wait_for(told.get(), 20) == "memory://facts"
        await listening.unsubscribe_resource(AnyUrl("memory://facts"))
        await listening.subscribe_resource(AnyUrl("memory://facts/other"))
        await call(writing, "remember", content="The user repaired the roof in May.")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(told.get(), 2)


async def test_http_needs_the_token(postgres_dsn: str, schema_name: str) -> None:
    async with _http_server(postgres_dsn, schema_name) as url:
        async with httpx.AsyncClient() as client:
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                answer = await client.post(url, json={}, headers=headers)
                assert answer.status_code == 401
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            httpx.AsyncClient(headers=headers) as client,
            streamable_http_client(url, http_client=client) as (reading, writing, _),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            saved = await call(session, "remember", content="The user plays the oboe.")
            assert saved["saved"]


async def test_a_short_token_and_a_missing_user_are_refused(searching: AgentStore) -> None:
    with pytest.raises(MissingUserError):
        memory_server(searching, "")
    with pytest.raises(ConfigurationError, match="token_urlsafe"):
        http_app(memory_server(searching, "ada"), "short")


@asynccontextmanager
async def _http_server(dsn: str, schema: str) -> AsyncIterator[str]:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [*["-m", "langgraph_agentstore", "mcp", "--user", "ada", "--schema"], schema]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        "--http",
        f"127.0.0.1:{port}",
        env={**os.environ, "AGENTSTORE_DSN": dsn, "AGENTSTORE_MCP_TOKEN": TOKEN},
    )
    url = f"http://127.0.0.1:{port}/mcp"
    try:
        async with httpx.AsyncClient() as client:
            while True:
                try:
                    await client.get(url)
                    break
                except httpx.TransportError:
                    assert process.returncode is None
                    await asyncio.sleep(0.1)
        yield url
    finally:
        process.terminate()
        await process.wait()


def _text(read: types.ReadResourceResult) -> str:
    [content] = read.contents
    assert isinstance(content, types.TextResourceContents)
    return content.text
