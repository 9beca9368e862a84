"""Rotation of data keys: every user gets a new one, and every value is sealed with it.

Reads and writes go on. What is done is told by the rows themselves: a value names the key that
sealed it, a key tells when it was made. So after a kill at any point, the next rotation goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from ...errors import DecryptionError, InvalidOperationError
from ...model.json_values import encode_value
from ...model.provenance import Provenance
from ...security.encryption.options import LONGEST_KEY_AGE_S
from ...security.encryption.sealed_values import Sealer, users_of
from ...security.encryption.sql import (
    SealedAgain,
    begin_rotation,
    delete_unused_keys,
    destroy_key,
    end_rotation,
    forget_words,
    page_of_items,
    retired_keys,
    seal_again,
)
from ...sql.indexed_content import content_of
from ...sql.items.reindex_page import FIRST, ToIndex, words_again_sql, words_arguments
from ...sql.statement import ItemId, Row
from ..attribution import author
from ..connections.pool import CLOSE_S
from ..data_keys import DataKeys
from ..distribution import refuse_distributed
from ..job import Job
from ..process_lock import ProcessLock
from ..session import Session
from .one_user import refuse_held, take_user

_ROTATION_LOCK: Final = 0x61676E78

ROTATED_AT_ONCE: Final = 200
"""How many items are read, sealed and written at a time."""

RETIRED_FOR: Final = timedelta(seconds=2 * LONGEST_KEY_AGE_S)
"""How long a retired key is kept: longer than any process may go on to seal with it."""

KEYS_AT_ONCE: Final = 100
"""How many retired keys are looked for in the values of their users at a time."""

_BY_ROTATION: Final = author(
    Provenance(tool="rotate", reason="a new data key; the value is the same").text
)
"""History keeps each stored value that was replaced, also where what it opens to stays."""

_COUNTING_S = 3600.0
_MOST_NAMED = 5


class Rotating:
    """One rotation; each method is the work of one job, in this order."""

    def __init__(self) -> None:
        self._after = FIRST
        self._started_at: datetime | None = None
        self._held = AsyncExitStack()
        self._unreadable: list[DecryptionError] = []
        self.rotated = 0
        self.is_done = False

    async def begin(self, session: Session) -> int:
        """Continue the unfinished rotation or begin one; return the number of items.

        Raises:
            InvalidOperationError: the store does not encrypt, or another process is rotating.
            DistributedError: the tables are distributed over nodes.
        """
        data_keys_of(session)
        refuse_distributed(
            session.context,
            "keys are on the coordinator and values on all nodes, so no statement sees which keys "
            "are in use: rotate before the tables are distributed; rewrap_keys() works",
        )
        # Not one of the pool's: a small pool would have none left for the work itself.
        connection = await session.database.connections.connector.connect_apart(timed=False)
        self._held.push_async_callback(connection.close, timeout=CLOSE_S)
        lock = ProcessLock(session.database, _ROTATION_LOCK)
        if not await lock.try_take(connection):
            raise InvalidOperationError("another process is rotating keys; wait for it")
        self._held.push_async_callback(lock.release, connection)
        tables = session.context.tables
        [(self._started_at,)] = await session.database.fetch(
            *begin_rotation(tables), kind="rotate_keys"
        )
        count = f"SELECT count(*) FROM {tables.item}"
        total: int = await connection.fetchval(count, timeout=_COUNTING_S)
        return total

    async def step(self, session: Session) -> int:
        """Seal the next page of items; return how many were looked at, and set `is_done`."""
        keys, database = data_keys_of(session), session.database
        page = page_of_items(self._after, ROTATED_AT_ONCE, session.context.tables)
        rows = await database.fetch(*page, kind="rotate_keys")
        if rows:
            users = sorted(users_of(_item_id(row) for row in rows))
            assert self._started_at is not None
            await keys.renew(users, self._started_at)
            await self._seal(session, keys.sealer, rows)
            self._after = _item_id(rows[-1])
        self.is_done = not rows
        return len(rows)

    async def finish(self, session: Session) -> None:
        """End the rotation, and remove retired keys that nothing needs.

        Raises:
            DecryptionError: values could not be opened, and stay as they were.
        """
        tables = session.context.tables
        fetch = partial(session.database.fetch, kind="rotate_keys")
        await fetch(*end_rotation(tables))
        retired = [row[0] for row in await fetch(*retired_keys(RETIRED_FOR, tables))]
        for first in range(0, len(retired), KEYS_AT_ONCE):
            await fetch(*delete_unused_keys(retired[first : first + KEYS_AT_ONCE], tables))
        if self._unreadable:
            named = "; ".join(map(str, self._unreadable[:_MOST_NAMED]))
            raise DecryptionError(
                f"{len(self._unreadable)} items could not be opened and stay as they are: {named}"
            )

    async def end(self, _session: Session) -> None:
        """Give back the lock, whether or not the work is complete."""
        await self._held.aclose()

    async def _seal(self, session: Session, sealer: Sealer, rows: Sequence[Row]) -> None:
        """Seal the rows that are not sealed with their user's current key."""
        opened, unreadable = await asyncio.to_thread(_opened, sealer, rows)
        clear = [(row, value) for row, value in opened if sealer.exposed_fields(row[3])]
        if clear and not sealer.encryption.index_plaintext:
            # Words and vectors go first: they tell of the text as long as they are there.
            await self._forget_words(session, clear)
        if opened:
            items = [_sealed_again(sealer, row, value) for row, value in opened]
            again = seal_again(items, session.context.tables)
            await session.database.fetch(*again, kind="rotate_keys", settings=_BY_ROTATION)
        # Only now: a step that meets a locked item is run again.
        self._unreadable += unreadable
        self.rotated += len(opened)

    async def _forget_words(self, session: Session, clear: Sequence[tuple[Row, bytes]]) -> None:
        """Remove words and vectors of what was clear, and make the words of its clear part."""
        context = session.context
        fetch = partial(session.database.fetch, kind="rotate_keys")
        await fetch(*forget_words([_item_id(row) for row, _ in clear], context))
        if context.index is None or context.index.language is None:
            return
        items = []
        for row, value in clear:
            chosen = False if row[6] == [] else row[6]
            content = content_of(context.searchable(value), chosen, context.index)
            items.append(ToIndex(_item_id(row), row[4], content, []))
        await fetch(words_again_sql(context), words_arguments(items))


