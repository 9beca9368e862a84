"""Operations on files that both dialects share: listing, finding, reading, editing.

Each operation is a generator of steps, which `store/step_driver.py` runs. It is written once, knows
no store, and asks a `FileStorage` for everything that it reads and writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ..errors import VersionConflictError
from ..store.executor import ResultT
from ..store.items import UPDATE_ATTEMPTS
from ..store.step_driver import Steps
from .file_value import REFUSED, FileContent, FileValue, file_of, uploaded
from .line_ends import replaced_as_shown
from .sql import FileEntry, Reach, SizeUnit
from .storage import FileStorage

EDIT_ATTEMPTS = UPDATE_ATTEMPTS
"""The number of lost races after which an edit gives up; for each, another writer succeeded."""


TextChange: TypeAlias = Callable[[str], "tuple[str, int] | str"]
"""Returns the changed text and the number of replacements, or an error."""


def folder_of(path: str) -> str:
    """Return a path as that of a folder: it ends with `/`."""
    return path if path.endswith("/") else path + "/"


def absolute(path: str | None) -> str | None:
    """Return a path with a leading slash, `/` for none; None for a path of blanks."""
    path = path or "/"
    if not path.strip():
        return None
    return path if path.startswith("/") else "/" + path


def info_of(entry: FileEntry) -> Any:
    """Return an entry as both dialects describe it."""
    return {
        "path": entry.path,
        "is_dir": entry.is_folder,
        "size": entry.size or 0,
        "modified_at": entry.modified_at,
    }


def listed(storage: FileStorage, path: str, unit: SizeUnit) -> Steps[list[Any]]:
    """Describe the files and folders directly in a folder, by path."""
    entries = yield from storage.children(folder_of(path), unit)
    return [info_of(entry) for entry in entries if entry.size is not None]


def reached(storage: FileStorage, reach: Reach, unit: SizeUnit) -> Steps[list[FileEntry]]:
    """Return the files within reach by path; more than `reach.like` allows may be among them."""
    entries = yield from storage.entries(reach, unit)
    return [entry for entry in entries if entry.size is not None]


def newest_first(files: Sequence[FileEntry]) -> list[Any]:
    """Describe files sorted by time of change; files with equal times keep their order."""
    return [info_of(file) for file in sorted(files, key=lambda f: f.modified_at, reverse=True)]


def texts_with(
    storage: FileStorage, reach: Reach, matches: Callable[[str], bool], literal: str
) -> Steps[list[tuple[str, str]]]:
    """Return path and text of the text files that may hold a literal and whose path matches."""
    contents = yield from storage.contents(reach, literal)
    texts = []
    for path, value in contents:
        file = file_of(value) if matches(path) and isinstance(value, dict) else None
        if file is not None and not file.is_binary:
            texts.append((path, file.text))
    return texts


def file_at(storage: FileStorage, path: str) -> Steps[FileContent | None]:
    """Return the file at a path; None if there is no item, or one that is not a file."""
    [value] = yield from storage.read([path])
    return None if value is None else file_of(value)


def not_found(path: str) -> str:
    """Return the message of both dialects for a missing file."""
    return f"Error: File '{path}' not found"


def edited(
    storage: FileStorage,
    path: str,
    change: TextChange,
    form: Callable[[FileContent], FileValue],
    result: Callable[..., ResultT],
) -> Steps[ResultT]:
    """Replace the text of a file by the result of `change`; no concurrent edit is lost.

    `change` is called again if another writer was faster. `result` is the dialect's class of
    results.
    """
    for _ in range(EDIT_ATTEMPTS):
        seen = yield from storage.look(path)
        file = None if seen is None else file_of(seen.value)
        if seen is None or file is None:
            return result(error=not_found(path))
        if file.is_binary:
            return result(error="Error: Cannot edit binary files with text replacements.")
        made = change(file.text)
        if isinstance(made, str):
            return result(error=made)
        text, occurrences = made
        try:
            yield from storage.replace(path, form(file.changed(text)), seen)
        except VersionConflictError:
            continue
        except REFUSED as error:
            return result(error=f"Error: {error}")
        return result(path=path, occurrences=occurrences)
    return result(
        error=f"Error: File '{path}' was changed by others {EDIT_ATTEMPTS} times during this "
        "edit. Read it again and retry."
    )


def as_shown(
    old: str,
    new: str,
    line_end: re.Pattern[str],
    replace: TextChange,
) -> TextChange:
    r"""Return a change that replaces `old` in a text as its lines were shown, joined by "\n".

    The text keeps its line ends. If `old` has other line ends than "\n", it is matched exactly.
    `replace` replaces `old` by `new` in exactly the text that it gets.
    """

    def change(text: str) -> tuple[str, int] | str:
        shown = line_end.sub("\n", text)
        if shown == text or line_end.sub("\n", old) != old:
            return replace(text)
        done = replace(shown)
        if isinstance(done, str):
            return done
        return replaced_as_shown(text, old, new, line_end), done[1]

    return change


def upload(
    storage: FileStorage,
    files: Sequence[tuple[str, bytes]],
    form: Callable[[FileContent], FileValue],
    binary: bool,
    result: Callable[..., ResultT],
) -> Steps[list[ResultT]]:
    """Write bytes to paths, replacing files; return a result for each, in their order."""
    contents = [uploaded(data, binary=binary) for _, data in files]
    values = [
        (path, form(content))
        for (path, _), content in zip(files, contents, strict=True)
        if content is not None
    ]
    errors = iter((yield from storage.write(values)))
    stored = [content is not None and next(errors) is None for content in contents]
    return [
        result(path=path, error=None if is_stored else "invalid_path")
        for (path, _), is_stored in zip(files, stored, strict=True)
    ]


def download(
    storage: FileStorage, paths: Sequence[str], result: Callable[..., ResultT]
) -> Steps[list[ResultT]]:
    """Read the bytes of files; return a result for each path, in their order."""
    values = yield from storage.read(paths)
    files = [None if value is None else file_of(value) for value in values]
    return [
        result(path=path, error="file_not_found")
        if file is None
        else result(path=path, content=file.data)
        for path, file in zip(paths, files, strict=True)
    ]
