r"""Files as stored values, in two forms; both dialects read either form.

spoon_ai writes the *line form*, `{"content": ["first", "second"], "created_at", "modified_at"}`,
with lines split at "\n". deepagents writes the *text form*,
`{"content": "first\nsecond", "encoding", "created_at", "modified_at"}`. In both forms, bytes that
are not text are stored as base64 with `"encoding": "base64"`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal, TypeAlias, cast

from ..errors import InvalidKeyError, InvalidValueError
from ..results import ItemRecord

Encoding: TypeAlias = Literal["utf-8", "base64"]
FileValue: TypeAlias = dict[str, Any]
"""The value of an item that is a file."""

REFUSED = (InvalidKeyError, InvalidValueError)
"""Errors about one path or one text. They go into the result of the operation."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A value as it was read, and its record where the store has versions."""

    value: FileValue
    record: ItemRecord | None = None


@dataclass(frozen=True, slots=True)
class FileContent:
    """The text of a file, or its bytes as base64; times in ISO 8601, "" if none is stored."""

    text: str
    encoding: Encoding = "utf-8"
    created_at: str = ""
    modified_at: str = ""

    @property
    def is_binary(self) -> bool:
        """Return whether `text` is base64."""
        return self.encoding == "base64"

    @property
    def data(self) -> bytes:
        """Return the bytes of the file."""
        if self.is_binary:
            return base64.b64decode(self.text)
        return self.text.encode("utf-8", "surrogatepass")

    def changed(self, text: str) -> FileContent:
        """Return the file with another text, modified now; `created_at` stays."""
        at = timestamp()
        created_at = self.created_at or at
        return FileContent(text, created_at=created_at, modified_at=at)


def timestamp() -> str:
    """Return the current time in UTC as ISO 8601."""
    return datetime.now(timezone.utc).isoformat()


def created(text: str, encoding: Encoding = "utf-8") -> FileContent:
    """Return a new file, created now."""
    at = timestamp()
    return FileContent(text, encoding, at, at)


def uploaded(data: bytes, *, binary: bool) -> FileContent | None:
    """Return a new file with these bytes; None if they are not UTF-8 and `binary` is False.

    With `binary`, a text with a NUL is stored as base64 too: Postgres cannot hold it as text.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None and not (binary and "\x00" in text):
        return created(text)
    return created(base64.b64encode(data).decode("ascii"), "base64") if binary else None


def file_of(value: Mapping[str, Any]) -> FileContent | None:
    """Return the file that a value of either form holds; None if it is not a file."""
    content = value.get("content")
    if isinstance(content, list) and all(isinstance(line, str) for line in content):
        content = "\n".join(content)
    if not isinstance(content, str):
        return None
    encoding = "base64" if value.get("encoding") == "base64" else "utf-8"
    times = [value.get(name) for name in ("created_at", "modified_at")]
    created_at, modified_at = (at if isinstance(at, str) else "" for at in times)
    return FileContent(content, cast("Encoding", encoding), created_at, modified_at)


def line_form(file: FileContent) -> FileValue:
    """Return the value of a file as spoon_ai stores it."""
    value: FileValue = {"content": file.text.split("\n")}
    if file.is_binary:
        value["encoding"] = file.encoding
    return {**value, "created_at": file.created_at, "modified_at": file.modified_at}


def text_form(file: FileContent) -> FileValue:
    """Return the value of a file as deepagents stores it."""
    return {
        "content": file.text,
        "encoding": file.encoding,
        "created_at": file.created_at,
        "modified_at": file.modified_at,
    }


def with_creation_of(before: FileValue | None, value: FileValue) -> FileValue:
    """Return a file's value with the creation time of the file that it replaces, if any."""
    file = None if before is None else file_of(before)
    return {**value, "created_at": file.created_at} if file and file.created_at else value
