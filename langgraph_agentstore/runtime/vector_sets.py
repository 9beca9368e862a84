"""Sets of vectors: which one a store uses, made when a store with an embedder first opens.

A set is a table of its own, for one embedder and one length. A store with another embedder still
opens: it reads, deletes and can `reindex()`; operations that need a vector raise the reason.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import asyncpg

from ..config.search_index import SearchIndex
from ..errors import ConfigurationError, IndexMismatchError, MissingSchemaError, SchemaError
from ..security.row_security.sql import inheriting
from ..sql.distribution import SEQUENTIAL
from ..sql.filters.indexes import FilterIndex
from ..sql.statement import SqlContext
from ..sql.vector_tables import approximate_index, create_vectors_sql
from .connections.connector import Connection
from .pgvector_extension import have_extension

logger = logging.getLogger("langgraph_agentstore")

# One lock for all schemas of a database; sets are made rarely.
_VECTOR_SET_LOCK = 0x61676E76

_SAMPLE = 1000

_NOT_FOUND = (
    "schema %r has items that were written without this index, or with other fields or another "
    "language: searches by a query may not find them until reindex() is called"
)


@dataclass(frozen=True, slots=True)
class StoredSet:
    """A row of `vector_set`."""

    number: int
    dims: int
    stored_as: str
    model: str | None
    settings: str


async def open_vectors(
    connection: Connection, context: SqlContext
) -> tuple[SqlContext, SchemaError | None]:
    """Return the context with the set in use, made if there is none; or why none can be used.

    Raises:
        ConfigurationError: the server does not know the index's language.
    """
    index = context.index
    if index is None:
        return context, None
    if index.language is not None:
        await _check_language(connection, index.language)
        await _warn_of_other_words(connection, context)
    if index.vectors is None:
        return context, None
    try:
        context = await have_extension(connection, context)
        # If the set is there, nothing is locked or written, which a standby would refuse.
        stored = await stored_set(connection, context, "active")
        if stored is None:
            stored = await _make_first_set(connection, context)
        check_set(stored, index)
        await _adopt_model(connection, context, stored)
    except SchemaError as error:
        return replace(context, vector_set=None, approximate=False), error
    context = replace(context, vector_set=stored.number)
    return replace(context, approximate=await has_index(connection, context)), None


async def _make_first_set(connection: Connection, context: SqlContext) -> StoredSet:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _VECTOR_SET_LOCK)
        stored = await stored_set(connection, context, "active")
        if stored is None:
            stored = await make_set(connection, context, 1, "active")
            if await connection.fetchval(f"SELECT EXISTS (SELECT 1 FROM {context.tables.item})"):
                logger.warning(_NOT_FOUND, context.tables.schema)
    return stored


async def stored_set(connection: Connection, context: SqlContext, state: str) -> StoredSet | None:
    row = await connection.fetchrow(
        f"""SELECT number, dims, stored_as, model, settings
              FROM {context.tables.vector_set} WHERE state = $1""",
        state,
    )
    return None if row is None else StoredSet(*row)


async def make_set(
    connection: Connection, context: SqlContext, number: int, state: str
) -> StoredSet:
    """Make a new, empty set for this index; call it within a transaction."""
    vectors, index = context.vector_index, context.searched
    made = (number, state, vectors.dims, vectors.stored_as, index.model, index.settings)
    try:
        protected = inheriting(context.tables, f"item_vector_{number}")
        create = create_vectors_sql(
            context.tables, number, vectors, distributed=bool(context.distributed)
        )
        if context.distributed:
            await connection.execute(SEQUENTIAL)
        for statement in (*create, protected):
            await connection.execute(statement)
        # An index on an empty table costs nothing; IVFFlat needs data first.
        ann = approximate_index(context.tables, number, vectors)
        if ann is not None and vectors.kind == "hnsw" and state == "active":
            await connection.execute(ann.create_at_once)
        await connection.execute(
            f"""INSERT INTO {context.tables.vector_set}
                       (number, state, dims, stored_as, model, settings)
                VALUES ($1, $2, $3, $4, $5, $6)""",
            *made,
        )
    except asyncpg.InsufficientPrivilegeError as error:
        sql = ";\n".join(create_vectors_sql(context.tables, number, vectors)) + ";"
        raise MissingSchemaError(
            f"this role may not make the table for vectors ({error}); let a role that may open "
            f"the store once with this index, and then grant SELECT, INSERT, UPDATE and DELETE on "
            f"{context.tables.item_vector(number)}, and SELECT on {context.tables.vector_set}",
            sql=sql,
        ) from error
    return StoredSet(number, *made[2:])


def check_set(stored: StoredSet, index: SearchIndex) -> None:
    """Raise IndexMismatchError unless vectors of this index can join those stored."""
    assert index.vectors is not None
    model = index.model if stored.model is not None else None
    asked = (index.vectors.dims, index.vectors.stored_as, model or stored.model)
    found = (stored.dims, stored.stored_as, stored.model)
    if asked != found:
        raise IndexMismatchError(
            f"the vectors stored have dims={stored.dims}, type {stored.stored_as!r} and model "
            f"{stored.model!r}; this index has dims={index.vectors.dims}, type "
            f"{index.vectors.stored_as!r} and model {index.model!r}. Make the store without `with` "
            "and call store.reindex() once, which embeds everything anew while reads go on; or use "
            "the former index. Where it is the same model under another name, set index['model'] "
            "to the stored one"
        )


def wanted_index(context: SqlContext) -> FilterIndex | None:
    """Return the approximate index that the configuration asks for; None if it wants none."""
    if context.vector_set is None:
        return None
    return approximate_index(context.tables, context.vector_set, context.vector_index)


async def has_index(connection: Connection, context: SqlContext) -> bool:
    """Return whether the approximate index of this configuration is there and valid."""
    ann = wanted_index(context)
    if ann is None:
        return False
    valid = await connection.fetchval(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)",
        f"{context.tables.quoted}.{ann.name}",
    )
    return bool(valid)


async def _adopt_model(connection: Connection, context: SqlContext, stored: StoredSet) -> None:
    """Write down the model's name if none is stored."""
    model = context.searched.model
    may = await connection.fetchval(
        "SELECT has_table_privilege($1, 'UPDATE') AND NOT pg_is_in_recovery()",
        context.tables.vector_set,
    )
    if stored.model is None and model is not None and may:
        await connection.execute(
            f"UPDATE {context.tables.vector_set} SET model = $1 WHERE number = $2",
            model,
            stored.number,
        )


async def _warn_of_other_words(connection: Connection, context: SqlContext) -> None:
    """Look at a sample of items only, so that the cost does not depend on the table's size."""
    others = await connection.fetchval(
        f"""SELECT count(*) FROM (SELECT words_by, indexed_paths FROM {context.tables.item}
                                   LIMIT {_SAMPLE}) i
             WHERE i.words_by IS DISTINCT FROM $1 AND i.indexed_paths IS DISTINCT FROM '[]'""",
        context.searched.words_by,
    )
    if others:
        logger.warning(_NOT_FOUND, context.tables.schema)


async def _check_language(connection: Connection, language: str) -> None:
    try:
        await connection.execute(f"SELECT '{language}'::regconfig")
    except asyncpg.UndefinedObjectError as error:
        known = await connection.fetch("SELECT oid::regconfig::text FROM pg_ts_config ORDER BY 1")
        names = ", ".join(row[0] for row in known)
        raise ConfigurationError(
            f"index: language {language!r} is no text search configuration of this database, or "
            f"one to be named with its schema; known: {names}"
        ) from error
