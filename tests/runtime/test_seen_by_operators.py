"""What an operator sees of a store: on the server, and in the log."""

from __future__ import annotations

import logging
import threading

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import ConfigurationError, InvalidKeyError, StoreClosedError
from tests.support.faults import execute, locked_rows, wait_until

NAMESPACE = ("users", "ann", "notes")


def test_the_servers_activity_shows_the_kind_of_each_statement(
    postgres_dsn: str, schema_name: str
) -> None:
    activity = "SELECT query FROM pg_stat_activity WHERE query LIKE %(kind)s"
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        store.put(NAMESPACE, "k", {"secret": "tea"})
        with locked_rows(postgres_dsn, schema_name, "k"):
            writer = threading.Thread(target=store.put, args=(NAMESPACE, "k", {"n": 2}))
            writer.start()
            wait_until(lambda: bool(execute(postgres_dsn, activity, kind="/* agentstore:put */%")))
        writer.join()
        shown = execute(postgres_dsn, activity, kind="/* agentstore:%")
    assert not [query for (query,) in shown if "tea" in query]


def test_a_slow_operation_is_logged_with_its_waits_and_no_value(
    postgres_dsn: str, schema_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, slow_operation_s=0.25) as store:
        store.put(NAMESPACE, "secret-key", {"n": 1})
        caplog.clear()
        with locked_rows(postgres_dsn, schema_name, "secret-key"):
            value = {"text": "secret-value"}
            writer = threading.Thread(target=store.put, args=(NAMESPACE, "secret-key", value))
            writer.start()
            writer.join(0.5)
        writer.join()
        store.get(NAMESPACE, "secret-key")
    [line] = [r.getMessage() for r in caplog.records if "slow operation" in r.getMessage()]
    assert line.startswith("slow operation: put took ")
    assert "namespace of 1 labels (queue 0." in line
    lock_s = float(line.split("lock ")[1].split(" s")[0])
    assert lock_s >= 0.2
    assert "secret" not in line
    assert "ann" not in line


def test_a_failed_operation_is_logged_with_the_kind_of_its_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    away = {"connect_timeout_s": 0.2, "acquire_timeout_s": 0.2}
    store = AgentStore("postgresql://x@127.0.0.1:1/x", pool=away, slow_operation_s=0)
    with caplog.at_level(logging.WARNING), pytest.raises(Exception, match="connect"):
        store.search(("users", "ann"))
    store.close()
    assert "slow operation: search_newest took" in caplog.text
    assert "; StoreUnavailableError" in caplog.text
    assert store.stats().kinds["search_newest"].failed == 1


@pytest.mark.parametrize("seconds", [-1, float("nan"), "1", True])
def test_a_limit_that_is_no_time_is_refused(seconds: object) -> None:
    with pytest.raises(ConfigurationError, match="slow_operation_s is a number of seconds"):
        AgentStore("postgresql://x@127.0.0.1:1/x", slow_operation_s=seconds)  # type: ignore[arg-type]


def test_figures_are_kept_by_kind(postgres_dsn: str, schema_name: str) -> None:
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        for n in range(3):
            store.put(NAMESPACE, f"k{n}", {"n": n})
        store.get(NAMESPACE, "k1")
        store.search(NAMESPACE)
        with pytest.raises(InvalidKeyError):
            store.get(NAMESPACE, "")
        kinds = store.stats().kinds
        assert {kind: kinds[kind].operations for kind in ("get", "put", "search_newest")} == {
            "get": 1,
            "put": 3,
            "search_newest": 1,
        }
        assert 0 < kinds["put"].slowest_s <= kinds["put"].seconds < 10
        assert "<td" in store.stats()._repr_html_()


def test_health_asks_no_server(postgres_dsn: str, schema_name: str) -> None:
    store = AgentStore(postgres_dsn, schema=schema_name)
    assert (store.health().state, store.health().alive) == ("new", True)
    assert store.stats().operations == 0
    store.setup()
    statements = store.stats().statements
    found = store.health()
    assert (found.state, found.alive, found.connections > 0) == ("open", True, True)
    assert (found.answer_ms or 0) > 0
    assert store.stats().statements == statements
    store.close()
    assert (store.health().state, store.health().alive) == ("closed", False)
    with pytest.raises(StoreClosedError):
        store.ready()


def test_readiness_tells_the_server_and_the_waits(postgres_dsn: str, schema_name: str) -> None:
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        found = store.ready()
    assert (found.ready, found.read_only, found.replica_lag_s) == (True, False, None)
    assert (found.latency_ms or 0) > 0
    assert (found.pool_wait_ms or 0) > 0
    assert (found.schema_version or 0) >= 13
    assert found.server_version
    assert "replica_lag_s" in found._repr_html_()


def test_a_store_without_a_server_is_alive_but_not_ready() -> None:
    away = {"connect_timeout_s": 0.2, "acquire_timeout_s": 0.2}
    store = AgentStore("postgresql://x@127.0.0.1:1/x", pool=away)
    found = store.ready()
    assert found.ready is False
    assert found.reason.startswith("StoreUnavailableError: ")
    assert store.health().alive
    store.close()
