"""The tables of LangGraph's own Postgres store, `langgraph-checkpoint-postgres`.

`store` has the items. `store_vectors`, which exists only if that store was given an index, has a
row for each text that was embedded. Rows of texts that an item no longer has are never removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ..errors import ConfigurationError, DatabaseError, IndexMismatchError
from ..sql.statement import Row, SqlContext
from ..sql.tables import quoted_name

COLUMNS_SQL = """
SELECT c.relname, a.attname, t.typname, tn.nspname, a.atttypmod,
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
  FROM pg_catalog.pg_namespace n
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
 WHERE n.nspname = $1 AND c.relname IN ('store', 'store_vectors')"""

ELSEWHERE_SQL = """
SELECT n.nspname
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
 WHERE c.relname = 'store' AND c.relkind = 'r' AND a.attname IN ('prefix', 'key', 'value')
 GROUP BY n.nspname
HAVING count(*) = 3
 ORDER BY n.nspname"""

_ITEM_COLUMNS = {"prefix", "key", "value", "created_at", "updated_at"}
_TTL_COLUMNS = {"expires_at", "ttl_minutes"}
_VECTOR_TYPES = ("vector", "halfvec")


@dataclass(frozen=True, slots=True)
class OfficialItem:
    """A row of `store`: `value` is JSON text, exactly as stored."""

    prefix: str
    key: str
    value: bytes
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    ttl_minutes: float | None


@dataclass(frozen=True, slots=True)
class OfficialTables:
    """The location of the tables, and the release that made them.

    `ttl`: whether items have an expiry. `dims`: the length of the vectors, None without any;
    `vector_schema`: the schema of the type.
    """

    schema: str
    ttl: bool
    dims: int | None = None
    vector_schema: str = ""

    @property
    def _quoted(self) -> str:
        return quoted_name(self.schema)

    @property
    def items(self) -> str:
        """A FROM item with the columns of the latest release."""
        ttl = "" if self.ttl else ", NULL::timestamptz AS expires_at, NULL::integer AS ttl_minutes"
        return f"(SELECT *{ttl} FROM {self._quoted}.store) s"

    @property
    def vectors(self) -> str:
        return f"{self._quoted}.store_vectors"


def official_tables(rows: Sequence[Row], schema: str, elsewhere: Sequence[str]) -> OfficialTables:
    """Return the tables from the rows of `COLUMNS_SQL`.

    Raises:
        ConfigurationError: the official store's tables do not exist, or are another program's.
        DatabaseError: the role may not read them.
    """
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        found.setdefault(row[0], {})[row[1]] = row
    items = found.get("store", {})
    if missing := sorted(_ITEM_COLUMNS - items.keys()):
        raise ConfigurationError(_not_there(schema, missing if items else [], elsewhere))
    if unreadable := sorted(name for name, columns in found.items() if not _readable(columns)):
        names = ", ".join(f"{quoted_name(schema)}.{name}" for name in unreadable)
        raise DatabaseError(
            f"this role may not read {names}: GRANT USAGE ON SCHEMA {quoted_name(schema)} and "
            f"GRANT SELECT ON {names} to it, or use the DSN of a role that may",
            sqlstate="42501",
        )
    tables = OfficialTables(schema, items.keys() >= _TTL_COLUMNS)
    embedding = found.get("store_vectors", {}).get("embedding")
    if embedding is None:
        return tables
    _, _, type_name, type_schema, dims, _ = embedding
    if type_name not in _VECTOR_TYPES:
        raise ConfigurationError(
            f"{tables.vectors} has embeddings of type {type_name!r}; known: vector, halfvec"
        )
    return OfficialTables(schema, tables.ttl, dims, type_schema)


def check_index(tables: OfficialTables, named: frozenset[str], context: SqlContext) -> None:
    """Raise IndexMismatchError unless this store's index can take the vectors there.

    `named`: the paths that have vectors there.
    """
    index = context.index
    if index is None or index.vectors is None or tables.dims is None or not named:
        return
    if tables.dims != index.vectors.dims:
        raise IndexMismatchError(
            f"the vectors there have {tables.dims} dimensions, this store's index has "
            f"dims={index.vectors.dims}: give it the model and the dims that they were made with, "
            "and reindex() for another model afterwards; or give it no index, which copies items "
            "alone. Nothing was written"
        )
    own = [path for path, _ in index.paths]
    if not named & set(own):
        raise IndexMismatchError(
            f"this store's index has the fields {own}, and the vectors there are of "
            f"{sorted(named)[:10]}: give it the fields of the official store's index, and "
            "reindex() with other ones afterwards. Nothing was written"
        )


def items_sql(tables: OfficialTables, *, since: bool) -> str:
    """Select all items in any order; of an expired item not even the value. `$1`: where `since`."""
    created, updated = "s.created_at, s.updated_at", "s.updated_at, s.created_at"
    return f"""
