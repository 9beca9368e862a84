"""The operations of `DeepAgentsBackend`, with the wording and matching of the installed deepagents.

Reading windows, replacing strings and searching lines are deepagents' own functions.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import cast

from deepagents.backends.protocol import (
    DeleteResult,
    EditResult,
    FileData,
    GlobResult,
    GrepResult,
    LsResult,
    ReadResult,
    WriteResult,
)
from deepagents.backends.utils import (
    InvalidGlobPatternError,
    compile_grep_include_glob,
    grep_matches_from_files,
    perform_string_replacement,
    slice_read_response,
)

from ...errors import InvalidOperationError
from ...store.step_driver import Steps
from ..file_value import REFUSED, created, text_form
from ..line_ends import ANY, UNIVERSAL, with_lf
from ..patterns import MatchingTimeoutError, any_path, glob_matcher, like_of
from ..shared_operations import (
    absolute,
    as_shown,
    edited,
    file_at,
    listed,
    newest_first,
    not_found,
    reached,
    texts_with,
)
from ..sql import Reach
from ..storage import FileStorage

MATCHING_ERRORS = (InvalidGlobPatternError, InvalidOperationError, MatchingTimeoutError)
"""Errors of a pattern that deepagents refuses, is too long or takes too long."""

NOT_TEXT = frozenset(
    [
        *(".png", ".jpeg", ".jpg", ".webp", ".gif", ".heic", ".heif"),
        *(".mp4", ".mpeg", ".mov", ".avi", ".flv", ".mpg", ".webm", ".wmv", ".3gpp", ".mkv"),
        *(".wav", ".mp3", ".aiff", ".aac", ".ogg", ".flac"),
        *(".pdf", ".ppt", ".pptx"),
    ]
)
"""Extensions of files that are read whole: deepagents shows them as media, without lines."""


def list_folder(storage: FileStorage, path: str) -> Steps[LsResult]:
    """List the files and folders directly in a folder."""
    return LsResult(entries=(yield from listed(storage, path, "bytes")))


def read_window(storage: FileStorage, path: str, offset: int, limit: int) -> Steps[ReadResult]:
    """Read some lines of a text file, or all of any other file."""
    file = yield from file_at(storage, path)
    if file is None:
        return ReadResult(error=f"File '{path}' not found")
    data = cast("FileData", text_form(file))
    if file.is_binary or PurePosixPath(path).suffix.lower() in NOT_TEXT:
        return ReadResult(file_data=data)
    return slice_read_response(data, offset, limit)


def write_over(storage: FileStorage, path: str, content: str) -> Steps[WriteResult]:
    """Create a file or replace one; a replaced file keeps its creation time."""
    try:
        yield from storage.overwrite(path, text_form(created(content)))
    except REFUSED as error:
        return WriteResult(error=f"Error: {error}")
    return WriteResult(path=path)


def edit_text(
    storage: FileStorage, path: str, old: str, new: str, everywhere: bool
) -> Steps[EditResult]:
    """Replace text in a file."""

    def replace(text: str) -> tuple[str, int] | str:
        return perform_string_replacement(text, old, new, everywhere)

    change = as_shown(old, new, UNIVERSAL, replace)
    return edited(storage, path, change, text_form, EditResult)


def delete_tree(storage: FileStorage, path: str) -> Steps[DeleteResult]:
    """Remove a file, or a folder with everything in it."""
    removed = yield from storage.remove(path.rstrip("/"))
    return DeleteResult(path=path) if removed else DeleteResult(error=not_found(path))


def grep_text(
    storage: FileStorage, pattern: str, path: str | None, glob: str | None, max_count: int | None
) -> Steps[GrepResult]:
    """Find the lines that hold a text."""
    reach = _reach(path, like_of(glob or ""))
    if reach is None:
        return GrepResult(matches=[])
    try:
        matches = _matcher(glob, reach) if glob else any_path
        files = yield from texts_with(storage, reach, matches, pattern)
    except MATCHING_ERRORS as error:
        return GrepResult(error=str(error))
    # `read_window` counts more line ends than "\n".
    contents = {path: {"content": with_lf(text, ANY)} for path, text in files}
    return grep_matches_from_files(contents, pattern, path, max_count=max_count)


def glob_files(storage: FileStorage, pattern: str, path: str | None) -> Steps[GlobResult]:
    """Find the files whose path matches."""
    reach = _reach(path, like_of(pattern))
    if reach is None:
        return GlobResult(matches=[])
    try:
        matches = _matcher(pattern, reach)
        files = yield from reached(storage, reach, "bytes")
        exact = [file for file in files if file.path == reach.path]
        found = [file for file in exact or files if matches(file.path)]
    except MATCHING_ERRORS as error:
        return GlobResult(error=str(error))
    return GlobResult(matches=newest_first(found))


def _matcher(pattern: str, reach: Reach) -> Callable[[str], bool]:
    """Match paths as deepagents does: relative to the search, a bare pattern at any depth.

    If the path of the search is a file, its name is matched.
    """
    matches = glob_matcher(pattern.lstrip("/"))
    compile_grep_include_glob(pattern)  # Refuses what deepagents refuses, in its words.
    is_anchored = "/" in pattern

    def matches_path(path: str) -> bool:
        relative = path.rpartition("/")[2] if path == reach.path else path[len(reach.prefix) :]
        return matches(relative if is_anchored else PurePosixPath(relative).name)

    return matches_path


def _reach(path: str | None, like: str) -> Reach | None:
    """Return the reach of a search in a file or a folder; None for a path of blanks."""
    full = absolute(path)
    if full is None:
        return None
    base = full.rstrip("/")
    return Reach(base or "/", base + "/", like)
