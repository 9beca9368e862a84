"""Stores files in any LangGraph store by gets, puts and searches; the rest is done here.

Such a store knows no versions, so what reads and writes takes turns within this process: of many
creators one wins, and no edit is lost, as long as only this process writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import nullcontext
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore, Item

from .._support.cross_loop_lock import CrossLoopLock, lock_of
from ..errors import InvalidKeyError, InvalidValueError, VersionConflictError
from ..model.json_values import check_text
from ..model.namespaces import Labels
from .file_value import content_of
from .requests import (
    Children,
    Contents,
    Create,
    Entries,
    Look,
    Overwrite,
    Read,
    Remove,
    Replace,
    Seen,
    Step,
    Write,
)
from .sql import FileEntry, Reach, SizeUnit

PAGE = 1_000_000
"""Stores without a total order repeat and drop items from page to page: better a single one."""

Asking: TypeAlias = Generator[tuple[str, tuple[Any, ...], dict[str, Any]], Any, Any]
"""Calls of the store's methods: name, positional and named arguments."""


class AnyStoreStorage:
    """One namespace of a LangGraph store, of whatever kind; `owner` is what is written to."""

    def __init__(self, store: BaseStore, namespace: Labels, owner: object) -> None:
        self._store = store
        self._namespace = namespace
        self._lock = lock_of(owner)

    def do(self, step: Step) -> Any:
        """The step's result; blocks."""
        with self._locked(step):
            asking = self._asking(step)
            try:
                name, arguments, options = next(asking)
                while True:
                    answer = getattr(self._store, name)(*arguments, **options)
                    name, arguments, options = asking.send(answer)
            except StopIteration as done:
                return done.value

    async def ado(self, step: Step) -> Any:
        """As `do`, by the store's awaitable methods."""
        async with self._locked(step):
            asking = self._asking(step)
            try:
                name, arguments, options = next(asking)
                while True:
                    answer = await self._awaited(name, *arguments, **options)
                    name, arguments, options = asking.send(answer)
            except StopIteration as done:
                return done.value

    async def _awaited(self, name: str, *arguments: Any, **options: Any) -> Any:
        try:
            return await getattr(self._store, f"a{name}")(*arguments, **options)
        except NotImplementedError:  # as LangGraph's SqliteStore says
            blocking = getattr(self._store, name)
            return await asyncio.to_thread(blocking, *arguments, **options)

    def _locked(self, step: Step) -> CrossLoopLock | nullcontext[None]:
        if isinstance(step, (Create, Replace, Write, Remove)):
            return self._lock
        return nullcontext()

    def _asking(self, step: Step) -> Asking:
        if isinstance(step, Read):
            return self._read(step)
        if isinstance(step, Look):
            return self._look(step)
        if isinstance(step, Create):
            return self._create(step)
        if isinstance(step, Replace):
            return self._replace(step)
        if isinstance(step, Write):
            return self._write(step)
        if isinstance(step, Remove):
            return self._remove(step)
        if isinstance(step, Overwrite):
            return _cannot()
        return self._over_all(step)

    def _read(self, step: Read) -> Asking:
        values = []
        for path in step.paths:
            item = (yield "get", (self._namespace, path), {}) if _is_path(path) else None
            values.append(None if item is None else item.value)
        return values

    def _look(self, step: Look) -> Asking:
        if not _is_path(step.path):
            return None
        item: Item | None = yield "get", (self._namespace, step.path), {}
        return None if item is None else Seen(item.value, None)

    def _create(self, step: Create) -> Asking:
        _check_file(step.path, step.value)
        there = yield "get", (self._namespace, step.path), {}
        if there is not None:
            raise VersionConflictError(f"{step.path!r} exists already", expected=0)
        yield "put", (self._namespace, step.path, step.value), {}

    def _replace(self, step: Replace) -> Asking:
        _check_file(step.path, step.value)
        there: Item | None = yield "get", (self._namespace, step.path), {}
        if there is None or there.value != step.seen.value:
            raise VersionConflictError(f"{step.path!r} changed or is gone; read it again")
        yield "put", (self._namespace, step.path, step.value), {}

    def _write(self, step: Write) -> Asking:
        done: list[Exception | None] = []
        for path, value in step.files:
            try:
                _check_file(path, value)
            except (InvalidKeyError, InvalidValueError) as error:
                done.append(error)
                continue
            yield "put", (self._namespace, path, value), {}
            done.append(None)
        return done

    def _remove(self, step: Remove) -> Asking:
        items = yield from self._items()
        below = step.path + "/"
        gone = [path for path in items if path == step.path or path.startswith(below)]
        for path in gone:
            yield "delete", (self._namespace, path), {}
        return len(gone)

    def _over_all(self, step: Children | Entries | Contents) -> Asking:
        items = yield from self._items()
        if isinstance(step, Children):
            return children_of(items, step.folder, step.unit)
        reached = {path: items[path] for path in items if _reaches(step.reach, path)}
        if isinstance(step, Contents):
            return list(reached.items())
        return [_entry(path, value, step.unit) for path, value in reached.items()]

    def _items(self) -> Asking:
        """Path and value of every item of just this namespace; by path."""
        found: dict[str, dict[str, Any]] = {}
        read = 0
        while True:
            page = yield "search", (self._namespace,), {"limit": PAGE, "offset": read}
            if not page:  # a short page proves nothing: stores may cap the limit
                return dict(sorted(found.items()))
            read += len(page)
            found.update({i.key: i.value for i in page if i.namespace == self._namespace})


def _is_path(path: str) -> bool:
    try:
        _check_path(path)
    except (InvalidKeyError, InvalidValueError):
        return False
    return True


def _check_path(path: str) -> None:
    if not path:
        raise InvalidKeyError("a path is a non-empty text such as '/notes/tea.md', got ''")
    check_text(path, "the path")


def _check_file(path: str, value: dict[str, Any]) -> None:
    """Raises for a path that no store of files takes, and for a text that has no bytes."""
    _check_path(path)
    try:
        "".join(value["content"]).encode()
    except UnicodeEncodeError:
        raise InvalidValueError(
            f"the text of {path!r} holds half of a character (a lone surrogate); remove it, or "
            "decode what it is from with errors='replace'"
        ) from None


def _cannot() -> Asking:
    """Asks the store nothing."""
    yield from ()
    return False


def children_of(items: dict[str, dict[str, Any]], folder: str, unit: SizeUnit) -> list[FileEntry]:
    """Files and folders directly in `folder`; by path."""
    found: dict[str, FileEntry] = {}
    for path, value in items.items():
        if not path.startswith(folder):
            continue
        name, slash, _ = path[len(folder) :].partition("/")
        if slash:
            below = f"{folder}{name}/"
            found[below] = FileEntry(below, 0, is_folder=True)
        else:
            found[path] = _entry(path, value, unit)
    return [found[path] for path in sorted(found)]


def _reaches(reach: Reach, path: str) -> bool:
    return path == reach.path or path.startswith(reach.prefix)


def _entry(path: str, value: dict[str, Any], unit: SizeUnit) -> FileEntry:
    file = content_of(value)
    if file is None:
        return FileEntry(path, None)
    size = len(file.text if unit == "characters" else file.text.encode("utf-8", "surrogatepass"))
    return FileEntry(path, size, file.modified_at)
