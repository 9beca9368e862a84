"""What a store leaves on sessions that it shares with others: nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import ConfigurationError, SchemaError
from langgraph_agentstore.runtime import process_lock
from tests.runtime.poolers import needs_pgbouncer, pgbouncer
from tests.runtime.tour import use_everything
from tests.support.faults import execute
from tests.support.official import index

pytestmark = needs_pgbouncer

SESSIONS = 4

_LOCK_OF_INDEXES = 0x61676E75

# Each client of PgBouncer has its own of these, which it passes on.
_PASSED_ON = ["application_name", "client_encoding", "DateStyle", "TimeZone"]

_ALTERED = """
SELECT name || ' = ' || setting FROM pg_settings
 WHERE source = 'session' AND setting <> reset_val AND name <> ALL (%s)"""


@pytest.fixture
def bouncer(fresh_database: str) -> Iterator[str]:
    with pgbouncer(fresh_database, default_pool_size=SESSIONS) as bouncer:
        yield bouncer.dsn


def on_all_sessions(dsn: str, query: Any, *arguments: Any) -> list[Any]:
    """What the sessions behind the pooler answer, each once."""
    with ExitStack() as stack:
        connections = [stack.enter_context(psycopg.connect(dsn)) for _ in range(SESSIONS)]
        # A transaction each, at once: so each has a session of its own.
        pids = {c.execute("SELECT pg_backend_pid()").fetchone() for c in connections}
        assert len(pids) == SESSIONS
        return [row[0] for c in connections for row in c.execute(query, arguments or None)]


def test_nothing_is_left_on_them(bouncer: str, fresh_database: str) -> None:
    with AgentStore(bouncer, index=index()) as store:
        use_everything(store)
        items = [(("users", "ann", "n"), f"k{n}", {"text": f"tea {n}"}) for n in range(2000)]
        store.load(items)
        store.setup(index_values=True)
        assert store.search(("users", "ann", "n"), query="tea 7", limit=3)
        store.reindex()
        assert on_all_sessions(bouncer, _ALTERED, _PASSED_ON) == []
        assert on_all_sessions(bouncer, "SELECT name FROM pg_prepared_statements") == []
        assert on_all_sessions(bouncer, "SELECT pg_listening_channels()") == []
        held = (
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
            "WHERE l.locktype = 'advisory' AND d.datname = current_database()"
        )
        assert execute(fresh_database, held) == [(0,)]
        temporary = "SELECT count(*) FROM pg_class WHERE relpersistence = 't'"
        assert execute(fresh_database, temporary) == [(0,)]


def test_making_an_index_waits_for_whoever_has_the_lock(bouncer: str, fresh_database: str) -> None:
    """As another process would, on a direct connection."""
    with AgentStore(bouncer) as store, psycopg.connect(fresh_database, autocommit=True) as other:
        store.load([(("n",), f"k{n}", {"text": "tea" * 100}) for n in range(5000)])
        other.execute("SELECT pg_advisory_lock(%s)", [_LOCK_OF_INDEXES])
        waiting = threading.Thread(target=store.setup, kwargs={"index_values": True})
        waiting.start()
        waiting.join(1)  # it asks ten times meanwhile
        assert waiting.is_alive()
        assert _indexes(fresh_database) == 0
        other.execute("SELECT pg_advisory_unlock_all()")
        waiting.join(30)
        assert _indexes(fresh_database) == 1


def test_a_second_reindexing_is_refused(bouncer: str) -> None:
    held = threading.Event()
    go_on = threading.Event()

    def embed(texts: list[str]) -> list[list[float]]:
        held.set()
        go_on.wait(20)
        return [[1.0, 0.0]] * len(texts)

    plain = {"dims": 2, "embed": lambda texts: [[0.0, 1.0]] * len(texts)}
    with AgentStore(bouncer, index=plain) as one, AgentStore(bouncer, index=plain) as other:
        one.put(("n",), "k", {"text": "tea"})
        first = threading.Thread(target=one.reindex, args=[{"dims": 2, "embed": embed}])
        first.start()
        assert held.wait(20)
        with pytest.raises(SchemaError, match="another process is reindexing"):
            other.reindex()
        go_on.set()
        first.join(30)
        other.reindex()


def test_one_session_is_enough_for_the_indexes_of_a_new_store(fresh_database: str) -> None:
    with (
        pgbouncer(fresh_database, default_pool_size=1) as bouncer,
        AgentStore(bouncer.dsn, index=index()) as store,
    ):
        store.setup(index_values=True)
    assert _indexes(fresh_database) == 1


def test_one_session_is_too_few_for_an_index_of_much_and_the_error_says_so(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_lock, "_ANSWER_S", 0.5)
    with (
        pgbouncer(fresh_database, default_pool_size=1) as bouncer,
        AgentStore(bouncer.dsn) as store,
    ):
        store.load([(("n",), f"k{n}", {"text": "tea" * 100}) for n in range(5000)])
        with pytest.raises(ConfigurationError, match="default_pool_size"):
            store.setup(index_values=True)


def _indexes(dsn: str) -> int:
    ((count,),) = execute(dsn, "SELECT count(*) FROM pg_class WHERE relname = 'item_value'")
    return int(count)
