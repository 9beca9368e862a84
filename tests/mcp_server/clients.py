"""Clients of the official SDK."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp import ClientSession, StdioServerParameters, stdio_client, types


@asynccontextmanager
async def stdio_session(
    dsn: str, schema: str, *arguments: str, **options: Any
) -> AsyncIterator[ClientSession]:
    """Start `agentstore mcp` as a client would, and connect to its streams."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "langgraph_agentstore", "mcp", "--schema", schema, *arguments],
        env={**os.environ, "AGENTSTORE_DSN": dsn},
    )
    async with (
        stdio_client(command) as (reading, writing),
        ClientSession(reading, writing, **options) as session,
    ):
        await session.initialize()
        yield session


async def call(session: ClientSession, name: str, **arguments: Any) -> Any:
    """Call a tool and return its data."""
    result = await session.call_tool(name, arguments)
    assert not result.isError, text_of(result)
    return result.structuredContent


async def refused(session: ClientSession, name: str, **arguments: Any) -> str:
    """Call a tool that fails; return what it says."""
    result = await session.call_tool(name, arguments)
    assert result.isError
    return text_of(result)


def text_of(result: types.CallToolResult) -> str:
    [content] = result.content
    assert isinstance(content, types.TextContent)
    return content.text


def json_of(result: types.CallToolResult) -> Any:
    return json.loads(text_of(result))
