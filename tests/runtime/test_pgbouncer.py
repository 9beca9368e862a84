"""Behind PgBouncer with the defaults: no option, whether it pools transactions or sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.errors import DatabaseError
from tests.runtime.poolers import needs_pgbouncer, pgbouncer
from tests.runtime.tour import use_all_records
from tests.support.faults import (
    locked_rows,
    refuse_values_with,
    start_script,
    terminate_backends,
    versions,
)
from tests.support.matrices import few
from tests.support.official import fill, index

pytestmark = needs_pgbouncer

NAMESPACE = ("users", "ann", "notes")

_FIRST_USE = """
import asyncio, sys
from langgraph_agentstore import AgentStore
store = AgentStore(sys.argv[1])
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


@pytest.fixture(params=["transaction", "session"])
def bouncer(request: pytest.FixtureRequest, fresh_database: str) -> Iterator[str]:
    """The DSN of a new database behind a PgBouncer that pools transactions, or sessions."""
    sessions = {"transaction": 4, "session": 60}[request.param]
    with pgbouncer(fresh_database, pool_mode=request.param, default_pool_size=sessions) as bouncer:
        yield bouncer.dsn


def test_every_operation_works_without_an_option(bouncer: str) -> None:
    with AgentStore(bouncer, ttl={"default_ttl": 60}) as store:
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
    with AgentStore(bouncer) as store:
        use_all_records(DataStore(store, "ann", "guide"))


async def test_more_callers_than_sessions_are_all_served(bouncer: str) -> None:
    async with AgentStore(bouncer) as store:
        for _ in range(5):
            await asyncio.gather(
                *[store.aput(NAMESPACE, f"k{n}", {"n": n}) for n in range(200)],
                *[store.aget(NAMESPACE, f"k{n}") for n in range(200)],
                *[store.asearch(NAMESPACE, filter={"n": n}) for n in range(20)],
                *[store.asearch(("users", f"u{n}")) for n in range(20)],
            )
        assert await store.acount() == 200
        assert store.stats().failed_operations == 0


@few(1)
def test_several_processes_may_use_it_first_at_once(bouncer: str, fresh_database: str) -> None:
    processes = [start_script(_FIRST_USE, bouncer, f"p{n}") for n in range(5)]
    for process in processes:
        _, complaints = process.communicate(timeout=60)
        assert (process.returncode, complaints) == (0, "")
    assert len(versions(fresh_database, "agentstore")) == 250


async def test_sessions_that_end_behind_it_cost_no_error(bouncer: str, fresh_database: str) -> None:
    async with AgentStore(bouncer) as store:
        for n in range(5):
            await store.aput(NAMESPACE, f"k{n}", {"n": n})
            assert terminate_backends(fresh_database) > 0
            assert await store.aget(NAMESPACE, f"k{n}") is not None


async def test_a_refused_write_fails_alone_behind_it_too(bouncer: str, fresh_database: str) -> None:
    async with AgentStore(bouncer) as store:
        refuse_values_with(fresh_database, "agentstore", "refused")
        values = [{"refused" if n == 17 else "is": n} for n in range(100)]
        outcomes = await asyncio.gather(
            *[store.aput(NAMESPACE, f"k{n}", value) for n, value in enumerate(values)],
            return_exceptions=True,
        )
    failed = [(n, error) for n, error in enumerate(outcomes) if error is not None]
    assert [(n, type(error)) for n, error in failed] == [(17, DatabaseError)]


async def test_a_locked_item_delays_only_its_own_write(bouncer: str, fresh_database: str) -> None:
    async with AgentStore(bouncer) as store:
        await store.aput(NAMESPACE, "locked", {"n": 1})
        with locked_rows(fresh_database, "agentstore", "locked"):
            locked = asyncio.ensure_future(store.aput(NAMESPACE, "locked", {"n": 2}))
            others = [store.aput(NAMESPACE, f"k{n}", {"n": n}) for n in range(50)]
            await asyncio.wait_for(asyncio.gather(*others), 5)
            assert not locked.done()
        await locked


@few(1)
def test_the_official_store_can_be_read_behind_it_by_one_process_after_another(
    bouncer: str, fresh_database: str, postgres_dsn: str, schema_name: str
) -> None:
    fill(fresh_database, [PutOp(NAMESPACE, "k", {"text": "tea"})], index=index())
    for _ in range(3):
        process = start_script(_MIGRATE, postgres_dsn, schema_name, bouncer)
        # A statement that one leaves in a session would have the name of the next one's.
        assert process.communicate(timeout=60) == ("1\n", "")
