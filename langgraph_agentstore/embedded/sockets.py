"""Where a server listens: a folder for its Unix socket, or a port on Windows."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .programs import Programs, not_started

if TYPE_CHECKING:
    import pwd

# sockaddr_un.sun_path has 104 bytes on macOS, 108 on Linux, the closing NUL among them.
_SOCKET_PATH_BYTES: Final = 103


def socket_folder(data: Path, programs: Programs) -> Path:
    """Return `data`, or a private folder if its path is too long or would need quoting."""
    if _can_hold_socket(data):
        return data
    # With the inode: a folder that replaced another must not find the other's server.
    identity = f"{data}-{data.stat().st_ino}".encode()
    name = f"agentstore-{hashlib.sha256(identity).hexdigest()[:16]}"
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):
        folder = parent / name
        if _can_hold_socket(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            _refuse_foreign(folder, programs.account)
            programs.give(folder)
            programs.reach(folder)
            return folder
    raise not_started(data.parent, "no folder for its socket: TMPDIR's path is too long")


def _can_hold_socket(folder: Path) -> bool:
    path = f"{folder}/.s.PGSQL.5432"
    return (
        len(path) <= _SOCKET_PATH_BYTES and re.fullmatch(r"[\w/.+-]+", path, re.ASCII) is not None
    )


def _refuse_foreign(folder: Path, account: pwd.struct_passwd | None) -> None:
    """Raise if another user owns the socket's folder and could answer in the server's place."""
    status = folder.lstat()
    ours = {os.geteuid()} | ({account.pw_uid} if account is not None else set())
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in ours:
        raise not_started(folder, "the folder for its socket belongs to another user: remove it")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
