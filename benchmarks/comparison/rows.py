"""The rows, in the order of the table."""

from __future__ import annotations

from dataclasses import dataclass

from . import by_query, items, running
from .row import Row, outcome
from .sides import Official, Ours

ROWS = (
    Row(
        "search by meaning, limit 10, in a user's 1,000 of 20,000 items",
        by_query.a_user_among_many,
        "10 of 10 results",
    ),
    Row(
        "search, limit 10, where one item has 100 chunks and twenty have one",
        by_query.many_chunks,
        "10 of 10 results",
    ),
    Row(
        "page through the first 200 of 2,000 results of a query, by tens",
        by_query.pages_of_a_query,
        "200 of 200",
    ),
    Row(
        "page through 200 items of one batch, by tens",
        by_query.pages_of_one_moment,
        "200 of 200",
    ),
    Row(
        "search for a text after putting `hidden` with `index=False`, `removed` without it",
        by_query.text_that_is_gone,
        "nothing",
    ),
    Row(
        "search without a model for a word that `a` of `a`, `b`, `c` has",
        by_query.words_without_a_model,
        "a",
    ),
    Row(
        "open with a model of other dimensions",
        by_query.another_model,
        "IndexMismatchError",
    ),
    Row('filter `{"n": {"$gt": 9}}` over 2, 9, 10, 100', items.numbers_in_order, "10, 100"),
    Row('filter `{"a": {"b": 1}}`', items.nested_object, "1"),
    Row('filter `{"n": {"$in": [1, 3]}}`', items.one_of_several, "1, 3"),
    Row(
        'filter `{"$and": [{"n": {"$gt": 1}}, {"n": {"$lt": 3}}]}` over 1, 2, 3',
        items.both_of_two,
        "2",
    ),
    Row('filter `{"score": {"$ne": 9}}`, where item 3 has no `score`', items.unequal, "2, 3"),
    Row("read an item after its TTL", items.expired, "gone"),
    Row("`aput(ns, 7, …)`, then `aget(ns, 7)`", items.key_that_is_a_number, "the item"),
    Row("put 17,000 items in one batch", items.a_large_batch, "works; written"),
    Row(
        "let a bad write meet a good one on its way",
        running.a_bad_write_beside_a_good_one,
        "the good one works, the bad one fails",
    ),
    Row(
        "get an item while another task's text is being embedded",
        running.a_get_beside_an_embedding,
        "answers at once",
    ),
    Row(
        "three calls after the server ended the connections of a store `from_conn_string`",
        running.lost_connections,
        "answers, answers, answers",
    ),
    Row("set up an empty database from six threads at once", running.six_at_once, "6 of 6 succeed"),
    Row("call a blocking method on the thread of the loop", running.blocking_on_the_loop, "works"),
    Row("await the same store in another loop", running.another_loop, "works"),
)


@dataclass(frozen=True, slots=True)
class Tried:
    """A row, and what was seen of each store."""

    row: Row
    there: str
    here: str


def tried(row: Row, dsn: str) -> Tried:
    """On both, in an empty database; an error of a store is told by its name."""
    there, here = Official(dsn), Ours(dsn)
    return Tried(row, outcome(lambda: row.seen(there)), outcome(lambda: row.seen(here)))
