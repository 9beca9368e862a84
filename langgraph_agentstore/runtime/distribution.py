"""Citus: whether the tables are distributed over nodes, and their distribution."""

from __future__ import annotations

from dataclasses import replace

import asyncpg

from ..config.store_options import StoreConfig
from ..errors import ConfigurationError, DistributedError, MissingSchemaError
from ..sql import distribution as sql
from ..sql.statement import CurrentRules, SqlContext
from ..sql.tables import Tables
from .batch_users import spread_by_user
from .connections.connector import Connection
from .job import Job
from .migrator import statements_of
from .session import Session
from .statements import Database

_LOCK = 0x61676E77
_MOVING_LIMIT_S = 24 * 3600.0
_INSTEAD = "see the how-to 'Grow to Citus' for what works there and what does not"


async def is_distributed(connection: Connection, tables: Tables) -> bool:
    """Return whether the items are distributed over nodes."""
    if not await connection.fetchval(sql.HAS_CITUS):
        return False
    return bool(await connection.fetchval(sql.IS_DISTRIBUTED, tables.item))


async def open_distributed(
    connection: Connection, database: Database, config: StoreConfig, context: SqlContext
) -> SqlContext:
    """Return the context for this server; distribute tables that migrations added since.

    Raises:
        DistributedError: the store has options that need one server.
    """
    tables = context.tables
    if not await is_distributed(connection, tables):
        return replace(context, distributed=False)
    _check_options(config)
    database.connections.learn_distribution()
    # This connection was made before; its statements are to be planned with their arguments.
    await connection.execute("SET plan_cache_mode = auto")
    at_coordinator = await connection.fetchval(sql.IS_COORDINATOR)
    if at_coordinator and await connection.fetchrow(sql.UNDISTRIBUTED, tables.quoted):
        await _distribute(connection, tables)
    return replace(context, distributed=True)


def distribute_job(rules: CurrentRules) -> Job[None]:
    """Return the job that distributes all tables by user. Running it again does no harm.

    `rules`: those of the store, whose statements are then written for several nodes.
    """

    async def run(session: Session) -> None:
        _check_options(session.config)
        tables = session.context.tables
        async with session.database.lease() as connection:
            await _check_server(connection, tables)
            await _distribute(connection, tables)
        session.index.now.context = replace(session.context, distributed=True)
        session.database.connections.learn_distribution()
        spread_by_user(session.queues, session.context)
        rules.learn(session.context)

    return Job(run, kind="set_up")


def distribution_sql(tables: Tables) -> str:
    """Return the script that distributes the tables after `setup_sql` has created them."""
    return sql.script(tables, statements_of(tables))


def refuse_distributed(context: SqlContext, what: str) -> None:
    """Raise DistributedError where the tables are distributed and `what` needs one server."""
    if context.distributed:
        raise DistributedError(f"the tables are distributed over nodes: {what}; {_INSTEAD}")


def _check_options(config: StoreConfig) -> None:
    if config.replicas is not None:
        raise DistributedError(
            "read_dsn= reads from standbys of one server: what one of them has replayed says "
            "nothing of the other nodes; make the store without, and give each node a standby "
            f"that takes over; {_INSTEAD}"
        )
    given = {"history": config.history, "quotas": config.quotas}
    named = " and ".join(f"{name}=" for name, value in given.items() if value is not None)
    if named:
        raise DistributedError(
            f"{named} works by triggers, which Citus refuses on distributed tables: make the store "
            f"without, or keep its tables on one server; {_INSTEAD}"
        )


async def _check_server(connection: Connection, tables: Tables) -> None:
    if not await connection.fetchval(sql.HAS_CITUS):
        raise ConfigurationError(
            "distribute=True needs the extension citus in this database, on all nodes: name it in "
            "shared_preload_libraries, restart, and run CREATE EXTENSION citus"
        )
    if not await connection.fetchval(sql.IS_COORDINATOR):
        raise ConfigurationError(
            "distribute=True was asked of a worker: tables are distributed from the coordinator; "
            "call setup() once with the coordinator's address. Stores may connect to any node"
        )
    if await connection.fetchval(sql.PROTECTED, tables.quoted):
        raise DistributedError(
            "the tables have row level security, whose setting does not reach the nodes: "
            f"setup(row_security=False) turns it off; {_INSTEAD}"
        )
    if await connection.fetchval(sql.is_shared_sql(tables)):
        raise DistributedError(
            "a user shares a namespace with another one, who is on another node then: revoke() "
            f"ends what shared_by_me() lists; {_INSTEAD}"
        )
    rows = await connection.fetch(sql.TRIGGERS_OF_CONTROLS, tables.quoted)
    if rows:
        names = ", ".join(name for (name,) in rows)
        raise DistributedError(
            "history, quotas, legal holds and erased users work by triggers, which Citus refuses "
            f"on distributed tables; found: {names}. {_INSTEAD}"
        )


async def _distribute(connection: Connection, tables: Tables) -> None:
    """Distribute what is on one node alone: items and vectors together, then table by table."""
    try:
        async with connection.transaction():
            await _prepare(connection)
            await connection.execute(sql.SEQUENTIAL)
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            await _distribute_items(connection, tables)
        for name, has_column in await connection.fetch(sql.UNDISTRIBUTED, tables.quoted):
            async with connection.transaction():
                await _prepare(connection)
                by_user = sql.has_users(name, has_column=has_column)
                statement = sql.distribute_sql if by_user else sql.copy_sql
                await connection.execute(statement(tables, name), timeout=_MOVING_LIMIT_S)
        for view in sql.views_of(statements_of(tables)):
            await connection.execute(view)
        # Else whoever is removed later would stay there.
        for (name,) in await connection.fetch(sql.LEFT_BEHIND, tables.quoted):
            await connection.execute(
                sql.remove_left_behind_sql(tables, name), timeout=_MOVING_LIMIT_S
            )
    except asyncpg.InsufficientPrivilegeError as error:
        raise MissingSchemaError(
            f"this role may not distribute the tables of schema {tables.schema!r}: let their owner "
            "call setup(distribute=True) at the coordinator",
            sql="",
        ) from error


async def _prepare(connection: Connection) -> None:
    # Rows move, and whoever writes meanwhile waits.
    await connection.execute("SET LOCAL lock_timeout = 0")
    await connection.execute("SET LOCAL statement_timeout = 0")


async def _distribute_items(connection: Connection, tables: Tables) -> None:
    """Distribute items and vectors; a foreign key joins no distributed table to one that is not."""
    found = await connection.fetch(sql.UNDISTRIBUTED, tables.quoted)
    names = [name for name, _ in found if name == "item" or sql.is_of_vectors(name)]
    for table, constraint in await connection.fetch(sql.KEYS_TO_ITEMS, tables.item):
        await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
    for name in names:
        await connection.execute(sql.distribute_sql(tables, name), timeout=_MOVING_LIMIT_S)
    for name in names:
        if sql.is_of_vectors(name):
            await connection.execute(sql.key_to_item_sql(tables, name), timeout=_MOVING_LIMIT_S)
