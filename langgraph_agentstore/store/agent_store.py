"""`AgentStore`: construction, setup, views, closing."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langgraph.store.base import TTLConfig
from typing_extensions import Self

from .._support.awaited_results import Done
from .._support.lifecycle import AwaitedClosing
from ..config.history_options import History
from ..config.index_options import search_index
from ..config.official_store_arguments import dsn_of_connection, pool_of_official
from ..config.quota_options import Quotas, Retention
from ..config.replica_options import DEFAULT_MAX_LAG_S, NO_STANDBYS, Consistency
from ..config.store_options import (
    DEFAULT_SCHEMA,
    Isolation,
    PoolConfig,
    Source,
    embedded_source,
    find_read_source,
    find_source,
    store_config,
)
from ..embedded import EmbeddedPostgres
from ..errors import ConfigurationError
from ..model.json_values import MAX_VALUE_BYTES
from ..model.provenance import watch_runs
from ..model.ttl import ttl_options
from ..model.users import DEFAULT_TEMPLATE, check_user_id
from ..results import Finding
from ..runtime.diagnosis.examination import examine
from ..runtime.distribution import distribute_job, distribution_sql
from ..runtime.engine import Engine
from ..runtime.job import Job
from ..runtime.jobs.indexes import setup_job
from ..runtime.jobs.maintenance import READY
from ..runtime.jobs.row_security import row_security_job
from ..runtime.migrator import setup_sql
from ..security.encryption.options import Encryption
from ..security.encryption.sealed_values import sealer_of
from ..security.encryption.sql import keys_script
from ..security.guard import Guard
from ..sql.filters.indexes import FieldType, plan_filter_indexes
from ..sql.items.delete import plan_delete_user
from ..sql.planner import Planner
from ..sql.statement import CurrentRules, SqlContext, Statement
from ..sql.tables import Tables
from ..telemetry import Telemetry
from .audit import HistoryAudit
from .encrypting import Encrypting
from .erasing import Erasing
from .exploring import Exploring
from .holding import Holding
from .maintenance import Maintenance
from .notebook import show_items_as_tables, store_html
from .notebook_sql import Glimpse, plan_overview
from .quarantine import QuarantineRoom
from .quotas import QuotaReads
from .user_views import ItemStore, PerUserStore, UserStore

if TYPE_CHECKING:
    from ..conversations.recall_steps import RecallExplanation
    from .explore_widget import StoreExplorer


class AgentStore(
    AwaitedClosing,
    ItemStore,
    Encrypting,
    Maintenance,
    Erasing,
    Holding,
    QuotaReads,
    HistoryAudit,
    QuarantineRoom,
    Exploring,
):
    """A LangGraph store on Postgres, by user, namespace and key.

    The constructor does no I/O. The first operation, `setup()` or a `with` block starts a private
    I/O thread, applies migrations and opens the pool. One object serves any thread and any event
    loop. It closes when `close()` is called, when it is garbage-collected, or when the process
    ends.

    Args:
        dsn: `postgresql://…`. By default `AGENTSTORE_DSN` of the environment, else the bundled
            Postgres. Missing parts come from libpq's `PG*` variables.
        schema: the Postgres schema that holds the tables.
        users: the user template, which maps tuples to users. None: no tuple belongs to a user.
        pool: options of `PoolConfig`.
        ttl: LangGraph's `TTLConfig`, in minutes. Expired items are hidden at once, unless it has
            `omit_expired=False`.
        index: the search index: LangGraph's `IndexConfig` and the options of `AgentIndexConfig`.
            None: queries are ignored, with one warning.
        max_value_bytes: the largest size of a written value, as JSON text; a larger value raises
            `ValueTooLargeError`. Stored values of any size can be read.
        encryption: encrypts values before they are sent; see `Encryption`. Also the `Encryption`
            of `langgraph_sdk`, with its handlers for blobs. None: values are stored as they are.
        history: keep what each write and delete replaces, and who made it: True, or a `History` of
            `langgraph_agentstore.security`. The database keeps it for every process.
        guard: a function that sees each value before it is written, with who writes it, and
            returns `Allow()`, `Redact(value)`, `Quarantine(reason)` or `Refuse(reason)` of
            `langgraph_agentstore.security`. It may block, or be a coroutine function.
        isolation: "strict" sends operations of different users in different statements, at the
            price of more of them.
        quotas: keep each user within limits: a `Quotas` of `langgraph_agentstore.security`. The
            database keeps them for every process. None changes nothing; `Quotas()` ends them.
        retention: delete items some time after their last write, by the sweeper of this store: a
            `Retention` of `langgraph_agentstore.security`.
        slow_operation_s: log each operation that takes this long, in seconds: its kind and what it
            waited for, never a user, a key or a value. None: no log.
        telemetry: record spans and metrics by OpenTelemetry: True, or a `Telemetry` of
            `langgraph_agentstore.telemetry`. Without an SDK nothing is recorded.
        read_dsn: the DSN of standbys of the primary, which then answer reads. By default
            `AGENTSTORE_READ_DSN` of the environment, if the primary's DSN comes from there, too.
        max_replica_lag_s: a standby that is further behind is not read from; None: whatever its
            lag.
        consistency: "replica" reads from standbys, "primary" only in a block of
            `store.consistency("replica")`.

    Raises:
        ConfigurationError: an option is wrong.
    """

    def __init__(
        self,
        dsn: str | Any | None = None,
        *,
        schema: str = DEFAULT_SCHEMA,
        users: tuple[str, ...] | None = DEFAULT_TEMPLATE,
        pool: PoolConfig | Mapping[str, Any] | None = None,
        ttl: TTLConfig | None = None,
        index: Mapping[str, Any] | None = None,
        max_value_bytes: int = MAX_VALUE_BYTES,
        encryption: Encryption | Any | None = None,
        history: bool | History | None = None,
        guard: Guard | None = None,
        isolation: Isolation = "shared",
        quotas: Quotas | None = None,
        retention: Retention | None = None,
        slow_operation_s: float | None = None,
        telemetry: bool | Telemetry = False,
        read_dsn: str | None = None,
        max_replica_lag_s: float | None = DEFAULT_MAX_LAG_S,
        consistency: Consistency = "replica",
    ) -> None:
        given = dsn_of_connection(dsn)
        source = find_source(given)
        self._configure(
            source,
            index,
            encryption,
            schema=schema,
            users=users,
            pool=pool,
            ttl=ttl,
            max_value_bytes=max_value_bytes,
            history=history,
            guard=guard,
            isolation=isolation,
            quotas=quotas,
            retention=retention,
            slow_operation_s=slow_operation_s,
            telemetry=telemetry,
            read_source=find_read_source(source, given, read_dsn),
            max_replica_lag_s=max_replica_lag_s,
            consistency=consistency,
        )

    def _configure(
        self, source: Source, index: Mapping[str, Any] | None, encryption: object, **options: Any
    ) -> None:
        self._config = config = store_config(source, **options)
        if config.asks_who:
            watch_runs()
        context = SqlContext(
            Tables(config.schema),
            config.omit_expired,
            search_index(index),
            max_value_bytes=config.max_value_bytes,
            sealing=sealer_of(encryption, config.schema, has_index=index is not None),
            guarded=config.guard is not None,
            asks_who=config.asks_who,
            distributed=None,
        )
        current_rules = CurrentRules(context)
        if config.scope.constants is not None:
            current_rules.constants = config.scope.constants
        self._engine = Engine(config, current_rules, index)
        planner = Planner(config.scope, current_rules)
        super().__init__(self._engine, ttl_options(config.ttl), planner)
        finalizer = weakref.finalize(self, self._engine.close_soon)
        finalizer.atexit = False  # the engine sees to that itself, once it has started
        show_items_as_tables()

    @classmethod
    def from_conn_string(
        cls,
        conn_string: str,
        *,
        pipeline: bool = False,  # noqa: ARG003
        pool_config: PoolConfig | Mapping[str, Any] | None = None,
        index: Mapping[str, Any] | None = None,
        ttl: TTLConfig | None = None,
        schema: str = DEFAULT_SCHEMA,
        users: tuple[str, ...] | None = DEFAULT_TEMPLATE,
        max_value_bytes: int = MAX_VALUE_BYTES,
        encryption: Encryption | Any | None = None,
        history: bool | History | None = None,
        guard: Guard | None = None,
        isolation: Isolation = "shared",
        quotas: Quotas | None = None,
        retention: Retention | None = None,
        slow_operation_s: float | None = None,
        telemetry: bool | Telemetry = False,
        read_dsn: str | None = None,
        max_replica_lag_s: float | None = DEFAULT_MAX_LAG_S,
        consistency: Consistency = "replica",
    ) -> Self:
        """Create a store as the official class method does, for `with`, `async with` or directly.

        Args:
            conn_string: as `dsn` of the constructor.
            pipeline: has no effect; operations are always sent together.
            pool_config: as `pool` of the constructor, or the official store's `pool_config`.
            index: as in the constructor.
            ttl: as in the constructor.
            schema: as in the constructor.
            users: as in the constructor.
            max_value_bytes: as in the constructor.
            encryption: as in the constructor.
            history: as in the constructor.
            guard: as in the constructor.
            isolation: as in the constructor.
            quotas: as in the constructor.
            retention: as in the constructor.
            slow_operation_s: as in the constructor.
            telemetry: as in the constructor.
            read_dsn: as in the constructor.
            max_replica_lag_s: as in the constructor.
            consistency: as in the constructor.

        Raises:
            ConfigurationError: an option is wrong, or this store has nothing that corresponds.
        """
        return cls(
            conn_string,
            schema=schema,
            users=users,
            pool=pool_of_official(pool_config),
            ttl=ttl,
            index=index,
            max_value_bytes=max_value_bytes,
            encryption=encryption,
            history=history,
            guard=guard,
            isolation=isolation,
            quotas=quotas,
            retention=retention,
            slow_operation_s=slow_operation_s,
            telemetry=telemetry,
            read_dsn=read_dsn,
            max_replica_lag_s=max_replica_lag_s,
            consistency=consistency,
        )

    @classmethod
    def embedded(
        cls,
        path: str | Path | None = None,
        *,
        schema: str = DEFAULT_SCHEMA,
        users: tuple[str, ...] | None = DEFAULT_TEMPLATE,
        pool: PoolConfig | Mapping[str, Any] | None = None,
        ttl: TTLConfig | None = None,
        index: Mapping[str, Any] | None = None,
        max_value_bytes: int = MAX_VALUE_BYTES,
        encryption: Encryption | Any | None = None,
        history: bool | History | None = None,
        guard: Guard | None = None,
        isolation: Isolation = "shared",
        quotas: Quotas | None = None,
        retention: Retention | None = None,
        slow_operation_s: float | None = None,
        telemetry: bool | Telemetry = False,
        read_dsn: None = None,
    ) -> Self:
        """Create a store on the bundled Postgres, with its data in the folder `path`.

        By default, `path` is the platform's folder for application data. Several processes may use
        one folder. The server stops when the last of them ends.

        Raises:
            ConfigurationError: an option is wrong, or `read_dsn` is given: this server has no
                standbys.
        """
        if read_dsn is not None:
            raise ConfigurationError(NO_STANDBYS)
        store = cls.__new__(cls)
        store._configure(
            embedded_source(EmbeddedPostgres(path)),
            index,
            encryption,
            schema=schema,
            users=users,
            pool=pool,
            ttl=ttl,
            max_value_bytes=max_value_bytes,
            history=history,
            guard=guard,
            isolation=isolation,
            quotas=quotas,
            retention=retention,
            slow_operation_s=slow_operation_s,
            telemetry=telemetry,
        )
        return store

    def __repr__(self) -> str:
        shown, config = self._config.source.shown, self._config
        template = (
            None if config.scope.constants is None else (*config.scope.constants, "{user_id}")
        )
        return f"AgentStore({shown!r}, schema={config.schema!r}, users={template!r})"

    def _repr_html_(self) -> str:
        config = self._config
        return store_html(repr(self), config.source.shown, config.schema, self._glimpses)

    def _glimpses(self) -> list[Glimpse] | None:
        """Return the first namespaces; None before the store opens: a display opens nothing."""
        if not self._engine.is_open:
            return None
        self.executor.run(READY)  # a display waits for no failover
        return self.executor.run(plan_overview(self.planner.context))

    # Views

    def for_user(self, user_id: str) -> UserStore:
        """Return a view of one user's items; its tuples leave out the user.

        The view cannot reach the items of any other user.
        """
        return UserStore(self, check_user_id(user_id))

    def per_user(self) -> PerUserStore:
        """Return a view that finds the user in the running graph at each call.

        See `PerUserStore`.
        """
        return PerUserStore(self)

    # Users

    def explain_recall(self, user_id: str, query: str, **options: Any) -> RecallExplanation:
        """Return what `recall_conversation` would show for a user's message, and why.

        Args:
            user_id: the user whose conversations are searched.
            query: the user's message.
            options: those of `ConversationMemory.explain_recall`.

        Raises:
            InvalidOperationError: the store has no index and the mode is "relevant", or a limit
                makes no sense.
        """
        # Imported when called: a store works without the facades that are built on it.
        from ..conversations.memory import ConversationMemory

        return ConversationMemory(self, user_id).explain_recall(query, **options)

    async def aexplain_recall(self, user_id: str, query: str, **options: Any) -> RecallExplanation:
        """Async form of `explain_recall`."""
        from ..conversations.memory import ConversationMemory

        return await ConversationMemory(self, user_id).aexplain_recall(query, **options)

    def explore(self, *, writable: bool = False) -> StoreExplorer:
        """Return widgets for a notebook: users, namespaces, items, and a search with scores.

        Args:
            writable: also offer to save and to delete the item that is shown.

        Raises:
            MissingExtraError: ipywidgets is not installed.
        """
        from .explore_widget import StoreExplorer

        return StoreExplorer(self, writable)

    def delete_user(self, user_id: str) -> int:
        """Delete all items of a user in one statement; return the number of items."""
        return self.executor.run(self._plan_delete_user(user_id))

    async def adelete_user(self, user_id: str) -> int:
        """Async form of `delete_user`."""
        return await self.executor.arun(self._plan_delete_user(user_id))

    def _plan_delete_user(self, user_id: str) -> Statement[int]:
        return plan_delete_user(check_user_id(user_id), self.planner.context)

    # Life cycle

    def diagnose(self) -> list[Finding]:
        """Examine the server, the schema and the tables; return the findings, changing nothing.

        Opens one connection of its own, so it also works where the store cannot open.
        """
        with ThreadPoolExecutor(1) as thread:  # the caller may be on a running loop
            return thread.submit(asyncio.run, self._examination()).result()

    async def adiagnose(self) -> list[Finding]:
        """Async form of `diagnose`."""
        return await asyncio.to_thread(asyncio.run, self._examination())

    def _examination(self) -> Coroutine[Any, Any, list[Finding]]:
        return examine(self._config, self.planner.context)

    def setup(
        self,
        *,
        index_values: bool = False,
        index_fields: Mapping[str, FieldType] | None = None,
        row_security: bool | None = None,
        application_role: str | None = None,
        distribute: bool = False,
    ) -> Done:
        """Connect and apply migrations now, so that errors appear early. Optional.

        Code written for the official async store may await the result.

        Args:
            index_values: also create a GIN index, for equality filters on any field.
            index_fields: also create indexes for ordering filters on these top-level fields, such
                as `{"score": "number", "due": "text"}`. Each index slows writes down. Creating one
                does not block writes. Indexes stay until they are dropped.
            row_security: True turns row level security on for all tables with rows of users, False
                turns it off, None leaves it. Only the owner of the tables may do it.
            application_role: with `row_security=True`, the role of the application's DSN; it is
                granted what a store needs.
            distribute: distribute the tables by user over the nodes of Citus. Once is enough; see
                the how-to "Grow to Citus". Writers wait while rows move.

        Raises:
            StoreUnavailableError, StoreTimeoutError, AccessDeniedError: no connection.
            SchemaError: the tables cannot be created, or belong to a later release.
            InvalidOperationError: a field cannot have an index.
            ConfigurationError: the role does not exist, or row level security would not limit it;
                or `distribute` was asked of a server without Citus, or of a worker.
            DistributedError: the tables or the store use what needs one server.
        """
        self.executor.run(self._setup_job(index_values, index_fields))
        if distribute:
            self.executor.run(distribute_job(self.executor.current_rules))
        if row_security is not None:
            self.executor.run(row_security_job(row_security, application_role))
        return Done()

    async def asetup(
        self,
        *,
        index_values: bool = False,
        index_fields: Mapping[str, FieldType] | None = None,
        row_security: bool | None = None,
        application_role: str | None = None,
        distribute: bool = False,
    ) -> None:
        """Async form of `setup`."""
        await self.executor.arun(self._setup_job(index_values, index_fields))
        if distribute:
            await self.executor.arun(distribute_job(self.executor.current_rules))
        if row_security is not None:
            await self.executor.arun(row_security_job(row_security, application_role))

    def _setup_job(self, values: bool, fields: Mapping[str, FieldType] | None) -> Job[None]:
        tables = self.planner.context.tables
        return setup_job(plan_filter_indexes(tables, values=values, fields=fields or {}))

    def setup_sql(self, *, distribute: bool = False) -> str:
        """Return the script that creates the tables.

        Run the script with an authorized role if the store's own role may not create tables.

        Args:
            distribute: also distribute them, on the coordinator of Citus.
        """
        context = self.planner.context
        keys = "" if context.sealing is None else keys_script(context.tables)
        nodes = distribution_sql(context.tables) if distribute else ""
        return setup_sql(context.tables) + keys + nodes

    def close(self) -> None:
        """Finish accepted operations, close the connections and end the thread. Idempotent."""
        self._engine.close()

    async def aclose(self) -> None:
        """Async form of `close`."""
        await self._engine.aclose()

    def __enter__(self) -> Self:
        self._engine.come_near(blocking=True)
        self.setup()
        return self

    async def __aenter__(self) -> Self:
        self._engine.come_near(blocking=False)
        await self.asetup()
        return self
