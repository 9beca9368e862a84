"""A user's own SQL, in a transaction that cannot write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from ...errors import InvalidOperationError
from ..job import Job
from ..session import Session


@dataclass(frozen=True, slots=True)
class QueryRows:
    """The first rows of a query. `is_cut`: whether there are more."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    is_cut: bool


def read_only_query(sql: str, arguments: Sequence[Any], most_rows: int) -> Job[QueryRows]:
    """Return the job that runs one statement with the store's schema first in the search path."""

    async def run(session: Session) -> QueryRows:
        schema = session.context.tables.quoted
        async with (
            session.database.lease() as connection,
            connection.transaction(readonly=True),
        ):
            await connection.execute(
                "SELECT pg_catalog.set_config('search_path', $1 || ', ' || "
                "pg_catalog.current_setting('search_path'), true)",
                schema,
            )
            statement = await connection.prepare(sql)
            columns = [attribute.name for attribute in statement.get_attributes()]
            cursor = await statement.cursor(*arguments)
            try:
                rows = await cursor.fetch(most_rows + 1)
            except asyncpg.ReadOnlySQLTransactionError as error:
                raise InvalidOperationError(
                    f"this runs in a read-only transaction: {error}; change items with the "
                    "store's methods"
                ) from error
        return QueryRows(columns, [tuple(row) for row in rows[:most_rows]], len(rows) > most_rows)

    return Job(run, kind="query")
