"""PgBouncer as Debian packages it, in front of a test's database."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from tests.support.faults import free_port, wait_until
from tests.support.servers import temporary_folder

needs_pgbouncer = pytest.mark.skipif(
    shutil.which("pgbouncer") is None, reason="pgbouncer is not installed"
)

_CONFIG = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
auth_type = any
unix_socket_dir =
"""


class PgBouncer:
    """One that passes on what comes for the DSN's server; `options` are those of its file."""

    def __init__(self, dsn: str, folder: Path, **options: object) -> None:
        parts = urlsplit(dsn)
        server = {name: values[0] for name, values in parse_qs(parts.query).items()}
        port = free_port()
        folder.chmod(0o755)
        self._file = folder / "pgbouncer.ini"
        lines = {"pool_mode": "transaction", "listen_port": port, "max_client_conn": 200} | options
        user = parts.username or "postgres"
        text = _CONFIG.format(**server, user=user) + "\n".join(
            f"{k} = {v}" for k, v in lines.items()
        )
        self._file.write_text(text + "\n")
        self.dsn = f"postgresql://{user}@127.0.0.1:{port}{parts.path}?sslmode=disable"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it serves."""
        self._process = subprocess.Popen(
            ["pgbouncer", "-q", str(self._file)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **_unprivileged(),
        )
        wait_until(self._answers)

    def stop(self) -> None:
        """Every connection through it is lost."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.dsn).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def pgbouncer(dsn: str, **options: object) -> Iterator[PgBouncer]:
    """A running PgBouncer in front of the DSN's database."""
    with temporary_folder() as folder:
        bouncer = PgBouncer(dsn, folder, **options)
        bouncer.start()
        try:
            yield bouncer
        finally:
            bouncer.stop()


def _unprivileged() -> dict[str, Any]:
    """PgBouncer does not run as root, and the server's own account is there when we are root."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("pgserver")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
