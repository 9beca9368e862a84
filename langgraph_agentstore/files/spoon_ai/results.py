"""What dialect 1's methods return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from typing_extensions import TypedDict

FileError = Literal["file_not_found", "permission_denied", "is_directory", "invalid_path"]


class FileInfo(TypedDict):
    """A file or a folder: a folder's path ends with `/`, its size is 0, its time "".

    `size` counts characters; `modified_at` is ISO 8601.
    """

    path: str
    is_dir: bool
    size: int
    modified_at: str


class GrepMatch(TypedDict):
    """A line that matches; `line` counts from 1."""

    path: str
    line: int
    text: str


@dataclass
class WriteResult:
    """What became of a write: `error`, or `path`. `files_update`: None, the store has it."""

    error: str | None = None
    path: str | None = None
    files_update: dict[str, Any] | None = None


@dataclass
class EditResult:
    """As `WriteResult`; `occurrences` is how often the text was replaced."""

    error: str | None = None
    path: str | None = None
    files_update: dict[str, Any] | None = None
    occurrences: int | None = None


@dataclass
class FileUploadResponse:
    """What became of one upload; `error` None: it is stored."""

    path: str
    error: FileError | None = None


@dataclass
class FileDownloadResponse:
    """One file's bytes, or an error."""

    path: str
    content: bytes | None = None
    error: FileError | None = None
