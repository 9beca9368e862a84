"""Dialect 1's operations, as programs: what `StoreBackend` runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...errors import VersionConflictError
from ..expressions import FoundIn
from ..file_value import created, line_form
from ..line_ends import ANY, lines_of, replaced_as_shown, shown
from ..operations import (
    REFUSED,
    downloads,
    edited,
    file_at,
    folder_of,
    held,
    listed,
    newest_first,
    not_found,
    reached,
    uploads,
)
from ..patterns import MatchingTimeoutError, any_path, glob_matcher, like_of
from ..requests import Create, Program
from ..sql import FileEntry, Reach
from .results import (
    EditResult,
    FileDownloadResponse,
    FileInfo,
    FileUploadResponse,
    GrepMatch,
    WriteResult,
)

EMPTY = "System reminder: File exists but has empty contents"
LONGEST_ROW = 10_000


def list_folder(path: str) -> Program[list[FileInfo]]:
    """What is directly in a folder."""
    entries = yield from listed(path, "characters")
    return [_info(entry) for entry in entries]


def read_lines(path: str, offset: int, limit: int) -> Program[str]:
    """Numbered lines, or what to say instead."""
    file = yield from file_at(path)
    if file is None:
        return not_found(path)
    if file.is_binary:
        return f"Error: File '{path}' is binary. Use download_files to get its bytes."
    return numbered(file.text, offset, limit)


def write_new(path: str, content: str) -> Program[WriteResult]:
    """Creates a file."""
    try:
        yield Create(path, line_form(created(content)))
    except VersionConflictError:
        return WriteResult(
            f"Cannot write to {path} because it already exists. Read and then make an edit, or "
            "write to a new path."
        )
    except REFUSED as error:
        return WriteResult(f"Error: {error}")
    return WriteResult(path=path)


def edit_text(path: str, old: str, new: str, everywhere: bool) -> Program[EditResult]:
    """Replaces text in a file."""

    def change(text: str) -> tuple[str, int] | str:
        return replaced(text, old, new, everywhere=everywhere)

    done = yield from edited(path, change, line_form)
    if done.error is not None:
        return EditResult(done.error)
    return EditResult(path=path, occurrences=done.occurrences)


def grep_lines(
    found_in: FoundIn, literal: str, path: str | None, glob: str | None
) -> Program[list[GrepMatch] | str]:
    """The lines that match, of files below a folder whose base name matches a glob.

    Says in words when matching takes too long.
    """
    reach = _below(path, "%" if glob is None else like_of(glob))
    if reach is None:
        return []
    matches = glob_matcher(glob) if glob else any_path
    try:
        files = yield from held(reach, lambda path: matches(_base_name(path)), literal)
        return matching_lines(files, found_in)
    except MatchingTimeoutError as error:
        return f"Error: {error}"


def glob_files(pattern: str, path: str) -> Program[list[FileInfo]]:
    """The files below a folder whose path, as seen from there, matches."""
    reach = _below(path, like_of(pattern))
    if reach is None:
        return []
    matches, start = glob_matcher(pattern), len(reach.prefix)
    files = yield from reached(reach, "characters")
    found = [
        file for file in files if matches(file.path[start:].lstrip("/") or _base_name(file.path))
    ]
    return [_info(file) for file in newest_first(found)]


def upload(files: Sequence[tuple[str, bytes]], binary: bool) -> Program[list[FileUploadResponse]]:
    """Stores bytes under paths, whatever is there."""
    done = yield from uploads(files, line_form, binary=binary)
    return [FileUploadResponse(path, error) for path, error in done]


def download(paths: Sequence[str]) -> Program[list[FileDownloadResponse]]:
    """The bytes of files."""
    found = yield from downloads(paths)
    return [
        FileDownloadResponse(path, error="file_not_found")
        if data is None
        else FileDownloadResponse(path, data)
        for path, data in found
    ]


def _below(path: str | None, like: str) -> Reach | None:
    """The files in a folder, whose path may lack its slashes; None for a path of blanks."""
    path = path or "/"
    if not path.strip():
        return None
    prefix = folder_of(path if path.startswith("/") else "/" + path)
    return Reach(prefix, prefix, like)


def _base_name(path: str) -> str:
    return path.rpartition("/")[2]


def _info(entry: FileEntry) -> FileInfo:
    return {
        "path": entry.path,
        "is_dir": entry.is_folder,
        "size": entry.size or 0,
        "modified_at": entry.modified_at,
    }


def numbered(text: str, offset: int, limit: int) -> str:
    """`limit` lines after the first `offset`, each with its number; or what to say instead."""
    lines = lines_of(text)
    if not any(line.strip() for line in lines):
        return EMPTY
    first = max(0, offset)
    if first >= len(lines):
        return f"Error: Line offset {first} exceeds file length ({len(lines)} lines)"
    window = lines[first : first + max(0, limit)]
    return "\n".join(row for n, line in enumerate(window, first + 1) for row in _rows(n, line))


def _rows(number: int, line: str) -> Iterable[str]:
    """A line as one row, or several where it is too long: 7, 7.1, 7.2, …"""
    yield f"{number:6d}\t{line[:LONGEST_ROW]}"
    for part, start in enumerate(range(LONGEST_ROW, len(line), LONGEST_ROW), 1):
        yield f"{f'{number}.{part}':>6}\t{line[start : start + LONGEST_ROW]}"


def replaced(text: str, old: str, new: str, *, everywhere: bool) -> tuple[str, int] | str:
    r"""The text with `new` for `old`, and how often; or the error.

    `old` is what `numbered` showed, unless it has line ends other than "\n": then it is exact.
    """
    if not old:
        return "Error: old_string is empty, so there is nothing to replace; name a text of the file"
    is_exact = shown(old, ANY) != old
    occurrences = (text if is_exact else shown(text, ANY)).count(old)
    if not occurrences:
        return f"Error: String not found in file: '{old}'"
    if occurrences > 1 and not everywhere:
        return (
            f"Error: String '{old}' appears {occurrences} times in file. Use replace_all=True to "
            "replace all instances, or provide a more specific string."
        )
    if is_exact:
        return text.replace(old, new), occurrences
    return replaced_as_shown(text, old, new, ANY), occurrences


def matching_lines(files: Iterable[tuple[str, str]], found_in: FoundIn) -> list[GrepMatch]:
    """The lines in which the expression is found, file by file."""
    return [
        {"path": path, "line": number, "text": line}
        for path, text in files
        for number, line in enumerate(lines_of(text), 1)
        if found_in(line)
    ]
