"""The steps of a copy: one store to a temporary file, the file to the other store, comparison."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from langgraph.store.base import BaseStore

from .._support.progress import Progress, telling_progress
from ..errors import CopyMismatchError
from ..model.namespaces import Labels
from ..sql.items.import_records import Conflict
from ..store.step_driver import Steps
from .export_steps import warn_of_nothing, written_steps
from .file_kinds import kind_of
from .import_steps import Note, check_all, write_all, writer_of
from .store_readers import reader_of
from .store_writer import Writer, batches
from .verified_file import Verifiable


def copy_steps(
    source: BaseStore,
    target: BaseStore,
    prefix: Labels,
    user_id: str | None,
    conflict: Conflict,
    progress: Progress | bool | None,
) -> Steps[int]:
    """Copy as `transfer.copy` says."""
    writer = writer_of(target, conflict)
    reader = reader_of(source, user_id, prefix, as_tuples=True)
    with TemporaryDirectory(prefix="agentstore-copy-") as folder:
        path = Path(folder) / "items.jsonl"
        manifest = yield from written_steps(reader, path, None, progress, "reading")
        warn_of_nothing(source, user_id, manifest)
        writer.expect(manifest)
        with path.open("rb") as file:
            items = Verifiable(file, kind_of(path), str(path), most=sys.maxsize)
            check_all(items, writer)
            with telling_progress(progress, "copying", manifest.records) as tell:
                written = yield from write_all(items, writer, conflict, Note(None, {}), tell)
            yield from _compare(items, writer, conflict, manifest.records)
    return written


def _compare(items: Verifiable, writer: Writer, conflict: Conflict, expected: int) -> Steps[None]:
    """Check that the target has every item, with this content unless existing items were kept."""
    found = 0
    for batch in batches(writer, items.records(), conflict):
        records = batch.records
        if conflict == "skip":
            there = {record.address for record in (yield from writer.present(records))}
            wrong = [record for record in records if record.address not in there]
        else:
            wrong = yield from writer.differing(records)
        if wrong:
            raise CopyMismatchError(
                f"{len(wrong)} of {len(records)} items are not in the target as they were copied, "
                f"the first is {wrong[0]}: somebody else writes there, or the store cannot keep "
                "it; copy again"
            )
        found += len(records)
    if found != expected:
        raise CopyMismatchError(
            f"{expected} items were read and {found} are in the target: some have one address there"
        )
