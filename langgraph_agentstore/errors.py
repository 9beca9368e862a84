"""Every error the package raises, each also the builtin its caller expects.

    AgentStoreError
    ├── ConfigurationError (ValueError)          an option, a DSN or the environment is wrong
    ├── InvalidNamespaceError (ValueError)       also LangGraph's error of that name
    ├── InvalidKeyError (ValueError)             empty, too long, or with a NUL
    ├── InvalidValueError (ValueError)           not possible in JSON: NaN, a lone surrogate, …
    │   └── ValueTooLargeError                   more bytes than a record may have
    ├── ValueTypeError (TypeError)               not a JSON type: a datetime, bytes, a number as key
    ├── InvalidOperationError (ValueError)       a limit below zero, an unknown operation, …
    ├── InvalidFilterError (ValueError)          an invalid filter
    │   └── UnknownOperatorError                 an operator that does not exist
    ├── MissingUserError (LookupError)           per_user() was called where no user is known
    ├── UserConflictError (PermissionError)      a run names two users, one of them unproven
    ├── MissingExtraError (ImportError)          an optional package is not installed
    ├── BlockingCallError (RuntimeError)         a blocking call would wait for itself
    ├── MissingMemoryError (KeyError)            a memory to change or link does not exist
    ├── DecryptionError (ValueError)             a value was encrypted with another key, or altered
    ├── KeyProviderError (RuntimeError)          a data key could not be wrapped or unwrapped
    ├── NotPermittedError (PermissionError)      a write by a read-only proxy, or the reverse
    ├── WriteRefusedError (PermissionError)      the guard of the store refused a value
    ├── HistoryNotKeptError (LookupError)        history does not tell of that moment
    ├── UserErasedError (RuntimeError)           a write for a user who was erased
    ├── LegalHoldError (RuntimeError)            an item is under legal hold and stays
    ├── QuotaExceededError (RuntimeError)        a write is beyond a limit of its user
    ├── VersionConflictError                     the item changed since it was read
    ├── LockLostError (RuntimeError)             a lease ended before the lock was released
    ├── WatchLapsedError (RuntimeError)          a watch was not read for too long
    ├── BatchError                               several operations of one batch failed
    ├── DatabaseError                            the server rejected a statement
    ├── StoreUnavailableError (ConnectionError)  the server cannot be reached, or went down
    │   └── AccessDeniedError (PermissionError)  the server refused the login
    ├── StoreTimeoutError (TimeoutError)         connecting, acquiring or executing took too long
    │   ├── ItemLockedError                      another transaction kept the item locked
    │   └── LockHeldError                        another owner kept the lock of a record
    ├── StoreClosedError (RuntimeError)          the store was closed
    ├── TurnRefusedError (RuntimeError)          the buffer of turns to save is full
    ├── EmbeddingError (RuntimeError)            the embedder failed
    │   ├── EmbeddingShapeError (ValueError)     a vector has another length, or contains a NaN
    │   └── EmbeddingTimeoutError (TimeoutError) the embedder took too long
    ├── TransferError (ValueError)               a file cannot be written or read
    │   ├── DamagedFileError                     truncated, altered, or from another program
    │   └── CopyMismatchError                    the target does not contain all copied items
    ├── FileNotWritableError (OSError)           a file cannot be written or replaced
    ├── InternalError (RuntimeError)             a bug in this package
    │   └── IsolationError                       an operation met another user's data
    ├── OwnerNeededError (PermissionError)       row level security hides what it needs
    ├── DistributedError (NotImplementedError)   not possible with tables distributed over nodes
    ├── EmbeddedPostgresError (RuntimeError)     the bundled Postgres did not start or stop
    └── SchemaError (RuntimeError)               the tables do not match this release
        ├── MissingSchemaError                   missing tables, and this role may not create them
        ├── SchemaTooNewError                    a later release created the tables
        ├── MissingExtensionError                vectors are needed, but pgvector is missing
        ├── IndexMismatchError                   stored vectors of another model or length
        └── MigrationError                       a migration failed, or was altered after it ran

Messages contain the value, the reason and the fix. They never contain a password or a stored value.
Driver errors are translated in `runtime/` alone, with the driver's error as `__cause__`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from langgraph.store.base import InvalidNamespaceError as _LangGraphNamespaceError

__all__ = [
    "AccessDeniedError",
    "AgentStoreError",
    "BatchError",
    "BlockingCallError",
    "ConfigurationError",
    "CopyMismatchError",
    "DamagedFileError",
    "DatabaseError",
    "DecryptionError",
    "DistributedError",
    "EmbeddedPostgresError",
    "EmbeddingError",
    "EmbeddingShapeError",
    "EmbeddingTimeoutError",
    "FileNotWritableError",
    "HistoryNotKeptError",
    "IndexMismatchError",
    "InternalError",
    "InvalidFilterError",
    "InvalidKeyError",
    "InvalidNamespaceError",
    "InvalidOperationError",
    "InvalidValueError",
    "IsolationError",
    "ItemLockedError",
    "KeyProviderError",
    "LegalHoldError",
    "LockHeldError",
    "LockLostError",
    "MigrationError",
    "MissingExtensionError",
    "MissingExtraError",
    "MissingMemoryError",
    "MissingSchemaError",
    "MissingUserError",
    "NotPermittedError",
    "OwnerNeededError",
    "QuotaExceededError",
    "SchemaError",
    "SchemaTooNewError",
    "StoreClosedError",
    "StoreTimeoutError",
    "StoreUnavailableError",
    "TransferError",
    "TurnRefusedError",
    "UnknownOperatorError",
    "UserConflictError",
    "UserErasedError",
    "ValueTooLargeError",
    "ValueTypeError",
    "VersionConflictError",
    "WatchLapsedError",
    "WriteRefusedError",
]


class AgentStoreError(Exception):
    """The root: `except AgentStoreError` catches every error raised by this package on purpose."""


class ConfigurationError(AgentStoreError, ValueError):
    """An option, a DSN or the environment is wrong; correct it as the message says."""


class InvalidNamespaceError(AgentStoreError, _LangGraphNamespaceError):
    """A namespace breaks LangGraph's rules or is too long for an index row."""


