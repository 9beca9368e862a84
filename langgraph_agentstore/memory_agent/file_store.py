"""A LangGraph store in one file, for one person's agent.

The file is read and replaced as a whole. A write takes the file's lock, reads the changes of other
processes, and renames a new file over the old one. A process killed at any moment leaves the old
file or the new one. Every write costs as much as the whole file: suitable for thousands of items,
not for millions.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
)

from .._support.lifecycle import Closing
from ..errors import InvalidOperationError
from ..model.checks import check_whole
from ..model.json_values import as_mapping, decode_value, encode_mapping
from ..model.namespaces import Labels, check_labels, check_writable
from ..sql.filters import matches, parse_filter
from ..store.user_scope import meets
from .encryption import Keys
from .file_formats import MemoryEntries, MemoryEntry, entries_of, file_format
from .locked_file import LockedFile
from .stored_values import memory_key


class FileStore(Closing, BaseStore):
    """A LangGraph store in one file, which any number of processes may use.

    Args:
        path: the file, created by the first write. An empty `….lock` file lies beside it.
        format: "json", "csv", "yaml" or "pickle".
        encryption_key: a key from `MemoryAgent.generate_key`, which signs a pickle file. Pickle
            requires it. The store does not encrypt values.

    Raises:
        ConfigurationError: the format is unknown, or pickle has no key.
        MissingExtraError: the format's package is not installed.
    """

    supports_ttl = False

    def __init__(
        self, path: str | Path, format: str, *, encryption_key: Keys | None = None
    ) -> None:
        self._format = file_format(format, encryption_key)
        self._thread = threading.local()
        self._file = LockedFile(Path(path), self._parse, self._serialise)

    def __repr__(self) -> str:
        return f"FileStore({str(self._file.path)!r})"

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Run all operations or none. Reads come before writes and see one state of the file."""
        todo = list(ops)
        for op in todo:
            _check(op)
        puts = [_checked_put(op) for op in todo if isinstance(op, PutOp)]
        if not puts:
            changing = self._changed()
            content = self._file.read() if changing is None else changing
            return [_answer(op, content) for op in todo]
        with self._changing() as content:
            results = [_answer(op, content) for op in todo]
            _apply(puts, content)
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Async form of `batch`; it runs in a thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make all writes of this thread within the block at once, at its end, or none on an error.

        Meanwhile other threads and processes read the old file, and wait before they write.
        """
        if self._changed() is not None:
            yield
            return
        with self._file.changing() as content:
            self._thread.content = content
            try:
                yield
            finally:
                self._thread.content = None

    def rewrite(self) -> None:
        """Write the file again, signed with the newest key."""
        self._file.rewrite()

    @contextmanager
    def _changing(self) -> Iterator[MemoryEntries]:
        content = self._changed()
        if content is None:
            with self._file.changing() as content:
                yield content
        else:
            yield content  # puts were checked before, so nothing fails halfway

    def _changed(self) -> MemoryEntries | None:
        """Return the content that this thread changes within `together`, or None."""
        return getattr(self._thread, "content", None)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        self._file.close()

    def _parse(self, data: bytes) -> MemoryEntries:
        entries = entries_of(self._format, data, str(self._file.path))
        return {(entry.namespace, entry.key): entry for entry in entries}

    def _serialise(self, content: MemoryEntries) -> bytes:
        ordered = sorted(content.values(), key=lambda entry: (entry.namespace, entry.key))
        return self._format.dump(ordered)


def _check(op: Op) -> None:
    """Raise for an invalid read; `_checked_put` checks puts."""
    if isinstance(op, GetOp):
        check_labels(op.namespace)
        memory_key(op.key)
    elif isinstance(op, SearchOp):
        check_labels(op.namespace_prefix)
        _check_numbers(limit=op.limit, offset=op.offset)
    elif isinstance(op, ListNamespacesOp):
        _check_numbers(limit=op.limit, offset=op.offset, max_depth=op.max_depth or 0)
        for condition in op.match_conditions or ():
            check_labels(condition.path)
            if condition.match_type not in ("prefix", "suffix"):
                raise InvalidOperationError(
                    f"{condition.match_type!r} is no condition of namespaces; known: prefix, suffix"
                )


def _check_numbers(**numbers: int) -> None:
    for name, number in numbers.items():
        check_whole(name, number, 0)


def _checked_put(op: PutOp) -> tuple[tuple[Labels, str], bytes | None]:
    """Return the address of a put and its value as JSON text; None deletes."""
    labels = check_labels(op.namespace)
    check_writable(labels)
    return (labels, memory_key(op.key)), None if op.value is None else encode_mapping(op.value)


def _apply(puts: list[tuple[tuple[Labels, str], bytes | None]], content: MemoryEntries) -> None:
    now = datetime.now(timezone.utc)
    for (namespace, key), text in puts:
        known = content.pop((namespace, key), None)
        if text is not None:
            since = now if known is None else known.created_at
            content[namespace, key] = MemoryEntry(namespace, key, text, since, now)


def _answer(op: Op, content: MemoryEntries) -> Result:
    if isinstance(op, GetOp):
        entry = content.get((tuple(op.namespace), op.key))
        return None if entry is None else _item(Item, entry)
    if isinstance(op, SearchOp):
        return _search(op, content)
    if isinstance(op, ListNamespacesOp):
        return _namespaces(op, content)
    if isinstance(op, PutOp):
        return None
    raise InvalidOperationError(f"{type(op).__name__} is no operation of a LangGraph store")


def _search(op: SearchOp, content: MemoryEntries) -> list[SearchItem]:
    prefix = tuple(op.namespace_prefix)
    passes = parse_filter(op.filter or {})
    found = [
        entry
        for entry in content.values()
        if entry.namespace[: len(prefix)] == prefix
        and (not op.filter or matches(passes, decode_value(entry.text)))
    ]
    found.sort(key=lambda entry: (entry.namespace, entry.key))
    found.sort(key=lambda entry: entry.updated_at, reverse=True)
    return [_item(SearchItem, entry) for entry in found[op.offset : op.offset + op.limit]]


def _item(kind: type[Any], entry: MemoryEntry) -> Any:
    return kind(
        namespace=entry.namespace,
        key=entry.key,
        value=as_mapping(decode_value(entry.text)),
        created_at=entry.created_at,
        updated_at=entry.updated_at,
    )


def _namespaces(op: ListNamespacesOp, content: MemoryEntries) -> list[Labels]:
    found = {
        namespace[: op.max_depth]
        for namespace, _ in content
        if all(meets(namespace, condition) for condition in op.match_conditions or ())
    }
    return sorted(found)[op.offset : op.offset + op.limit]
