"""Why a server did not start, and what to do about it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from ..errors import EmbeddedPostgresError

_CURES: Final = {
    "No space left": "free disk space, then try again",
    "Disk quota": "free disk space, then try again",
    "Permission denied": "choose a folder that this user may write to",
    "Operation not permitted": "choose a folder that this user owns",
    "Read-only file system": "choose a folder that can be written to",
    "File name too long": "choose a shorter path",
    "Not a directory": "choose a path where a folder can be",
    "File exists": "choose a path where a folder can be",
    "shared memory block": "an earlier server still works on this folder: wait for it, or end it",
    "did not start in time": "it may be recovering from a crash: wait, then try again",
}


# Less than a segment of the write-ahead log, without which no server starts.
_TOO_LITTLE_BYTES: Final = 16 * 2**20


def not_started(path: Path, reason: str) -> EmbeddedPostgresError:
    """The error that gives the reason and, where it is known, the cure."""
    if _is_full(path):  # where the server's log is cut off too, for want of space
        reason = f"No space left on the disk. {reason}"
    cure = next((cure for sign, cure in _CURES.items() if sign in reason), None)
    advice = f"; {cure}" if cure else ""
    return EmbeddedPostgresError(
        f"the bundled Postgres did not start in {str(path)!r}: {reason.strip()}{advice}"
    )


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path).free < _TOO_LITTLE_BYTES
    except OSError:
        return False
