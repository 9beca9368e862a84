"""`agentstore doctor` on set-ups that are really broken: it names the fault and its cure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from langgraph_agentstore import AgentStore, Finding
from tests.runtime.poolers import needs_pgbouncer, pgbouncer
from tests.support.commands import agentstore, on_terminal
from tests.support.embedders import CountingEmbedder
from tests.support.faults import dsn_of, execute, free_port, grant_items


@pytest.fixture
def healthy(fresh_database: str) -> str:
    """The DSN of a database with a schema of this release."""
    AgentStore(fresh_database).setup()
    return fresh_database


@pytest.fixture
def plain_role(fresh_database: str) -> Iterator[str]:
    """A role that may only log in."""
    role = f"patient_{uuid4().hex[:12]}"
    execute(fresh_database, "CREATE ROLE {} LOGIN", role)
    yield role
    execute(fresh_database, "DROP OWNED BY {} CASCADE", role)
    execute(fresh_database, "DROP ROLE {}", role)


def problems(dsn: str, *arguments: str, status: int = 1) -> dict[str, dict[str, Any]]:
    """The problems that the doctor finds, by check; with its status."""
    done = agentstore("doctor", *arguments, dsn=dsn)
    assert (done.status, done.err) == (status, "")
    return {row["check"]: row for row in done.rows if row["level"] == "problem"}


def is_healthy(dsn: str) -> bool:
    """Whether it finds no problem, asked without a process."""
    return all(finding.level != "problem" for finding in AgentStore(dsn).diagnose())


def findings(dsn: str) -> dict[str, Finding]:
    """What it finds by check, the last one of each."""
    return {finding.check: finding for finding in AgentStore(dsn).diagnose()}


def test_a_healthy_store_has_no_problem_and_is_not_changed(healthy: str) -> None:
    assert problems(healthy, status=0) == {}
    shown = on_terminal("doctor", dsn=healthy)
    assert shown.status == 0
    assert "ok" in shown.out
    assert "indexes, all valid" in " ".join(shown.out.split())
    assert max(map(len, shown.out.splitlines())) <= 80


def test_of_a_server_that_is_not_there_the_cure_is_told() -> None:
    found = problems(f"postgresql://app:S3cret@127.0.0.1:{free_port()}/db")["server"]
    assert found["message"].startswith("cannot connect to postgresql://app@127.0.0.1:")
    assert found["cure"] == "start the server, or correct its address"


def test_a_schema_that_is_not_there_yet_is_a_note_and_stays_away(fresh_database: str) -> None:
    assert findings(fresh_database)["schema"].level == "note"
    assert execute(fresh_database, "SELECT to_regnamespace('agentstore')") == [(None,)]


def test_an_invalid_index_is_named_with_the_statement_that_mends_it(healthy: str) -> None:
    with AgentStore(healthy) as store:
        store.put(("a",), "k", {"n": 1})
    # Two equal values: a unique index that is made concurrently fails and stays, invalid.
    execute(
        healthy,
        "INSERT INTO agentstore.item SELECT user_id, namespace, 'k2', value, metadata,"
        " version, created_by, created_at, updated_at, expires_at, ttl, place"
        " FROM agentstore.item",
    )
    with pytest.raises(psycopg.errors.UniqueViolation):
        execute(healthy, "CREATE UNIQUE INDEX CONCURRENTLY broken ON agentstore.item (user_id)")
    found = problems(healthy)["indexes"]
    assert "broken of item is invalid" in found["message"]
    execute(healthy, "DELETE FROM agentstore.item WHERE key = 'k2'")
    execute(healthy, found["cure"].split(",")[0])
    assert is_healthy(healthy)


def test_a_missing_index_is_named_with_the_statement_that_makes_it(healthy: str) -> None:
    execute(healthy, "DROP INDEX agentstore.item_newest")
    found = problems(healthy)["indexes"]
    assert found["message"] == "item_newest is missing"
    execute(healthy, found["cure"])
    assert is_healthy(healthy)


def test_missing_rights_are_listed_with_the_grant(healthy: str, plain_role: str) -> None:
    grant_items(healthy, plain_role)
    execute(healthy, "REVOKE DELETE, UPDATE ON agentstore.item FROM {}", plain_role)
    found = problems(dsn_of(healthy, user=plain_role))["rights"]
    assert found["message"] == "the role lacks UPDATE, DELETE on item"
    assert "grant USAGE ON SCHEMA" in found["cure"]
    grant_items(healthy, plain_role)
    assert is_healthy(dsn_of(healthy, user=plain_role))


def test_no_right_to_use_or_to_make_the_schema_is_a_problem(healthy: str, plain_role: str) -> None:
    dsn = dsn_of(healthy, user=plain_role)
    assert "may not use schema 'agentstore'" in problems(dsn)["schema"]["message"]
    other = problems(dsn, "--schema", "other")["schema"]
    assert "may not set it up" in other["message"]
    assert "setup --print-sql" in other["cure"]


@needs_pgbouncer
def test_a_pooler_of_transactions_is_told(healthy: str) -> None:
    with pgbouncer(healthy) as bouncer:
        assert is_healthy(bouncer.dsn)
        found = findings(bouncer.dsn)["pooler"]
        assert (found.level, "pooler is in between" in found.message) == ("note", True)


@needs_pgbouncer
def test_a_pooler_of_statements_is_a_problem(healthy: str) -> None:
    with pgbouncer(healthy, pool_mode="statement") as bouncer:
        assert "pool_mode = transaction" in problems(bouncer.dsn)["server"]["message"]


def test_a_role_whose_connections_are_all_taken_is_told(healthy: str, plain_role: str) -> None:
    grant_items(healthy, plain_role)
    dsn = dsn_of(healthy, user=plain_role)
    execute(healthy, "ALTER ROLE {} CONNECTION LIMIT 2", plain_role)
    smaller = problems(dsn)["connections"]
    assert smaller["message"].endswith(f"the role '{plain_role}' allows 2")
    with closing(psycopg.connect(dsn)), closing(psycopg.connect(dsn)):
        full = problems(dsn)["connections"]
    assert "has no connection to spare: too many connections for role" in full["message"]
    assert "CONNECTION LIMIT" in full["message"]


def test_a_schema_from_the_future_is_told(healthy: str) -> None:
    execute(healthy, "INSERT INTO agentstore.migration VALUES (99, 'later', 'x')")
    found = problems(healthy)["schema"]
    assert "has migration 99" in found["message"]
    assert "upgrade langgraph_agentstore" in found["message"]


def test_a_backlog_of_expired_items_is_told_until_it_is_swept(healthy: str) -> None:
    with AgentStore(healthy, ttl={"default_ttl": 1}) as store:
        store.load(((("a",), str(n), {"n": n}) for n in range(1500)), progress=None)
        execute(healthy, "UPDATE agentstore.item SET expires_at = now() - interval '30 hours'")
        found = problems(healthy)["expired items"]
        assert found["message"] == "1,500 items expired over an hour ago, the oldest 30 h ago"
        assert store.sweep_ttl() == 1500
    assert is_healthy(healthy)


def test_vectors_of_another_model_are_a_problem(healthy: str) -> None:
    index = {"dims": 4, "embed": CountingEmbedder(4), "model": "a"}
    with AgentStore(healthy, index=index) as store:
        store.put(("a",), "k", {"text": "tea"})
    other = {"dims": 5, "embed": CountingEmbedder(5), "model": "b"}
    found = {f.check: f for f in AgentStore(healthy, index=other).diagnose()}
    assert found["vectors"].level == "problem"
    assert "dims=4" in found["vectors"].message
    assert found["indexes"].level == "ok"
    assert findings(healthy)["vectors"].level == "note"


def test_tables_without_autovacuum_and_an_old_transaction_are_told(healthy: str) -> None:
    execute(healthy, "ALTER TABLE agentstore.item SET (autovacuum_enabled = off)")
    found = problems(healthy)["bloat"]
    assert found["message"] == "autovacuum is off for item"
    execute(healthy, found["cure"])
    assert is_healthy(healthy)


def test_a_server_that_is_down_is_a_problem(healthy: str) -> None:
    dsn = f"postgresql://postgres@127.0.0.1:{free_port()}{urlsplit(healthy).path}"
    assert "cannot connect to" in problems(dsn)["server"]["message"]


async def test_it_works_on_a_running_loop_in_both_forms(healthy: str) -> None:
    store = AgentStore(healthy)
    assert [f.check for f in store.diagnose()] == [f.check for f in await store.adiagnose()]
