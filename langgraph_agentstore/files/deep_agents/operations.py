"""Dialect 2's operations, as programs: what `DeepAgentsBackend` runs.

Wording, windows and matching are those of the installed deepagents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import cast

from deepagents.backends.protocol import (
    DeleteResult,
    EditResult,
    FileData,
    FileDownloadResponse,
    FileInfo,
    FileUploadResponse,
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
from ..file_value import created, text_form
from ..line_ends import (
    ANY,
    UNIVERSAL,
    replaced_as_shown,
    shown,
)
from ..operations import (
    downloads,
    edited,
    file_at,
    held,
    listed,
    newest_first,
    not_found,
    overwritten,
    reached,
    uploads,
)
from ..patterns import MatchingTimeoutError, any_path, glob_matcher, like_of
from ..requests import Program, Remove
from ..sql import FileEntry, Reach

INVALID_GLOB = (InvalidGlobPatternError, InvalidOperationError)
"""A pattern that deepagents refuses, or that is too long."""

NOT_TEXT = frozenset(
    [
        *(".png", ".jpeg", ".jpg", ".webp", ".gif", ".heic", ".heif"),
        *(".mp4", ".mpeg", ".mov", ".avi", ".flv", ".mpg", ".webm", ".wmv", ".3gpp", ".mkv"),
        *(".wav", ".mp3", ".aiff", ".aac", ".ogg", ".flac"),
        *(".pdf", ".ppt", ".pptx"),
    ]
)
"""Files with these endings are read whole: what deepagents shows them as has no lines."""


def list_folder(path: str) -> Program[LsResult]:
    """What is directly in a folder."""
    entries = yield from listed(path, "bytes")
    return LsResult(entries=[_info(entry) for entry in entries])


def read_window(path: str, offset: int, limit: int) -> Program[ReadResult]:
    """Some lines of a file, or all of one that is no text."""
    file = yield from file_at(path)
    if file is None:
        return ReadResult(error=f"File '{path}' not found")
    data = cast("FileData", text_form(file))
    if file.is_binary or PurePosixPath(path).suffix.lower() in NOT_TEXT:
        return ReadResult(file_data=data)
    return slice_read_response(data, offset, limit)


def write_over(path: str, content: str) -> Program[WriteResult]:
    """Creates a file, or replaces one, which keeps when it was created."""
    error = yield from overwritten(path, created(content), text_form)
    return WriteResult(path=path) if error is None else WriteResult(error=f"Error: {error}")


def edit_text(path: str, old: str, new: str, everywhere: bool) -> Program[EditResult]:
    """Replaces text in a file."""

    def change(text: str) -> tuple[str, int] | str:
        seen = shown(text, UNIVERSAL)
        if seen == text or shown(old, UNIVERSAL) != old:
            return perform_string_replacement(text, old, new, everywhere)
        done = perform_string_replacement(seen, old, new, everywhere)
        if isinstance(done, str):
            return done
        return replaced_as_shown(text, old, new, UNIVERSAL), done[1]

    done = yield from edited(path, change, text_form)
    if done.error is not None:
        return EditResult(error=done.error)
    return EditResult(path=path, occurrences=done.occurrences)


def delete_tree(path: str) -> Program[DeleteResult]:
    """Removes a file, or a folder with all that is in it."""
    removed = yield Remove(path.rstrip("/"))
    if not removed:
        return DeleteResult(error=not_found(path))
    return DeleteResult(path=path)


def grep_text(
    pattern: str, path: str | None, glob: str | None, max_count: int | None
) -> Program[GrepResult]:
    """The lines that hold a text."""
    reach = _reach(path, like_of(glob or ""))
    if reach is None:
        return GrepResult(matches=[])
    try:
        included = _included(glob) if glob else any_path
        files = yield from held(reach, lambda at: included(_seen_from(reach, at)), pattern)
    except (*INVALID_GLOB, MatchingTimeoutError) as error:
        return GrepResult(error=str(error))
    # By lines as `read_window` counts them, which are more than those that end with "\n".
    contents = {path: {"content": shown(text, ANY)} for path, text in files}
    return grep_matches_from_files(contents, pattern, path, max_count=max_count)


def glob_files(pattern: str, path: str | None) -> Program[GlobResult]:
    """The files whose path matches."""
    reach = _reach(path, like_of(pattern))
    if reach is None:
        return GlobResult(matches=[])
    try:
        matches = _included(pattern)
        files = yield from reached(reach, "bytes")
        exact = [file for file in files if file.path == reach.path]
        found = [file for file in exact or files if matches(_seen_from(reach, file.path))]
    except (*INVALID_GLOB, MatchingTimeoutError) as error:
        return GlobResult(error=str(error))
    return GlobResult(matches=[_info(file) for file in newest_first(found)])


def upload(files: Sequence[tuple[str, bytes]]) -> Program[list[FileUploadResponse]]:
    """Stores bytes under paths, whatever is there."""
    done = yield from uploads(files, text_form, binary=True)
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


def _included(pattern: str) -> Callable[[str], bool]:
    """Match paths as deepagents does, within a `MatchingBudget`: a bare pattern at any depth."""
    matches = glob_matcher(pattern.lstrip("/"))
    compile_grep_include_glob(pattern)  # refuses what deepagents refuses, in its words
    if "/" in pattern:
        return matches
    return lambda path: matches(PurePosixPath(path).name)


def _reach(path: str | None, like: str) -> Reach | None:
    """A file, or what is in a folder; None for a path of blanks."""
    path = path or "/"
    if not path.strip():
        return None
    base = (path if path.startswith("/") else "/" + path).rstrip("/")
    return Reach(base or "/", base + "/", like)


def _seen_from(reach: Reach, path: str) -> str:
    """A path as a pattern means it: from where the search begins; of just that file, its name."""
    return path.rpartition("/")[2] if path == reach.path else path[len(reach.prefix) :]


def _info(entry: FileEntry) -> FileInfo:
    return {
        "path": entry.path,
        "is_dir": entry.is_folder,
        "size": entry.size or 0,
        "modified_at": entry.modified_at,
    }
