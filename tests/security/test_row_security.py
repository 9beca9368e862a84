"""Row level security: the database itself keeps users apart, and batches stay batches."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest
from langgraph.store.base import GetOp, Op, PutOp, SearchOp

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.config.store_options import Isolation
from langgraph_agentstore.errors import ConfigurationError, IsolationError, OwnerNeededError
from langgraph_agentstore.runtime.job import Job
from langgraph_agentstore.runtime.session import Session
from langgraph_agentstore.transfer import export
from tests.isolation.test_erasing import leave_traces, rows_of
from tests.runtime.poolers import needs_pgbouncer, pgbouncer
from tests.support.faults import execute

NOTES = ("notes",)


def of(user_id: str) -> tuple[str, ...]:
    return ("users", user_id, "notes")


def test_puts_gets_and_deletes_of_a_view_work(app: AgentStore) -> None:
    alice = app.for_user("alice")
    alice.put(NOTES, "a", {"n": 1})
    found = alice.get(NOTES, "a")
    assert found is not None
    assert found.value == {"n": 1}
    alice.delete(NOTES, "a")
    assert alice.get(NOTES, "a") is None


def test_a_batch_of_many_users_is_one_statement(app: AgentStore) -> None:
    users = [f"user {n}" for n in range(50)]
    app.batch([PutOp(of(user), "k", {"user": user}) for user in users])
    before = app.stats().statements
    ops: list[Op] = [GetOp(of(user), "k") for user in users]
    found = app.batch(ops)
    assert [item.value["user"] for item in found] == users  # type: ignore[union-attr]
    assert app.stats().statements == before + 1


def test_views_of_many_users_share_statements(app: AgentStore) -> None:
    users = [f"user {n}" for n in range(64)]
    app.batch([PutOp(of(user), "k", {"user": user}) for user in users])
    before = app.stats().statements

    async def read_all() -> list[object]:
        return await asyncio.gather(*[app.for_user(user).aget(NOTES, "k") for user in users])

    found = asyncio.run(read_all())
    assert [item.value["user"] for item in found] == users  # type: ignore[attr-defined]
    assert app.stats().statements - before < 8


def test_a_client_that_names_no_user_sees_no_rows(app: AgentStore, app_dsn: str) -> None:
    app.put(of("alice"), "a", {"n": 1})
    assert execute(app_dsn, "SELECT count(*) FROM agentstore.item") == [(0,)]
    named = "SELECT set_config('agentstore.users', '{alice}', false)"
    with psycopg.connect(app_dsn, autocommit=True) as connection:
        connection.execute(named)
        assert connection.execute("SELECT count(*) FROM agentstore.item").fetchall() == [(1,)]


def test_a_client_that_names_no_user_sees_no_rows_of_any_table(
    fresh_database: str, app: AgentStore, app_dsn: str
) -> None:
    with leave_traces(app, "alice"):
        rows = rows_of(fresh_database, "agentstore", "alice")
        left = {table for table, count in rows.items() if count}
        assert left >= {"item", "item_lock", "watch", "change"}
        assert set(rows_of(app_dsn, "agentstore", "alice").values()) == {0}


def test_nothing_is_left_in_the_session(app_dsn: str) -> None:
    async def look(session: Session) -> tuple[object, ...]:
        async with session.database.connections.lease() as connection:
            row = await connection.fetchrow(
                "SELECT current_setting('agentstore.users', true), count(*) FROM agentstore.item"
            )
            return tuple(row)  # type: ignore[arg-type]

    with AgentStore(app_dsn, pool={"max_size": 1}) as store:
        store.put(of("alice"), "a", {"n": 1})
        assert store.get(of("alice"), "a") is not None
        assert store.executor.run(Job(look)) == ("", 0)


def test_what_needs_all_users_raises_and_names_the_cure(app: AgentStore) -> None:
    for needs_all in (
        lambda: app.search(()),
        app.list_namespaces,
        app.sweep_ttl,
        lambda: app.count(()),
    ):
        with pytest.raises(OwnerNeededError, match="DSN of the tables' owner"):
            needs_all()


def test_the_owner_sees_everything(app: AgentStore, owned: AgentStore) -> None:
    app.put(of("alice"), "a", {"n": 1})
    app.put(of("bob"), "a", {"n": 2})
    assert len(owned.search(())) == 2
    assert owned.delete_user("bob") == 1


def test_it_can_be_set_up_again_and_removed(owned: AgentStore, app_dsn: str, role: str) -> None:
    owned.setup(row_security=True, application_role=role)
    owned.put(of("alice"), "a", {"n": 1})
    owned.setup(row_security=False)
    assert execute(app_dsn, "SELECT count(*) FROM agentstore.item") == [(1,)]
    with AgentStore(app_dsn) as store:
        assert len(store.search(())) == 1


def test_a_role_that_would_see_everything_is_refused(
    owned: AgentStore, fresh_database: str
) -> None:
    [(superuser,)] = execute(fresh_database, "SELECT current_user")
    with pytest.raises(ConfigurationError, match="would not limit it"):
        owned.setup(row_security=True, application_role=superuser)
    with pytest.raises(ConfigurationError, match="is no role of this server"):
        owned.setup(row_security=True, application_role="nobody here")


def test_a_write_outside_of_its_view_is_refused(app: AgentStore) -> None:
    alice = app.for_user("alice")
    put = alice.planner.plan(PutOp(NOTES, "a", {"n": 1}))
    put.item_id = ("bob", *put.item_id[1:])  # type: ignore[attr-defined]
    with pytest.raises(IsolationError):
        alice.executor.run(put)
    assert app.get(of("bob"), "a") is None


def statements_of(store: AgentStore, ops: list[Op]) -> int:
    """Return how many statements these operations took."""
    before = store.stats().statements
    store.batch(ops)
    return store.stats().statements - before


@pytest.mark.parametrize(("isolation", "statements"), [("shared", 1), ("strict", 5)])
def test_a_strict_store_sends_each_users_operations_apart(
    app_dsn: str, isolation: Isolation, statements: int
) -> None:
    users = [f"user {n}" for n in range(5)]
    with AgentStore(app_dsn, isolation=isolation) as store:
        assert statements_of(store, [PutOp(of(user), "k", {}) for user in users]) == statements
        assert statements_of(store, [GetOp(of(user), "k") for user in users]) == statements
        assert statements_of(store, [SearchOp(of(user)) for user in users]) == statements
        assert statements_of(store, [PutOp(of(user), "k", None) for user in users]) == statements


def test_an_unknown_isolation_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="isolation='loose' is not known"):
        AgentStore("postgresql://localhost/db", isolation="loose")  # type: ignore[arg-type]


INDEX = {"dims": 2, "embed": lambda texts: [[1.0, 0.0] for _ in texts], "mode": "hybrid"}


def test_a_set_of_vectors_made_later_is_protected_too(
    owned: AgentStore, fresh_database: str, app_dsn: str
) -> None:
    with AgentStore(fresh_database, index=INDEX):
        pass
    with AgentStore(app_dsn, index=INDEX) as store:
        store.put(of("alice"), "a", {"text": "cats purr"})
        [found] = store.search(of("alice"), query="cats")
        assert found.key == "a"
        assert store.search(of("bob"), query="cats") == []
    with psycopg.connect(app_dsn) as connection:
        table = "SELECT count(*) FROM agentstore.item_vector_1"
        assert connection.execute(table).fetchall() == [(0,)]


def test_an_application_is_told_of_a_missing_index_alone(
    app_dsn: str, fresh_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    index = {"dims": 2, "embed": lambda texts: [[1.0, 0.0] for _ in texts]}
    with AgentStore(fresh_database, index=index, pool={"max_size": 1}) as owner:
        owner.setup()
    with AgentStore(app_dsn, index=index):
        assert "stay exact" not in caplog.text
    [(name,)] = execute(
        fresh_database, "SELECT indexname FROM pg_indexes WHERE indexdef LIKE '%hnsw%'"
    )
    execute(fresh_database, "DROP INDEX agentstore.{}", name)
    with AgentStore(app_dsn, index=index):
        assert "searches stay exact" in caplog.text


def test_every_table_with_rows_of_users_is_protected(
    owned: AgentStore, fresh_database: str
) -> None:
    open_tables = execute(
        fresh_database,
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'agentstore'::regnamespace AND c.relkind = 'r'"
        " AND a.attname = 'user_id' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)",
    )
    assert open_tables == []


def test_data_store_locks_watches_and_counts_work(app: AgentStore) -> None:
    jobs = DataStore(app, "alice", "scribe")
    with jobs.lock("job"), jobs.watch(timeout_s=5) as changes:
        jobs.set("goal", {"n": 1})
        assert next(iter(changes)).key == "goal"
        assert jobs.increment("count") == 1
    assert jobs.get("goal") == {"n": 1}
    jobs.flush()
    record = jobs.record("goal")
    assert record is not None
    assert record.access_count == 1
    assert DataStore(app, "bob", "scribe").get("goal") is None


def test_a_load_names_its_users(app: AgentStore) -> None:
    puts = [PutOp(of(user), "k", {"user": user}) for user in ("alice", "bob")]
    assert app.load(puts) == 2
    assert app.for_user("bob").count() == 1


def test_a_user_is_exported_and_erased_without_the_owner(app: AgentStore, tmp_path: Path) -> None:
    app.put(of("alice"), "a", {"n": 1})
    app.put(of("bob"), "a", {"n": 2})
    export(app, tmp_path / "alice.jsonl", user_id="alice")
    assert app.delete_user("alice") == 1
    assert app.get(of("bob"), "a") is not None
    with pytest.raises(OwnerNeededError):
        export(app, tmp_path / "all.jsonl")


@needs_pgbouncer
def test_behind_pgbouncer_no_session_keeps_the_users(app_dsn: str) -> None:
    users = [f"user {n}" for n in range(20)]
    with pgbouncer(app_dsn, default_pool_size=2) as bouncer, AgentStore(bouncer.dsn) as store:
        store.batch([PutOp(of(user), "k", {"user": user}) for user in users])
        found = store.batch([GetOp(of(user), "k") for user in users])
        assert [item.value["user"] for item in found] == users  # type: ignore[union-attr]
        with psycopg.connect(bouncer.dsn, autocommit=True, prepare_threshold=None) as other:
            count = "SELECT count(*) FROM agentstore.item"
            assert [other.execute(count).fetchall() for _ in range(5)] == [[(0,)]] * 5
