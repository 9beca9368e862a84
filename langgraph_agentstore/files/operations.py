"""What both dialects do with files, as programs: listing, finding, reading, editing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import InvalidKeyError, InvalidValueError, VersionConflictError
from ..store.items import UPDATE_ATTEMPTS
from .file_value import (
    FileContent,
    content_of,
    rewritten,
    uploaded,
)
from .requests import (
    Children,
    Contents,
    Entries,
    Look,
    Overwrite,
    Program,
    Read,
    Replace,
    Write,
)
from .sql import FileEntry, Reach, SizeUnit

EDIT_ATTEMPTS = UPDATE_ATTEMPTS
"""After so many lost races an edit gives up; each means that another writer succeeded."""

REFUSED = (InvalidKeyError, InvalidValueError)
"""What is wrong with one path or one text, and goes into a result."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What became of an edit: an error, or how often the text was replaced."""

    error: str | None = None
    occurrences: int | None = None


def folder_of(path: str) -> str:
    """A path as that of a folder: it ends with `/`."""
    return path if path.endswith("/") else path + "/"


def listed(path: str, unit: SizeUnit) -> Program[list[FileEntry]]:
    """What is directly in a folder; by path."""
    entries: list[FileEntry] = yield Children(folder_of(path), unit)
    return [entry for entry in entries if entry.size is not None]


def reached(reach: Reach, unit: SizeUnit) -> Program[list[FileEntry]]:
    """The files within reach, and maybe others that its `like` leaves out; by path."""
    entries: list[FileEntry] = yield Entries(reach, unit)
    return [entry for entry in entries if entry.size is not None]


def newest_first(files: Sequence[FileEntry]) -> list[FileEntry]:
    """By time of change; in the order given where it is the same."""
    return sorted(files, key=lambda file: file.modified_at, reverse=True)


def held(
    reach: Reach, matches: Callable[[str], bool], literal: str
) -> Program[list[tuple[str, str]]]:
    """Path and text of the text files that may hold a literal and whose path matches."""
    contents: list[tuple[str, Any]] = yield Contents(reach, literal)
    texts = []
    for path, value in contents:
        file = content_of(value) if matches(path) and isinstance(value, dict) else None
        if file is not None and not file.is_binary:
            texts.append((path, file.text))
    return texts


def file_at(path: str) -> Program[FileContent | None]:
    """The file; None if there is none, or what is there is none."""
    values = yield Read((path,))
    return None if values[0] is None else content_of(values[0])


def not_found(path: str) -> str:
    """What both dialects say of a file that is missing."""
    return f"Error: File '{path}' not found"


def edited(
    path: str,
    change: Callable[[str], tuple[str, int] | str],
    form: Callable[[FileContent], dict[str, Any]],
) -> Program[Edited]:
    """Replaces a file's text by what `change` makes of it; no concurrent edit is lost.

    `change` gives the new text and how often it replaced something, or an error; it runs again
    if another writer was faster.
    """
    for _ in range(EDIT_ATTEMPTS):
        seen = yield Look(path)
        file = None if seen is None else content_of(seen.value)
        if file is None:
            return Edited(not_found(path))
        if file.is_binary:
            return Edited("Error: Cannot edit binary files with text replacements.")
        made = change(file.text)
        if isinstance(made, str):
            return Edited(made)
        try:
            yield Replace(path, form(file.changed(made[0])), seen)
        except VersionConflictError:
            continue
        except REFUSED as error:
            return Edited(f"Error: {error}")
        return Edited(occurrences=made[1])
    return Edited(
        f"Error: File '{path}' was changed by others {EDIT_ATTEMPTS} times during this edit. "
        "Read it again and retry."
    )


def overwritten(
    path: str, file: FileContent, form: Callable[[FileContent], dict[str, Any]]
) -> Program[Exception | None]:
    """Writes a file made now, or over one, which keeps when it was created; what was wrong."""
    try:
        if (yield Overwrite(path, form(file))):
            return None
    except REFUSED as error:
        return error
    before = yield from file_at(path)
    (error_of_write,) = yield Write(((path, form(rewritten(file, before))),))
    refused: Exception | None = error_of_write
    return refused


def uploads(
    files: Sequence[tuple[str, bytes]],
    form: Callable[[FileContent], dict[str, Any]],
    *,
    binary: bool,
) -> Program[list[tuple[str, Literal["invalid_path"] | None]]]:
    """Stores bytes under paths, whatever is there; for each path what was wrong, if anything."""
    contents = [uploaded(data, binary=binary) for _, data in files]
    given = [
        (path, form(content))
        for (path, _), content in zip(files, contents, strict=True)
        if content is not None
    ]
    errors = iter((yield Write(tuple(given))))
    done = [content is not None and next(errors) is None for content in contents]
    return [
        (path, None if is_stored else "invalid_path")
        for (path, _), is_stored in zip(files, done, strict=True)
    ]


def downloads(paths: Sequence[str]) -> Program[list[tuple[str, bytes | None]]]:
    """The bytes of files; None where there is none."""
    values = yield Read(tuple(paths))
    files = [None if value is None else content_of(value) for value in values]
    return [
        (path, None if file is None else file.data) for path, file in zip(paths, files, strict=True)
    ]
