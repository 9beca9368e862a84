"""The nearest of one user's vectors: from the table, and from indexes that cover what is measured.

Half of 100,000 vectors of 384 dimensions are of two users, the rows of all are mixed.

python docs/decisions/evidence/0010.py [rounds]
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from statistics import median
from typing import Any

import asyncpg

from benchmarks.bench import server
from benchmarks.vectors.samples import Mixture, Tenant

DIMS = 384
SIZES = (5_000, 20_000)
OTHERS, REST = 375, 200
QUERIES = 20
SET_UP = f"""
CREATE EXTENSION vector;
CREATE TABLE part (
    user_id text COLLATE "C" NOT NULL, namespace text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL, part integer NOT NULL, path text NOT NULL,
    version bigint NOT NULL, digest bigint NOT NULL, embedding vector({DIMS}),
    PRIMARY KEY (user_id, namespace, key, part)) WITH (toast_tuple_target = 8160);
CREATE TABLE whole (LIKE part INCLUDING ALL) WITH (toast_tuple_target = 8160);
CREATE TABLE half (LIKE part INCLUDING ALL) WITH (toast_tuple_target = 8160);
ALTER TABLE half ADD near halfvec({DIMS});
CREATE TABLE bits (LIKE part INCLUDING ALL) WITH (toast_tuple_target = 8160);
ALTER TABLE bits ADD near bit({DIMS})"""
FILL = f"""
INSERT INTO half SELECT *, embedding::halfvec({DIMS}) FROM part;
INSERT INTO bits SELECT *, binary_quantize(embedding)::bit({DIMS}) FROM part;
CREATE INDEX half_near ON half (user_id, namespace, key, part) INCLUDE (version, near);
CREATE INDEX bits_near ON bits (user_id, namespace, key, part) INCLUDE (version, near);
INSERT INTO whole SELECT * FROM part;
CREATE INDEX whole_near ON whole (user_id, namespace, key, part) INCLUDE (version, embedding)"""
IN_SCOPE = "WHERE user_id = $1 AND namespace = 'memories'"
EXACT = f"""SELECT user_id, namespace, key, version, embedding <=> $2::vector AS distance
  FROM {{}} {IN_SCOPE} AND embedding IS NOT NULL ORDER BY distance, key LIMIT 30"""


def candidates(table: str, distance: str, count: int) -> str:
    """Return the statement that orders the first `count` by a coarse distance exactly."""
    return f"""SELECT v.key, v.embedding <=> $2::vector AS distance
  FROM (SELECT user_id, namespace, key, part FROM {table} {IN_SCOPE}
         ORDER BY {distance} LIMIT {count}) near
 CROSS JOIN LATERAL (SELECT * FROM {table} v
        WHERE (v.user_id, v.namespace, v.key, v.part)
            = (near.user_id, near.namespace, near.key, near.part) OFFSET 0) v
 ORDER BY distance LIMIT 30"""


WAYS = {
    "the table": EXACT.format("part"),
    "an index that covers the vectors": EXACT.format("whole"),
    "an index that covers halves, 60 looked up": candidates(
        "half", f"near <=> (SELECT $2::vector::halfvec({DIMS}))", 60
    ),
    "an index that covers bits, 400 looked up": candidates(
        "bits", f"near <~> (SELECT binary_quantize($2::vector)::bit({DIMS}))", 400
    ),
}
SIZE = "SELECT pg_size_pretty(pg_table_size('{0}')), pg_size_pretty(pg_indexes_size('{0}'))"


async def fill(connection: Any) -> dict[str, list[str]]:
    """Fill the tables; return queries by user."""
    mixture, rows, queries = Mixture(DIMS), [], {}
    tenants = [Tenant(f"user-{size}", size) for size in SIZES]
    for tenant in [*tenants, *(Tenant(f"other-{n}", REST) for n in range(OTHERS))]:
        texts = [str(list(map(float, vector))) for vector in mixture.sample(tenant).vectors]
        queries[tenant.name] = texts[:QUERIES]
        rows += [
            (tenant.name, "memories", f"item-{n}", 0, "text", 1, n, text)
            for n, text in enumerate(texts)
        ]
    random.Random(1).shuffle(rows)
    await connection.execute(SET_UP)
    vector = {"schema": "public", "format": "text", "encoder": str, "decoder": str}
    await connection.set_type_codec("vector", **vector)
    insert = "INSERT INTO part VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    await connection.executemany(insert, rows)
    await connection.execute(FILL)
    for table in ("part", "whole", "half", "bits"):
        await connection.execute(f"VACUUM ANALYZE {table}")
        print(table, *await connection.fetchrow(SIZE.format(table)))  # noqa: T201
    return queries


async def measure(dsn: str, rounds: int) -> None:
    """Print the median time of each way, and how many of the ten nearest it has."""
    connection: Any = await asyncpg.connect(dsn)
    queries = await fill(connection)
    await connection.execute("SET enable_seqscan = off; SET max_parallel_workers_per_gather = 0")
    for size in SIZES:
        user = f"user-{size}"
        times: dict[str, list[float]] = {way: [] for way in WAYS}
        found: dict[str, list[set[str]]] = {way: [] for way in WAYS}
        statements = {way: await connection.prepare(sql) for way, sql in WAYS.items()}
        for _ in range(rounds):
            for query in queries[user]:
                for way, statement in statements.items():
                    began = time.perf_counter()
                    rows = await statement.fetch(user, query)
                    times[way].append(time.perf_counter() - began)
                    found[way].append({row["key"] for row in rows[:10]})
        for way in WAYS:
            pairs = zip(found[way], found["the table"], strict=True)
            recall = sum(len(one & other) for one, other in pairs) / len(found[way]) / 10
            ms = median(times[way]) * 1000
            print(f"{size:,} by {way}: {ms:.2f} ms, {recall:.3f} of ten")  # noqa: T201
    await connection.close()


with server() as dsn:
    asyncio.run(measure(dsn, int(sys.argv[1]) if len(sys.argv) > 1 else 5))
