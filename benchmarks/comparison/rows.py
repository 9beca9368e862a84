"""The rows, in the order of the table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier
from typing import Any
from zlib import crc32

import numpy as np
import psycopg
from langgraph.store.base import BaseStore, PutOp
from numpy.typing import NDArray

from .sides import Row, Seen, Side, found, outcome

ROWS: list[Row] = []
NOTES = ("notes",)

_END_OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()"""


def row(does: str, wanted: str) -> Callable[[Seen], Seen]:
    """Add the function to the table; `wanted` is what it returns of a right store."""

    def add(seen: Seen) -> Seen:
        ROWS.append(Row(does, wanted, seen))
        return seen

    return add


def index(dims: int = 16, fields: Sequence[str] = ("text",)) -> dict[str, Any]:
    """Return an index whose texts are near if they have words in common: words are directions."""

    def embed(texts: Sequence[str]) -> list[list[float]]:
        return [sum(_direction(word, dims) for word in text.split()).tolist() for text in texts]

    return {"dims": dims, "embed": embed, "fields": list(fields)}


@cache
def _direction(word: str, dims: int) -> Any:
    direction: NDArray[np.float64] = np.random.default_rng(crc32(word.encode())).normal(size=dims)
    return direction


@row("search by meaning, limit 10, in a user's 1,000 of 20,000 items", "10 of 10 results")
def _a_user_among_many(side: Side) -> str:
    with side.open(index()) as store:
        _put(side, store, [(("users", f"u{n % 20}", "notes"), n) for n in range(20_000)])
        counts = [
            len(store.search(("users", f"u{n}", "notes"), query=f"question {n}", limit=10))
            for n in range(20)
        ]
    return f"{sum(counts) / len(counts):g} of 10 results"


def _put(side: Side, store: BaseStore, places: list[tuple[tuple[str, ...], int]]) -> None:
    """Put notes by batches of 1,000; then analyze, as autovacuum does a minute later."""
    puts = [PutOp(namespace, str(n), {"text": f"note {n}"}) for namespace, n in places]
    for first in range(0, len(puts), 1_000):
        store.batch(puts[first : first + 1_000])
    with psycopg.connect(side.dsn, autocommit=True) as connection:
        connection.execute("ANALYZE")


@row("search, limit 10, where one item has 100 chunks and twenty have one", "10 of 10 results")
def _many_chunks(side: Side) -> str:
    with side.open(index(fields=["chunks[*]"])) as store:
        store.put(NOTES, "long", {"chunks": [f"tea {n}" for n in range(100)]})
        for n in range(20):
            store.put(NOTES, f"short {n}", {"chunks": [f"tea and cake and bread {n}"]})
        return f"{len(store.search(NOTES, query='tea', limit=10))} of 10 results"


@row("page through the first 200 of 2,000 results of a query, in pages of ten", "200 of 200")
def _pages_of_a_query(side: Side) -> str:
    with side.open(index()) as store:
        _put(side, store, [(NOTES, n) for n in range(2_000)])
        return _paged(store, query="tea")


@row("page through 200 items of one batch, in pages of ten", "200 of 200")
def _pages_of_one_moment(side: Side) -> str:
    with side.open() as store:
        store.batch([PutOp(NOTES, str(n), {"n": n}) for n in range(200)])
        return _paged(store, query=None)


def _paged(store: BaseStore, query: str | None) -> str:
    keys: set[str] = set()
    for offset in range(0, 200, 10):
        keys |= {item.key for item in store.search(NOTES, query=query, limit=10, offset=offset)}
    return f"{len(keys)} of 200"


@row(
    "search for old text after putting `hidden` with `index=False`, `removed` without it", "nothing"
)
def _text_that_is_gone(side: Side) -> str:
    # Written over, once with the text out of the index, once without the text.
    with side.open(index()) as store:
        for key in ("hidden", "removed"):
            store.put(NOTES, key, {"text": "tea"})
        store.put(NOTES, "hidden", {"text": "tea"}, index=False)
        store.put(NOTES, "removed", {"other": 1})
        return found(item.key for item in store.search(NOTES, query="tea"))


@row("search without a model for a word that only `a` of `a`, `b`, `c` contains", "a")
def _words_without_a_model(side: Side) -> str:
    with side.open(side.words) as store:
        for key, text in (("a", "green tea"), ("b", "black coffee"), ("c", "red wine")):
            store.put(NOTES, key, {"text": text})
        return found(item.key for item in store.search(NOTES, query="tea"))


@row("open with a model of other dimensions", "IndexMismatchError")
def _another_model(side: Side) -> str:
    with side.open(index(dims=4)) as store:
        store.put(NOTES, "a", {"text": "tea"})

    def opened() -> str:
        with side.open(index(dims=8)) as store:
            return "opens; a put: " + outcome(lambda: store.put(NOTES, "b", {"text": "tea"}))

    return outcome(opened)


