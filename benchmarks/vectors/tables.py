"""Both stores' tables, filled with the same rows in the same order, and their indexes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import psycopg
from langchain_core.embeddings import Embeddings
from pgvector.psycopg import register_vector
from psycopg.types.json import Jsonb
from typing_extensions import override

from langgraph_agentstore.config.search_index import LARGEST_INLINE_VECTOR

from ..bench import Bench, make_tables
from ..items import key, settle
from .samples import Mixture, VectorTable

MARK = "#"

_STAGED = """CREATE UNLOGGED TABLE staged (
    number integer, tenant text, key text, value jsonb, embedding vector)"""
_COPY = "COPY staged FROM STDIN (FORMAT binary)"
_AT = "timestamptz '2026-01-01 00:00+00' + number * interval '1 ms'"
_OURS = (
    f"""INSERT INTO agentstore.item
           (user_id, namespace, key, place, value, created_at, updated_at)
        SELECT tenant, 'memories', key, 'memories', value, {_AT}, {_AT} FROM staged""",
    """INSERT INTO agentstore.item_vector_1
           (user_id, namespace, key, part, path, version, digest, embedding)
        SELECT tenant, 'memories', key, 0, 'text', 1, number, embedding FROM staged""",
)
_THEIRS = (
    f"""INSERT INTO store (prefix, key, value, created_at, updated_at)
        SELECT 'users.' || tenant || '.memories', key, value, {_AT}, {_AT} FROM staged""",
    """INSERT INTO store_vectors (prefix, key, field_name, embedding)
        SELECT 'users.' || tenant || '.memories', key, 'text', embedding FROM staged""",
)
# Copied rows need no look at what they refer to; an index is made in memory, by all processors.
_FAST = (
    "SET session_replication_role = replica",
    "SET maintenance_work_mem = '3GB'",
    "SET max_parallel_maintenance_workers = 1",
    "SET synchronous_commit = off",
)
_EXISTS = "SELECT 1 FROM pg_database WHERE datname = %s"
_APPROXIMATE = """
SELECT x.indexrelid::regclass::text, pg_get_indexdef(x.indexrelid)
  FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_am a ON a.oid = c.relam
 WHERE a.amname = 'hnsw'"""


class Lookup(Embeddings):
    """The embedder of both: it looks up the vector of a text, whatever follows a `#` in it."""

    def __init__(self, vectors: Mapping[str, list[float]]) -> None:
        self.vectors = vectors

    @override
    def embed_query(self, text: str) -> list[float]:
        return self.vectors[text.partition(MARK)[0]]

    @override
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    # Without a thread, which the inherited ones would use.
    @override
    async def aembed_query(self, text: str) -> list[float]:
        return self.embed_query(text)

    @override
    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.embed_documents(texts)


def our_index(dims: int, embed: Embeddings) -> dict[str, Any]:
    """Return the index that everyone gets by default."""
    return {"dims": dims, "embed": embed, "fields": ["text"]}


def their_index(dims: int, embed: Embeddings) -> dict[str, Any]:
    """Return HNSW with its defaults; above 2,000 dimensions only `halfvec` can be indexed."""
    kind = "vector" if dims <= LARGEST_INLINE_VECTOR else "halfvec"
    return {**our_index(dims, embed), "ann_index_config": {"kind": "hnsw", "vector_type": kind}}


def filled(bench: Bench, table: VectorTable, *, theirs: bool = True) -> str:
    """Return the DSN of a database with that table, ours and the official store's.

    Filling takes minutes. A database of that name, left by a former run on the same server, is
    taken as it is.
    """
    name = table.name if theirs else f"{table.name}_ours"
    unfinished = f"{name}_unfinished"
    with psycopg.connect(bench.server_dsn, autocommit=True) as connection:
        if not connection.execute(_EXISTS, [name]).fetchone():
            connection.execute(f"DROP DATABASE IF EXISTS {unfinished}")
            _fill(bench.new_database(unfinished), table, theirs=theirs)
            # Only now has it the name by which a later run finds it.
            connection.execute(f"ALTER DATABASE {unfinished} RENAME TO {name}")
    return bench.dsn(name)


def _fill(dsn: str, table: VectorTable, *, theirs: bool) -> None:
    nothing = Lookup({})
    make_tables(dsn, our_index(table.dims, nothing), their_index(table.dims, nothing))
    with psycopg.connect(dsn, autocommit=True) as connection:
        for setting in _FAST:
            connection.execute(setting)
        indexes = connection.execute(_APPROXIMATE).fetchall()
        for index, _ in indexes:
            connection.execute(f"DROP INDEX {index}")
        _stage(connection, table)
        for statement in (*_OURS, *(_THEIRS if theirs else ())):
            connection.execute(statement)
        connection.execute("DROP TABLE staged")
        for _, definition in indexes:
            connection.execute(definition)
        settle(connection)


def _stage(connection: psycopg.Connection[Any], table: VectorTable) -> None:
    """Copy all rows, in an order in which no tenant's lie together."""
    register_vector(connection)
    connection.execute(_STAGED)
    with connection.cursor().copy(_COPY) as copy:
        copy.set_types(["int4", "text", "text", "jsonb", "vector"])
        for row in _rows(table):
            copy.write_row(row)


def _rows(table: VectorTable) -> Iterator[tuple[Any, ...]]:
    mixture = Mixture(table.dims)
    samples = [mixture.sample(tenant) for tenant in table.tenants]
    places = [(n, i) for n, sample in enumerate(samples) for i in range(sample.tenant.size)]
    for number, place in enumerate(np.random.default_rng(table.rows).permutation(len(places))):
        n, i = places[place]
        sample = samples[n]
        yield number, sample.tenant.name, key(i), Jsonb(sample.value(i)), sample.vectors[i]
