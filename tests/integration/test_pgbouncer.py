"""Behind PgBouncer in transaction mode, where each transaction may get another session."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.errors import DatabaseError
from tests.support.faults import (
    free_port,
    locked_rows,
    refuse_values_with,
    start_script,
    terminate_backends,
    versions,
    wait_until,
)
from tests.support.official import fill, index
from tests.support.servers import temporary_folder
from tests.support.tour import use_all_records

pytestmark = pytest.mark.skipif(
    shutil.which("pgbouncer") is None, reason="pgbouncer is not installed"
)

NAMESPACE = ("users", "ann", "notes")
POOL = {"statement_cache": 0}

_CONFIG = """
[databases]
* = host={host} port={port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
max_client_conn = 200
unix_socket_dir =
"""

_FIRST_USE = """
import asyncio, sys
from langgraph_agentstore import AgentStore
store = AgentStore(sys.argv[1], pool={"statement_cache": 0})
async def main():
    puts = [store.aput(("start",), f"{sys.argv[2]}-{n}", {"n": n}) for n in range(50)]
    await asyncio.gather(*puts)
asyncio.run(main())
store.close()
"""

_MIGRATE = """
import sys
from langgraph_agentstore import AgentStore
from tests.support.official import index
dsn, schema, source = sys.argv[1:]
with AgentStore(dsn, schema=schema, index=index()) as store:
    print(store.migrate_from_langgraph_postgres(source).compared)
"""


def _unprivileged() -> dict[str, Any]:
    """PgBouncer does not run as root, and the server's own account is there when we are root."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("pgserver")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


@pytest.fixture
def bouncer(fresh_database: str) -> Iterator[str]:
    """The DSN of a new database behind a PgBouncer with four sessions."""
    parts = urlsplit(fresh_database)
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    port = free_port()
    with temporary_folder() as folder:
        folder.chmod(0o755)
        config = Path(folder) / "pgbouncer.ini"
        config.write_text(_CONFIG.format(**options, listen_port=port, sessions=4))
        process = subprocess.Popen(
            ["pgbouncer", "-q", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **_unprivileged(),
        )
        dsn = f"postgresql://postgres@127.0.0.1:{port}{parts.path}?sslmode=disable"
        try:
            wait_until(lambda: _answers(dsn))
            yield dsn
        finally:
            process.terminate()
            process.wait(10)


def _answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True


def test_every_operation_works_without_named_statements(bouncer: str) -> None:
    with AgentStore(bouncer, pool=POOL, ttl={"default_ttl": 60}) as store:
        store.put(NAMESPACE, "k", {"n": 1})
        store.put(NAMESPACE, "new", {"n": 1}, expected_version=0)
        store.update(NAMESPACE, "k", lambda old: {"n": (old or {})["n"] + 1})
        assert store.get(NAMESPACE, "k") is not None
        assert len(store.search(("users",), filter={"n": {"$gte": 1}})) == 2
        assert store.list_namespaces() == [NAMESPACE]
        assert store.count() == 2
        assert store.load([(NAMESPACE, f"k{n}", {"n": n}) for n in range(1000)]) == 1000
        assert len(list(store.iter_items(page_size=100))) == 1002
        store.delete(NAMESPACE, "new")
        assert store.sweep_ttl() == 0
        assert store.delete_user("ann") == 1001


def test_records_can_be_read_written_locked_and_watched(bouncer: str) -> None:
    with AgentStore(bouncer, pool=POOL) as store:
        use_all_records(DataStore(store, "ann", "guide"))


async def test_more_callers_than_sessions_are_all_served(bouncer: str) -> None:
    async with AgentStore(bouncer, pool=POOL) as store:
        for _ in range(5):
            await asyncio.gather(
                *[store.aput(NAMESPACE, f"k{n}", {"n": n}) for n in range(200)],
                *[store.aget(NAMESPACE, f"k{n}") for n in range(200)],
                *[store.asearch(NAMESPACE, filter={"n": n}) for n in range(20)],
                *[store.asearch(("users", f"u{n}")) for n in range(20)],
            )
        assert await store.acount() == 200
        assert store.stats().failed_operations == 0


def test_several_processes_may_use_it_first_at_once(bouncer: str, fresh_database: str) -> None:
    processes = [start_script(_FIRST_USE, bouncer, f"p{n}") for n in range(5)]
    for process in processes:
        _, complaints = process.communicate(timeout=60)
        assert (process.returncode, complaints) == (0, "")
    assert len(versions(fresh_database, "agentstore")) == 250


async def test_sessions_that_end_behind_it_cost_no_error(bouncer: str, fresh_database: str) -> None:
    async with AgentStore(bouncer, pool=POOL) as store:
        for n in range(5):
            await store.aput(NAMESPACE, f"k{n}", {"n": n})
            assert terminate_backends(fresh_database) > 0
            assert await store.aget(NAMESPACE, f"k{n}") is not None


async def test_a_refused_write_fails_alone_behind_it_too(bouncer: str, fresh_database: str) -> None:
    async with AgentStore(bouncer, pool=POOL) as store:
        refuse_values_with(fresh_database, "agentstore", "refused")
        values = [{"refused" if n == 17 else "is": n} for n in range(100)]
        outcomes = await asyncio.gather(
            *[store.aput(NAMESPACE, f"k{n}", value) for n, value in enumerate(values)],
            return_exceptions=True,
        )
    failed = [(n, error) for n, error in enumerate(outcomes) if error is not None]
    assert [(n, type(error)) for n, error in failed] == [(17, DatabaseError)]


async def test_a_locked_item_delays_only_its_own_write_where_the_role_has_a_lock_timeout(
    bouncer: str, fresh_database: str
) -> None:
    """No setting of a session passes PgBouncer, so the role or the database must have it."""
    name = urlsplit(fresh_database).path.lstrip("/")
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        statement = psycopg.sql.SQL("ALTER DATABASE {} SET lock_timeout = '100ms'")
        connection.execute(statement.format(psycopg.sql.Identifier(name)))
    terminate_backends(fresh_database)  # new sessions have it
    async with AgentStore(bouncer, pool=POOL) as store:
        await store.aput(NAMESPACE, "locked", {"n": 1})
        with locked_rows(fresh_database, "agentstore", "locked"):
            locked = asyncio.ensure_future(store.aput(NAMESPACE, "locked", {"n": 2}))
            others = [store.aput(NAMESPACE, f"k{n}", {"n": n}) for n in range(50)]
            await asyncio.wait_for(asyncio.gather(*others), 5)
            assert not locked.done()
        await locked


def test_the_official_store_can_be_read_behind_it_by_one_process_after_another(
    bouncer: str, fresh_database: str, postgres_dsn: str, schema_name: str
) -> None:
    fill(fresh_database, [PutOp(NAMESPACE, "k", {"text": "tea"})], index=index())
    for _ in range(3):
        process = start_script(_MIGRATE, postgres_dsn, schema_name, bouncer)
        # A statement that one leaves in a session would have the name of the next one's.
        assert process.communicate(timeout=60) == ("1\n", "")