def _filter(does: str, wanted: str, values: list[dict[str, Any]], filter: dict[str, Any]) -> None:
    def seen(side: Side) -> str:
        with side.open() as store:
            for value in values:
                store.put(NOTES, str(value["n"]), value)
            return outcome(lambda: found(item.key for item in store.search(NOTES, filter=filter)))

    ROWS.append(Row(does, wanted, seen))


_NUMBERS = [{"n": n} for n in (1, 2, 3)]
_NESTED = [{"n": 1, "a": {"b": 1}}, {"n": 2, "a": {"b": 2}}]
_SCORES = [{"n": 1, "score": 9}, {"n": 2, "score": 8}, {"n": 3}]
_filter(
    'filter `{"n": {"$gt": 9}}` over 2, 9, 10, 100',
    "10, 100",
    [{"n": n} for n in (2, 9, 10, 100)],
    {"n": {"$gt": 9}},
)
_filter('filter `{"a": {"b": 1}}`', "1", _NESTED, {"a": {"b": 1}})
_filter('filter `{"n": {"$in": [1, 3]}}`', "1, 3", _NUMBERS, {"n": {"$in": [1, 3]}})
_filter(
    'filter `{"$and": [{"n": {"$gt": 1}}, {"n": {"$lt": 3}}]}` over 1, 2, 3',
    "2",
    _NUMBERS,
    {"$and": [{"n": {"$gt": 1}}, {"n": {"$lt": 3}}]},
)
_filter(
    'filter `{"score": {"$ne": 9}}`, where item 3 has no `score`',
    "2, 3",
    _SCORES,
    {"score": {"$ne": 9}},
)


@row("read an item after its TTL", "gone")
def _expired(side: Side) -> str:
    # Before anybody swept.
    with side.open() as store:
        store.put(NOTES, "a", {"n": 1}, ttl=0.002)
        time.sleep(0.3)
        return "returned" if store.get(NOTES, "a", refresh_ttl=False) else "gone"


@row("`aput(ns, 7, …)`, then `aget(ns, 7)`", "the item")
async def _key_that_is_a_number(side: Side) -> str:
    async with side.aopen() as store:
        key: Any = 7
        await store.aput(NOTES, key, {"n": 1})
        return "the item" if await store.aget(NOTES, key) else "None"


@row("put 17,000 items in one batch", "works; written")
def _a_large_batch(side: Side) -> str:
    with side.open() as store:
        puts = [PutOp(NOTES, str(n), {"n": n}) for n in range(17_000)]
        said = outcome(lambda: store.batch(puts))
    with side.open() as store:
        return f"{said}; {'written' if store.get(NOTES, '0') else 'nothing is written'}"


@row("send a bad write and a good one together", "the good one works, the bad one fails")
async def _a_bad_write_beside_a_good_one(side: Side) -> str:
    # Postgres cannot store the text of the bad one.
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


@row("get an item while another task's text is being embedded", "answers at once")
async def _a_get_beside_an_embedding(side: Side) -> str:
    async def slowly(texts: list[str]) -> list[list[float]]:
        await asyncio.sleep(0.3)
        return [[1.0, 0.0] for _ in texts]

    async with side.aopen({"dims": 2, "embed": slowly}) as store:
        putting = asyncio.create_task(store.aput(NOTES, "text", {"text": "tea"}))
        await asyncio.sleep(0.1)
        await store.aget(NOTES, "a")
        first = "waits for it" if putting.done() else "answers at once"
        await putting
        return first


@row(
    "three calls after the server ended the connections of a store `from_conn_string`",
    "answers, answers, answers",
)
def _lost_connections(side: Side) -> str:
    # As when the server restarts.
    with side.open() as store:
        store.put(NOTES, "a", {"n": 1})
        with psycopg.connect(side.dsn, autocommit=True) as connection:
            connection.execute(_END_OTHERS)
        said = [outcome(lambda: store.get(NOTES, "a")) for _ in range(3)]
    return ", ".join("answers" if each == "works" else "fails" for each in said)


@row("set up an empty database from six threads at once", "6 of 6 succeed")
def _six_at_once(side: Side) -> str:
    together = Barrier(6)

    def set_up(_: int) -> str:
        def opened() -> None:
            with side.open() as store:
                store.get(NOTES, "a")

        together.wait()
        return outcome(opened)

    with ThreadPoolExecutor(6) as six:
        return f"{list(six.map(set_up, range(6))).count('works')} of 6 succeed"


@row("call a blocking method on the thread of the loop", "works")
async def _blocking_on_the_loop(side: Side) -> str:
    async with side.aopen() as store:
        return outcome(lambda: store.get(NOTES, "a"))


@row("await the same store in another loop", "works")
async def _another_loop(side: Side) -> str:
    async def asked(store: BaseStore) -> None:
        await asyncio.wait_for(store.aget(NOTES, "a"), 5)

    async with side.aopen() as store:
        await store.aput(NOTES, "a", {"n": 1})
        return await asyncio.to_thread(lambda: outcome(lambda: asyncio.run(asked(store))))
