"""What goes wrong on a server, and what one sees of it there."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql
from typing_extensions import LiteralString

APPLICATION = "langgraph_agentstore"


def execute(
    dsn: str, statement: LiteralString, *names: str, **values: Any
) -> list[tuple[Any, ...]]:
    """The rows of a statement; `{}` in it stands for the names, `%(x)s` for the values."""
    composed = sql.SQL(statement).format(*map(sql.Identifier, names))
    with psycopg.connect(dsn, autocommit=True) as connection:
        # Without values a percent sign is only that: no cursor.execute(…, {}).
        cursor = connection.execute(composed, values or None)
        return cursor.fetchall() if cursor.description else []


def grant_items(dsn: str, role: str) -> None:
    """Grants a role all that a store needs whose schema is there."""
    execute(dsn, "GRANT USAGE ON SCHEMA agentstore TO {}", role)
    tables = "ALL TABLES IN SCHEMA agentstore"
    execute(dsn, f"GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {{}}", role)


@contextmanager
def locked_rows(dsn: str, schema: str, *keys: str) -> Iterator[psycopg.Connection[Any]]:
    """Another session holds these rows until the block ends, or it rolls back."""
    statement = sql.SQL("SELECT FROM {}.item WHERE key = ANY (%s) FOR UPDATE")
    with psycopg.connect(dsn) as connection:
        cursor = connection.execute(statement.format(sql.Identifier(schema)), [list(keys)])
        assert cursor.rowcount == len(keys)
        yield connection
        connection.rollback()


def refuse_values_with(dsn: str, schema: str, field: str) -> None:
    """From now on the server refuses values that have this field, though they are valid."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER TABLE {}.item ADD CONSTRAINT refused CHECK (NOT value ? {})").format(
                sql.Identifier(schema), sql.Literal(field)
            )
        )


@contextmanager
def reading_role(dsn: str, schema: str, check: LiteralString, **texts: str) -> Iterator[str]:
    """The DSN of a role whose every look at a row runs this PL/pgSQL, where `key` is the row's.

    `{name}` in it stands for the text of that name. For any other role nothing changes.
    """
    role = f"reader_{schema}"
    names = {"role": sql.Identifier(role), "schema": sql.Identifier(schema)}
    body = sql.SQL(check).format(**{name: sql.Literal(text) for name, text in texts.items()})
    statements: tuple[LiteralString, ...] = (
        "CREATE ROLE {role} LOGIN",
        "GRANT USAGE ON SCHEMA {schema} TO {role}",
        "GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role}",
        "CREATE FUNCTION {schema}.readable(key text) RETURNS boolean LANGUAGE plpgsql AS"
        " $$ BEGIN {body}; RETURN true; END $$",
        "CREATE POLICY reads ON {schema}.item FOR SELECT USING ({schema}.readable(key))",
        "CREATE POLICY writes ON {schema}.item FOR INSERT WITH CHECK (true)",
        "CREATE POLICY changes ON {schema}.item FOR UPDATE USING (true)",
        "CREATE POLICY removals ON {schema}.item FOR DELETE USING (true)",
        "ALTER TABLE {schema}.item ENABLE ROW LEVEL SECURITY",
    )
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(sql.SQL(statement).format(body=body, **names))
    yield dsn_of(dsn, user=role)
    execute(dsn, "DROP OWNED BY {}", role)
    execute(dsn, "DROP ROLE {}", role)


def slow_writes(dsn: str, schema: str) -> None:
    """From now on writing a key that starts with `slow` takes the server ten seconds."""
    names = {"schema": sql.Identifier(schema)}
    statements: tuple[LiteralString, ...] = (
        "CREATE FUNCTION {schema}.dawdle() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(10); RETURN NEW; END $$",
        "CREATE TRIGGER dawdle BEFORE INSERT ON {schema}.item FOR EACH ROW"
        " WHEN (NEW.key LIKE 'slow%') EXECUTE FUNCTION {schema}.dawdle()",
    )
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(sql.SQL(statement).format(**names))


def active_statements(dsn: str) -> int:
    """How many statements stores run right now in the DSN's database."""
    ((count,),) = execute(
        dsn,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = %(application)s AND state = 'active'",
        application=APPLICATION,
    )
    return int(count)


def versions(dsn: str, schema: str) -> dict[str, int]:
    """The version of every item of the schema, by key."""
    return dict(execute(dsn, "SELECT key, version FROM {}.item", schema))


def backends(dsn: str) -> list[int]:
    """The processes that serve stores connected to the DSN's database."""
    rows = execute(
        dsn,
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = %(application)s",
        application=APPLICATION,
    )
    return [pid for (pid,) in rows]


def terminate_backends(dsn: str) -> int:
    """Ends every other connection to the DSN's database, as an administrator would."""
    rows = execute(
        dsn,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    return len(rows)


async def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Waits for what the server or another thread brings about; it is asked every 10 ms."""
    deadline = time.monotonic() + timeout_s
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


def wait_until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """As `until`, blocking."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def dsn_of(dsn: str, *, user: str, password: str | None = None) -> str:
    """The same database for another role; the password is quoted as a DSN needs it."""
    parts = urlsplit(dsn)
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password is not None else "")
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{login}@{host}").geturl()


def run_script(script: str, *arguments: str, timeout_s: float = 60.0) -> str:
    """What a new Python process prints; it must end well, without a word on its error stream."""
    process = start_script(script, *arguments)
    printed, complaints = process.communicate(timeout=timeout_s)
    assert (process.returncode, complaints) == (0, ""), f"{process.returncode}: {complaints}"
    return printed


def start_script(script: str, *arguments: str) -> subprocess.Popen[str]:
    """A new Python process that runs the script; `sys.argv[1:]` are the arguments."""
    return subprocess.Popen(
        [
            sys.executable,
            "-W",
            "default",
            "-W",
            "ignore::DeprecationWarning",
            "-c",
            script,
            *arguments,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def let_go(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Wait until each has printed `ready`, then let all go on at the same moment."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def kill(pid: int) -> None:
    """As the kernel does when memory runs out."""
    os.kill(pid, signal.SIGKILL)


@contextmanager
def hung_host() -> Iterator[int]:
    """A port of 127.0.0.1 that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
