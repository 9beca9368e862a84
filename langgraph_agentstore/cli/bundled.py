"""Commands around the bundled Postgres: it runs between commands while a keeper holds it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from ..config.dsn import read_dsn
from ..embedded import EmbeddedPostgres
from ..embedded.programs import client_program, major_of
from ..errors import ConfigurationError, EmbeddedPostgresError
from .commands import CommandRun
from .failures import Status, Stop

KEEPER_FILE = "keeper.pid"
_READY = "ready"
_STOP_LIMIT_S = 90.0


def start(
    run: CommandRun,
    *,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Keep it until Ctrl-C, without going away.")
    ] = False,
) -> None:
    """Start the bundled Postgres and keep it running until `agentstore stop`."""
    server = _bundled(run)
    if foreground:
        _keep(run, server)
        return
    keeper = _keeper_of(server.path)
    if keeper is None:
        keeper = _launch_keeper(server.path)
    run.output.facts({"folder": str(server.path), "dsn": _dsn_of(server), "keeper": keeper})


def _bundled(run: CommandRun) -> EmbeddedPostgres:
    if not run.server.is_bundled:
        raise ConfigurationError(
            "this is for the bundled Postgres, and a connection string is given: leave out --dsn, "
            "AGENTSTORE_DSN or the profile, or name a folder with --path"
        )
    return EmbeddedPostgres(run.server.path)


def _dsn_of(server: EmbeddedPostgres) -> str:
    """Return the connection string, which has no password; the server is started if needed."""
    dsn = server.start()
    server.stop()
    return dsn


def _keep(run: CommandRun, server: EmbeddedPostgres) -> None:
    """Hold the server until the process is told to end."""
    dsn = server.start()
    file = server.path / KEEPER_FILE
    file.write_text(f"{os.getpid()}\n", encoding="ascii")
    signal.signal(signal.SIGTERM, _end)
    try:
        run.output.facts({"state": _READY, "folder": str(server.path), "dsn": dsn})
        run.output.flush()
        while True:
            time.sleep(3600)
    finally:
        file.unlink(missing_ok=True)
        server.stop()


def _end(_number: int, _frame: Any) -> None:
    raise Stop(Status.DONE)


def _launch_keeper(path: Path) -> int:
    """Start the process that holds the server; return its number when the server is ready."""
    command = [sys.executable, "-m", "langgraph_agentstore", "start", "--foreground", "--json"]
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}
    process = subprocess.Popen(
        [*command, "--path", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **apart,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    if _READY not in process.stdout.readline():
        raise EmbeddedPostgresError(process.stderr.read().removeprefix("agentstore: ").strip())
    process.stdout.close()
    process.stderr.close()
    return process.pid


def _keeper_of(path: Path) -> int | None:
    """Return the number of the process that holds the server of a folder; None if there is none."""
    import psutil

    try:
        number = int((path / KEEPER_FILE).read_text(encoding="ascii"))
        command = psutil.Process(number).cmdline()
    except (OSError, ValueError, psutil.Error):
        return None
    # The number may belong to another program by now.
    return number if "--foreground" in command and "start" in command else None


def stop(run: CommandRun) -> None:
    """Let go of the bundled Postgres; it stops unless other processes use it."""
    import psutil

    server = _bundled(run)
    keeper = _keeper_of(server.path)
    if keeper is None:
        raise Stop(Status.NO, f"no `agentstore start` keeps the server in {str(server.path)!r}")
    process = psutil.Process(keeper)
    process.terminate()
    process.wait(_STOP_LIMIT_S)
    (server.path / KEEPER_FILE).unlink(missing_ok=True)
    if server.is_running():  # a keeper that was killed, as on Windows, could not stop it
        server.start()
        server.stop()
    state = "still used by other processes" if server.is_running() else "stopped"
    run.output.facts({"folder": str(server.path), "state": state})


def where(run: CommandRun) -> None:
    """Show which server the options choose, and where its data are."""
    facts: dict[str, Any] = {"server": repr(run.store()), "schema": run.server.schema}
    if run.server.is_bundled:
        server = EmbeddedPostgres(run.server.path)
        facts |= {
            "folder": str(server.path),
            "log": str(server.path / "data" / "server.log"),
            "running": server.is_running(),
            "keeper": _keeper_of(server.path),
        }
    run.output.facts(facts)


def psql(
    run: CommandRun,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[-- ARGUMENTS]", help="Arguments of psql.")
    ] = None,
) -> None:
    """Open psql on the server; the schema comes first on its search_path."""
    program = "psql"
    if run.server.is_bundled:
        server = EmbeddedPostgres(run.server.path)
        dsn = server.start()
        program = str(client_program("psql", major_of(server.path / "data")))
    else:
        assert run.server.dsn is not None
        dsn = run.server.dsn
    given = dict(read_dsn(dsn).values)
    # Other users of the machine can read arguments; the environment they cannot.
    env = {**os.environ, "PGOPTIONS": f"-c search_path={_quoted(run.server.schema)},public"}
    if "password" in given:
        env["PGPASSWORD"] = given.pop("password")
    # Ctrl-C is for psql: it cancels a statement, not the session.
    signal.signal(signal.SIGINT, _leave_to_psql)
    try:
        done = subprocess.run([program, _conninfo(given), *(arguments or ())], env=env, check=False)
    except FileNotFoundError:
        raise ConfigurationError("psql is not installed: install Postgres's client") from None
    if done.returncode:
        raise Stop(Status.FAILED)


def _leave_to_psql(_number: int, _frame: Any) -> None:
    """Do nothing; unlike an ignored signal, a handler is not inherited."""


def _quoted(schema: str) -> str:
    return '"' + schema.replace("\\", "\\\\").replace(" ", "\\ ").replace('"', '""') + '"'


def _conninfo(values: dict[str, str]) -> str:
    escaped = {n: v.replace("\\", "\\\\").replace("'", "\\'") for n, v in values.items()}
    return " ".join(f"{name}='{value}'" for name, value in escaped.items())
