"""Files in any LangGraph store, by gets, puts and searches; the rest is done here.

Such a store has no versions, so reading and writing a file is done under a lock of this process.
Of several creators one wins, and no edit is lost, as long as only this process writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from langgraph.store.base import BaseStore, GetOp, Op, PutOp, SearchOp

from .._support.cross_loop_lock import lock_of
from ..errors import InvalidKeyError, InvalidValueError, VersionConflictError
from ..model.json_values import check_text
from ..model.namespaces import Labels, check_labels, check_writable
from ..store.step_driver import Locked, Steps, StoreOps
from ..store.ttl_defaults import default_ttl
from .file_value import REFUSED, FileValue, Seen, file_of, with_creation_of
from .sql import FileEntry, Reach, SizeUnit

NO_LIMIT = 1_000_000
"""Stores without a total order repeat and drop items from page to page: better a single one."""

BATCH = 100
"""Operations sent at once: some stores take few parameters in a statement."""


class AnyStoreStorage:
    """The files in one namespace of a LangGraph store; the methods are those of `FileStorage`.

    `owner` is the object that all writers to the store share.
    """

    def __init__(self, store: BaseStore, namespace: Labels, owner: object) -> None:
        self._store = store
        self._namespace = namespace
        self._lock = lock_of(owner)

    def read(self, paths: Sequence[str]) -> Steps[list[FileValue | None]]:
        errors = [_refusal(_check_path, path) for path in paths]
        gets = [self._get(path) for path, error in zip(paths, errors, strict=True) if not error]
        items = iter((yield from self._batches(gets)))
        found = [None if error else next(items) for error in errors]
        return [None if item is None else item.value for item in found]

    def look(self, path: str) -> Steps[Seen | None]:
        [value] = yield from self.read([path])
        return None if value is None else Seen(value)

    def create(self, path: str, value: FileValue) -> Steps[None]:
        def if_free(before: FileValue | None) -> FileValue:
            if before is not None:
                raise VersionConflictError(f"{path!r} exists already", expected=0)
            return value

        return self._write_over(path, value, if_free)

    def replace(self, path: str, value: FileValue, seen: Seen) -> Steps[None]:
        def if_unchanged(before: FileValue | None) -> FileValue:
            if before != seen.value:
                raise VersionConflictError(f"{path!r} changed or is gone; read it again")
            return value

        return self._write_over(path, value, if_unchanged)

    def overwrite(self, path: str, value: FileValue) -> Steps[None]:
        return self._write_over(path, value, lambda before: with_creation_of(before, value))

    def _write_over(
        self, path: str, value: FileValue, replacing: Callable[[FileValue | None], FileValue]
    ) -> Steps[None]:
        """Write what `replacing` makes of the present value, under the lock."""

        def steps() -> Steps[None]:
            [item] = yield StoreOps(self._store, [self._get(path)])
            written = replacing(None if item is None else item.value)
            yield StoreOps(self._store, [self._put(path, written)])

        _check_file(path, value)
        yield Locked(self._lock, steps())

    def write(self, files: Sequence[tuple[str, FileValue]]) -> Steps[list[Exception | None]]:
        errors = [_refusal(_check_file, *file) for file in files]
        puts = [self._put(*file) for file, error in zip(files, errors, strict=True) if not error]
        yield Locked(self._lock, self._batches(puts))
        return errors

    def children(self, folder: str, unit: SizeUnit) -> Steps[list[FileEntry]]:
        items = yield from self._items()
        return children_of(items, folder, unit)

    def entries(self, reach: Reach, unit: SizeUnit) -> Steps[list[FileEntry]]:
        items = yield from self._items()
        return [file_entry(path, items[path], unit) for path in items if reach.covers(path)]

    def contents(self, reach: Reach, _literal: str) -> Steps[list[tuple[str, Any]]]:
        items = yield from self._items()
        return [(path, value) for path, value in items.items() if reach.covers(path)]

    def remove(self, path: str) -> Steps[int]:
        removed: int = yield Locked(self._lock, self._removing(path))
        return removed

    def _removing(self, path: str) -> Steps[int]:
        items, reach = (yield from self._items()), Reach(path, path + "/")
        gone = [each for each in items if reach.covers(each)]
        yield from self._batches([PutOp(self._namespace, each, None) for each in gone])
        return len(gone)

    def _get(self, path: str) -> GetOp:
        return GetOp(self._labels, path, self._refreshes)

    def _put(self, path: str, value: FileValue) -> PutOp:
        return PutOp(
            self._writable_labels,
            path,
            value,
            ttl=default_ttl(self._store),
        )

    # The methods of a store check its namespaces; a batch of operations does not.
    @cached_property
    def _labels(self) -> Labels:
        return check_labels(self._namespace)

    @cached_property
    def _writable_labels(self) -> Labels:
        check_writable(self._labels)
        return self._labels

    @property
    def _refreshes(self) -> bool:
        return (self._store.ttl_config or {}).get("refresh_on_read", True)

    def _batches(self, ops: Sequence[Op]) -> Steps[list[Any]]:
        """Run operations, `BATCH` at a time; return their results."""
        results: list[Any] = []
        for start in range(0, len(ops), BATCH):
            results += yield StoreOps(self._store, ops[start : start + BATCH])
        return results

    def _items(self) -> Steps[dict[str, FileValue]]:
        """Return path and value of each item of just this namespace, by path."""
        found: dict[str, FileValue] = {}
        labels, read = self._labels, 0
        while True:
            search = SearchOp(labels, limit=NO_LIMIT, offset=read, refresh_ttl=self._refreshes)
            [page] = yield StoreOps(self._store, [search])
            if not page:  # A short page proves nothing: stores may cap the limit.
                return dict(sorted(found.items()))
            read += len(page)
            found.update({i.key: i.value for i in page if i.namespace == self._namespace})


def _refusal(check: Callable[..., None], *arguments: Any) -> Exception | None:
    try:
        check(*arguments)
    except REFUSED as error:
        return error
    return None


def _check_path(path: str) -> None:
    if not path:
        raise InvalidKeyError("a path is a non-empty text such as '/notes/tea.md', got ''")
    check_text(path, "the path")


def _check_file(path: str, value: FileValue) -> None:
    """Raise for a path that no storage of files takes, and for a text that has no bytes."""
    _check_path(path)
    try:
        "".join(value["content"]).encode()
    except UnicodeEncodeError:
        raise InvalidValueError(
            f"the text of {path!r} holds half of a character (a lone surrogate); remove it, or "
            "decode what it is from with errors='replace'"
        ) from None


def children_of(items: dict[str, FileValue], folder: str, unit: SizeUnit) -> list[FileEntry]:
    """Return the files and folders directly in `folder`, by path."""
    found: dict[str, FileEntry] = {}
    for path, value in items.items():
        if not path.startswith(folder):
            continue
        name, slash, _ = path[len(folder) :].partition("/")
        if slash:
            below = f"{folder}{name}/"
            found[below] = FileEntry(below, 0, is_folder=True)
        else:
            found[path] = file_entry(path, value, unit)
    return [found[path] for path in sorted(found)]


def file_entry(path: str, value: FileValue, unit: SizeUnit) -> FileEntry:
    """Return the entry of a file in a listing."""
    file = file_of(value)
    if file is None:
        return FileEntry(path, None)
    size = len(file.text if unit == "characters" else file.text.encode("utf-8", "surrogatepass"))
    return FileEntry(path, size, file.modified_at)
