"""Code written for the official Postgres stores runs with no more than its import changed."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import ConfigurationError, StoreClosedError

SYNC = """
from langgraph.store.postgres import PostgresStore
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

def letters(texts):
    return [[0.1 + text.count(letter) for letter in "aeiou"] for text in texts]

index = {"dims": 5, "embed": letters, "fields": ["text"], "distance_type": "cosine",
         "ann_index_config": {"kind": "hnsw", "vector_type": "vector"}}
ttl = {"default_ttl": 60, "refresh_on_read": True, "sweep_interval_minutes": 10}
pool_config = {"min_size": 1, "max_size": 4, "timeout": 20.0, "kwargs": {"prepare_threshold": 0}}

def use(store, key):
    store.setup()
    store.put(("memories", "ann"), key, {"text": "tea", "n": 1})
    found = store.search(("memories", "ann"), query="tea", limit=5)
    print(key, sorted(item.key for item in found), store.get(("memories", "ann"), key).value)
    print(store.list_namespaces(prefix=("memories",)), max(store.sweep_ttl(), 0))

with PostgresStore.from_conn_string(dsn, index=index) as store:
    use(store, "a")
with PostgresStore.from_conn_string(conn_string=dsn, pipeline=True, index=index) as store:
    use(store, "b")
with PostgresStore.from_conn_string(dsn, pool_config=pool_config, index=index, ttl=ttl) as store:
    future = store.start_ttl_sweeper()
    store.ttl_config["default_ttl"] = 30
    use(store, "c")
    print(store.stop_ttl_sweeper(timeout=5), future.done())
with PostgresStore.from_conn_string(dsn, pool_config={"min_size": 2, "max_size": None}) as store:
    print(store.get(("memories", "ann"), "a").key)
arguments = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
with Connection.connect(dsn, **arguments) as conn:
    use(PostgresStore(conn, index=index), "d")
with ConnectionPool(dsn, kwargs=arguments, open=True) as pool:
    use(PostgresStore(pool, index=index), "e")
"""

ASYNC = """
import asyncio
from langgraph.store.postgres.aio import AsyncPostgresStore
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

async def letters(texts):
    return [[0.1 + text.count(letter) for letter in "aeiou"] for text in texts]

index = {"dims": 5, "embed": letters, "fields": ["text"]}

async def use(store, key):
    await store.setup()
    await store.aput(("memories", "ann"), key, {"text": "tea", "n": 1})
    found = await store.asearch(("memories", "ann"), query="tea", limit=5)
    print(key, sorted(item.key for item in found))
    print((await store.aget(("memories", "ann"), key)).value)
    print(await store.alist_namespaces(prefix=("memories",)), max(await store.sweep_ttl(), 0))

async with AsyncPostgresStore.from_conn_string(dsn, index=index) as store:
    await use(store, "a")
async with AsyncPostgresStore.from_conn_string(dsn, pipeline=True, index=index) as store:
    await use(store, "b")
async with AsyncPostgresStore.from_conn_string(
    dsn, pool_config={"min_size": 1, "max_size": 4}, index=index, ttl={"default_ttl": 60}
) as store:
    await store.setup()
    task = await store.start_ttl_sweeper()
    await use(store, "c")
    print(await store.stop_ttl_sweeper(timeout=5))
    await asyncio.wait_for(task, 5)
    task = await store.start_ttl_sweeper(sweep_interval_minutes=1)
    task.cancel()
    await asyncio.wait([task], timeout=5)
    print(task.done())
arguments = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
async with await AsyncConnection.connect(dsn, **arguments) as conn:
    await use(AsyncPostgresStore(conn, index=index), "d")
async with AsyncConnectionPool(dsn, kwargs=arguments, open=False) as pool:
    await use(AsyncPostgresStore(pool, index=index), "e")
"""

THEIRS = re.compile(r"from langgraph.store.postgres(?:.aio)? import (\w+)")


def printed_by(code: str, dsn: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    compiled = compile(code, "<official code>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    awaited = eval(compiled, {"dsn": dsn})
    if awaited is not None:
        asyncio.run(awaited)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("code", [SYNC, ASYNC], ids=["sync", "async"])
def test_only_the_import_changes(
    code: str, new_database: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    ours, changed = THEIRS.subn(r"from langgraph_agentstore import AgentStore as \1", code)
    assert changed == 1
    expected = printed_by(code, new_database(), capsys)
    assert len(expected) > 8
    assert printed_by(ours, new_database(), capsys) == expected


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"kwargs": {"application_name": "x"}}, "application_name.*connection string"),
        ({"configure": print}, "configure"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(option: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        AgentStore.from_conn_string("postgresql://localhost", pool_config=option)


def test_a_pool_with_a_url_and_further_arguments_is_refused(postgres_dsn: str) -> None:
    from psycopg_pool import ConnectionPool

    pool = ConnectionPool(postgres_dsn, kwargs={"application_name": "x"}, open=False)
    with pytest.raises(ConfigurationError, match="application_name"):
        AgentStore(pool)


def test_options_of_the_ttl_change_while_the_store_lives_or_name_their_place(
    postgres_dsn: str, schema_name: str
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, ttl={"default_ttl": 5}) as store:
        config: Any = store.ttl_config
        config["default_ttl"] = 10
        store.put(("a",), "b", {})
        record = store.get_record(("a",), "b")
        assert record is not None
        assert record.ttl_minutes == 10
        config["omit_expired"] = True
        for change in (
            lambda: config.update(omit_expired=False),
            lambda: config.setdefault("sweep_interval_minutes", 1),
            config.clear,
            lambda: setattr(store, "ttl_config", {"omit_expired": False}),
            lambda: setattr(store, "ttl_config", {"sweep_interval_minutes": 1}),
        ):
            with pytest.raises(ConfigurationError, match="decided when the store is made"):
                change()
        assert config.pop("refresh_on_read", None) is None
        del config["default_ttl"]
        assert store.for_user("ann").ttl_config is config
        store.ttl_config = {"default_ttl": 7}
        store.ttl_config = None


def test_a_store_that_was_closed_still_refuses(postgres_dsn: str, schema_name: str) -> None:
    store = AgentStore.from_conn_string(postgres_dsn, schema=schema_name)
    with store:
        assert not store.setup()
        assert repr(store.stop_ttl_sweeper()) == "False"
    with pytest.raises(StoreClosedError):
        store.setup()


def test_a_namespace_asked_of_a_graph_needs_one(postgres_dsn: str, schema_name: str) -> None:
    pytest.importorskip("deepagents")
    from langgraph_agentstore.files import DeepAgentsBackend

    with AgentStore(postgres_dsn, schema=schema_name) as store:
        backend = DeepAgentsBackend(store, namespace=lambda rt: (rt.context["user"], "files"))
        with pytest.raises(ConfigurationError, match="no graph runs here"):
            backend.read("/a.txt")
