"""Retention: the sweeper deletes what was last written long ago, by namespace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.errors import ConfigurationError
from langgraph_agentstore.runtime import ttl_sweeper
from langgraph_agentstore.security import Retention
from tests.isolation.test_erasing import rows_of
from tests.support.faults import execute, wait_until

AGES = {("conversations",): timedelta(days=90), ("notes", "it's"): timedelta(days=7)}


@pytest.fixture
def retaining(postgres_dsn: str, schema_name: str) -> Iterator[Callable[..., AgentStore]]:
    with ExitStack() as stack:

        def open_store(**options: Any) -> AgentStore:
            store = AgentStore(
                postgres_dsn, schema=schema_name, retention=Retention(AGES), **options
            )
            return stack.enter_context(store)

        yield open_store


def age(dsn: str, schema: str, days: int) -> None:
    statement = "UPDATE {}.item SET updated_at = now() - interval '1 day' * %(days)s"
    execute(dsn, statement, schema, days=days)


def test_only_what_was_kept_long_enough_is_deleted(
    retaining: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    store = retaining()
    ConversationMemory(store, "ada").save_turn("q?", "r.", "t")
    places = [("conversations2",), ("notes",), ("notes", "it's"), ("notes", "it's", "deep")]
    for place in places:
        store.put(("users", "ada", *place), "n", {"n": 1})
    store.put(("notes", "it's"), "shared", {"n": 1})
    age(postgres_dsn, schema_name, 8)
    store.put(("users", "ada", "notes", "it's"), "new", {"n": 1})
    assert store.sweep_ttl() == 3
    age(postgres_dsn, schema_name, 91)
    assert store.sweep_ttl() == 2
    assert [item.key for item in store.search(("users", "ada"), limit=10)] == ["n", "n"]


def test_it_is_done_in_bounded_batches_and_tells_watchers(
    retaining: Callable[..., AgentStore],
    postgres_dsn: str,
    schema_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ttl_sweeper, "BATCH_SIZE", 10)
    store = retaining()
    namespace = ("users", "ada", "conversations")
    store.load([(namespace, f"n{n:02}", {"n": n}) for n in range(25)])
    age(postgres_dsn, schema_name, 91)
    data = DataStore(store, "ada", None, "conversations")
    with data.watch(timeout_s=20) as changes:
        before = store.stats().statements
        assert store.sweep_ttl() == 25
        assert store.stats().statements - before > 6
        assert {next(changes).key for _ in range(25)} == {f"n{n:02}" for n in range(25)}
    assert rows_of(postgres_dsn, schema_name, "ada")["item"] == 0


def test_the_sweeper_does_it_by_itself(
    retaining: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    store = retaining(ttl={"sweep_interval_minutes": 0.001})
    store.put(("users", "ada", "conversations"), "n", {"n": 1})
    age(postgres_dsn, schema_name, 91)
    wait_until(lambda: rows_of(postgres_dsn, schema_name, "ada")["item"] == 0)


def test_setup_makes_an_index_of_each_policy_and_the_sweep_uses_it(
    retaining: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    from langgraph_agentstore.security.quotas.retention_sql import plan_retention

    store = retaining()
    definitions = execute(
        postgres_dsn,
        "SELECT indexdef FROM pg_indexes WHERE schemaname = %(s)s AND indexname ~ 'retention'",
        s=schema_name,
    )
    assert len(definitions) == 2
    store.load([(("users", f"u{n}", "other"), "n", {"n": n}) for n in range(3000)])
    execute(postgres_dsn, "ANALYZE {}.item", schema_name)
    context = store.planner.context
    for stored, kept in Retention(AGES).stored.items():
        statement = plan_retention(stored, kept, 10, context, held=False)
        sql = statement.sql.replace("$1", "10").replace("$2::interval", "'1 day'::interval")
        plan = execute(postgres_dsn, "EXPLAIN " + sql.replace("%", "%%"))
        assert "item_retention_" in str(plan)


@pytest.mark.parametrize(
    "given",
    [
        {(): timedelta(days=1)},
        {("a",): timedelta(0)},
        {("a",): 90},
        {"conversations": timedelta(days=1)},
        [("a",)],
    ],
)
def test_a_wrong_policy_is_refused(given: Any) -> None:
    with pytest.raises((ConfigurationError, ValueError)):
        Retention(given)
