"""Imports of records: batch by batch, or in one transaction if nothing may be there already."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from ...sql.items.import_records import Conflict, Imported, needs_moment, plan_import
from ...sql.statement import ItemId, Users
from ..attribution import attribute_transaction, author_alone
from ..connections.connector import Connection
from ..driver_errors import statement_error
from ..index_state import IndexState
from ..job import Job
from ..session import Session


class Importing:
    """One import: the jobs `begin`, `write` for each batch, and `end`.

    With "fail", all batches are one transaction; otherwise each batch is one of its own. `users`:
    those of the view that is imported to.
    """

    def __init__(self, conflict: Conflict, users: Users | None = None) -> None:
        self._conflict = conflict
        self._users = users
        self._held = AsyncExitStack()
        self._connection: Connection | None = None
        self._transaction: Any = None

    def begin(self) -> Job[Any]:
        """Return the job that takes a connection and begins the transaction, if there is one."""

        async def run(session: Session) -> None:
            if self._conflict != "fail":
                return
            async with AsyncExitStack() as stack:
                lease = session.database.lease(users=self._users)
                connection = await stack.enter_async_context(lease)
                transaction = connection.transaction()
                await transaction.start()
                await session.database.pooler.tell_settings(connection)
                await session.database.tell_users(connection, self._users)
                self._held = stack.pop_all()
            self._connection, self._transaction = connection, transaction

        return Job(run, kind="put_import")

    def write(self, records: Sequence[Imported]) -> Job[Any]:
        """Return the job that writes a batch whole or not at all; its result is what it wrote.

        The ids of the records must differ.
        """

        async def run(session: Session) -> set[ItemId]:
            written: set[ItemId] = await session.index.do(partial(self._write, session, records))
            if any(record.put.ttl is not None for record in records):
                session.sweeper.start_by_itself()
            return written

        return Job(run, writes_items=True, kind="put_import")

    def end(self, *, commit: bool) -> Job[Any]:
        """Return the job that commits the transaction or rolls it back."""

        async def run(_session: Session) -> None:
            connection, self._connection = self._connection, None
            if connection is None:
                return
            async with self._held:
                try:
                    await (self._transaction.commit() if commit else self._transaction.rollback())
                except Exception:
                    # Nobody else may get this connection with its transaction; the server rolls
                    # back.
                    connection.terminate()
                    raise

        return Job(run, kind="put_import")

    async def _write(
        self, session: Session, records: Sequence[Imported], index_state: IndexState
    ) -> set[ItemId]:
        puts = await session.database.passed([record.put for record in records])
        if not puts:
            return set()
        records = [record for record in records if record.put.passed is not False]
        await index_state.embed_all(puts)
        sealed = await session.database.sealed(puts)
        records = [replace(each, put=put) for each, put in zip(records, sealed, strict=True)]
        context, moment = index_state.context, None
        if needs_moment(self._conflict, context):
            [(moment,)] = await session.database.fetch(
                "SELECT now()", (), kind="put_import", users=()
            )
        statement = plan_import(records, self._conflict, context, moment)
        if self._connection is None:
            said = author_alone(statement.sql, index_state.context.tables)
            rows = await session.database.run(statement, self._users, settings=said)
            return statement.decode(rows).result
        try:
            # A savepoint: a batch that meets a locked item is tried again.
            async with self._connection.transaction():
                await attribute_transaction(self._connection)
                found: Any = await self._connection.fetch(statement.sql, *statement.arguments)
        except Exception as error:
            raise statement_error(error) from error
        return statement.decode(found).result
