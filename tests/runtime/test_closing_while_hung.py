"""A store closes within a bounded time though its server hangs: stopped, with open connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import AgentStoreError
from tests.support.servers import TestServer, temporary_folder

from .pairs import streaming_pair

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

NOTES = ("users", "ann", "notes")
TIMEOUT_S = 1.0
POOL = {"command_timeout_s": TIMEOUT_S, "acquire_timeout_s": TIMEOUT_S, "connect_timeout_s": 1}
LONGEST_S = TIMEOUT_S + 4  # the statements in flight, then two tries to part politely
BUSY_S = 3.0  # what other work on the computer may add


@pytest.fixture(scope="module")
def server() -> Iterator[TestServer]:
    with temporary_folder() as folder:
        server = TestServer(folder / "server")
        yield server
        server.kill()


def opened(dsn: str) -> AgentStore:
    store = AgentStore(dsn, pool=POOL)
    store.put(NOTES, "a", {"n": 1})
    return store


@contextmanager
def frozen(server: TestServer) -> Iterator[None]:
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


@contextmanager
def soon() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < LONGEST_S + BUSY_S


def put_all(store: AgentStore) -> None:
    store.load((NOTES, str(n), {"text": "x" * 100}) for n in range(10_000_000))


CALLS: dict[str, Callable[[AgentStore], object]] = {
    "get": lambda store: store.get(NOTES, "a"),
    "put": lambda store: store.put(NOTES, "b", {}),
    "count": lambda store: store.count(filter={"n": 1}),
    "update": lambda store: store.update(NOTES, "a", lambda value: value or {}),
    "load": put_all,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_with_blocking_calls_under_way(
    server: TestServer, call: Callable[[AgentStore], object]
) -> None:
    store = opened(server.dsn)
    with ThreadPoolExecutor(20) as threads:

        def failing() -> None:
            with suppress(AgentStoreError):
                call(store)

        with frozen(server):
            for _ in range(20):
                threads.submit(failing)
            time.sleep(0.2)
            with soon():
                store.close()


@pytest.mark.parametrize("cancelled", [False, True])
async def test_with_awaited_calls_under_way(server: TestServer, cancelled: bool) -> None:
    store = opened(server.dsn)
    with frozen(server):
        calls = [asyncio.ensure_future(store.aput(NOTES, str(n), {})) for n in range(300)]
        await asyncio.sleep(0.2)
        for call in calls if cancelled else ():
            call.cancel()
        with soon():
            await store.aclose()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(each, BaseException) for each in ended)


def test_with_nothing_under_way(server: TestServer) -> None:
    store = opened(server.dsn)
    with frozen(server), soon():
        store.close()


def test_with_a_hung_primary_and_a_standby_that_answers_reads() -> None:
    with streaming_pair() as pair:
        store = AgentStore(pair.primary.dsn, read_dsn=pair.standby.dsn, pool=POOL)
        store.put(NOTES, "a", {})
        for _ in range(5):
            store.get(("users", "ben", "notes"), "a")
        pair.primary.freeze()
        try:
            with ThreadPoolExecutor(1) as thread:
                put = thread.submit(store.put, NOTES, "b", {})
                time.sleep(0.2)
                with soon():
                    store.close()
                assert isinstance(put.exception(), AgentStoreError)
        finally:
            pair.primary.thaw()
