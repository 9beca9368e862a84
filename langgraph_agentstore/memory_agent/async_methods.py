"""The awaitable forms: each runs the blocking one on a thread, so that no loop waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from langgraph.store.base import BaseStore

from .._support.progress import Progress
from ..sql.items.import_records import Conflict
from ..transfer.file_kinds import FormatName
from .backup_and_export import FilePath, MovableMemories
from .backup_schedule import BackupSchedule
from .memories import Relation


class AwaitedMemories(MovableMemories):
    """`MovableMemories` with an awaitable form of each method."""

    async def astore_memory(self, key: str, data: Any) -> None:
        """As `store_memory`."""
        await asyncio.to_thread(self.store_memory, key, data)

    async def abatch_store(self, memories: Iterable[tuple[str, Any]]) -> int:
        """As `batch_store`."""
        return await asyncio.to_thread(self.batch_store, memories)

    async def aretrieve_memory(self, key: str, filter: Mapping[str, Any] | None = None) -> Any:
        """As `retrieve_memory`."""
        return await asyncio.to_thread(self.retrieve_memory, key, filter)

    async def aupdate_memory(self, key: str, data: Any) -> Any:
        """As `update_memory`."""
        return await asyncio.to_thread(self.update_memory, key, data)

    async def adelete_memory(self, key: str) -> bool:
        """As `delete_memory`."""
        return await asyncio.to_thread(self.delete_memory, key)

    async def asearch_memory(
        self, collection: str, filter: Mapping[str, Any] | None = None
    ) -> list[Any]:
        """As `search_memory`."""
        return await asyncio.to_thread(self.search_memory, collection, filter)

    async def alist_memories(self, prefix: str | None = None) -> list[str]:
        """As `list_memories`."""
        return await asyncio.to_thread(self.list_memories, prefix)

    async def aunreadable_memories(self, prefix: str | None = None) -> list[str]:
        """As `unreadable_memories`."""
        return await asyncio.to_thread(self.unreadable_memories, prefix)

    async def arotate(self, *, progress: Progress | bool | None = None) -> int:
        """As `rotate`."""
        return await asyncio.to_thread(self.rotate, progress=progress)

    async def alink(self, key: str, other_key: str, relation: str) -> None:
        """As `link`."""
        await asyncio.to_thread(self.link, key, other_key, relation)

    async def arelated(self, key: str, relation: str | None = None) -> list[Relation]:
        """As `related`."""
        return await asyncio.to_thread(self.related, key, relation)

    async def abackup_data(self, path: FilePath) -> int:
        """As `backup_data`."""
        return await asyncio.to_thread(self.backup_data, path)

    async def arestore_data(self, path: FilePath) -> int:
        """As `restore_data`."""
        return await asyncio.to_thread(self.restore_data, path)

    async def aschedule_backups(
        self, directory: FilePath, every_minutes: float, keep: int
    ) -> BackupSchedule:
        """As `schedule_backups`."""
        return await asyncio.to_thread(self.schedule_backups, directory, every_minutes, keep)

    async def aexport(self, path: FilePath, format: FormatName | None = None) -> int:
        """As `export`."""
        return await asyncio.to_thread(self.export, path, format)

    async def aimport_(
        self,
        path: FilePath,
        format: FormatName | None = None,
        *,
        on_conflict: Conflict = "upsert",
    ) -> int:
        """As `import_`."""
        return await asyncio.to_thread(self.import_, path, format, on_conflict=on_conflict)

    async def amigrate_to(self, other: MovableMemories | BaseStore) -> int:
        """As `migrate_to`."""
        return await asyncio.to_thread(self.migrate_to, other)
