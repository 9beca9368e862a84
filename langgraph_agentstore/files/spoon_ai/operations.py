"""The operations of `StoreBackend`, with the wording and matching of spoon_ai."""

from __future__ import annotations

from collections.abc import Iterable

from ...errors import InvalidOperationError, VersionConflictError
from ...store.step_driver import Steps
from ..expressions import compiled, literal_of
from ..file_value import REFUSED, created, line_form
from ..line_ends import ANY, lines_of
from ..patterns import MatchingTimeoutError, any_path, glob_matcher, like_of
from ..shared_operations import (
    absolute,
    as_shown,
    edited,
    file_at,
    folder_of,
    listed,
    newest_first,
    not_found,
    reached,
    texts_with,
)
from ..sql import Reach
from ..storage import FileStorage
from .results import EditResult, FileInfo, GrepMatch, WriteResult

EMPTY = "System reminder: File exists but has empty contents"
LONGEST_ROW = 10_000


def list_info(storage: FileStorage, path: str) -> Steps[list[FileInfo]]:
    """List the files and folders directly in a folder."""
    return listed(storage, path, "characters")


def read_lines(storage: FileStorage, path: str, offset: int, limit: int) -> Steps[str]:
    """Return numbered lines of a file, or a message instead."""
    file = yield from file_at(storage, path)
    if file is None:
        return not_found(path)
    if file.is_binary:
        return f"Error: File '{path}' is binary. Use download_files to get its bytes."
    return numbered(file.text, offset, limit)


def write_new(storage: FileStorage, path: str, content: str) -> Steps[WriteResult]:
    """Create a file."""
    try:
        yield from storage.create(path, line_form(created(content)))
    except VersionConflictError:
        return WriteResult(
            f"Cannot write to {path} because it already exists. Read and then make an edit, or "
            "write to a new path."
        )
    except REFUSED as error:
        return WriteResult(f"Error: {error}")
    return WriteResult(path=path)


def edit_file(
    storage: FileStorage, path: str, old: str, new: str, everywhere: bool
) -> Steps[EditResult]:
    """Replace text in a file."""

    def replace(text: str) -> tuple[str, int] | str:
        return _replaced(text, old, new, everywhere)

    change = as_shown(old, new, ANY, replace)
    return edited(storage, path, change, line_form, EditResult)


def grep_lines(
    storage: FileStorage, pattern: str, path: str | None, glob: str | None
) -> Steps[list[GrepMatch] | str]:
    """Return the lines that match, of files below a folder whose base name matches a glob.

    Return a message instead if the pattern is invalid or matching takes too long.
    """
    try:
        found_in = compiled(pattern)
    except InvalidOperationError as error:
        return f"Invalid regex pattern: {error}"
    reach = _below(path, "%" if glob is None else like_of(glob))
    if reach is None:
        return []
    matches = glob_matcher(glob) if glob else any_path
    try:
        files = yield from texts_with(
            storage, reach, lambda path: matches(_base_name(path)), literal_of(pattern)
        )
        return [
            {"path": path, "line": number, "text": line}
            for path, text in files
            for number, line in enumerate(lines_of(text), 1)
            if found_in(line)
        ]
    except MatchingTimeoutError as error:
        return f"Error: {error}"


def glob_info(storage: FileStorage, pattern: str, path: str) -> Steps[list[FileInfo]]:
    """Return the files below a folder whose path matches, relative to the folder."""
    reach = _below(path, like_of(pattern))
    if reach is None:
        return []
    matches, start = glob_matcher(pattern), len(reach.prefix)
    files = yield from reached(storage, reach, "characters")
    return newest_first(
        [file for file in files if matches(file.path[start:].lstrip("/") or _base_name(file.path))]
    )


def _below(path: str | None, like: str) -> Reach | None:
    """Return the reach of a search in a folder; None for a path of blanks."""
    full = absolute(path)
    return None if full is None else Reach(folder_of(full), folder_of(full), like)


def _base_name(path: str) -> str:
    return path.rpartition("/")[2]


def numbered(text: str, offset: int, limit: int) -> str:
    """Return `limit` numbered lines after the first `offset`, or a message instead."""
    lines = lines_of(text)
    if not any(line.strip() for line in lines):
        return EMPTY
    first = max(0, offset)
    if first >= len(lines):
        return f"Error: Line offset {first} exceeds file length ({len(lines)} lines)"
    window = lines[first : first + max(0, limit)]
    return "\n".join(row for n, line in enumerate(window, first + 1) for row in _rows(n, line))


def _rows(number: int, line: str) -> Iterable[str]:
    """Yield a line as one row, or as several if it is too long: 7, 7.1, 7.2, …"""
    yield f"{number:6d}\t{line[:LONGEST_ROW]}"
    for part, start in enumerate(range(LONGEST_ROW, len(line), LONGEST_ROW), 1):
        yield f"{f'{number}.{part}':>6}\t{line[start : start + LONGEST_ROW]}"


def _replaced(text: str, old: str, new: str, everywhere: bool) -> tuple[str, int] | str:
    """Return the text with `new` in place of `old` and the number of replacements, or an error."""
    if not old:
        return "Error: old_string is empty, so there is nothing to replace; name a text of the file"
    occurrences = text.count(old)
    if not occurrences:
        return f"Error: String not found in file: '{old}'"
    if occurrences > 1 and not everywhere:
        return (
            f"Error: String '{old}' appears {occurrences} times in file. Use replace_all=True to "
            "replace all instances, or provide a more specific string."
        )
    return text.replace(old, new), occurrences
