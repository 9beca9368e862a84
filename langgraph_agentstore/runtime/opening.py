"""Opening of a store: its connections, its schema, and the session on them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..config.store_options import StoreConfig
from ..errors import AgentStoreError
from ..security.encryption.sealed_values import Sealer
from ..sql.statement import SqlContext
from .connections.failover import server_of
from .connections.server_checks import check_version, check_visibility, is_limited, warn_of_pgvector
from .connections.target import TargetReader
from .control_setup import have_controls
from .data_keys import DataKeys
from .distribution import open_distributed
from .driver_errors import statement_error
from .guarding import Guarding
from .index_state import IndexState
from .io_thread import in_thread
from .migrator import migrate
from .observation import Observer
from .replicas import open_replicas
from .session import Session
from .statements import Database
from .vector_sets import open_vectors


async def open_session(config: StoreConfig, context: SqlContext, observer: Observer) -> Session:
    """Connect and bring the schema up to date; start the bundled Postgres first if it is used."""
    source = config.source
    if source.embedded is None:
        parameters = source.resolve()
    else:  # starting a server blocks
        parameters = await in_thread(source.resolve)
    start = None if source.embedded is None else source.resolve
    target = TargetReader(parameters, source.environment, config.pool.connect_options, start)
    database = Database(target, source.shown, config.pool)
    database.notes_waits = config.slow_operation_s is not None
    database.connections.open()
    try:
        async with database.connections.lease() as connection:
            observer.connected(server_of(connection))
            check_version(connection)
            await check_visibility(connection, context.tables)
            schema_version = await migrate(connection, context.tables)
            context = await open_distributed(connection, database, config, context)
            await have_controls(connection, config, context)
            database.row_security = await is_limited(connection, context.tables)
            context = replace(context, tells_users=database.row_security)
            opened, problem = await open_vectors(connection, context)
            if opened.vector_set is not None:
                await warn_of_pgvector(connection)
        if opened.vector_set is not None:
            database.connections.learn_vectors()
    except BaseException as error:
        await database.connections.close()
        if isinstance(error, AgentStoreError) or not isinstance(error, Exception):
            raise
        raise statement_error(error) from error
    if isinstance(context.sealing, Sealer):
        fetch_keys = partial(database.fetch, kind="keys")
        database.data_keys = DataKeys(context.sealing, context.tables, fetch_keys)
    replicas = await open_replicas(config, database, vectors=opened.vector_set is not None)
    session = Session(
        config, IndexState(opened, problem), database, schema_version, observer, replicas
    )
    if config.guard is not None:
        database.guarding = Guarding(config.guard, database, lambda: session.context)
    return session