class InvalidKeyError(AgentStoreError, ValueError):
    """A key is empty, contains a NUL, or is too long for an index row."""


class InvalidValueError(AgentStoreError, ValueError):
    """JSON in Postgres cannot represent a value: NaN, an infinity, NUL, a lone surrogate, …"""


class ValueTooLargeError(InvalidValueError):
    """A value has more bytes than `max_value_bytes` or Postgres allows; store it elsewhere."""


class ValueTypeError(AgentStoreError, TypeError):
    """A value, or a part of it, has a type that JSON does not have."""


class InvalidOperationError(AgentStoreError, ValueError):
    """An argument of an operation is out of range, or the operation is unknown."""


class InvalidFilterError(AgentStoreError, ValueError):
    """A filter is invalid, such as `{"$gt": None}`."""


class UnknownOperatorError(InvalidFilterError):
    """A filter uses an operator that does not exist; the message lists those that do."""


class MissingUserError(AgentStoreError, LookupError):
    """No user is known: pass `configurable={"user_id": …}` when you invoke the graph."""


class UserConflictError(AgentStoreError, PermissionError):
    """A run names two users, and no Agent Server confirms the authenticated one: pass only one."""


class MissingExtraError(AgentStoreError, ImportError):
    """An optional package is not installed; the message names the extra that installs it."""


class BlockingCallError(AgentStoreError, RuntimeError):
    """A blocking call would wait for something that it blocks; await the async form instead."""


class MissingMemoryError(AgentStoreError, KeyError):
    """A memory to change or link does not exist: store it first."""

    __str__ = Exception.__str__  # KeyError would show the message as a quoted key


class DecryptionError(AgentStoreError, ValueError):
    """A value was encrypted with another key, was altered, or is not encrypted."""


class WriteRefusedError(AgentStoreError, PermissionError):
    """The guard of the store refused a value, or failed; nothing was written."""


class HistoryNotKeptError(AgentStoreError, LookupError):
    """History does not tell of that moment: it began later, was given up, or is not kept there."""


class KeyProviderError(AgentStoreError, RuntimeError):
    """The key provider failed: is its service reachable, and may this process use its key?"""


class VersionConflictError(AgentStoreError):
    """The item's version is not the expected one: read the item again and decide.

    `expected` is the expected version; 0 means that the item was expected not to exist.
    """

    def __init__(self, message: str, *, expected: int = 0) -> None:
        super().__init__(message)
        self.expected = expected


class NotPermittedError(AgentStoreError, PermissionError):
    """A read-only proxy was asked to write, or a write-only proxy to read."""


class UserErasedError(AgentStoreError, RuntimeError):
    """A user was erased, and this write came later: drop it, or call `readmit_user` first.

    `digest` is the SHA-256 of the user id; `erased_at` is the time of erasing.
    """

    def __init__(
        self, message: str, *, digest: str = "", erased_at: datetime | None = None
    ) -> None:
        super().__init__(message)
        self.digest = digest
        self.erased_at = erased_at


class LegalHoldError(AgentStoreError, RuntimeError):
    """An item is under legal hold: it stays until `release_hold`; `hold_id` is the hold."""

    def __init__(self, message: str, *, hold_id: UUID | None = None) -> None:
        super().__init__(message)
        self.hold_id = hold_id


