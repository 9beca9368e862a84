"""Imports of records: batch by batch, or in one transaction if nothing may be there already."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ...sql.items.import_records import Conflict, Imported, plan_import
from ...sql.statement import ItemId
from ..connections.connector import Connection
from ..driver_errors import statement_error
from ..index_state import IndexState
from ..session import Job, Session


class Importing:
    """One import: the jobs `begin`, `write` for each batch, and `end`.

    With "fail", all batches are one transaction; otherwise each batch is one of its own.
    """

    def __init__(self, conflict: Conflict) -> None:
        self._conflict = conflict
        self._lease: Any = None
        self._connection: Connection | None = None
        self._transaction: Any = None

    def begin(self) -> Job[Any]:
        """Return the job that takes a connection and begins the transaction, if there is one."""

        async def run(session: Session) -> None:
            if self._conflict != "fail":
                return
            lease = session.database.connections.lease()
            connection = await lease.__aenter__()
            transaction = connection.transaction()
            try:
                await transaction.start()
                await session.database.pooler.tell_settings(connection)
            except Exception as error:
                await lease.__aexit__(None, None, None)
                raise statement_error(error) from error
            self._lease, self._connection, self._transaction = lease, connection, transaction

        return Job(run)

    def write(self, records: Sequence[Imported]) -> Job[Any]:
        """Return the job that writes a batch whole or not at all; its result is what it wrote.

        The ids of the records must differ.
        """

        async def run(session: Session) -> set[ItemId]:
            written: set[ItemId] = await session.index.do(partial(self._write, session, records))
            if any(record.put.ttl is not None for record in records):
                session.sweeper.start_by_itself()
            return written

        return Job(run)

    def end(self, *, commit: bool) -> Job[Any]:
        """Return the job that commits the transaction or rolls it back."""

        async def run(_session: Session) -> None:
            if self._connection is None:
                return
            try:
                await (self._transaction.commit() if commit else self._transaction.rollback())
            except Exception as error:
                # Nobody else may get this connection with its transaction; the server rolls back.
                self._connection.terminate()
                raise statement_error(error) from error
            finally:
                self._connection = None
                await self._lease.__aexit__(None, None, None)

        return Job(run)

    async def _write(
        self, session: Session, records: Sequence[Imported], index_state: IndexState
    ) -> set[ItemId]:
        await index_state.embed_all([record.put for record in records])
        statement = plan_import(records, self._conflict, index_state.context)
        if self._connection is None:
            rows = await session.database.fetch(
                statement.sql, statement.arguments, idempotent=False
            )
            return statement.decode(rows).result
        try:
            # A savepoint: a batch that meets a locked item is tried again.
            async with self._connection.transaction():
                found: Any = await self._connection.fetch(statement.sql, *statement.arguments)
        except Exception as error:
            raise statement_error(error) from error
        return statement.decode(found).result