SELECT s.prefix, s.key, CASE WHEN NOT e.expired THEN s.value::text END,
       coalesce({created}, 'epoch'), coalesce({updated}, 'epoch'),
       s.expires_at, s.ttl_minutes::float8, e.expired
  FROM {tables.items}
 CROSS JOIN LATERAL (SELECT coalesce(s.expires_at <= now(), false) AS expired) e
 {_since(since)}"""


def count_sql(tables: OfficialTables, *, since: bool) -> str:
    """Select the number of items and the time of this snapshot."""
    return f"SELECT count(*), now() FROM {tables.items} {_since(since)}"


def named_sql(tables: OfficialTables) -> str:
    """Select every field name that has vectors."""
    return f"SELECT DISTINCT field_name FROM {tables.vectors} WHERE embedding IS NOT NULL"


def names_sql(tables: OfficialTables) -> str:
    """Select the field names of some items' vectors, by the item's position.

    Both rows of one put have the time of its transaction. So a vector that is older than its
    item does not belong to the item's present value.
    """
    return f"""
SELECT p.position, v.field_name, coalesce(v.updated_at >= p.updated_at, false)
  FROM unnest($1::text[], $2::text[], $3::timestamptz[])
       WITH ORDINALITY AS p (prefix, key, updated_at, position)
  JOIN {tables.vectors} v ON v.prefix = p.prefix AND v.key = p.key
 WHERE v.embedding IS NOT NULL"""


def vectors_sql(tables: OfficialTables) -> str:
    """Select the vectors of some items and field names, by position."""
    vector = f"{quoted_name(tables.vector_schema)}.vector"
    return f"""
SELECT p.position, v.embedding::{vector}
  FROM unnest($1::text[], $2::text[], $3::text[])
       WITH ORDINALITY AS p (prefix, key, field_name, position)
  JOIN {tables.vectors} v
    ON v.prefix = p.prefix AND v.key = p.key AND v.field_name = p.field_name"""


def _since(since: bool) -> str:
    # A read moves the expiry on and leaves the times: without it the item would end too soon here.
    return (
        """WHERE coalesce(s.updated_at, s.created_at, 'epoch') >= $1
    OR s.expires_at - s.ttl_minutes * interval '1 minute' >= $1"""
        if since
        else ""
    )


def _readable(columns: dict[str, Row]) -> bool:
    return all(column[5] for column in columns.values())


def _not_there(schema: str, missing: Sequence[str], elsewhere: Sequence[str]) -> str:
    if missing:
        what = f"the table store of schema {schema!r} is not the official store's: it lacks the "
        what += f"columns {', '.join(missing)}"
    else:
        what = f"schema {schema!r} of that database has no table store"
    others = [name for name in elsewhere if name != schema]
    if others:
        return f"{what}; one is in schema {others[0]!r}: schema={others[0]!r}"
    return f"{what}: is it the database that PostgresStore was given, and was its setup() called?"
