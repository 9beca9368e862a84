"""Sizes, HOT updates and times of a table that grows, beside the official store's.

AGENTSTORE_DSN=postgresql://… \
    python docs/decisions/evidence/0034.py [items] [items of a large user] [rounds]
"""

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import psycopg
from langgraph.store.base import PutOp
from langgraph.store.postgres import PostgresStore

from langgraph_agentstore import AgentStore

DSN = os.environ["AGENTSTORE_DSN"]
ITEMS = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
LARGE = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 5
USERS = max(1, ITEMS // 100)
BATCH = 4000
TEXT = "abcd " * 12
STEP = 1_103_515_245  # odd and no multiple of 5: it visits each item of a round once


def put_all(store: Any, round_: int) -> float:
    """Put each item once, in a scattered order after the first round; return the seconds."""
    began = time.perf_counter()
    for start in range(0, ITEMS, BATCH):
        numbers = range(start, min(start + BATCH, ITEMS))
        places = [n if round_ == 0 else n * STEP % ITEMS for n in numbers]
        store.batch(
            [
                PutOp(("users", f"u{n % USERS}", "notes"), f"key{n // USERS}", value(n + round_))
                for n in dict.fromkeys(places)
            ]
        )
    return time.perf_counter() - began


def value(n: int) -> dict[str, Any]:
    """Return a value of about a hundred bytes."""
    return {"n": n, "text": TEXT}


def state(connection: psycopg.Connection[Any], table: str) -> str:
    """Return the bytes an item, and the share of updates that touched no index."""
    connection.execute("SELECT pg_stat_clear_snapshot()")
    row = connection.execute(
        "SELECT pg_total_relation_size(relid), n_tup_upd, n_tup_hot_upd"
        " FROM pg_stat_user_tables WHERE relid = %s::regclass",
        [table],
    ).fetchone()
    assert row is not None
    return f"{row[0] / ITEMS:.0f} bytes an item, {row[2] / max(1, row[1]):.0%} of updates HOT"


def milliseconds(call: Callable[[], Any], times: int = 100) -> float:
    """Return the median of some calls."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return median(found) * 1e3


def grow(connection: psycopg.Connection[Any]) -> None:
    """Fill both stores and update each item `ROUNDS` times; print after each round."""
    ours, tables = AgentStore(DSN), {"ours": "agentstore.item", "official": "store"}
    with PostgresStore.from_conn_string(DSN) as official, ours:
        official.setup()
        for round_ in range(ROUNDS + 1):
            for name, store in (("official", official), ("ours", ours)):
                seconds = put_all(store, round_)
                time.sleep(2)  # until the sessions have told what they did
                told = state(connection, tables[name])
                print(f"round {round_}, {name}: {seconds:.0f} s, {told}", flush=True)  # noqa: T201


def newest(connection: psycopg.Connection[Any]) -> None:
    """Search a namespace of 100 items and one of `LARGE`; print the times."""
    with AgentStore(DSN) as store:
        for start in range(0, LARGE, BATCH):
            numbers = range(start, min(start + BATCH, LARGE))
            store.batch([PutOp(("users", "large", "notes"), f"key{n}", value(n)) for n in numbers])
        store.search(("users", "large", "notes"))
        while connection.execute(
            "SELECT FROM agentstore.item WHERE user_id = 'large' AND newest_at IS NULL LIMIT 1"
        ).fetchall():
            time.sleep(1)
        connection.execute("VACUUM (ANALYZE) agentstore.item")
        for user in ("u1", "large"):
            for prefix in (("users", user, "notes"), ("users", user)):
                took = milliseconds(partial(store.search, prefix))
                print(f"newest of {prefix}: {took:.2f} ms", flush=True)  # noqa: T201
        took = milliseconds(partial(store.search, ()))
        print(f"newest of all users: {took:.2f} ms", flush=True)  # noqa: T201


if __name__ == "__main__":
    with psycopg.connect(DSN, autocommit=True) as watching:
        grow(watching)
        newest(watching)