def _opened(
    sealer: Sealer, rows: Sequence[Row]
) -> tuple[list[tuple[Row, bytes]], list[DecryptionError]]:
    """Return the rows to seal with their values as JSON text, and the errors of the others."""
    found, errors = [], []
    for row in rows:
        if sealer.is_current(row[3], row[0]):
            continue
        try:
            found.append((row, encode_value(sealer.opened(_item_id(row), row[3]))))
        except DecryptionError as error:
            errors.append(error)
    return found, errors


def _sealed_again(sealer: Sealer, row: Row, value: bytes) -> SealedAgain:
    key = sealer.cache.current(row[0])
    assert key is not None
    return SealedAgain(_item_id(row), row[4], row[5], sealer.sealed(_item_id(row), value, key))


def data_keys_of(session: Session) -> DataKeys:
    """Return the data keys of an open store that encrypts.

    Raises:
        InvalidOperationError: it does not encrypt.
    """
    if session.database.data_keys is None:
        raise InvalidOperationError(
            "this store does not encrypt, so it has no keys; make it with encryption=Encryption(…)"
        )
    return session.database.data_keys


async def _rewrap(session: Session) -> int:
    return await data_keys_of(session).rewrap()


def destroy_keys_job(user_id: str) -> Job[int]:
    """Return the job that destroys the data keys of a user, unless a legal hold keeps them."""

    async def run(session: Session) -> int:
        keys, tables = data_keys_of(session), session.context.tables
        async with session.database.lease() as connection, connection.transaction():
            await take_user(session, connection, user_id)
            await refuse_held(connection, tables, user_id)
            sql, arguments = destroy_key(user_id, tables)
            destroyed = await connection.fetch(sql, *arguments)
        keys.sealer.cache.forget_user(user_id)
        return len(destroyed)

    return Job(run, kind="destroy_keys")


REWRAP_KEYS: Job[int] = Job(_rewrap, kind="rewrap_keys")


def _item_id(row: Row) -> ItemId:
    return row[0], row[1], row[2]
