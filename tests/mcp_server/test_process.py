"""`agentstore mcp` as a process: its end, its options."""

from __future__ import annotations

from langgraph_agentstore import AgentStore
from tests.mcp_server.clients import call, stdio_session
from tests.support.commands import agentstore


def test_it_ends_quietly_when_the_client_closes_its_streams(
    postgres_dsn: str, schema_name: str
) -> None:
    done = agentstore("mcp", "--user", "ada", "--schema", schema_name, dsn=postgres_dsn)
    assert (done.status, done.out, done.err) == (0, "", "")


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
