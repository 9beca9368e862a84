"""Backups, exports and migrations of memories, all by `transfer`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from itertools import islice
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore, PutOp

from .. import transfer
from .._support.files import expanded
from ..errors import ConfigurationError, CopyMismatchError, TransferError
from ..model.json_values import as_mapping, same_json, shown
from ..model.namespaces import Labels
from ..model.users import SHARED, Address, TemplateScope
from ..sql.items.import_records import Conflict
from ..store.base import StoreBase
from ..store.user_scope import ScopedStore
from ..transfer.file_kinds import FormatName, kind_of
from ..transfer.readdress import TUPLES
from ..transfer.verified_file import Verifiable
from .memories import Memories
from .storage_types import Opened, storage_of

FilePath: TypeAlias = "str | os.PathLike[str]"

_BATCH = 10_000


class MovableMemories(Memories):
    """Memories that can be backed up, restored, exported, imported and migrated."""

    def backup_data(self, path: FilePath) -> int:
        """Write all memories and links to a file with a checksum; return the number of items.

        The file is replaced after everything is written. Its name determines the format, such as
        `backup.jsonl.gz`. Encrypted values stay encrypted.
        """
        return self._exported("backup", path, None)

    async def abackup_data(self, path: FilePath) -> int:
        """Async form of `backup_data`."""
        return await asyncio.to_thread(self.backup_data, path)

    def restore_data(self, path: FilePath) -> int:
        """Restore a file of `backup_data` over existing memories; return the number of items.

        Memories that are not in the backup stay. The whole file is verified before the first
        write.

        Raises:
            DamagedFileError: the file was cut off or altered, or another program wrote it.
            TransferError: the file is of another namespace or user.
            DecryptionError: its values are not encrypted with this agent's key.
        """
        store = self._verified(path, None, lambda _key, _data: None)
        self._auditor.tell("restore", os.fspath(path))
        with self._storage.together():
            return transfer.import_(store, path)

    async def arestore_data(self, path: FilePath) -> int:
        """Async form of `restore_data`."""
        return await asyncio.to_thread(self.restore_data, path)

    def export(self, path: FilePath, format: FormatName | None = None) -> int:
        """Write the same as `backup_data`, as JSON Lines, JSON, CSV, YAML or Parquet."""
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
        """Import a file of `export` or of `transfer.export`; return the number of items.

        Args:
            path: the file. Its name determines the format, unless `format` does.
            on_conflict: "upsert" replaces existing memories, "skip" keeps them, "fail" raises.

        Raises:
            ValidationError: data do not fit the `validator`; nothing was written.
            VersionConflictError: a memory exists already, with "fail".
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
        """Copy all memories and links to another agent or store; return the number of items.

        The copies are read again and compared. In a store they belong to the same user and
        namespace. An agent encrypts them with its own key.

        Raises:
            ConfigurationError: the other agent has another namespace.
            CopyMismatchError: the target does not hold what was copied.
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
            return self._copy_reencrypted(target)

    async def amigrate_to(self, other: MovableMemories | BaseStore) -> int:
        """Async form of `migrate_to`."""
        return await asyncio.to_thread(self.migrate_to, other)

    def _in(self, store: BaseStore) -> MovableMemories:
        return MovableMemories(
            storage_of(Opened(store), self._user_id),
            self._labels,
            self._validation,
            self._auditor,
            self._cipher,
            self._user_id,
        )

    def _reads_as(self, other: MovableMemories) -> bool:
        """Check that each agent can read the values that the other stores."""
        if self._cipher is None or other._cipher is None:
            return self._cipher is other._cipher
        return self._cipher.reads_as(other._cipher)

    def _copy_reencrypted(self, target: MovableMemories) -> int:
        """Copy memories decrypted here and encrypted there; compare them."""
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
                        raise CopyMismatchError(
                            f"{shown(key)} is not in the target as it was copied"
                        )
        return count

    def _put_in(self, labels: Labels, key: str, data: Any) -> PutOp:
        return self._put(key, data) if labels == self._labels else PutOp(labels, key, data)

    def _unsealed(self, labels: Labels, key: str, value: Any) -> Any:
        """Decrypt a memory; links are not encrypted."""
        return self._opened(key, value) if labels == self._labels else value

    def _exported(self, action: Any, path: FilePath, format: FormatName | None) -> int:
        self._auditor.tell(action, os.fspath(path))
        manifest = transfer.export(self._storage.store, path, prefix=self._labels, format=format)
        return manifest.records

    def _verified(
        self, path: FilePath, format: FormatName | None, check: Callable[[str, Any], None]
    ) -> BaseStore:
        """Read the whole file, raise for unwanted records, and return the store to write to."""
        with expanded(path).open("rb") as file:
            verifiable = Verifiable(file, kind_of(path, format), os.fspath(path))
            # The checksum first: records of a damaged file can be anything.
            manifest = verifiable.verify()
            is_users = manifest.addresses == "users" and self._user_id is not None
            address = Address(self._user_id or SHARED, self._labels)
            verifiable.verify(self._checking(address if is_users else self._address(), check))
        store = self._storage.store
        # Such a file names the user. Only the whole store takes users.
        return store.whole if is_users and isinstance(store, ScopedStore) else store

    def _checking(
        self, expected: Address, check: Callable[[str, Any], None]
    ) -> Callable[[dict[str, Any]], None]:
        """Return a check that raises for a document of another user or namespace."""

        def check_document(document: dict[str, Any]) -> None:
            labels = _labels_of(document)
            within = labels[: len(expected.labels)] == expected.labels
            if document.get("userId") != expected.user_id or not within:
                user_id = document.get("userId")
                whose = f"of user {shown(user_id)}, " if user_id else ""
                raise TransferError(
                    f"it is {whose}in {shown(':'.join(labels))}, and this agent's memories are "
                    f"in {':'.join(self._labels)!r}; transfer.import_ takes files of any namespace"
                )
            if labels == expected.labels:
                key = str(document.get("key"))
                check(key, self._opened(key, as_mapping(document.get("value"))))

        return check_document

    def _address(self) -> Address:
        """Return the address of the memories in a file."""
        store = self._storage.store
        scope = store.planner.scope if isinstance(store, StoreBase) else TUPLES
        return (scope if isinstance(scope, TemplateScope) else TUPLES).address(self._labels)


def _labels_of(document: dict[str, Any]) -> Labels:
    labels = document.get("labels")
    if isinstance(labels, list):
        return tuple(map(str, labels))
    return tuple(str(document.get("namespace", "")).split(":"))