class QuotaExceededError(AgentStoreError, RuntimeError):
    """A write is beyond a quota of its user: delete something, wait, or raise the limit.

    `kind` is "items", "bytes" or "writes_per_minute"; `limit` and `usage` are in that unit, before
    this write. `namespace` is the one that is limited, () for everything of the user.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str = "",
        limit: int = 0,
        usage: int = 0,
        namespace: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.limit = limit
        self.usage = usage
        self.namespace = namespace


class LockLostError(AgentStoreError, RuntimeError):
    """The lease of a lock ended before its release: others may have held the lock since."""


class WatchLapsedError(AgentStoreError, RuntimeError):
    """A watch was not read for an hour and lost changes: read the namespace and watch again."""


class BatchError(AgentStoreError):
    """Several operations of one `batch` failed; the operations not in `errors` were done.

    `errors` maps the position of an operation in the batch to its error.
    """

    def __init__(self, message: str, *, errors: Mapping[int, Exception] | None = None) -> None:
        super().__init__(message)
        self.errors = dict(errors or {})


class DatabaseError(AgentStoreError):
    """The server rejected a statement; `sqlstate` is the code (PostgreSQL manual, appendix A)."""

    def __init__(self, message: str, *, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class StoreUnavailableError(AgentStoreError, ConnectionError):
    """The server cannot be reached, or went down.

    `written` is False if a write was not made, and None if it may have been made.
    """

    def __init__(self, message: str, *, written: bool | None = False) -> None:
        super().__init__(message)
        self.written = written


class AccessDeniedError(StoreUnavailableError, PermissionError):
    """The server refused the login: wrong role or password, or no entry in its host-based rules."""


class StoreTimeoutError(AgentStoreError, TimeoutError):
    """Connecting, waiting for a connection or executing took longer than allowed.

    `written` is False if a write was not made, and None if it may have been made.
    """

    def __init__(self, message: str, *, written: bool | None = False) -> None:
        super().__init__(message)
        self.written = written


class ItemLockedError(StoreTimeoutError):
    """Another transaction kept the item locked until the timeout; nothing was written."""


class LockHeldError(StoreTimeoutError):
    """Another owner kept the lock of a record for the whole waiting time."""


class StoreClosedError(AgentStoreError, RuntimeError):
    """The store was closed; construct another."""


class TurnRefusedError(AgentStoreError, RuntimeError):
    """The buffer of unsaved turns is full: the database was down for too long."""


class EmbeddingError(AgentStoreError, RuntimeError):
    """The embedder failed; the item was not written. The embedder's error is the `__cause__`."""


class EmbeddingShapeError(EmbeddingError, ValueError):
    """The embedder returned too few vectors, or a vector without `dims` numbers or with a NaN."""


class EmbeddingTimeoutError(EmbeddingError, TimeoutError):
    """The embedder took longer than `embed_timeout_s`; the item was not written."""


class TransferError(AgentStoreError, ValueError):
    """A file cannot be written or read, or an import cannot be resumed as it was started."""


class DamagedFileError(TransferError):
    """A file is truncated, altered, or from another program; none of it was imported."""


class CopyMismatchError(TransferError):
    """After a copy, the target does not contain all copied items: others write there too."""


class FileNotWritableError(AgentStoreError, OSError):
    """A file cannot be written or replaced; the message says why, and `errno` is set."""


class InternalError(AgentStoreError, RuntimeError):
    """This package has a bug: report it with the traceback, whose first part is the cause."""


class IsolationError(InternalError):
    """An operation met the data of a user for whom it was not asked; it returned and wrote nothing.

    It is raised where row level security is on, and by views with which others share.
    """


class DistributedError(AgentStoreError, NotImplementedError):
    """The tables are distributed over nodes by user, and this operation or option needs one server.

    The how-to "Grow to Citus" lists what does.
    """


class OwnerNeededError(AgentStoreError, PermissionError):
    """An operation needs the rows of all users, which row level security hides from this role.

    Open another store with the owner's DSN for it.
    """


class EmbeddedPostgresError(AgentStoreError, RuntimeError):
    """The bundled Postgres did not start or did not stop, or its folder is wrong."""


class SchemaError(AgentStoreError, RuntimeError):
    """The tables do not match this release."""


class MissingSchemaError(SchemaError):
    """The tables are missing, and this role may not create them; an owner must run `sql`."""

    def __init__(self, message: str, *, sql: str = "") -> None:
        super().__init__(message)
        self.sql = sql


class SchemaTooNewError(SchemaError):
    """A later release created the tables: upgrade this package."""


class MissingExtensionError(SchemaError):
    """Vectors are needed, but pgvector is missing; the message says how to install it."""


class IndexMismatchError(SchemaError):
    """The stored vectors have another model or length: `reindex()`, or use the old `index=`."""


class MigrationError(SchemaError):
    """A migration failed, or its text differs from the applied one."""
