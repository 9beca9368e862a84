"""Copies of items to other namespaces of one store, whole: values, metadata, times and expiry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from .._support.progress import Progress
from ..errors import InvalidOperationError, VersionConflictError
from ..sql.items.delete import plan_delete_version
from ..sql.items.import_records import Conflict
from ..sql.items.records import StoredRecord, item_id_of, plan_page_of_stored, plan_stored_at
from ..sql.statement import ItemId
from ..store.agent_store import AgentStore
from ..store.executor import Importing
from ..transfer.documents import document_of, record_of_document
from .namespace_paths import UserNamespace

_PAGE_OF_MOVES = 200


@dataclass(frozen=True, slots=True)
class ItemMove:
    """Name the source and the target of items: one item, or everything at or below a namespace.

    Args:
        source: the namespace.
        target: the namespace that takes its place.
        key: the only item to take; None for all at or below.
        new_key: the key of that item in the target; None: the same.
    """

    source: UserNamespace
    target: UserNamespace
    key: str | None = None
    new_key: str | None = None

    def check(self) -> None:
        """Raise InvalidOperationError if items would be copied into what is being copied."""
        source, target = self.source, self.target
        within = target.labels[: len(source.labels)] == source.labels
        if self.key is None and source.user_id == target.user_id and within:
            raise InvalidOperationError(
                f"{target.path!r} is at or below {source.path!r}: name another target, or one --key"
            )
        if self.key is None and self.new_key is not None:
            raise InvalidOperationError("a new key is for one item: name the item's key, too")

    def moved(self, record: StoredRecord) -> StoredRecord:
        """Return the record as it is at its target."""
        return replace(
            record,
            user_id=self.target.user_id,
            labels=(*self.target.labels, *record.labels[len(self.source.labels) :]),
            key=record.key if self.new_key is None else self.new_key,
        )


def copy_items(
    store: AgentStore, move: ItemMove, conflict: Conflict, progress: Progress, *, remove: bool
) -> int:
    """Copy items, and remove each copied one from its source if asked; return how many.

    Raises:
        InvalidOperationError: the target is within the source.
        VersionConflictError: with "fail", the target has an item already.
    """
    move.check()
    done = 0
    for page in _pages(store, move):
        written = _write_page(store, move, page, conflict)
        if remove:
            taken = [r for r in page if item_id_of(move.moved(r)) in written]
            context = store.planner.context
            store.executor.run_all(
                [
                    plan_delete_version(item_id_of(r), r.version, r.created_at, context)
                    for r in taken
                ]
            )
        done += len(written)
        progress(done)
    return done


def _pages(store: AgentStore, move: ItemMove) -> Iterator[Sequence[StoredRecord]]:
    context, after = store.planner.context, None
    if move.key is not None:
        [found] = store.executor.run(plan_stored_at([move.source.item_id(move.key)], context))
        yield [found] if found is not None else []
        return
    while True:
        read = plan_page_of_stored([move.source.own_region], after, _PAGE_OF_MOVES, context)
        page = store.executor.run(read)
        if page:
            yield page
        if len(page) < _PAGE_OF_MOVES:
            return
        after = item_id_of(page[-1])


def _write_page(
    store: AgentStore, move: ItemMove, page: Sequence[StoredRecord], conflict: Conflict
) -> set[ItemId]:
    records = [record_of_document(document_of(move.moved(r)), store.planner).record for r in page]
    run, importing = store.executor.run, Importing("skip" if conflict == "fail" else conflict)
    if conflict == "fail":
        ids = [record.put.item_id for record in records]
        there = [r for r in run(plan_stored_at(ids, store.planner.context)) if r is not None]
        if there:
            raise VersionConflictError(
                f"{move.target.path!r} has an item {there[0].key!r} already; nothing of this page "
                "was written: --on-conflict upsert replaces such items, skip keeps them"
            )
    run(importing.begin())
    written: set[ItemId] = run(importing.write(records)) if records else set()
    run(importing.end(commit=True))
    return written
