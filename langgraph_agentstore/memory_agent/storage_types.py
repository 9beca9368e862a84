"""Storage types by name, and how the store of each is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from .._support.files import expanded, lock_beside
from .._support.optional import imported
from .._support.sqlite import open_sqlite
from ..config.dsn import is_dsn
from ..errors import ConfigurationError, StoreUnavailableError
from ..store.agent_store import AgentStore
from ..store.user_scope import ScopedStore
from ..store.user_views import ItemStore, view_of
from .encryption import Keys
from .file_formats import FILE_FORMATS
from .file_store import FileStore
from .storage import AgentStoreStorage, LocalFileStorage, Storage, StoreStorage

SQLITE_PATH: Final = "memories.db"


@dataclass(frozen=True, slots=True)
class Place:
    """The place of the memories, as the caller gave it."""

    db_path: str | Path | None
    dsn: str | None
    encryption_key: Keys | None


Alone: TypeAlias = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Opened:
    """A store. `alone` locks out other processes during updates, if the store does not."""

    store: BaseStore
    alone: Alone | None = None


def opened(storage_type: str, place: Place, closing: ExitStack) -> Opened:
    """Open the store of a storage type; add its closing to `closing`.

    Raises:
        ConfigurationError: the type is unknown, or an option that it needs is missing.
        MissingExtraError: its package is not installed.
        StoreUnavailableError: its server cannot be reached, or refuses.
    """
    opener = _OPENERS.get(str(storage_type))
    if opener is None:
        raise ConfigurationError(
            f"storage_type {storage_type!r} is not known; known: {', '.join(_OPENERS)}"
        )
    return opener(storage_type, place, closing)


def storage_of(given: Opened, user_id: str | None) -> Storage:
    """Return the storage of a store, or of one user's part of it.

    Raises:
        ConfigurationError: the store is another user's view.
    """
    store = given.store
    if isinstance(store, ItemStore):
        return AgentStoreStorage(store if user_id is None else view_of(store, user_id))
    view = store if user_id is None else ScopedStore(store, user_id)
    if isinstance(store, FileStore):
        return LocalFileStorage(store, view)
    return StoreStorage(view, given.alone)


def _open_postgres(_type: str, place: Place, closing: ExitStack) -> Opened:
    dsn = place.dsn
    if dsn is None and place.db_path is not None and is_dsn(str(place.db_path)):
        dsn = str(place.db_path)
    if dsn is None and place.db_path is not None:
        store = AgentStore.embedded(place.db_path)
    else:
        store = AgentStore(dsn)
    closing.callback(store.close)
    return Opened(store)


def _open_memory(_type: str, _place: Place, _closing: ExitStack) -> Opened:
    return Opened(InMemoryStore())


def _open_file(type: str, place: Place, closing: ExitStack) -> Opened:
    path = Path(place.db_path or f"memories.{type}")
    store = FileStore(path, type, encryption_key=place.encryption_key)
    closing.callback(store.close)
    return Opened(store)


def _open_sqlite(_type: str, place: Place, closing: ExitStack) -> Opened:
    path = expanded(place.db_path or SQLITE_PATH)
    store = open_sqlite(path)
    closing.callback(store.conn.close)
    return Opened(store, lock_beside(path).held)


def _served(module: str, name: str) -> Callable[[str, Place, ExitStack], Opened]:
    """Return a function that opens a store of another package by its server's address."""

    def open_store(type: str, place: Place, closing: ExitStack) -> Opened:
        kind = getattr(imported(module, type), name)
        address = place.dsn or place.db_path
        if address is None or "://" not in str(address):
            raise ConfigurationError(
                f"storage type {type!r} needs the server's address: dsn='{_ADDRESSES[type]}'"
            )
        try:
            store = closing.enter_context(kind.from_conn_string(str(address)))
        except ValueError:  # its message may quote a part of the password as a port
            raise ConfigurationError(
                f"the address of the {type} server cannot be read: in a password @ / ? # [ ] % "
                "are quoted as in urllib.parse.quote(password, safe='')"
            ) from None
        except Exception as error:  # each driver has errors of its own
            raise _unavailable(type, error) from error
        if hasattr(store, "setup"):
            try:
                store.setup()
            except Exception as error:
                raise _unavailable(type, error) from error
        return Opened(store)

    return open_store


def _unavailable(type: str, error: Exception) -> StoreUnavailableError:
    return StoreUnavailableError(f"the {type} server does not let itself be used: {error}")


_ADDRESSES: Final = {
    "mysql": "mysql://user:password@host:3306/database",
    "mongodb": "mongodb://host:27017",
    "redis": "redis://host:6379",
}

_OPENERS: Final[Mapping[str, Callable[[str, Place, ExitStack], Opened]]] = {
    "database": _open_postgres,
    "postgresql": _open_postgres,
    "postgres": _open_postgres,
    "sqlite": _open_sqlite,
    "mysql": _served("langgraph.store.mysql.pymysql", "PyMySQLStore"),
    "mongodb": _served("langgraph.store.mongodb", "MongoDBStore"),
    "redis": _served("langgraph.store.redis", "RedisStore"),
    "memory": _open_memory,
    **dict.fromkeys(FILE_FORMATS, _open_file),
}
STORAGE_TYPES: Final = tuple(_OPENERS)
"""The names of all storage types of `MemoryAgent`."""
