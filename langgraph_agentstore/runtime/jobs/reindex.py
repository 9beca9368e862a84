"""Reindexing: a new set of vectors is filled beside the one in use, and then replaces it.

Reads and writes go on with the old set. Items written meanwhile are recognized by their version.
When few are left, writers wait until those are done and the sets are switched. If the process is
killed, nothing has changed for readers, and the next reindexing continues the work.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import asyncpg

from ...errors import SchemaError
from ...model.json_values import decode_value, encode_value
from ...sql.indexed_content import content_of
from ...sql.items.reindex_page import (
    FIRST,
    ToIndex,
    fill_arguments,
    fill_sql,
    page_sql,
    undone_sql,
    words_again_sql,
    words_arguments,
)
from ...sql.statement import CurrentRules, ItemId, SqlContext
from ..connections.connector import Connection
from ..data_keys import DataKeys
from ..index_state import IndexState
from ..pgvector_extension import have_extension
from ..process_lock import ProcessLock
from ..session import Session
from ..vector_sets import StoredSet, has_index, make_set, stored_set, wanted_index
from .indexes import make_index

# One lock for all schemas of a database: two reindexings would slow each other down.
_REINDEX_LOCK = 0x61676E77

REINDEX_PAGE_SIZE = 200
"""How many items are read, embedded and written at a time."""

FEW = 200
"""With so few items left, writers wait until they are done."""

_REINDEX_LIMIT_S = 3600.0


class Reindexing:
    """One reindexing; each method is the work of one job, in this order."""

    def __init__(self, context: SqlContext, current_rules: CurrentRules) -> None:
        self._context = context
        self._current_rules = current_rules
        self._after = FIRST
        self._index_state: IndexState | None = None
        self._is_in_use = False
        self._connection: Connection | None = None
        self._data_keys: DataKeys | None = None
        self._held = AsyncExitStack()
        self._lock: ProcessLock | None = None
        self.caught_up = False

    async def begin(self, session: Session) -> int:
        """Continue an unfinished set or make a new one; return how many items are to be done.

        Raises:
            SchemaError: another process is reindexing, or there can be no vectors.
        """
        self._data_keys = session.database.data_keys
        self._context = self._context.at_server_of(session.context)
        lease = session.database.connections.lease()
        connection = self._connection = await self._held.enter_async_context(lease)
        self._lock = ProcessLock(session.database, _REINDEX_LOCK)
        if not await self._lock.try_take(connection):
            raise SchemaError("another process is reindexing; wait for it")
        if not session.database.pooler.is_there:
            await connection.execute("SET statement_timeout = 0")
        if self._context.searched.vectors is not None:
            self._context = await have_extension(connection, self._context)
            session.database.connections.learn_vectors()
            number = await self._open_set(connection)
            self._context = replace(self._context, vector_set=number, approximate=False)
        self._index_state = IndexState(self._context, None)
        undone: int = await connection.fetchval(undone_sql(self._context), timeout=_REINDEX_LIMIT_S)
        return undone

    async def step(self, _session: Session) -> int:
        """Process a page of items and return their number; set `caught_up` if few are left."""
        assert self._connection is not None
        done = await self._page(self._connection)
        if done < REINDEX_PAGE_SIZE:
            self._after = FIRST
            undone = await self._connection.fetchval(
                undone_sql(self._context), timeout=_REINDEX_LIMIT_S
            )
            self.caught_up = undone <= FEW
        return done

    async def switch(self, session: Session) -> None:
        """Create the index, process what is left while writers wait, and put the set to use."""
        connection = self._connection
        assert connection is not None
        ann = wanted_index(self._context)
        if ann is not None:
            await make_index(session.database, connection, ann, self._context.tables.quoted)
            approximate = await has_index(connection, self._context)
            self._context = replace(self._context, approximate=approximate)
        assert self._index_state is not None
        self._index_state.context = self._context
        assert self._lock is not None
        await self._lock.confirm()
        former = session.index.now
        with session.index.changing():
            await self._switch_in_turn(connection)
            session.index.now, self._is_in_use = self._index_state, True
            self._current_rules.context = replace(self._context, vector_set=None, approximate=False)
        await former.close()
        # Writes that waited for the lock were planned for the former index.
        await session.in_flight_ended()
        await self._do_the_rest(connection)

    async def end(self, session: Session) -> None:
        """Give back the lock and the connection, whether or not the work is complete."""
        if self._index_state is not None and not self._is_in_use:
            await self._index_state.close()
        if self._connection is None:
            return
        try:
            if not session.database.pooler.is_there:
                await self._connection.execute("RESET statement_timeout")
            if self._lock is not None:
                await self._lock.release(self._connection)
        finally:
            await self._held.aclose()

    async def _open_set(self, connection: Connection) -> int:
        async with connection.transaction():
            unfinished = await stored_set(connection, self._context, "building")
            if unfinished is not None:
                if self._is_ours(unfinished):
                    return unfinished.number
                await self._drop_set(connection, unfinished.number)
            numbers = f"SELECT coalesce(max(number), 0) + 1 FROM {self._context.tables.vector_set}"
            number = await connection.fetchval(numbers)
            return (await make_set(connection, self._context, number, "building")).number

    def _is_ours(self, unfinished: StoredSet) -> bool:
        vectors = self._context.vector_index
        found = (unfinished.dims, unfinished.stored_as, unfinished.settings)
        return found == (vectors.dims, vectors.stored_as, self._context.searched.settings)

    async def _drop_set(self, connection: Connection, number: int) -> None:
        tables = self._context.tables
        await connection.execute(f"DELETE FROM {tables.vector_set} WHERE number = $1", number)
        await connection.execute(f"DROP TABLE IF EXISTS {tables.item_vector(number)}")

    async def _do_the_rest(self, connection: Connection) -> None:
        self._after = FIRST
        while await self._page(connection):
            pass

    async def _page(self, connection: Connection) -> int:
        rows = await connection.fetch(
            page_sql(self._context), *self._after, REINDEX_PAGE_SIZE, timeout=_REINDEX_LIMIT_S
        )
        if not rows:
            return 0
        if self._data_keys is not None:
            await self._data_keys.load(
                [(decode_value(row[4].encode()),) for row in rows], users=None
            )
        items = await asyncio.to_thread(self._read, rows)
        await self._embed(items)
        if self._context.vector_set is not None:
            await connection.execute(fill_sql(self._context), *fill_arguments(items))
        if self._context.searched.language is not None:
            await connection.execute(words_again_sql(self._context), *words_arguments(items))
        self._after = items[-1].item_id
        return len(items)

    def _read(self, rows: list[asyncpg.Record]) -> list[ToIndex]:
        index = self._context.searched
        items = []
        for user_id, namespace, key, version, value, paths in rows:
            item_id = (user_id, namespace, key)
            text = self._searchable(item_id, value.encode())
            content = content_of(text, False if paths == [] else paths, index)
            items.append(ToIndex(item_id, version, content, []))
        return items

    def _searchable(self, item_id: ItemId, stored: bytes) -> bytes:
        """Return what is searched of a stored value, as JSON text."""
        if self._context.sealing is None:
            return stored
        value = self._context.sealing.opened(item_id, decode_value(stored))
        return self._context.searchable(encode_value(value))

    async def _embed(self, items: list[ToIndex]) -> None:
        if self._context.vector_set is None:
            return
        assert self._index_state is not None
        wanted = [(item.item_id, [part.text for part in item.content.parts]) for item in items]
        for item, vectors in zip(items, await self._index_state.vectors(wanted), strict=True):
            item.vectors = vectors

    async def _switch_in_turn(self, connection: Connection) -> None:
        """Try to switch until no writer holds the table; each holds it for moments only."""
        attempts = 30
        while True:
            attempts -= 1
            try:
                async with connection.transaction():
                    await self._switch(connection)
                return
            except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
                if not attempts:
                    raise
                await asyncio.sleep(0.2)

    async def _switch(self, connection: Connection) -> None:
        tables, number = self._context.tables, self._context.vector_set
        await connection.execute("SET LOCAL lock_timeout = '2s'")
        await connection.execute(f"LOCK TABLE {tables.item} IN SHARE ROW EXCLUSIVE MODE")
        await self._do_the_rest(connection)
        if number is None:
            return
        former = await stored_set(connection, self._context, "active")
        if former is not None:
            await self._drop_set(connection, former.number)
        await connection.execute(
            f"UPDATE {tables.vector_set} SET state = 'active' WHERE number = $1", number
        )
