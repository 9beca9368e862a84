"""What is called: `export`, `import_`, `verify`, `copy`; `ax` is the awaitable form of `x`."""

from __future__ import annotations

import asyncio
import os
from typing import TypeAlias

from langgraph.store.base import BaseStore

from .._support.progress import Progress
from ..model.namespaces import Labels
from ..sql.items.import_records import Conflict
from ..store.steps import arun_in_threads, run
from .copy_steps import copy_steps
from .export_steps import export_steps
from .file_kinds import FormatName
from .formats.base import LARGEST_RECORD_BYTES
from .import_steps import import_steps
from .manifest import Manifest
from .verified_file import verified

Path: TypeAlias = "str | os.PathLike[str]"


def export(
    store: BaseStore,
    path: Path,
    *,
    user_id: str | None = None,
    prefix: Labels | None = None,
    format: FormatName | None = None,
    progress: Progress | bool | None = None,
) -> Manifest:
    """Writes a store, or one user or namespace of it, to a file; the file's manifest.

    The file is replaced at once when all is written and on disk; until then, and if anything
    fails, the old one stays. Items that are written meanwhile may be in it or not.

    Args:
        store: any LangGraph store, or a view of one. Of an `AgentStore` everything is kept; of
            others what LangGraph shows: value and times.
        path: its end says the format: `.jsonl`, `.json`, `.csv`, `.yaml` or `.parquet`, but for
            the last with `.gz` or `.zst` for compression, such as `memories.jsonl.zst`.
        user_id: only this user's items, any id. A warning tells if there are none.
        prefix: only what is at or below this namespace, with `user_id` of that user's.
        format: in place of the one that the name says.
        progress: as for `AgentStore.load`.

    Raises:
        ConfigurationError: the name says no format, or the folder is not there.
        MissingExtraError: the format's package is not installed.
    """
    return run(export_steps(store, path, user_id, prefix, format, progress))


async def aexport(
    store: BaseStore,
    path: Path,
    *,
    user_id: str | None = None,
    prefix: Labels | None = None,
    format: FormatName | None = None,
    progress: Progress | bool | None = None,
) -> Manifest:
    """As `export`; the file is written in a thread."""
    return await arun_in_threads(export_steps(store, path, user_id, prefix, format, progress))


def import_(
    store: BaseStore,
    path: Path,
    *,
    on_conflict: Conflict = "upsert",
    resume: bool | Path = False,
    foreign: bool = False,
    format: FormatName | None = None,
    progress: Progress | bool | None = None,
    max_record_bytes: int = LARGEST_RECORD_BYTES,
) -> int:
    """Writes the records of a file as they were; how many this call wrote.

    The file is read more than once: its manifest is verified before the first write.

    Args:
        store: any LangGraph store, or a view of one. What it cannot keep is left out.
        path: what `export` wrote.
        on_conflict: what to do with an item that is there: "upsert" replaces it, metadata and
            counts too; "skip" leaves it; "fail" raises before anything is written.
        resume: remember beside the file, or in the file named, how far the import came, and go
            on there if an earlier one was interrupted.
        foreign: also take a file without a manifest: documents as the original `data_store`
            exported them. All are checked before the first write.
        format: in place of the one that the name says.
        progress: as for `AgentStore.load`.
        max_record_bytes: how much of the unpacked file one record may take; 64 MiB.

    Raises:
        DamagedFileError: the file was cut off, altered, or is another program's.
        VersionConflictError: with "fail", an item is there already.
        AgentStoreError: the store refused a record or failed; the message says how many are
            written.
    """
    steps = import_steps(
        store, path, on_conflict, resume, foreign, format, progress, max_record_bytes
    )
    return run(steps)


async def aimport_(
    store: BaseStore,
    path: Path,
    *,
    on_conflict: Conflict = "upsert",
    resume: bool | Path = False,
    foreign: bool = False,
    format: FormatName | None = None,
    progress: Progress | bool | None = None,
    max_record_bytes: int = LARGEST_RECORD_BYTES,
) -> int:
    """As `import_`; the file is read in a thread."""
    steps = import_steps(
        store, path, on_conflict, resume, foreign, format, progress, max_record_bytes
    )
    return await arun_in_threads(steps)


def verify(
    path: Path,
    *,
    format: FormatName | None = None,
    max_record_bytes: int = LARGEST_RECORD_BYTES,
) -> Manifest:
    """Reads a file from end to end; its manifest, if all that it says is true.

    Args:
        path: what `export` wrote.
        format: in place of the one that the name says.
        max_record_bytes: as for `import_`.

    Raises:
        DamagedFileError: the file was cut off, altered, or is another program's.
    """
    return verified(path, format, max_record_bytes)


async def averify(
    path: Path,
    *,
    format: FormatName | None = None,
    max_record_bytes: int = LARGEST_RECORD_BYTES,
) -> Manifest:
    """As `verify`, in a thread."""
    return await asyncio.to_thread(verified, path, format, max_record_bytes)


def copy(
    source: BaseStore,
    target: BaseStore,
    prefix: Labels = (),
    *,
    user_id: str | None = None,
    on_conflict: Conflict = "upsert",
    progress: Progress | bool | None = None,
) -> int:
    """Copies what is at or below a namespace into another store; how many items it wrote.

    Items keep their tuples; what belongs to a user, in each store as it names users, belongs to
    that user there. They go through a temporary file, so the source is read once; at the end the
    target is read and compared with what was copied.

    Args:
        source: any LangGraph store, or a view of one.
        target: another one.
        prefix: what to copy; everything, if it is empty.
        user_id: only this user's part, with `prefix` what is below. A warning tells if it is empty.
        on_conflict: as for `import_`.
        progress: as for `AgentStore.load`.

    Raises:
        CopyMismatchError: the target does not hold what was copied.
    """
    return run(copy_steps(source, target, prefix, user_id, on_conflict, progress))


async def acopy(
    source: BaseStore,
    target: BaseStore,
    prefix: Labels = (),
    *,
    user_id: str | None = None,
    on_conflict: Conflict = "upsert",
    progress: Progress | bool | None = None,
) -> int:
    """As `copy`."""
    return await arun_in_threads(copy_steps(source, target, prefix, user_id, on_conflict, progress))
