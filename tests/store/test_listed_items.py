"""The newest items of a namespace, some of them listed and some sorted, are those of one sort.

Which ones are listed is no business of whoever searches: results must not depend on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.runtime.lister import MANY_BATCHES
from langgraph_agentstore.sql.items.newest import LISTED_AT_ONCE, MOST_SORTED, MOST_SORTED_BESIDE
from tests.support.faults import execute

SCHEMA = "listed_items"
ANN = ("users", "ann")


class Row(NamedTuple):
    """An item as the table has it: `place` is one of few, so that moments and keys are equal."""

    place: str
    key: str
    second: int
    listed: bool
    n: int


@pytest.fixture(scope="module")
def shared(postgres_dsn: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=SCHEMA) as store:
        yield store
    execute(postgres_dsn, "DROP SCHEMA {} CASCADE", SCHEMA)


def fill(dsn: str, rows: list[Row]) -> None:
    execute(dsn, "DELETE FROM {}.item", SCHEMA)
    columns = list(zip(*rows, strict=True)) or [()] * 5
    execute(
        dsn,
        "INSERT INTO {}.item (user_id, namespace, key, place, value, created_at, updated_at,"
        " newest_at) SELECT 'ann', place, key, replace(place, ':', E'\\x01'),"
        " jsonb_build_object('n', n), now(), moment, CASE WHEN listed THEN moment END"
        "  FROM (SELECT *, '2024-01-01'::timestamptz + second * interval '1 second' AS moment"
        "          FROM unnest(%(places)s::text[], %(keys)s::text[], %(seconds)s::int[],"
        "                      %(listed)s::bool[], %(ns)s::int[])"
        "               AS r (place, key, second, listed, n)) r",
        SCHEMA,
        **dict(zip(("places", "keys", "seconds", "listed", "ns"), map(list, columns), strict=True)),
    )


ROWS = st.lists(
    st.builds(
        Row,
        st.sampled_from(["a", "a:b", "a:c", "b"]),
        st.sampled_from("klmnop"),
        st.integers(0, 3),
        st.booleans(),
        st.integers(0, 2),
    ),
    unique_by=lambda row: row[:2],
    max_size=20,
)


@settings(max_examples=40, deadline=None)
@given(
    rows=ROWS,
    prefix=st.sampled_from([(), ("a",), ("a", "b"), ("b",)]),
    filter=st.sampled_from([None, {"n": 1}]),
    limit=st.integers(1, 4),
)
def test_pages_of_a_search_are_those_of_one_sort(
    shared: AgentStore,
    postgres_dsn: str,
    rows: list[Row],
    prefix: tuple[str, ...],
    filter: dict[str, Any] | None,
    limit: int,
) -> None:
    fill(postgres_dsn, rows)
    found = [
        row
        for row in rows
        if tuple(row.place.split(":"))[: len(prefix)] == prefix and filter in (None, {"n": row.n})
    ]
    found.sort(key=lambda row: (-row.second, row.place.split(":"), row.key))
    pages = []
    for offset in range(0, len(found) + limit, limit):
        page = shared.search((*ANN, *prefix), filter=filter, limit=limit, offset=offset)
        pages += [((*item.namespace[2:],), item.key) for item in page]
    assert pages == [((*row.place.split(":"),), row.key) for row in found]


def listed(dsn: str) -> tuple[int, int]:
    """How many items are listed, and how many are not."""
    [(found, others)] = execute(
        dsn, "SELECT count(newest_at), count(*) - count(newest_at) FROM {}.item", SCHEMA
    )
    return found, others


def eventually(condition: Any) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(condition)


def grown(dsn: str, count: int, *, listed: int = 0) -> None:
    """A namespace of as many items, item 1 the newest; the last ones are listed."""
    rows = [Row("a", f"k{n}", -n, n > count - listed, 0) for n in range(1, count + 1)]
    fill(dsn, rows)


def test_a_search_of_a_large_namespace_has_its_items_listed(
    shared: AgentStore, postgres_dsn: str
) -> None:
    grown(postgres_dsn, MOST_SORTED + 1)
    before = [item.key for item in shared.search((*ANN, "a"))]
    eventually(lambda: listed(postgres_dsn) == (MOST_SORTED + 1, 0))
    assert MOST_SORTED > 2 * LISTED_AT_ONCE  # so that it took more than one statement
    assert [item.key for item in shared.search((*ANN, "a"))] == before
    assert before[:2] == ["k1", "k2"]


def test_the_server_learns_that_many_items_were_listed(
    shared: AgentStore, postgres_dsn: str
) -> None:
    """By statistics of before, each search would go through the whole table."""
    grown(postgres_dsn, MANY_BATCHES * LISTED_AT_ONCE + 1)
    execute(postgres_dsn, "ANALYZE {}.item", SCHEMA)
    assert share_not_listed(postgres_dsn) == 1
    shared.search((*ANN, "a"))
    eventually(lambda: share_not_listed(postgres_dsn) == 0)


def share_not_listed(dsn: str) -> float:
    """What the server's statistics say, from 0 to 1."""
    [(share,)] = execute(
        dsn,
        "SELECT null_frac FROM pg_stats WHERE schemaname = %(schema)s"
        " AND tablename = 'item' AND attname = 'newest_at'",
        schema=SCHEMA,
    )
    return float(share)


