"""Every error the package raises, each also the builtin its caller expects.

    AgentStoreError
    ├── ConfigurationError (ValueError)          an option, a DSN or the environment is wrong
    ├── InvalidNamespaceError (ValueError)       also LangGraph's error of that name
    ├── InvalidKeyError (ValueError)             empty, too long, or with a NUL
    ├── InvalidValueError (ValueError)           JSON cannot hold it: NaN, a lone surrogate, …
    │   └── ValueTooLargeError                   more bytes than a record may have
    ├── ValueTypeError (TypeError)               not JSON at all: a datetime, bytes, a number as key
    ├── InvalidOperationError (ValueError)       a limit below zero, an unknown operation, …
    ├── InvalidFilterError (ValueError)          a filter that has no meaning
    │   └── UnknownOperatorError                 an operator that does not exist
    ├── MissingUserError (LookupError)           per_user() was called where no user is known
    ├── UserConflictError (PermissionError)      a run names two users, one of them unproven
    ├── MissingExtraError (ImportError)          an optional package is not installed
    ├── BlockingCallError (RuntimeError)         a blocking call would wait for itself
    ├── MissingMemoryError (KeyError)            a memory to be changed or linked is not there
    ├── DecryptionError (ValueError)             a value was encrypted with another key, or altered
    ├── NotPermittedError (PermissionError)      a read-only proxy was to write, or the reverse
    ├── VersionConflictError                     the item changed since it was read
    ├── LockLostError (RuntimeError)             a lease ended while it was thought to be held
    ├── WatchLapsedError (RuntimeError)          a watch did not look for too long
    ├── BatchError                               several operations of one batch failed
    ├── DatabaseError                            the server refused a statement
    ├── StoreUnavailableError (ConnectionError)  the server cannot be reached or went away
    │   └── AccessDeniedError (PermissionError)  the server refused the login
    ├── StoreTimeoutError (TimeoutError)         connecting, acquiring or executing took too long
    │   ├── ItemLockedError                      another transaction kept the item locked
    │   └── LockHeldError                        another owner kept the lock of a record
    ├── StoreClosedError (RuntimeError)          the store was closed
    ├── TurnRefusedError (RuntimeError)          the buffer of turns to save is full
    ├── EmbeddingError (RuntimeError)            the embedder failed
    │   ├── EmbeddingShapeError (ValueError)     its vectors have another length, or hold a NaN
    │   └── EmbeddingTimeoutError (TimeoutError) it took too long
    ├── TransferError (ValueError)               a file that cannot be written or read
    │   ├── DamagedFileError                     it was cut off, altered, or is another program's
    │   └── CopyMismatchError                    the target does not hold what was copied
    ├── FileNotWritableError (OSError)           a file cannot be written or replaced where it is
    ├── InternalError (RuntimeError)             a fault of this package itself
    ├── EmbeddedPostgresError (RuntimeError)     the bundled Postgres did not start or stop
    └── SchemaError (RuntimeError)               the tables are not as the code needs them
        ├── MissingSchemaError                   they are absent and this role may not create them
        ├── SchemaTooNewError                    a later release of this package made them
        ├── MissingExtensionError                vectors were asked for, and pgvector is not there
        ├── IndexMismatchError                   the vectors stored are of another model or length
        └── MigrationError                       a migration failed or was altered after it ran

Messages give the value, the reason and the cure; they never hold a password or a stored value.
Driver errors are translated in `runtime/` alone, with the driver's error as `__cause__`.
"""

from __future__ import annotations

from collections.abc import Mapping

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
    "EmbeddedPostgresError",
    "EmbeddingError",
    "EmbeddingShapeError",
    "EmbeddingTimeoutError",
    "FileNotWritableError",
    "IndexMismatchError",
    "InternalError",
    "InvalidFilterError",
    "InvalidKeyError",
    "InvalidNamespaceError",
    "InvalidOperationError",
    "InvalidValueError",
    "ItemLockedError",
    "LockHeldError",
    "LockLostError",
    "MigrationError",
    "MissingExtensionError",
    "MissingExtraError",
    "MissingMemoryError",
    "MissingSchemaError",
    "MissingUserError",
    "NotPermittedError",
    "SchemaError",
    "SchemaTooNewError",
    "StoreClosedError",
    "StoreTimeoutError",
    "StoreUnavailableError",
    "TransferError",
    "TurnRefusedError",
    "UnknownOperatorError",
    "UserConflictError",
    "ValueTooLargeError",
    "ValueTypeError",
    "VersionConflictError",
    "WatchLapsedError",
]


class AgentStoreError(Exception):
    """The root: `except AgentStoreError` catches whatever this package raises on purpose."""


class ConfigurationError(AgentStoreError, ValueError):
    """An option, a DSN or the environment is wrong; correct it as the message says."""


class InvalidNamespaceError(AgentStoreError, _LangGraphNamespaceError):
    """A namespace breaks LangGraph's rules or is too long for an index row."""


class InvalidKeyError(AgentStoreError, ValueError):
    """A key is empty, holds a NUL, or is too long for an index row."""


class InvalidValueError(AgentStoreError, ValueError):
    """A value holds what JSON in Postgres cannot: NaN, an infinity, NUL, a lone surrogate, …"""


class ValueTooLargeError(InvalidValueError):
    """A value has more bytes than `max_value_bytes` or than Postgres holds; keep it elsewhere."""


class ValueTypeError(AgentStoreError, TypeError):
    """A value, or a part of it, is of a type that JSON does not have."""


