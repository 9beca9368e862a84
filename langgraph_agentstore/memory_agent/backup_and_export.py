"""Memories on the move: backups, files for others, another storage. All by `transfer`."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from itertools import islice
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore, PutOp

from .. import transfer
from .._support.files import expanded
from ..errors import ConfigurationError, CopyMismatchError, TransferError
from ..model.json_values import as_mapping, encode_value, same_json
from ..model.namespaces import Labels
from ..model.users import SHARED, Address, TemplateScope
from ..sql.items.import_records import Conflict
from ..store.base import StoreBase
from ..store.user_scope import ScopedStore
from ..transfer.file_kinds import FormatName, kind_of
from ..transfer.readdress import TUPLES
from ..transfer.verified_file import Verifiable
from .backup_schedule import BackupSchedule
from .memories import Memories
from .storage import Storage

FilePath: TypeAlias = "str | os.PathLike[str]"

_BATCH = 10_000


class MovableMemories(Memories):
    """`Memories` that can be backed up, restored and moved."""

    def backup_data(self, path: FilePath) -> int:
        """Writes all memories and their links to a file, with a checksum; how many items.

        The file is replaced when all is written. Its name says the format, such as
        `backup.jsonl.gz`; encrypted values stay encrypted.
        """
        return self._exported("backup", path, None)

    async def abackup_data(self, path: FilePath) -> int:
        """Async form of `backup_data`."""
        return await asyncio.to_thread(self.backup_data, path)

    def restore_data(self, path: FilePath) -> int:
        """Brings back what `backup_data` wrote, over what is there; how many items.

        Memories that are not in the backup stay. The file is read to its end before anything is
        written.

        Raises:
            DamagedFileError: it was cut off or altered, or is another program's.
            TransferError: it is of another namespace.
            DecryptionError: its values are not encrypted with this agent's key.
        """
        store = self._verified(path, None, lambda _key, _data: None)
        self._auditor.tell("restore", os.fspath(path))
        with self._storage.together():
            return transfer.import_(store, path)

    async def arestore_data(self, path: FilePath) -> int:
        """Async form of `restore_data`."""
        return await asyncio.to_thread(self.restore_data, path)

    def schedule_backups(
        self, directory: FilePath, every_minutes: float, keep: int
    ) -> BackupSchedule:
        """Backs up now and every so many minutes, in this process; the newest `keep` files stay.

        Raises:
            InvalidOperationError: no time above 0, or nothing to keep.
        """
        name = f"memories-{hashlib.sha256(encode_value(self._scope())).hexdigest()[:8]}"
        return BackupSchedule(self.backup_data, expanded(directory), name, every_minutes, keep)

    async def aschedule_backups(
        self, directory: FilePath, every_minutes: float, keep: int
    ) -> BackupSchedule:
        """Async form of `schedule_backups`."""
        return await asyncio.to_thread(self.schedule_backups, directory, every_minutes, keep)

    def export(self, path: FilePath, format: FormatName | None = None) -> int:
        """As `backup_data`, for others to read: JSON Lines, JSON, CSV, YAML or Parquet."""
        return self._exported("export", path, format)

    async def aexport(self, path: FilePath, format: FormatName | None = None) -> int:
        """Async form of `export`."""
        return await asyncio.to_thread(self.export, path, format)

    def import_(
        self,
        path: FilePath,
        format: FormatName | None = None,
        *,
        on_conflict: Conflict = "upsert",
    ) -> int:
        """Writes what `export` wrote, or `transfer.export` of this user; how many items.

        Args:
            path: the file; its name says the format, unless `format` does.
            on_conflict: "upsert" replaces what is there, "skip" leaves it, "fail" raises.

        Raises:
            ValidationError: data do not fit the `validator`; nothing was written.
            VersionConflictError: with "fail", a memory is there.
            DamagedFileError, TransferError, DecryptionError: as for `restore_data`.
        """
        store = self._verified(path, format, self._validation.check)
        self._auditor.tell("import", os.fspath(path))
        with self._storage.together():
            return transfer.import_(store, path, on_conflict=on_conflict, format=format)

    async def aimport_(
        self,
        path: FilePath,
        format: FormatName | None = None,
        *,
        on_conflict: Conflict = "upsert",
    ) -> int:
        """Async form of `import_`."""
        return await asyncio.to_thread(self.import_, path, format, on_conflict=on_conflict)

    def migrate_to(self, other: MovableMemories | BaseStore) -> int:
        """Copies all memories and links into another agent or store; how many items.

        They are read there again and compared. In a store they are this user's, and of the same
        namespace; another agent's encryption is its own.

        Raises:
            ConfigurationError: the other agent has another namespace.
            CopyMismatchError: the other one does not hold what was copied.
        """
        target = other if isinstance(other, MovableMemories) else self._in(other)
        if target._labels != self._labels:
            raise ConfigurationError(
                f"the other agent has namespace {target._labels!r}, this one {self._labels!r}; "
                "make both with the same"
            )
        self._auditor.tell("migrate", repr(target._storage.store))
        with target._storage.together():
            if self._reads_as(target):
                return transfer.copy(self._storage.store, target._storage.store, self._labels)
            return self._sealed_anew(target)

    async def amigrate_to(self, other: MovableMemories | BaseStore) -> int:
        """Async form of `migrate_to`."""
        return await asyncio.to_thread(self.migrate_to, other)

    def _in(self, store: BaseStore) -> MovableMemories:
        return MovableMemories(
            self._storage_in(store),
            self._labels,
            self._validation,
            self._auditor,
            self._cipher,
            self._user_id,
        )

    def _scope(self) -> list[Any]:
        """What these memories are, the same in every process: whose backups these are."""
        return list(self._labels)

    def _storage_in(self, store: BaseStore) -> Storage:
        """This user's part of another store."""
        raise NotImplementedError

    def _reads_as(self, other: MovableMemories) -> bool:
        """Whether each reads what the other stores."""
        if self._cipher is None or other._cipher is None:
            return self._cipher is other._cipher
        return self._cipher.reads_as(other._cipher)

    def _sealed_anew(self, target: MovableMemories) -> int:
        """Copies, decrypted here and encrypted there, and compares."""
        count = 0
        for labels in (self._labels, self._relations):
            items = self._storage.scan(labels, None)
            while batch := list(islice(items, _BATCH)):
                plain = [(key, self._unsealed(labels, key, value)) for key, value in batch]
                target._storage.write([target._put_in(labels, *pair) for pair in plain])
                count += len(batch)
                copied = target._storage.get_many(labels, [key for key, _ in plain])
                for (key, data), value in zip(plain, copied, strict=True):
                    if value is None or not same_json(target._unsealed(labels, key, value), data):
                        raise CopyMismatchError(f"{key!r} is not in the target as it was copied")
        return count

    def _put_in(self, labels: Labels, key: str, data: Any) -> PutOp:
        return self._put(key, data) if labels == self._labels else PutOp(labels, key, data)

    def _unsealed(self, labels: Labels, key: str, value: Any) -> Any:
        """Links are not encrypted."""
        return self._opened(key, value) if labels == self._labels else value

    def _exported(self, action: Any, path: FilePath, format: FormatName | None) -> int:
        self._auditor.tell(action, os.fspath(path))
        manifest = transfer.export(self._storage.store, path, prefix=self._labels, format=format)
        return manifest.records

    def _verified(
        self, path: FilePath, format: FormatName | None, check: Callable[[str, Any], None]
    ) -> BaseStore:
        """Reads a file whole, and raises for what must not be written; where it is to go."""
        with expanded(path).open("rb") as file:
            verifiable = Verifiable(file, kind_of(path, format), os.fspath(path))
            # First of all that it is whole, since records may be anything.
            manifest = verifiable.verify()
            is_users = manifest.addresses == "users" and self._user_id is not None
            address = Address(self._user_id or SHARED, self._labels)
            verifiable.verify(self._checking(address if is_users else self._address(), check))
        store = self._storage.store
        # Such a file names the user, whom one user's part does not.
        return store.whole if is_users and isinstance(store, ScopedStore) else store

    def _checking(
        self, expected: Address, check: Callable[[str, Any], None]
    ) -> Callable[[dict[str, Any]], None]:
        """What raises for a document of anybody else, or of another namespace."""

        def check_document(document: dict[str, Any]) -> None:
            labels = _labels_of(document)
            within = labels[: len(expected.labels)] == expected.labels
            if document.get("userId") != expected.user_id or not within:
                user_id = document.get("userId")
                whose = f"of user {user_id!r}, " if user_id else ""
                raise TransferError(
                    f"it is {whose}in {':'.join(labels)!r}, and this agent's memories are "
                    f"in {':'.join(self._labels)!r}; transfer.import_ takes files of any namespace"
                )
            if labels == expected.labels:
                key = str(document.get("key"))
                check(key, self._opened(key, as_mapping(document.get("value"))))

        return check_document

    def _address(self) -> Address:
        """Where the memories are, as a file has it."""
        store = self._storage.store
        scope = store.planner.scope if isinstance(store, StoreBase) else TUPLES
        return (scope if isinstance(scope, TemplateScope) else TUPLES).address(self._labels)


def _labels_of(document: dict[str, Any]) -> Labels:
    labels = document.get("labels")
    if isinstance(labels, list):
        return tuple(map(str, labels))
    return tuple(str(document.get("namespace", "")).split(":"))