@pytest.mark.parametrize("prefix", [ANN, (*ANN, "a")])
def test_what_was_added_to_a_large_namespace_is_listed_in_its_turn(
    shared: AgentStore, postgres_dsn: str, prefix: tuple[str, ...]
) -> None:
    grown(postgres_dsn, MOST_SORTED_BESIDE + 2, listed=1)
    shared.search(prefix)
    eventually(lambda: listed(postgres_dsn) == (MOST_SORTED_BESIDE + 2, 0))


@pytest.mark.parametrize(("count", "has_listed"), [(MOST_SORTED_BESIDE + 1, 1), (MOST_SORTED, 0)])
def test_a_small_namespace_is_left_as_it_is(
    shared: AgentStore, postgres_dsn: str, count: int, has_listed: int
) -> None:
    grown(postgres_dsn, count, listed=has_listed)
    for prefix in (ANN, (*ANN, "a")):
        shared.search(prefix)
    time.sleep(0.2)
    assert listed(postgres_dsn) == (has_listed, count - has_listed)


def test_a_listed_item_stays_listed_when_it_is_put_again(
    shared: AgentStore, postgres_dsn: str
) -> None:
    grown(postgres_dsn, 6, listed=5)
    shared.batch([PutOp((*ANN, "a"), key, {"n": 1}) for key in ("k1", "k2", "k3")])
    shared.put((*ANN, "a"), "k5", {"n": 1})
    assert listed(postgres_dsn) == (5, 1)
    assert [item.key for item in shared.search((*ANN, "a"))][:2] == ["k5", "k1"]


WRITES: dict[str, Callable[[AgentStore], Any]] = {
    "update": lambda store: store.update((*ANN, "a"), "k3", lambda _: {"n": 1}),
    "load": lambda store: store.load([((*ANN, "a"), "k3", {"n": 1})]),
    "set": lambda store: DataStore(store, "ann", "clerk", "a").set("k3", 1),
    "compare_and_set": lambda store: DataStore(store, "ann", "clerk", "a").compare_and_set(
        "k3", {"n": 0}, 2
    ),
}


@pytest.mark.parametrize("way", WRITES)
def test_what_is_written_over_a_listed_item_is_found_in_its_place(
    shared: AgentStore, postgres_dsn: str, way: str
) -> None:
    grown(postgres_dsn, 5, listed=5)
    WRITES[way](shared)
    assert next(item.key for item in shared.search((*ANN, "a"))) == "k3"


def test_updates_of_a_small_namespace_touch_no_index(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    """Guards the table's growth: an index over a column that each put changes is a fault."""
    # All versions fit into one page: the server cannot clear it while another transaction is open.
    for n in range(4):
        store.batch([PutOp((*ANN, "a"), f"k{key}", {"n": n}) for key in range(5)])
        store.put((*ANN, "a"), "k1", {"n": -n})
    store.close()  # sessions tell what they did when they end

    def is_hot() -> bool:
        found = execute(
            postgres_dsn,
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables"
            " WHERE schemaname = %(schema)s AND relname = 'item'",
            schema=schema_name,
        )
        return found == [(19, 19)]

    eventually(is_hot)
