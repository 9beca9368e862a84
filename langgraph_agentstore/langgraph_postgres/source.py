"""The database of an official Postgres store; it is only read.

A whole migration reads one snapshot. Later writes are for the next run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
from asyncpg.cursor import Cursor

from ..config.store_options import PoolConfig, checked_schema, dsn_source
from ..errors import DatabaseError, StoreUnavailableError
from ..runtime.connections.connector import Connector
from ..runtime.connections.target import TargetReader
from ..runtime.driver_errors import CONNECTION_LOST, statement_error
from ..runtime.statements import decode_jsonb
from .items_sql import Migrant, paths_named
from .tables_sql import (
    COLUMNS_SQL,
    ELSEWHERE_SQL,
    OfficialItem,
    OfficialTables,
    count_sql,
    items_sql,
    named_sql,
    names_sql,
    official_tables,
    vectors_sql,
)

PAGE_ITEMS = 500
PAGE_BYTES = 2**23
"""Of values: a page ends where it has as many of either."""

_SLICE_ITEMS = 100
_LONGEST_S = 3600.0

# A page here waits for a page there; and looking up a few rows must never become reading all.
_SOURCE_SETTINGS = """
SELECT set_config(name, CASE WHEN vartype = 'bool' THEN 'off' ELSE '0' END, true)
  FROM pg_settings
 WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout',
                'enable_hashjoin', 'enable_mergejoin', 'jit')"""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """An item, with the field names of its present value's vectors and of all its vectors."""

    item: OfficialItem
    fresh: frozenset[str]
    names: int


@dataclass(frozen=True, slots=True)
class Page:
    """The next items; `expired` more have expired. The last page of all has neither."""

    rows: Sequence[SourceRow]
    expired: int

    @property
    def size(self) -> int:
        return len(self.rows) + self.expired


