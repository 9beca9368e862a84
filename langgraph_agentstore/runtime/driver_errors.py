"""Translation of the driver's errors into the package's; only this module knows both."""

from __future__ import annotations

import asyncio
import re

import asyncpg

from ..errors import (
    AccessDeniedError,
    AgentStoreError,
    ConfigurationError,
    DatabaseError,
    IndexMismatchError,
    InternalError,
    ItemLockedError,
    MissingSchemaError,
    StoreTimeoutError,
    StoreUnavailableError,
    ValueTooLargeError,
)
from ..model.json_values import LARGEST_BYTES
from ..security.refusals import refusal_error
from .connections.poolers import STATEMENT_UNKNOWN, refuses_parameter

CONNECTION_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.exceptions.IdleSessionTimeoutError,
    OSError,
)
"""The connection is gone, or was never made: the statement may succeed on another one."""

UNREACHABLE = (*CONNECTION_LOST, AgentStoreError, asyncpg.PostgresError, asyncio.TimeoutError)
"""The server cannot be reached, refuses, or does not answer in time."""

PASSING = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.exceptions.OutdatedSchemaCacheError,
)
"""The server undid the statement for a reason that passes."""

_POOLER_REFUSED = re.compile(
    r"query_wait_timeout|statement pooling mode|startup param|no more connections|login failed"
    r"|cannot connect|no such (database|user)|not allowed"
)
"""PgBouncer's messages as it closes a connection, before it sends anything to a server."""

_FULL = re.compile(
    r"(?i)too many (clients|connections)|max(imum)? client|no more connections|query_wait_timeout"
)
"""Messages that poolers send under codes that mean something else."""

_SHORT_OF = {
    "53100": "the server's disk is full: make room on it, or delete what is not needed any more",
    "53200": "the server is out of memory: give it more, or lower work_mem or max_connections",
    "53400": "a limit of the server's configuration is reached: raise it",
}
"""The resource that the server lacks, by SQLSTATE, and the cure."""

_TOO_LARGE = re.compile(r"jsonb .*exceeds|represent as jsonb|memory alloc request|string buffer")
"""Postgres's messages about a value, or all values of a statement, beyond its limits."""

_NOT_SENT = (
    "connection is closed",
    "connection has been closed",
    "released back to the pool",
    "cannot switch to state",  # the server's last message was read, the end not yet
    "pool is clos",
)


def connect_error(error: BaseException, where: str) -> AgentStoreError:
    """Return the error of ours for a failed attempt to connect to `where`."""
    if isinstance(error, AgentStoreError):
        return error
    if isinstance(error, asyncio.TimeoutError):
        return StoreTimeoutError(
            f"connecting to {where} took too long: is the host right and reachable? "
            "pool={'connect_timeout_s': …} allows more"
        )
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return AccessDeniedError(
            f"{where} refused the login: {_cause(error)}; check role, password"
        )
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return ConfigurationError(f"{where}: {_cause(error)}; create it, or correct the DSN")
    misused = isinstance(error, (asyncpg.ClientConfigurationError, ValueError, TypeError))
    if misused and not isinstance(error, OSError):  # a refused certificate is a ValueError too
        # The error's text may quote the DSN, and so the password.
        return ConfigurationError(
            f"the driver cannot use the DSN or the connect options ({type(error).__name__}); "
            "check their spelling"
        )
    if isinstance(error, (asyncpg.UndefinedObjectError, asyncpg.InvalidParameterValueError)):
        return ConfigurationError(
            f"{where} does not take a setting of the connection string, of PGOPTIONS or of "
            f"pool={{'session_settings': …}}: {_cause(error)}; correct it or leave it out"
        )
    if is_full(error):
        return StoreUnavailableError(
            f"{where} has no connection to spare: {_cause(error)}. Let other processes keep fewer "
            "(pool={'max_size': …}), or raise the limit: of the role or the database "
            "(ALTER … CONNECTION LIMIT), of the server (max_connections), of the pooler"
        )
    if refuses_parameter(error) or _was_refused(error):
        return _by_pooler(error)
    cure = short_of(error) or "start the server, or correct its address"
    return StoreUnavailableError(f"cannot connect to {where}: {_cause(error)}; {cure}")


def is_refused_row(error: BaseException) -> bool:
    """Return whether row level security refused to write a row; the server's texts vary."""
    return getattr(error, "server_source_function", None) == "ExecWithCheckOptions"


def is_read_only(error: BaseException) -> bool:
    """Return whether an error of ours was caused by a server that takes no writes."""
    return isinstance(error.__cause__, asyncpg.ReadOnlySQLTransactionError)


def is_full(error: BaseException) -> bool:
    """Return whether a server or a pooler refused a connection because it has too many."""
    if isinstance(error, asyncpg.TooManyConnectionsError):
        return True
    return isinstance(error, asyncpg.PostgresError) and _FULL.search(str(error)) is not None


def may_pass(error: BaseException) -> bool:
    """Return whether connecting failed as it does while servers restart or change roles."""
    final = (asyncpg.ClientConfigurationError, asyncpg.UnsupportedClientFeatureError)
    if isinstance(error, final) or refuses_parameter(error):
        return False
    return isinstance(error, (*CONNECTION_LOST, asyncio.TimeoutError))


