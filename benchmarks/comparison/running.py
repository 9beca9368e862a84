"""Rows about several callers, threads and loops, and about failures."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg

from .row import outcome
from .sides import Side

NOTES = ("notes",)
_THROW_OUT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()"""


def a_bad_write_beside_a_good_one(side: Side) -> str:
    """Two tasks write at once; Postgres cannot store the text of one."""

    async def tried() -> str:
        async with side.aopen() as store:
            ended = await asyncio.gather(
                store.aput(NOTES, "good", {"text": "tea"}),
                store.aput(NOTES, "bad", {"text": "\0"}),
                return_exceptions=True,
            )
            return ", ".join(
                f"the {name} one {'fails' if isinstance(end, Exception) else 'works'}"
                for name, end in zip(("good", "bad"), ended, strict=True)
            )

    return asyncio.run(tried())


def a_get_beside_an_embedding(side: Side) -> str:
    """One task puts a text, whose embedding takes a while; another asks for an item."""

    async def slowly(texts: list[str]) -> list[list[float]]:
        await asyncio.sleep(0.3)
        return [[1.0, 0.0] for _ in texts]

    async def tried() -> str:
        async with side.aopen({"dims": 2, "embed": slowly}) as store:
            putting = asyncio.create_task(store.aput(NOTES, "text", {"text": "tea"}))
            await asyncio.sleep(0.1)
            await store.aget(NOTES, "a")
            first = "waits for it" if putting.done() else "answers at once"
            await putting
            return first

    return asyncio.run(tried())


def lost_connections(side: Side) -> str:
    """The server ends them all, as when it restarts; then three calls."""
    with side.open() as store:
        store.put(NOTES, "a", {"n": 1})
        with psycopg.connect(side.dsn, autocommit=True) as connection:
            connection.execute(_THROW_OUT)
        said = [outcome(lambda: store.get(NOTES, "a")) for _ in range(3)]
    return ", ".join("answers" if each == "works" else "fails" for each in said)


def six_at_once(side: Side) -> str:
    """The first use of a database, by six."""
    together = Barrier(6)

    def set_up(_: int) -> str:
        def opened() -> None:
            with side.open() as store:
                store.get(NOTES, "a")

        together.wait()
        return outcome(opened)

    with ThreadPoolExecutor(6) as six:
        return f"{list(six.map(set_up, range(6))).count('works')} of 6 succeed"


def blocking_on_the_loop(side: Side) -> str:
    """`get` within a coroutine, of the store that is awaited there."""

    async def tried() -> str:
        async with side.aopen() as store:
            return outcome(lambda: store.get(NOTES, "a"))

    return asyncio.run(tried())


def another_loop(side: Side) -> str:
    """Awaited in a second loop, on another thread."""

    async def tried() -> str:
        async with side.aopen() as store:
            await store.aput(NOTES, "a", {"n": 1})
            return await asyncio.to_thread(lambda: outcome(lambda: asyncio.run(asked(store))))

    async def asked(store: Any) -> None:
        getting: Coroutine[Any, Any, Any] = store.aget(NOTES, "a")
        await asyncio.wait_for(getting, 5)

    return asyncio.run(tried())