class OfficialSource:
    """One snapshot of the tables, page by page; `rewind` starts again."""

    def __init__(self, dsn: str, schema: str, since: datetime | None) -> None:
        self._source = dsn_source(dsn)
        self._schema = checked_schema(schema)
        self._since = () if since is None else (since,)
        self._connection: asyncpg.Connection | None = None
        self._cursor: Cursor | None = None
        self._slice_items = _SLICE_ITEMS
        self.tables: OfficialTables
        self.named: frozenset[str] | None = None
        self.total = 0
        self.read_at: datetime

    async def open(self, config: PoolConfig) -> None:
        """Connect, begin the snapshot, and inspect the tables.

        Raises:
            ConfigurationError: the tables do not exist.
            DatabaseError: the role may not read them.
            StoreUnavailableError, StoreTimeoutError, AccessDeniedError: no connection.
        """
        without: dict[str, Any] = {
            "statement_cache": 0,
            "session_settings": None,
            "connect_options": {},
        }
        bare = config.model_copy(update=dict(without))
        target = TargetReader(self._source.resolve(), self._source.environment, {})
        connector = Connector(target, self._source.shown, bare, decode_jsonb)
        self._connection = await connector.connect_apart()
        async with self._reading() as connection:
            await connection.transaction(isolation="repeatable_read", readonly=True).start()
            await connection.execute(_SOURCE_SETTINGS)
            await self._inspect(connection)
            sql = count_sql(self.tables, since=bool(self._since))
            self.total, self.read_at = await self._fetch_row(connection, sql)
        await self.rewind()

    async def rewind(self) -> None:
        """Start again with the first page."""
        async with self._reading() as connection:
            sql = items_sql(self.tables, since=bool(self._since))
            self._cursor = await connection.cursor(sql, *self._since, timeout=_LONGEST_S)

    async def page(self) -> Page:
        """Return the next page, in constant memory unless single values are large."""
        async with self._reading() as connection:
            found = await self._next_rows()
            items = [_official_item(row) for row in found if not row[7]]
            rows = await self._with_names(connection, items)
        return Page(rows, len(found) - len(items))

    async def _next_rows(self) -> list[Any]:
        """Return the rows of a page, read in slices: the size of values is not known before."""
        assert self._cursor is not None
        rows: list[Any] = []
        taken = 0
        while len(rows) < PAGE_ITEMS and taken < PAGE_BYTES:
            some = await self._cursor.fetch(self._slice_items, timeout=_LONGEST_S)
            if not some:
                break
            size = sum(len(row[2] or "") for row in some)
            self._slice_items = max(1, min(_SLICE_ITEMS, PAGE_BYTES * len(some) // max(1, size)))
            rows, taken = rows + some, taken + size
        return rows

    async def fill(self, migrants: Sequence[Migrant]) -> None:
        """Add their vectors to the puts of the items."""
        asked = [(m.item.prefix, m.item.key, name) for m in migrants for name in m.names]
        found: list[Any] = []
        if asked:
            columns = [list(column) for column in zip(*asked, strict=True)]
            async with self._reading() as connection:
                sql = vectors_sql(self.tables)
                found = await connection.fetch(sql, *columns, timeout=_LONGEST_S)
        vectors = iter([vector for _, vector in sorted(found, key=lambda row: row[0])])
        for migrant in migrants:
            migrant.put.vectors = [next(vectors) for _ in migrant.names]

    async def close(self) -> None:
        """End the snapshot."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*CONNECTION_LOST, asyncpg.PostgresError):
                await connection.close(timeout=2)

    async def _inspect(self, connection: asyncpg.Connection) -> None:
        columns: Any = await connection.fetch(COLUMNS_SQL, self._schema)
        elsewhere = [row[0] for row in await connection.fetch(ELSEWHERE_SQL)]
        self.tables = official_tables(columns, self._schema, elsewhere)
        if self.tables.dims is None:
            return
        # In their wire format: nobody here looks into a vector.
        await connection.set_type_codec(
            "vector",
            schema=self.tables.vector_schema,
            format="binary",
            encoder=bytes,
            decoder=bytes,
        )
        rows = await connection.fetch(named_sql(self.tables), timeout=_LONGEST_S)
        self.named = paths_named([row[0] for row in rows])

    async def _fetch_row(self, connection: asyncpg.Connection, sql: str) -> Any:
        return await connection.fetchrow(sql, *self._since, timeout=_LONGEST_S)

    async def _with_names(
        self, connection: asyncpg.Connection, items: Sequence[OfficialItem]
    ) -> list[SourceRow]:
        if self.tables.dims is None or not items:
            return [SourceRow(item, frozenset(), 0) for item in items]
        columns = [[i.prefix for i in items], [i.key for i in items], [i.updated_at for i in items]]
        found = await connection.fetch(names_sql(self.tables), *columns, timeout=_LONGEST_S)
        names: list[list[tuple[str, bool]]] = [[] for _ in items]
        for position, name, fresh in found:
            names[position - 1].append((name, fresh))
        return [
            SourceRow(item, frozenset(name for name, fresh in named if fresh), len(named))
            for item, named in zip(items, names, strict=True)
        ]

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[asyncpg.Connection]:
        """Yield the connection; translate the driver's errors."""
        assert self._connection is not None
        try:
            yield self._connection
        except CONNECTION_LOST as error:
            raise StoreUnavailableError(
                f"the connection to {self._source.shown}, which is read, was lost; run the "
                "migration again: it goes on where it stopped"
            ) from error
        except asyncpg.PostgresError as error:
            failure = statement_error(error)
            raise DatabaseError(
                f"reading the official store: {failure}", sqlstate=error.sqlstate
            ) from error


def _official_item(row: Any) -> OfficialItem:
    prefix, key, value, created_at, updated_at, expires_at, ttl_minutes, _ = row
    return OfficialItem(
        prefix, key, value.encode(), created_at, updated_at, expires_at, ttl_minutes
    )
