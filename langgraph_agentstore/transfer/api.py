"""The public functions `export`, `import_`, `verify`, `copy`; `ax` is the async form of `x`."""

from __future__ import annotations

import asyncio
import os
from typing import TypeAlias

from langgraph.store.base import BaseStore

from .._support.progress import Progress
from ..model.namespaces import Labels
from ..sql.items.import_records import Conflict
from ..store.step_driver import arun_in_threads, run
from .copy_steps import copy_steps
from .export_steps import export_steps
from .file_kinds import FormatName
from .formats.base import LARGEST_RECORD_BYTES
from .import_steps import import_steps
from .manifest import Manifest
from .signing import SigningKey
from .verified_file import verified

Path: TypeAlias = "str | os.PathLike[str]"


def export(
    store: BaseStore,
    path: Path,
    *,
    user_id: str | None = None,
    prefix: Labels | None = None,
    format: FormatName | None = None,
    everything: bool = False,
    sign_with: SigningKey | None = None,
    progress: Progress | bool | None = None,
) -> Manifest:
    """Write a store, or one user or namespace of it, to a file; return the file's manifest.

    The file is replaced at once when everything is written and on disk. Until then, and on any
    failure, the old file stays. Items written during the export may be in the file or not.

    Args:
        store: any LangGraph store, or a view of one. Everything of an `AgentStore` is kept; of
            other stores, the value and the times that LangGraph shows.
        path: the name determines the format: `.jsonl`, `.json`, `.csv`, `.yaml` or `.parquet`. Add
            `.gz` or `.zst` to compress, except for Parquet, such as `memories.jsonl.zst`.
        user_id: export only this user's items; any id. Warns if there are none.
        prefix: export only items at or below this namespace; with `user_id`, below that user.
        format: the format, instead of the one that the name determines.
        everything: also export what the user has beside the items, in an `AgentStore`: history,
            locks, audited reads, usage and so on. It needs `user_id` and JSON Lines.
        sign_with: a private Ed25519 key that signs the file: PEM, or a key of `cryptography`.
        progress: as for `AgentStore.load`.

    Raises:
        ConfigurationError: the name has no known format, the folder does not exist, or it is no
            such key.
        InvalidOperationError: everything is asked for without a user, or of another store.
        MissingExtraError: the format's package is not installed.
    """
    steps = export_steps(
        store, path, user_id, prefix, format, progress, everything=everything, sign_with=sign_with
    )
    return run(steps)


async def aexport(
    store: BaseStore,
    path: Path,
    *,
    user_id: str | None = None,
    prefix: Labels | None = None,
    format: FormatName | None = None,
    everything: bool = False,
    sign_with: SigningKey | None = None,
    progress: Progress | bool | None = None,
) -> Manifest:
    """Async form of `export`; the file is written in a thread."""
    steps = export_steps(
        store, path, user_id, prefix, format, progress, everything=everything, sign_with=sign_with
    )
    return await arun_in_threads(steps)


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
    """Write the records of a file unchanged to a store; return how many this call wrote.

    The file is read more than once: its manifest is verified before the first write.

    Args:
        store: any LangGraph store, or a view of one. Fields that it cannot keep are left out.
        path: a file of `export`.
        on_conflict: how to treat existing items: "upsert" replaces them with metadata and counts,
            "skip" keeps them, "fail" raises before the first write.
        resume: True keeps the progress in a file beside `path`, a path keeps it there. An
            interrupted import continues from it.
        foreign: also accept a file without a manifest, with documents as the original `data_store`
            exported them. All are checked before the first write.
        format: the format, instead of the one that the name determines.
        progress: as for `AgentStore.load`.
        max_record_bytes: how many bytes of the unpacked file one record may take; 64 MiB.

    Raises:
        DamagedFileError: the file was cut off or altered, or another program wrote it.
        VersionConflictError: an item exists already, with "fail".
        AgentStoreError: the store refused a record or failed; the message says how many were
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
    """Async form of `import_`; the file is read in a thread."""
    steps = import_steps(
        store, path, on_conflict, resume, foreign, format, progress, max_record_bytes
    )
    return await arun_in_threads(steps)


def verify(
    path: Path,
    *,
    format: FormatName | None = None,
    signed_by: SigningKey | None = None,
    max_record_bytes: int = LARGEST_RECORD_BYTES,
    progress: Progress | bool | None = None,
) -> Manifest:
    """Read a whole file and check its records against its manifest; return the manifest.

    Args:
        path: a file of `export`.
        format: the format, instead of the one that the name determines.
        signed_by: the public Ed25519 key of who must have signed the file: PEM, or a key of
            `cryptography`. None: a signature is not looked at.
        max_record_bytes: as for `import_`.
        progress: as for `AgentStore.load`.

    Raises:
        DamagedFileError: the file was cut off or altered, another program wrote it, or the holder
            of the key did not sign it.
    """
    return verified(path, format, max_record_bytes, signed_by, progress)


async def averify(
    path: Path,
    *,
    format: FormatName | None = None,
    signed_by: SigningKey | None = None,
    max_record_bytes: int = LARGEST_RECORD_BYTES,
    progress: Progress | bool | None = None,
) -> Manifest:
    """Async form of `verify`; it runs in a thread."""
    return await asyncio.to_thread(verified, path, format, max_record_bytes, signed_by, progress)


def copy(
    source: BaseStore,
    target: BaseStore,
    prefix: Labels = (),
    *,
    user_id: str | None = None,
    on_conflict: Conflict = "upsert",
    progress: Progress | bool | None = None,
) -> int:
    """Copy the items at or below a namespace to another store; return how many were written.

    Items keep their namespaces. Items of a user still belong to that user, in the way the target
    names users. The source is read once, into a temporary file. At the end the target is read and
    compared with the copied items.

    Args:
        source: any LangGraph store, or a view of one.
        target: another LangGraph store, or a view of one.
        prefix: the namespace to copy; () for everything.
        user_id: copy only this user's part, at or below `prefix`. Warns if it is empty.
        on_conflict: as for `import_`.
        progress: as for `AgentStore.load`.

    Raises:
        CopyMismatchError: the target does not hold the copied items.
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
    """Async form of `copy`."""
    return await arun_in_threads(copy_steps(source, target, prefix, user_id, on_conflict, progress))
