"""The log of accesses: who accessed which memory and when, written before each access."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal, TypeAlias

import orjson

from .._support.files import expanded
from ..errors import ConfigurationError

Action: TypeAlias = Literal[
    "store",
    "retrieve",
    "update",
    "delete",
    "search",
    "list",
    "link",
    "related",
    "backup",
    "restore",
    "export",
    "import",
    "migrate",
    "rotate",
]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One access. `target` is a key, a collection or a path; `at` is aware, in UTC."""

    at: datetime
    user_id: str | None
    action: Action
    target: str


Audit: TypeAlias = "Callable[[AuditEntry], object] | str | os.PathLike[str]"
"""A function called with each entry, or a file to which each is appended as a line of JSON."""


class Auditor:
    """A writer of the log. An access that cannot be logged is not made."""

    def __init__(self, audit: Audit | None, user_id: str | None) -> None:
        self._user_id = user_id
        self._tell = _teller(audit)

    @property
    def is_on(self) -> bool:
        """Tell whether accesses are logged."""
        return self._tell is not None

    def tell(self, action: Action, *targets: str) -> None:
        """Log an access to each target.

        Raises:
            Exception: any error of the log, such as OSError for a full disk.
        """
        if self._tell is not None:
            now = datetime.now(timezone.utc)
            self._tell([AuditEntry(now, self._user_id, action, target) for target in targets])


def _teller(audit: Audit | None) -> Callable[[list[AuditEntry]], object] | None:
    if audit is None:
        return None
    if callable(audit):
        return lambda entries: list(map(audit, entries))
    if not isinstance(audit, (str, os.PathLike)):
        raise ConfigurationError(
            f"audit is a callable or the path of a file, got {type(audit).__name__}"
        )
    path = expanded(audit)
    return lambda entries: _append(path, entries)


def _append(path: Path, entries: list[AuditEntry]) -> None:
    lines = b"".join(orjson.dumps(asdict(entry)) + b"\n" for entry in entries)
    # One unbuffered append, so that the lines of several processes do not mix.
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(number, "ab", buffering=0) as file:
        file.write(lines)