def statement_error(error: BaseException) -> AgentStoreError:
    """Return the error of ours for a failed statement; `written` says what is known of a write."""
    if isinstance(error, AgentStoreError):
        return error
    if isinstance(error, asyncpg.QueryCanceledError):
        return StoreTimeoutError(
            "the server stopped a statement that took longer than allowed; nothing of it was "
            "written. pool={'command_timeout_s': …} allows more"
        )
    if isinstance(error, asyncpg.LockNotAvailableError):
        return ItemLockedError(
            "another transaction kept the item locked for longer than allowed; nothing was "
            "written: end that transaction and try again"
        )
    if isinstance(error, asyncio.TimeoutError):
        return StoreTimeoutError(
            "no answer came within the time allowed; whether a write was made is not known",
            written=None,
        )
    if isinstance(error, asyncpg.UndefinedTableError) and "item_vector_" in str(error):
        return IndexMismatchError(
            "the vectors that this store uses are gone, since another process reindexed: open the "
            "store anew with the index= of that"
        )
    if isinstance(error, (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)):
        return MissingSchemaError(f"the tables are gone: {_cause(error)}; call setup()")
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return StoreUnavailableError(
            f"the server takes no writes, it is read-only ({_cause(error)}): connect to the "
            "primary, or name all hosts in the DSN without target_session_attrs"
        )
    if isinstance(error, (*CONNECTION_LOST, *STATEMENT_UNKNOWN)):
        return _lost(error)
    if isinstance(error, asyncpg.PostgresError):
        return _refused(error)
    # Without the error's text, which may quote what is stored.
    return InternalError(
        f"a fault of langgraph_agentstore itself ({type(error).__name__}), not of the database: "
        "please report it with this traceback"
    )


def as_store_error(error: BaseException) -> AgentStoreError:
    """Return what `statement_error` does, with the driver's error as its cause."""
    failure = statement_error(error)
    if failure is not error:
        failure.__cause__ = error
    return failure


def _refused(error: asyncpg.PostgresError) -> AgentStoreError:
    refusal = refusal_error(error.sqlstate, getattr(error, "detail", None))
    if refusal is not None:
        return refusal
    if _TOO_LARGE.search(str(error)):
        return ValueTooLargeError(
            f"a value is larger as jsonb than the {LARGEST_BYTES:,} bytes that Postgres holds, in "
            "which a number takes 12 and more: keep it elsewhere and store where, or store it in "
            "parts"
        )
    cure = f"; {short}" if (short := short_of(error)) else ""
    return DatabaseError(f"{_cause(error)} ({error.sqlstate}){cure}", sqlstate=error.sqlstate)


def is_lost(error: BaseException) -> bool:
    """Return whether the connection ended while a statement was in flight."""
    # A TimeoutError is an OSError, but says nothing about the connection.
    if isinstance(error, asyncio.TimeoutError):
        return False
    return isinstance(error, CONNECTION_LOST) and not _was_refused(error)


def in_doubt(error: AgentStoreError) -> AgentStoreError:
    """Return the error to raise when an earlier attempt may have reached the server."""
    if not isinstance(error, (StoreUnavailableError, StoreTimeoutError)) or error.written is None:
        return error
    return type(error)(f"{error}; whether a write was made before that is not known", written=None)


def was_not_done(error: BaseException) -> bool:
    """Return whether a failed statement certainly had no effect, for a reason that may pass."""
    if isinstance(error, (*PASSING, asyncpg.AdminShutdownError, asyncpg.CannotConnectNowError)):
        return True
    # The server's last message, if the end of the connection was noticed first.
    if isinstance(error.__cause__, asyncpg.AdminShutdownError):
        return True
    text = str(error)
    refused = isinstance(error, (asyncpg.InterfaceError, asyncpg.InternalClientError))
    return refused and any(part in text for part in _NOT_SENT)


def _was_refused(error: BaseException) -> bool:
    # The driver's own error, or one of a connection that ended meanwhile, which quotes it.
    refused = isinstance(error, asyncpg.PostgresConnectionError)
    return refused and _POOLER_REFUSED.search(str(error)) is not None


def _by_pooler(error: BaseException) -> AgentStoreError:
    """Return the error of ours for a refusal by a pooler; nothing was run."""
    said = _cause(error)
    if isinstance(error, STATEMENT_UNKNOWN):
        return ConfigurationError(
            "the session changed between two statements, as behind a connection pooler that does "
            "not show itself; nothing was run: tell of it by pool={'statement_cache': 0}"
        )
    if refuses_parameter(error):
        return ConfigurationError(
            f"this connection pooler does not pass on a setting: {said}. Leave it out of the DSN "
            "and of pool={'session_settings': …}, and give it to the role (ALTER ROLE … SET)"
        )
    if "statement pooling mode" in said:
        return ConfigurationError(
            "this PgBouncer has pool_mode = statement, in which no write can be made whole: give "
            "the database pool_mode = transaction or session, or connect past it"
        )
    if "query_wait_timeout" in said:
        return StoreTimeoutError(
            "PgBouncer had no server connection free within its query_wait_timeout; nothing was "
            "sent. A larger default_pool_size there lets more run at once"
        )
    return StoreUnavailableError(f"the connection pooler refused ({said}); nothing was sent")


def _lost(error: BaseException) -> AgentStoreError:
    if isinstance(error, STATEMENT_UNKNOWN) or _was_refused(error):
        return _by_pooler(error)
    if was_not_done(error):
        return StoreUnavailableError(f"the connection was lost before it was used: {_cause(error)}")
    return StoreUnavailableError(
        f"the connection was lost ({_cause(error)}); whether a write was made is not known",
        written=None,
    )


def short_of(error: BaseException) -> str:
    """Return what the server lacks, and the cure; "" if the error says nothing of the kind."""
    full = "No space left on device" in str(error)
    return _SHORT_OF.get("53100" if full else getattr(error, "sqlstate", ""), "")


def _cause(error: BaseException) -> str:
    """Return the server's own first line, without what the driver or the system add."""
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return re.sub(r"\s+", " ", text.splitlines()[0])
