"""Tables of vectors, their approximate indexes, and distances in SQL."""

from __future__ import annotations

from dataclasses import dataclass

from ..config.search_index import VectorIndex
from .distribution import distribute_sql, key_to_item_sql
from .filters.indexes import FilterIndex
from .statement import SqlContext
from .tables import Tables

_OPERATORS = {"cosine": "<=>", "l2": "<->", "inner_product": "<#>"}
_OPCLASSES = {"cosine": "cosine_ops", "l2": "l2_ops", "inner_product": "ip_ops"}

VECTOR_COLUMNS = "user_id, namespace, key, part, path, version, digest, embedding"

REPLACE_PART = """
        ON CONFLICT (user_id, namespace, key, part) DO UPDATE
       SET path = excluded.path, version = excluded.version, digest = excluded.digest,
           embedding = excluded.embedding"""
"""What a row of a part does where there is one already."""


def column_type(tables: Tables, index: VectorIndex) -> str:
    """Return the SQL type of a stored vector."""
    return f"{tables.of_extension}{index.stored_as}({index.dims})"


def create_vectors_sql(
    tables: Tables, number: int, index: VectorIndex, *, distributed: bool = False
) -> tuple[str, ...]:
    """Return the statements that create the table of a set of vectors, beside the items."""
    table, name = tables.item_vector(number), f"item_vector_{number}"
    key_to_item = f""",
    FOREIGN KEY (user_id, namespace, key)
        REFERENCES {tables.item} (user_id, namespace, key) ON DELETE CASCADE"""
    beside: tuple[str, ...] = ()
    if distributed:
        key_to_item = ""
        beside = (distribute_sql(tables, name), key_to_item_sql(tables, name))
    return (
        f"""CREATE TABLE IF NOT EXISTS {table} (
    user_id    text COLLATE "C" NOT NULL,
    namespace  text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    part       integer NOT NULL,
    path       text NOT NULL,
    version    bigint NOT NULL,
    digest     bigint NOT NULL,
    embedding  {column_type(tables, index)},
    PRIMARY KEY (user_id, namespace, key, part){key_to_item}
-- Whatever fits a page stays in the row: vectors out of line make exact scans several times slower.
) WITH (toast_tuple_target = 8160)""",
        *beside,
    )


def approximate_index(tables: Tables, number: int, index: VectorIndex) -> FilterIndex | None:
    """Return the index that the configuration asks for; None if none is wanted or possible."""
    if index.indexed_as is None:
        return None
    name = f"item_vector_{number}_{index.kind}_{index.vector_type}_{index.distance}"
    options = (
        (f"m={index.m}", f"ef_construction={index.ef_construction}")
        if index.kind == "hnsw"
        else (f"lists={index.nlist}",)
    )
    opclass = "hamming_ops" if index.indexed_as == "bit" else _OPCLASSES[index.distance]
    return FilterIndex(
        name,
        tables.item_vector(number),
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {tables.item_vector(number)} "
        f"USING {index.kind} (({_indexed('embedding', tables, index)}) "
        f"{tables.of_extension}{index.indexed_as}_{opclass}) "
        f"WITH ({', '.join(options)})",
        f"DROP INDEX CONCURRENTLY IF EXISTS {tables.quoted}.{name}",
        options,
    )


@dataclass(frozen=True, slots=True)
class DistanceSql:
    """Distances between a row's `v.embedding` and the vector `$1`, nearest smallest.

    `exact` is what results are ordered by; `indexed` is what the approximate index answers.
    """

    exact: str
    indexed: str
    score: str


def distance_sql(context: SqlContext) -> DistanceSql:
    """Return the distances of the index in SQL; `score` is over a column `distance`."""
    index, tables = context.vector_index, context.tables
    operator = tables.operator(_OPERATORS[index.distance])
    # A scalar subquery where there is something to convert: it is done once, not for each row.
    given = f"$1::{tables.of_extension}vector"
    query = given
    if index.stored_as != "vector":
        query = f"(SELECT {given}::{column_type(tables, index)})"
    exact = f"v.embedding {operator} {query}"
    if index.distance == "cosine":
        # Of a vector of zeros nobody knows the direction: neither near nor far.
        exact = f"coalesce(nullif({exact}, 'NaN'), 1)"
    if index.indexed_as != index.stored_as:
        query = f"(SELECT {_indexed(given, tables, index)})"
    near = tables.operator("<~>") if index.indexed_as == "bit" else operator
    indexed = f"{_indexed('v.embedding', tables, index)} {near} {query}"
    score = {"cosine": "1 - distance", "l2": "-distance", "inner_product": "-distance"}
    return DistanceSql(exact, indexed, score[index.distance])


def _indexed(vector: str, tables: Tables, index: VectorIndex) -> str:
    """Return a vector as the approximate index sees it."""
    if index.indexed_as == "bit":
        return f"{tables.of_extension}binary_quantize({vector})::bit({index.dims})"
    if index.indexed_as == index.stored_as:
        return vector
    return f"({vector})::{tables.of_extension}{index.indexed_as}({index.dims})"
