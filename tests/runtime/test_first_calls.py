"""What a fresh connection sends for its first calls: nothing that grows with the database."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import psycopg

from langgraph_agentstore import AgentStore
from langgraph_agentstore.data_store import AsyncDataStore
from tests.support.embedders import CountingEmbedder
from tests.support.servers import TestServer

CATALOGUE = re.compile(r"\bpg_(type|class|attribute|namespace|range|index)\b")
MARK = "SELECT 'the store is open'"


async def test_the_first_calls_look_nothing_up(disposable_server: TestServer) -> None:
    """A database of several nodes takes seconds to look a type up, for each new connection."""
    dsn = disposable_server.dsn
    options: dict[str, Any] = {
        "index": {"embed": CountingEmbedder(), "dims": 16},
        "pool": {"max_size": 1},  # connecting itself looks up the type of vectors, by its name
    }
    with psycopg.connect(dsn, autocommit=True) as administrator:
        async with AgentStore(dsn, **options) as store:
            await store.aput(("users", "ada", "notes"), "tea", {"text": "black tea"})
        log_everything(administrator)
        async with AgentStore(dsn, **options) as store:
            administrator.execute(MARK)
            await first_calls(store)
    logged = log_of(disposable_server.postgres.path).split(MARK, 1)[1]
    assert "black tea" in logged
    assert CATALOGUE.findall(logged) == []


def log_everything(administrator: psycopg.Connection) -> None:
    administrator.execute("ALTER SYSTEM SET log_statement = 'all'")
    administrator.execute("SELECT pg_reload_conf()")
    while administrator.execute("SHOW log_statement").fetchone() != ("all",):
        time.sleep(0.05)


async def first_calls(store: AgentStore) -> None:
    """Every kind of call that many callers make, alone and in batches."""
    notes = ("users", "ada", "notes")
    await store.aget(notes, "tea")
    await store.aput(notes, "coffee", {"text": "black tea and coffee"}, ttl=5)
    await store.aput(notes, "coffee", {"text": "coffee"}, expected_version=1)
    await asyncio.gather(*[store.aput(notes, f"k{n}", {"text": f"tea {n}"}) for n in range(5)])
    await asyncio.gather(*[store.aget(notes, f"k{n}") for n in range(5)])
    await store.asearch(notes)
    await asyncio.gather(*[store.asearch(("users", f"u{n}")) for n in range(5)])
    await store.asearch(notes, query="tea", filter={"text": {"$ne": "x"}})
    await store.alist_namespaces()
    proxy = AsyncDataStore(store, "ada", "agent")
    await proxy.increment("visits")
    await proxy.get_many(["visits", "tea"])
    await proxy.close()
    await store.adelete(notes, "tea")


def log_of(folder: Path) -> str:
    """The text of the server's log."""
    [text] = [
        text
        for file in folder.rglob("*log*")
        if file.is_file() and MARK in (text := file.read_text("utf-8", errors="replace"))
    ]
    return text
