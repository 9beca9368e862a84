"""`MemoryAgent`: memories in a storage type or in a store; blocking and async."""

from __future__ import annotations

import asyncio
import hashlib
import weakref
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from langgraph.store.base import BaseStore

from .._support.files import expanded
from .._support.lifecycle import AwaitedClosing
from ..errors import ConfigurationError
from ..model.json_values import encode_value
from ..model.namespaces import Labels, check_labels, check_writable
from ..model.users import check_user_id
from .audit_log import Audit, Auditor
from .backup_and_export import FilePath, MovableMemories
from .backup_schedule import BackupSchedule
from .display import MOST_DISPLAYED, agent_html
from .encryption import Cipher, Keys
from .schemas import Validation, Validator
from .storage_types import Opened, Place, opened, storage_of

MEMORIES_NAMESPACE: Labels = ("memories",)


class MemoryAgent(AwaitedClosing, MovableMemories):
    """Memories by key in Postgres, SQLite, a file, or any LangGraph store.

    Close the agent, or use it in `with` or `async with`. Garbage collection and the end of the
    process also close what it opened. A `store` that the caller passed stays open.

    Args:
        storage_type: "database" (as "postgresql" and "postgres"), "sqlite", "mysql", "mongodb",
            "redis", "memory", "json", "csv", "yaml" or "pickle".
        db_path: the path of the file; for a database, the folder of the bundled Postgres.
        store: a LangGraph store, instead of storage_type, db_path and dsn.
        user_id: the user whose memories these are; None for nobody's. An agent of one user cannot
            reach the memories of another.
        namespace: labels below the user, or a string such as "work:notes".
        dsn: the server's address. Without it, a database is the bundled Postgres.
        encryption_key: a key from `generate_key`, which encrypts all data and signs a pickle file.
            To replace a key, give several, the newest first, and call `rotate`.
        validator: a pydantic model for all data, or models by key and collection.
        audit: a function called with an `AuditEntry` before each access, or the path of a file to
            append the entries to.

    Raises:
        ConfigurationError: a ValueError; an option is wrong.
        MissingExtraError: the storage type's package is not installed.
        StoreUnavailableError: the MySQL, MongoDB or Redis server cannot be reached, or refuses.
    """

    def __init__(
        self,
        storage_type: str = "database",
        db_path: str | Path | None = None,
        *,
        store: BaseStore | None = None,
        user_id: str | None = None,
        namespace: Labels | str | None = None,
        dsn: str | None = None,
        encryption_key: Keys | None = None,
        validator: Validator | None = None,
        audit: Audit | None = None,
    ) -> None:
        self._user_id = None if user_id is None else check_user_id(user_id)
        cipher = None if encryption_key is None else Cipher(encryption_key)
        labels = _checked_namespace(namespace)
        validation, auditor = Validation(validator), Auditor(audit, user_id)
        self._schedules: list[BackupSchedule] = []
        self._place = _shown(storage_type, db_path, dsn) if store is None else type(store).__name__
        with ExitStack() as closing:
            place = Place(db_path, dsn, encryption_key)
            given = (
                _given(store, place) if store is not None else opened(storage_type, place, closing)
            )
            storage = storage_of(given, self._user_id)
            super().__init__(storage, labels, validation, auditor, cipher, self._user_id)
            self._close = weakref.finalize(self, closing.pop_all().close)

    @staticmethod
    def generate_key() -> str:
        """Generate a new `encryption_key`. Data encrypted with a lost key are lost."""
        return Cipher.generate_key()

    @property
    def store(self) -> BaseStore:
        """The LangGraph store of the memories, relative to the user: for a graph or `transfer`."""
        return self._storage.store

    def __repr__(self) -> str:
        return f"MemoryAgent(store={self.store!r}, namespace={self._labels!r})"

    def _repr_html_(self) -> str:
        """Return the first memories as a table; no audit is told, so an audited agent shows none.

        A notebook must not fail because of a display.
        """
        facts = {
            "MemoryAgent": repr(self.store),
            "user": self._user_id,
            "namespace": ":".join(self._labels),
        }
        if self._auditor.is_on:
            return agent_html(facts, "Memories are not shown: each access is audited.")
        try:
            found = list(islice(self._storage.scan(self._labels, None), MOST_DISPLAYED + 1))
            return agent_html(facts, [(key, self._opened(key, value)) for key, value in found])
        except Exception as error:
            return agent_html(facts, f"Memories are not shown: {type(error).__name__}.")

    def schedule_backups(
        self, directory: FilePath, every_minutes: float, keep: int
    ) -> BackupSchedule:
        """Back up now and every `every_minutes` in this process; keep the newest `keep` files.

        Raises:
            InvalidOperationError: `every_minutes` is not above 0, or `keep` is below 1.
        """
        # The same in every process that backs up these memories.
        scope = encode_value([self._place, self._user_id, *self._labels])
        name = f"memories-{hashlib.sha256(scope).hexdigest()[:8]}"
        folder = expanded(directory)
        schedule = BackupSchedule(self.backup_data, folder, name, every_minutes, keep)
        self._schedules.append(schedule)
        return schedule

    async def aschedule_backups(
        self, directory: FilePath, every_minutes: float, keep: int
    ) -> BackupSchedule:
        """Async form of `schedule_backups`."""
        return await asyncio.to_thread(self.schedule_backups, directory, every_minutes, keep)

    def close(self) -> None:
        """Stop scheduled backups and close what the agent opened. Idempotent."""
        while self._schedules:
            self._schedules.pop().close()
        self._close()

    async def aclose(self) -> None:
        """Async form of `close`."""
        await asyncio.to_thread(self.close)


def _shown(storage_type: str, db_path: str | Path | None, dsn: str | None) -> str:
    path = db_path if db_path is None or "://" in str(db_path) else expanded(db_path).resolve()
    return f"{storage_type} {path} {dsn}"


def _given(store: BaseStore, place: Place) -> Opened:
    if not isinstance(store, BaseStore):
        raise ConfigurationError(f"store is a LangGraph store, got {type(store).__name__}")
    if place.db_path is not None or place.dsn is not None:
        raise ConfigurationError("a store was given, so leave db_path and dsn out")
    return Opened(store)


def _checked_namespace(namespace: Labels | str | None) -> Labels:
    if namespace is None:
        return MEMORIES_NAMESPACE
    labels = check_labels(namespace.split(":") if isinstance(namespace, str) else namespace)
    check_writable(labels)
    return labels