class InvalidOperationError(AgentStoreError, ValueError):
    """An argument of an operation is out of range, or the operation is unknown."""


class InvalidFilterError(AgentStoreError, ValueError):
    """A filter has no meaning, such as `{"$gt": None}`."""


class UnknownOperatorError(InvalidFilterError):
    """A filter uses an operator that does not exist; the message lists those that do."""


class MissingUserError(AgentStoreError, LookupError):
    """No user is known here: pass `configurable={"user_id": …}` when the graph is invoked."""


class UserConflictError(AgentStoreError, PermissionError):
    """A run names two users, and no server vouches for the authenticated one: pass only one."""


class MissingExtraError(AgentStoreError, ImportError):
    """A package that is optional is not installed; the message names the extra that brings it."""


class BlockingCallError(AgentStoreError, RuntimeError):
    """A blocking call would wait for what it blocks; await the method's awaitable form there."""


class MissingMemoryError(AgentStoreError, KeyError):
    """A memory that was to be changed or linked is not there: store it first."""

    __str__ = Exception.__str__  # KeyError would show the message as a quoted key


class DecryptionError(AgentStoreError, ValueError):
    """A value was encrypted with another key, was altered, or is not encrypted at all."""


class VersionConflictError(AgentStoreError):
    """The item's version is not the expected one: read it again and decide anew.

    `expected` is the version asked for; 0 means that the item was to be absent.
    """

    def __init__(self, message: str, *, expected: int = 0) -> None:
        super().__init__(message)
        self.expected = expected


class NotPermittedError(AgentStoreError, PermissionError):
    """A proxy made for reading was to write, or one made for writing to read."""


class LockLostError(AgentStoreError, RuntimeError):
    """A lock's lease ended before it was released: another may have held the lock since."""


class WatchLapsedError(AgentStoreError, RuntimeError):
    """A watch did not look for so long that changes were forgotten: read, and watch anew."""


class BatchError(AgentStoreError):
    """Several operations of one `batch` failed; those not listed in `errors` were done.

    `errors` maps the position of an operation in the batch to what it raised.
    """

    def __init__(self, message: str, *, errors: Mapping[int, Exception] | None = None) -> None:
        super().__init__(message)
        self.errors = dict(errors or {})


class DatabaseError(AgentStoreError):
    """The server refused a statement; `sqlstate` is its code (PostgreSQL manual, appendix A)."""

    def __init__(self, message: str, *, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class StoreUnavailableError(AgentStoreError, ConnectionError):
    """The server cannot be reached or went away.

    `written` says what is known of a write: False, it was not made; None, it may have been.
    """

    def __init__(self, message: str, *, written: bool | None = False) -> None:
        super().__init__(message)
        self.written = written


class AccessDeniedError(StoreUnavailableError, PermissionError):
    """The server refused the login: wrong role or password, or no entry in its host-based rules."""


class StoreTimeoutError(AgentStoreError, TimeoutError):
    """Connecting, acquiring a connection or executing took longer than allowed.

    `written` says what is known of a write: False, it was not made; None, it may have been.
    """

    def __init__(self, message: str, *, written: bool | None = False) -> None:
        super().__init__(message)
        self.written = written


class ItemLockedError(StoreTimeoutError):
    """Another transaction kept the item locked for all the time allowed; nothing was written."""


class LockHeldError(StoreTimeoutError):
    """Another owner kept the lock of a record for all the time that one was willing to wait."""


class StoreClosedError(AgentStoreError, RuntimeError):
    """The store was closed; construct another."""


class TurnRefusedError(AgentStoreError, RuntimeError):
    """The buffer of turns that wait to be saved is full: the database was away for too long."""


class EmbeddingError(AgentStoreError, RuntimeError):
    """The embedder failed; nothing of the item was written. Its own error is the `__cause__`."""


class EmbeddingShapeError(EmbeddingError, ValueError):
    """The embedder returned vectors of another length than `dims`, too few, or with a NaN."""


class EmbeddingTimeoutError(EmbeddingError, TimeoutError):
    """The embedder took longer than `embed_timeout_s`; nothing of the item was written."""


class TransferError(AgentStoreError, ValueError):
    """A file cannot be written or read, or an import cannot go on as it was begun."""


class DamagedFileError(TransferError):
    """A file was cut off, altered, or is another program's; nothing of it was written."""


class CopyMismatchError(TransferError):
    """After a copy the target does not hold what was copied: somebody else writes there too."""


class FileNotWritableError(AgentStoreError, OSError):
    """A file cannot be written or replaced where it is: the message says why; `errno` is set."""


class InternalError(AgentStoreError, RuntimeError):
    """This package has a fault: report it with its traceback, whose first part is the cause."""


class EmbeddedPostgresError(AgentStoreError, RuntimeError):
    """The bundled Postgres did not start or did not stop, or its folder is wrong."""


class SchemaError(AgentStoreError, RuntimeError):
    """The tables are not as this release needs them."""


class MissingSchemaError(SchemaError):
    """The tables are absent and this role may not create them; `sql` is what an owner must run."""

    def __init__(self, message: str, *, sql: str = "") -> None:
        super().__init__(message)
        self.sql = sql


class SchemaTooNewError(SchemaError):
    """A later release made these tables: upgrade the package."""


class MissingExtensionError(SchemaError):
    """Vectors were asked for and the server has no pgvector; the message says how to install it."""


class IndexMismatchError(SchemaError):
    """The vectors stored are of another model or length: `reindex()`, or the former `index=`."""


class MigrationError(SchemaError):
    """A migration failed, or its text is not what the database says was applied."""
