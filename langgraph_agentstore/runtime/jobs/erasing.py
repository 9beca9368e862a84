"""Jobs that erase a user, and that admit one again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ...results import ErasureReceipt, Vacuum
from ...security.encryption.sql import destroy_key, is_set_up_sql, vacuum_keys
from ...security.erasing.remains import remains_of
from ...security.erasing.sql import (
    CLEAR_STATISTICS,
    CLEARED_SINCE,
    TABLES_OF_USERS,
    TOMBSTONE_TRIGGERS,
    VACUUM_STATISTICS,
    WHERE_IT_REMAINS,
    bury_sql,
    erase_from_sql,
    readmit_sql,
    reason_sql,
    vacuum_sql,
)
from ...sql.tables import USER_TABLES, Tables, quoted_name
from ..connections.connector import Connection
from ..control_triggers import have_triggers
from ..distribution import refuse_distributed
from ..job import Job
from ..session import Session
from .one_user import refuse_held, take_user

_VACUUM_LIMIT_S = 24 * 3600.0


def erase_job(user_id: str, vacuum: Vacuum) -> Job[ErasureReceipt]:
    """Return the job that erases a user in one transaction; its result is the receipt."""

    async def run(session: Session) -> ErasureReceipt:
        refuse_distributed(
            session.context,
            "that an erased user stays erased is held by triggers, which Citus refuses there: "
            "delete_user() removes what the user has",
        )
        receipt = await _erase(session, user_id)
        if vacuum:
            vacuumed = await _vacuum(session, receipt, vacuum)
            receipt = replace(receipt, vacuumed=vacuumed)
        [(position, archived, others)] = await session.database.fetch(
            WHERE_IT_REMAINS, (), kind="delete_person"
        )
        remains = remains_of(receipt, position, archived=archived, replicas=others > 0)
        return replace(receipt, wal_position=position, remains=remains)

    return Job(run, writes_items=True, kind="delete_person")


def readmit_job(user_id: str) -> Job[bool]:
    """Return the job that removes a tombstone; its result tells whether there was one."""

    async def run(session: Session) -> bool:
        tables = session.context.tables
        async with session.database.lease() as connection, connection.transaction():
            await take_user(session, connection, user_id)
            return await connection.fetchval(readmit_sql(tables), user_id) is not None

    return Job(run, kind="readmit")


async def _erase(session: Session, user_id: str) -> ErasureReceipt:
    tables = session.context.tables
    async with session.database.lease() as connection:
        await have_triggers(
            connection, tables, TOMBSTONE_TRIGGERS, session.config.pool.command_timeout_s
        )
        async with connection.transaction():
            await take_user(session, connection, user_id)
            await refuse_held(connection, tables, user_id)
            [(digest, erased_at)] = await connection.fetch(bury_sql(tables), user_id)
            await connection.execute(reason_sql())
            removed: dict[str, int] = {}
            for (table,) in await connection.fetch(
                TABLES_OF_USERS, tables.quoted, list(USER_TABLES)
            ):
                status = await connection.execute(erase_from_sql(tables, table), user_id)
                removed[table] = int(status.rpartition(" ")[2])
            key_destroyed = await _destroy_keys(connection, user_id, tables)
    if session.database.data_keys is not None:
        session.database.data_keys.sealer.cache.forget_user(user_id)
    return ErasureReceipt(digest, erased_at, removed, key_destroyed)


async def _destroy_keys(connection: Connection, user_id: str, tables: Tables) -> bool | None:
    """Destroy the data keys of a user, also in a store that does not encrypt now."""
    question, arguments = is_set_up_sql(tables)
    if not await connection.fetchval(question, *arguments):
        return None
    destroy, arguments = destroy_key(user_id, tables)
    return bool(await connection.fetch(destroy, *arguments)) or None


async def _vacuum(session: Session, receipt: ErasureReceipt, vacuum: Vacuum) -> Vacuum:
    """Vacuum the tables; return False if this role may not, of which the server only warns."""
    full, tables = vacuum == "full", session.context.tables
    names = [f"{tables.quoted}.{quoted_name(table)}" for table in receipt.removed]
    statements = [vacuum_sql(name, full=full) for name in names]
    if receipt.key_destroyed:
        statements.append(vacuum_keys(tables, full=full))
    warnings: list[object] = []
    async with session.database.lease() as connection:
        own = not session.database.pooler.is_there
        if own:
            await connection.execute("SET statement_timeout = 0; SET lock_timeout = 0")
        with _listening(connection, warnings):
            if full and connection.get_server_version().major >= CLEARED_SINCE:
                schemas, cleared = [tables.schema, f"{tables.schema}_keys"], [*receipt.removed]
                await connection.execute(CLEAR_STATISTICS, schemas, [*cleared, "user_key"])
            for statement in statements:
                await connection.execute(statement, timeout=_VACUUM_LIMIT_S)
        if full:
            await connection.execute(VACUUM_STATISTICS, timeout=_VACUUM_LIMIT_S)
        if own:
            await connection.execute("RESET statement_timeout; RESET lock_timeout")
    return False if warnings else vacuum


@contextmanager
def _listening(connection: Connection, heard: list[object]) -> Iterator[None]:
    def hear(_: object, message: object) -> None:
        heard.append(message)

    connection.add_log_listener(hear)
    try:
        yield
    finally:
        connection.remove_log_listener(hear)
