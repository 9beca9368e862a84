"""Live changes: told as they happen, to those who may see them, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore, PoolConfig
from langgraph_agentstore.explorer import live_page
from langgraph_agentstore.explorer.app import local_explorer_app
from tests.explorer.conftest import HOSTILE, HOSTILE_KEY, INDEX, TOKEN, signed_in
from tests.support.faults import execute


class Stream:
    """A browser that reads `/live/events`, as the server sees it."""

    def __init__(self, app: Any, query: str) -> None:
        self._left = asyncio.Event()
        self._chunks: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        client = signed_in_cookie(app)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/live/events",
            "raw_path": b"/live/events",
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"host", b"127.0.0.1"), (b"cookie", client.encode())],
            "server": ("127.0.0.1", 80),
        }
        self.task = asyncio.ensure_future(app(scope, self._receive, self._chunks.put))

    async def _receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def leave(self) -> None:
        self._left.set()
        await asyncio.wait_for(self.task, 10)

    async def event(self, *names: str) -> tuple[str, Any]:
        """The next event of one of these names."""
        while True:
            chunk = await asyncio.wait_for(self._chunks.get(), 10)
            name, _, data = chunk.get("body", b"").decode().partition("\n")
            if name.removeprefix("event: ") in names:
                return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def signed_in_cookie(app: Any) -> str:
    return f"{app._door.cookie}={TOKEN}"


@asynccontextmanager
async def following(app: Any, query: str) -> AsyncIterator[Stream]:
    stream = Stream(app, query)
    await stream.event("begun")
    yield stream
    await stream.leave()


def watches(store: AgentStore, dsn: str) -> int:
    schema = store.planner.context.tables.schema
    return int(execute(dsn, "SELECT count(*) FROM {}.watch", schema)[0][0])


def test_changes_are_told_of_the_namespace_and_those_below(explored: AgentStore) -> None:
    async def main() -> list[tuple[str, str, str]]:
        app = local_explorer_app(explored, TOKEN)
        view = explored.for_user("live")
        told = []
        async with following(app, "u=live&n=a") as stream:
            await explored.for_user("other").aput(("a",), "k", {"text": "others"})
            await view.aput(("b",), "k", {"text": "elsewhere"})
            await view.aput(("ab",), "k", {"text": "elsewhere"})
            await view.aput(("a",), "k", {"text": "<b>one"})
            await view.aput(("a", "c"), "k", {"text": "two"})
            await view.adelete(("a",), "k")
            for _ in range(3):
                _, change = await stream.event("change")
                told.append((change["what"], change["namespace"], change["text"]))
        async with following(app, "u=live") as stream:
            await view.aput(("b",), "whole", {"text": "user"})
            _, change = await stream.event("change")
            assert change["href"] == "/item?u=live&n=b&k=whole"
        return told

    assert asyncio.run(main()) == [
        ("written", "a", '{"text": "<b>one"}'),
        ("written", "a / c", '{"text": "two"}'),
        ("removed", "a", ""),
    ]


def test_a_stream_ends_with_its_visitor_and_leaves_nothing(
    explored: AgentStore, postgres_dsn: str
) -> None:
    async def main() -> None:
        app = local_explorer_app(explored, TOKEN)
        before = watches(explored, postgres_dsn)
        streams = [Stream(app, f"u=left{n}") for n in range(3)]
        for stream in streams:
            await stream.event("begun")
        assert watches(explored, postgres_dsn) == before + 3
        for stream in streams:
            await stream.leave()
        # One that leaves while its watch is being registered, too.
        hasty = Stream(app, "u=hasty")
        await asyncio.sleep(0)
        await hasty.leave()
        for _ in range(200):
            mine = {asyncio.current_task()}
            if watches(explored, postgres_dsn) == before and asyncio.all_tasks() == mine:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"something stayed: {asyncio.all_tasks() - mine}")

    asyncio.run(main())


def test_hostile_changes_are_text(explored: AgentStore) -> None:
    async def main() -> Any:
        app = local_explorer_app(explored, TOKEN)
        async with following(app, "u=live") as stream:
            view = explored.for_user("live")
            await view.aput(("<i>\u202e",), HOSTILE_KEY, {"text": HOSTILE + "é" * 500_000})
            return await stream.event("change")

    _, change = asyncio.run(main())
    shown = "".join(value for name, value in change.items() if name != "href")
    assert not [sign for sign in shown if ord(sign) < 32 or sign == "\u202e"]
    assert len(change["text"]) <= 300
    assert change["key"].startswith("k/<b>\\x01\\t\\n\\u202e")


def test_streams_are_bounded_and_end_with_the_server(
    explored: AgentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_page, "MOST_STREAMS", 1)
    monkeypatch.setattr(live_page, "MOST_TOLD", 2)
    ending = False

    async def main() -> None:
        nonlocal ending
        app = local_explorer_app(explored, TOKEN, is_ending=lambda: ending)
        async with following(app, "u=live") as stream:
            refused = Stream(app, "u=live")
            start = await asyncio.wait_for(refused._chunks.get(), 10)
            assert start["status"] == 503
            view = explored.for_user("live")
            await asyncio.to_thread(view.batch, [view_put(f"many{n}") for n in range(5)])
            told = skipped = 0
            while told + skipped < 5:
                name, data = await stream.event("skipped", "change")
                told += name == "change"
                skipped += data.get("changes", 0)
            assert data["key"] in {f"many{n}" for n in range(5)}  # of one statement, in any order
            ending = True
            assert (await stream.event("ended"))[0] == "ended"
            await asyncio.wait_for(stream.task, 10)

    asyncio.run(main())


def view_put(key: str) -> PutOp:
    return PutOp(("many",), key, {"text": key})


def test_a_store_that_may_not_write_watches_with_another(postgres_dsn: str) -> None:
    pool = PoolConfig(session_settings={"default_transaction_read_only": "on"})
    with (
        AgentStore(postgres_dsn, schema="explored_live", index=INDEX) as writing,
        AgentStore(postgres_dsn, schema="explored_live", index=INDEX, pool=pool) as reading,
    ):
        writing.for_user("ada").put(("a",), "k", {"text": "there"})

        async def main() -> None:
            async with following(
                local_explorer_app(reading, TOKEN, watching=writing), "u=ada"
            ) as stream:
                await writing.for_user("ada").aput(("a",), "k", {"text": "changed"})
                assert (await stream.event("change"))[1]["what"] == "written"
            alone = Stream(local_explorer_app(reading, TOKEN), "u=ada")
            assert "read-only" in (await alone.event("ended"))[1]["reason"]
            await asyncio.wait_for(alone.task, 10)

        asyncio.run(main())


def test_the_page_names_its_stream(explored: AgentStore) -> None:
    client = signed_in(explored)
    page = client.get("/live", params={"u": "ada", "n": "notes"}).text
    assert 'data-live="/live/events?u=ada&amp;n=notes"' in page
    assert client.head("/live/events", params={"u": "ada"}).status_code == 200
