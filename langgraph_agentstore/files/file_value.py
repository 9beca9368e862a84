r"""What a stored value says of a file: both dialects' forms are read, each writes its own.

The *line form* is `{"content": ["first", "second"], "created_at", "modified_at"}`, lines split at
"\n"; the *text form* `{"content": "first\nsecond", "encoding", "created_at", "modified_at"}`.
Bytes that are no text are kept as base64 in either, with `"encoding": "base64"`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Literal, TypeAlias, cast

Encoding: TypeAlias = Literal["utf-8", "base64"]


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file's text, or its bytes as base64; times in ISO 8601, "" where none is stored."""

    text: str
    encoding: Encoding = "utf-8"
    created_at: str = ""
    modified_at: str = ""

    @property
    def is_binary(self) -> bool:
        """Whether `text` is base64."""
        return self.encoding == "base64"

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        if self.is_binary:
            return base64.b64decode(self.text)
        return self.text.encode("utf-8", "surrogatepass")

    def changed(self, text: str) -> FileContent:
        """With another text, as of now; it keeps when it was created."""
        at = now()
        created_at = self.created_at or at
        return FileContent(text, created_at=created_at, modified_at=at)


def now() -> str:
    """The time, in UTC, as files carry it."""
    return datetime.now(timezone.utc).isoformat()


def created(text: str, encoding: Encoding = "utf-8") -> FileContent:
    """A file made now."""
    at = now()
    return FileContent(text, encoding, at, at)


def uploaded(data: bytes, *, binary: bool) -> FileContent | None:
    """A file of these bytes, made now; None: they are no UTF-8, and `binary` is not allowed.

    Where it is, a NUL makes a file binary too: Postgres has no text with one.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None and not (binary and "\x00" in text):
        return created(text)
    return created(base64.b64encode(data).decode("ascii"), "base64") if binary else None


def content_of(value: Mapping[str, Any]) -> FileContent | None:
    """What a value holds, whichever dialect wrote it; None if it is no file."""
    content = value.get("content")
    if isinstance(content, list) and all(isinstance(line, str) for line in content):
        content = "\n".join(content)
    if not isinstance(content, str):
        return None
    encoding = "base64" if value.get("encoding") == "base64" else "utf-8"
    times = [value.get(name) for name in ("created_at", "modified_at")]
    created_at, modified_at = (at if isinstance(at, str) else "" for at in times)
    return FileContent(content, cast("Encoding", encoding), created_at, modified_at)


def line_form(file: FileContent) -> dict[str, Any]:
    """The value that dialect 1 stores."""
    value: dict[str, Any] = {"content": file.text.split("\n")}
    if file.is_binary:
        value["encoding"] = file.encoding
    return {**value, "created_at": file.created_at, "modified_at": file.modified_at}


def text_form(file: FileContent) -> dict[str, Any]:
    """The value that dialect 2 stores."""
    return {
        "content": file.text,
        "encoding": file.encoding,
        "created_at": file.created_at,
        "modified_at": file.modified_at,
    }


def rewritten(file: FileContent, before: FileContent | None) -> FileContent:
    """A file made now in place of another, which was created earlier."""
    if before is None or not before.created_at:
        return file
    return replace(file, created_at=before.created_at)
