"""The results of the methods of `StoreBackend`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from typing_extensions import TypedDict

FileError = Literal["file_not_found", "permission_denied", "is_directory", "invalid_path"]


class FileInfo(TypedDict):
    """A file or a folder. The path of a folder ends with `/`, its size is 0, its time "".

    `size` is in characters; `modified_at` is ISO 8601.
    """

    path: str
    is_dir: bool
    size: int
    modified_at: str


class GrepMatch(TypedDict):
    """A matching line; `line` counts from 1."""

    path: str
    line: int
    text: str


@dataclass
class WriteResult:
    """The result of a write: `error` or `path`. `files_update` is always None."""

    error: str | None = None
    path: str | None = None
    files_update: dict[str, Any] | None = None


@dataclass
class EditResult:
    """The result of an edit: `error`, or `path` and the number of replacements."""

    error: str | None = None
    path: str | None = None
    files_update: dict[str, Any] | None = None
    occurrences: int | None = None


@dataclass
class FileUploadResponse:
    """The result of one upload; without `error`, the file is stored."""

    path: str
    error: FileError | None = None


@dataclass
class FileDownloadResponse:
    """The bytes of one file, or an error."""

    path: str
    content: bytes | None = None
    error: FileError | None = None
