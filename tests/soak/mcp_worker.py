"""MCP clients of the official SDK, each of a user of its own: over HTTP, and over a pipe."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import Any

import httpx
import psutil
from anyio.from_thread import start_blocking_portal
from mcp import ClientSession, McpError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import TextResourceContents
from pydantic import AnyUrl

from langgraph_agentstore.errors import StoreTimeoutError, StoreUnavailableError
from langgraph_agentstore.mcp_server import http_app, memory_server
from tests.soak.beliefs import AWAY, Believed, Fate, fate_of
from tests.soak.heard import USER
from tests.soak.mcp_process import VARIABLE
from tests.soak.serving import Served
from tests.soak.workers import Place, Worker

TOKEN = "a-token-of-the-soak-test"
MOST_FACTS = 20
LATE_WORDS = ("no answer came", "took longer", "took too long", "stayed busy")
AWAY_WORDS = (
    "cannot connect",
    "connection was lost",
    "whether a write was made",
    "read-only",
    "cannot be reached",
    "nothing was sent",
)
SAMPLED_S = 2.0


class McpWorker(Worker):
    """remember, update, forget, search, list and read: what a client was told is there."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.over_pipe = number % 2 == 1
        self.facts: dict[str, Believed] = {}
        self.maybe: set[str] = set()
        self.number = 0
        self.memory: list[tuple[float, int]] = []

    def begin(self) -> None:
        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal())
            opened = self._by_pipe if self.over_pipe else self._by_http
            self.session = stack.enter_context(portal.wrap_async_context_manager(opened()))
            self.portal = portal
            self._closing = stack.pop_all()

    def turn(self) -> None:
        self._sample()
        acts = (self.remember, self.update, self.forget, self.search, self.list, self.read)
        self.chance.choices(acts, (8, 6, 3, 6, 3, 3))[0]()

    def check(self) -> None:
        self.list()
        self.search()

    def claims(self) -> dict[str, Any]:
        return {"children": self.memory} if self.over_pipe else {}

    def close(self) -> None:
        self._closing.close()
        if self.over_pipe:
            said = self._errors.read_text("utf-8")
            assert not USER.search(said), said[:2000]
            assert "Traceback" not in said, said[-4000:]

    def remember(self) -> None:
        if len(self.facts) + len(self.maybe) >= MOST_FACTS:
            self.forget()
            return
        self.number += 1
        content = f"fact of {self.user!r} word{self.number} "
        content = content.strip()
        self.maybe.add(content)
        done = self._tool("remember", content=content, although_similar=True)
        assert done["saved"], done
        self.maybe.discard(content)
        self._cell(done["key"]).note(content, Fate.DONE)

    def update(self) -> None:
        key = self._any()
        if key is None:
            return
        self.number += 1
        content = f"fact of {self.user!r} word{self.number}"
        self._write(key, content, "update_memory", key=key, content=content)

    def forget(self) -> None:
        key = self._any()
        if key is not None:
            self._write(key, None, "forget", key=key)
            self._drop(key)

    def search(self) -> None:
        key = self._any()
        query = "" if key is None else self.facts[key].value
        found = self._tool("search_memories", query=query, limit=50)["memories"]
        shown = {each["key"]: each["content"] for each in found}
        self._owned(shown)
        assert key is None or key in shown, f"{query!r} was not found among {shown}"
        for each, content in shown.items():
            self._found(each, content)

    def list(self) -> None:
        shown: dict[str, str] = {}
        cursor: str | None = None
        while True:
            page = self._tool("list_memories", limit=8, cursor=cursor)
            shown |= {each["key"]: each["content"] for each in page["memories"]}
            cursor = page["next_cursor"]
            if cursor is None:
                break
        self._owned(shown)
        for key in {*self.facts, *shown}:
            self._found(key, shown.get(key))

    def read(self) -> None:
        """The resource of a memory is its text."""
        key = self._any()
        if key is None:
            return
        try:
            result = self.portal.call(self.session.read_resource, AnyUrl(f"memory://facts/{key}"))
        except McpError as error:
            raise failure_of(str(error)) from error
        [content] = result.contents
        assert isinstance(content, TextResourceContents)
        self._owned({key: content.text})
        self._found(key, content.text)

    def _write(self, at: str, becomes: str | None, tool: str, **arguments: Any) -> None:
        try:
            self._tool(tool, **arguments)
        except AWAY as error:
            self._cell(at).note(becomes, fate_of(error))
            raise
        self._cell(at).note(becomes, Fate.DONE)

    def _tool(self, name: str, **arguments: Any) -> Any:
        result = self.portal.call(partial(self.session.call_tool, name, arguments))
        text = getattr(result.content[0], "text", "") if result.content else ""
        if result.isError:
            raise failure_of(text)
        self._owned({"text": text})
        return result.structuredContent

    def _owned(self, shown: dict[str, str]) -> None:
        others = {name for text in shown.values() for name in USER.findall(text)} - {self.user}
        assert not others, f"{self.user} was shown {others}"
        self.tally.checked += 1

    def _found(self, key: str, content: str | None) -> None:
        if key not in self.facts and content is not None:
            assert content in self.maybe, f"{content!r} was never remembered"
            self.maybe.discard(content)
            self.facts[key] = Believed()
            self.facts[key].note(content, Fate.DOUBTFUL)
        self._cell(key).check(content)
        self._drop(key)

    def _cell(self, key: str) -> Believed:
        return self.facts.setdefault(key, Believed())

    def _drop(self, key: str) -> None:
        if self.facts[key].is_certain and self.facts[key].value is None:
            del self.facts[key]

    def _any(self) -> str | None:
        certain = [key for key, cell in self.facts.items() if cell.is_certain]
        return self.chance.choice(certain) if certain else None

    @asynccontextmanager
    async def _by_http(self) -> AsyncIterator[ClientSession]:
        served = Served(http_app(memory_server(self.place.indexed, self.user), TOKEN))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        try:
            async with (
                httpx.AsyncClient(headers=headers, timeout=120) as client,
                streamable_http_client(f"{served.address}/mcp", http_client=client) as streams,
                ClientSession(*streams[:2]) as session,
            ):
                await session.initialize()
                yield session
        finally:
            served.close()

    @asynccontextmanager
    async def _by_pipe(self) -> AsyncIterator[ClientSession]:
        task = {"opening": self.place.opening.as_task(), "user": self.user}
        command = StdioServerParameters(
            command=sys.executable,
            args=["-m", "tests.soak.mcp_process"],
            env={**os.environ, VARIABLE: json.dumps(task)},
        )
        self._errors = self.place.folder / f"mcp-errors-{self.place.process}.txt"
        with self._errors.open("w", encoding="utf-8") as errors:
            async with (
                stdio_client(command, errlog=errors) as streams,
                ClientSession(*streams) as session,
            ):
                await session.initialize()
                yield session

    def _sample(self) -> None:
        """Memory of the server at the other end of the pipe, in bytes."""
        now = time.monotonic()
        if self.over_pipe and (not self.memory or now > self.memory[-1][0] + SAMPLED_S):
            children = psutil.Process().children(recursive=True)
            rss = sum(c.memory_info().rss for c in children if "mcp_process" in str(c.cmdline()))
            self.memory.append((round(now, 1), rss))


def failure_of(text: str) -> Exception:
    """What a tool says that met a server which is away; anything else is a fault."""
    if any(words in text for words in LATE_WORDS):
        return StoreTimeoutError(text, written=None)
    if any(words in text for words in AWAY_WORDS):
        return StoreUnavailableError(text, written=None)
    return AssertionError(text)
