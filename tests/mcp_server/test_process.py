"""`agentstore mcp` as a process: its end, its options."""

from __future__ import annotations

import json
from typing import Any

from langgraph_agentstore import AgentStore
from tests.mcp_server.clients import call, stdio_session
from tests.support.commands import agentstore


def test_it_ends_quietly_when_the_client_closes_its_streams(
    postgres_dsn: str, schema_name: str
) -> None:
    done = agentstore("mcp", "--user", "ada", "--schema", schema_name, dsn=postgres_dsn)
    assert (done.status, done.out, done.err) == (0, "", "")


def test_a_request_that_it_does_not_know_is_refused_and_logged_nowhere(
    postgres_dsn: str, schema_name: str
) -> None:
    """As newer clients ask first; the SDK's warning would repeat parts of the request."""
    hello = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "c", "version": "1"},
    }
    messages: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "server/discover", "params": {"secret": "tea"}},
        {"id": 3, "method": "tools/call", "params": {"name": 5, "arguments": "my secret"}},
        {"method": "notifications/unknown", "params": {"secret": "tea"}},
    ]
    lines = "".join(json.dumps({"jsonrpc": "2.0", **message}) + "\n" for message in messages)
    arguments = ("mcp", "--user", "ada", "--schema", schema_name)
    done = agentstore(*arguments, dsn=postgres_dsn, stdin=lines)
    assert (done.status, done.err) == (0, "")
    assert {row["id"]: "error" in row for row in done.rows} == {1: False, 2: True, 3: True}


def test_http_without_a_token_names_the_variable(postgres_dsn: str, schema_name: str) -> None:
    http = ("--http", "127.0.0.1:8321")
    done = agentstore("mcp", "--user", "ada", *http, "--schema", schema_name, dsn=postgres_dsn)
    assert (done.status, "set AGENTSTORE_MCP_TOKEN" in done.err) == (2, True)


async def test_an_operator_searches_by_words_without_a_profile(
    postgres_dsn: str, schema_name: str
) -> None:
    async with AgentStore(postgres_dsn, schema=schema_name, index={"mode": "text"}) as store:
        await store.aput(("users", "ada"), "tea", {"text": "green tea"})
        await store.aput(("users", "ada"), "milk", {"text": "oat milk"})
        async with stdio_session(postgres_dsn, schema_name, "--inspect") as session:
            found = await call(session, "search_items", query="tea")
    assert [item["key"] for item in found["items"]] == ["tea"]
