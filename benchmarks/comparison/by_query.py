"""Rows about search by a query."""

from __future__ import annotations

import psycopg
from langgraph.store.base import BaseStore, PutOp

from .row import found, outcome
from .sides import Side
from .words import index

NOTES = ("notes",)


def a_user_among_many(side: Side) -> str:
    """Each of twenty users asks one question."""
    with side.open(index()) as store:
        _put(store, [(("users", f"u{n % 20}", "notes"), n) for n in range(20_000)])
        _analyze(side)
        counts = [
            len(store.search(("users", f"u{n}", "notes"), query=f"question {n}", limit=10))
            for n in range(20)
        ]
    return f"{sum(counts) / len(counts):g} of 10 results"


def many_chunks(side: Side) -> str:
    """One item of 100 texts, and twenty of one text each."""
    with side.open(index(fields=["chunks[*]"])) as store:
        store.put(NOTES, "long", {"chunks": [f"tea {n}" for n in range(100)]})
        for n in range(20):
            store.put(NOTES, f"short {n}", {"chunks": [f"tea and cake and bread {n}"]})
        return f"{len(store.search(NOTES, query='tea', limit=10))} of 10 results"


def pages_of_a_query(side: Side) -> str:
    """The first 200 of 2,000."""
    with side.open(index()) as store:
        _put(store, [(NOTES, n) for n in range(2_000)])
        _analyze(side)
        return _paged(store, query="tea")


def _put(store: BaseStore, places: list[tuple[tuple[str, ...], int]]) -> None:
    """By batches of 1,000."""
    for first in range(0, len(places), 1_000):
        store.batch(
            [PutOp(at, str(n), {"text": f"note {n}"}) for at, n in places[first : first + 1_000]]
        )


def _analyze(side: Side) -> None:
    """What autovacuum does a minute later: plans are then those of a store in use."""
    with psycopg.connect(side.dsn, autocommit=True) as connection:
        connection.execute("ANALYZE")


def pages_of_one_moment(side: Side) -> str:
    """The same, without a query, of items of one batch."""
    with side.open() as store:
        store.batch([PutOp(NOTES, str(n), {"n": n}) for n in range(200)])
        return _paged(store, query=None)


def _paged(store: BaseStore, query: str | None) -> str:
    keys: set[str] = set()
    for offset in range(0, 200, 10):
        keys |= {item.key for item in store.search(NOTES, query=query, limit=10, offset=offset)}
    return f"{len(keys)} of 200"


def text_that_is_gone(side: Side) -> str:
    """Written over, once with the text out of the index, once without the text."""
    with side.open(index()) as store:
        for key in ("hidden", "removed"):
            store.put(NOTES, key, {"text": "tea"})
        store.put(NOTES, "hidden", {"text": "tea"}, index=False)
        store.put(NOTES, "removed", {"other": 1})
        return found(item.key for item in store.search(NOTES, query="tea"))


def words_without_a_model(side: Side) -> str:
    """Of three items one has the word."""
    with side.open(side.words) as store:
        for key, text in (("a", "green tea"), ("b", "black coffee"), ("c", "red wine")):
            store.put(NOTES, key, {"text": text})
        return found(item.key for item in store.search(NOTES, query="tea"))


def another_model(side: Side) -> str:
    """Of other dimensions than the vectors that are stored."""
    with side.open(index(dims=4)) as store:
        store.put(NOTES, "a", {"text": "tea"})

    def opened() -> str:
        with side.open(index(dims=8)) as store:
            return "opens; a put: " + outcome(lambda: store.put(NOTES, "b", {"text": "tea"}))

    return outcome(opened)
