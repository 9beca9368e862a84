"""What erasing a user erases: every row of every table; and what is forgotten by itself."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from psycopg import sql

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.data_store import Watch, change_feed
from langgraph_agentstore.errors import WatchLapsedError
from langgraph_agentstore.files import StoreBackend
from langgraph_agentstore.memory_agent import MemoryAgent
from tests.support.faults import execute

INDEX = {"dims": 3, "embed": DeterministicFakeEmbedding(size=3), "mode": "hybrid"}


@pytest.fixture
def store(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=schema_name, index=INDEX) as store:
        yield store


OF_CONTROLS = ("item_history", "item_read", "quarantined_item", "quota_usage", "share")
"""Tables of controls that nobody asked for here."""


def leave_traces(store: AgentStore, user: str) -> Watch:
    """As every surface leaves them: items, vectors, counts, a lock, a watch and its changes."""
    store.put(("users", user, "notes"), "n", {"text": "secret"})
    data = DataStore(store, user, "agent", "jobs")
    watch = data.watch()
    data.set("job", {"state": "secret"})
    data.get("job")
    data.close()
    data.lock("job").acquire()
    ConversationMemory(store, user).save_turn("secret?", "secret!", "thread")
    MemoryAgent(store=store, user_id=user).store_memory("m", "secret")
    StoreBackend(store.for_user(user)).write("/f", "secret")
    return watch


def rows_of(dsn: str, schema: str, user: str) -> dict[str, int]:
    """How many rows of each table are a user's."""
    tables = execute(
        dsn,
        "SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t"
        " USING (table_schema, table_name) WHERE c.table_schema = %(schema)s"
        " AND c.column_name = 'user_id' AND t.table_type = 'BASE TABLE'",
        schema=schema,
    )
    count = "SELECT count(*) FROM {}.{} WHERE user_id = %(user)s"
    return {table: execute(dsn, count, schema, table, user=user)[0][0] for (table,) in tables}


def test_nothing_of_an_erased_user_is_left_in_any_table(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    _watches = [leave_traces(store, user) for user in ("ada", "bob")]
    before = rows_of(postgres_dsn, schema_name, "ada")
    unused = {name: before.pop(name) for name in OF_CONTROLS}
    assert set(unused.values()) == {0}
    assert all(before.values()), f"a table that holds nothing proves nothing: {before}"

    store.delete_user("ada")

    assert set(rows_of(postgres_dsn, schema_name, "ada").values()) == {0}
    assert rows_of(postgres_dsn, schema_name, "bob") == {**before, **unused}


def test_whoever_watches_an_erased_user_hears_that_the_watch_has_lapsed(
    store: AgentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_feed, "RENEW_S", 0.0)
    data = DataStore(store, "ada", None)
    with data.watch(timeout_s=10) as changes:
        data.set("a", 1)
        assert next(changes).key == "a"
        store.delete_user("ada")
        with pytest.raises(WatchLapsedError):
            next(changes)


def test_a_notification_names_no_user(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    data = DataStore(store, "ada@example.com", None)
    with psycopg.connect(postgres_dsn, autocommit=True) as listening, data.watch():
        listening.execute("LISTEN agentstore_change")
        data.set("a", 1)
        (heard,) = listening.notifies(timeout=10, stop_after=1)

    assert len(heard.payload) == 64
    assert "ada" not in heard.payload


@pytest.mark.parametrize("by", ["a sweep", "another watch", "the user's next write"])
def test_what_a_killed_watch_left_is_forgotten_after_its_hour(
    store: AgentStore, postgres_dsn: str, schema_name: str, by: str
) -> None:
    data = DataStore(store, "ada", None)
    _watch = data.watch()
    data.set("a", "secret")
    assert rows_of(postgres_dsn, schema_name, "ada")["change"] == 1
    past = "now() - interval '61 minutes'"
    for table, column in (("watch", "expires_at"), ("change", "at")):
        statement = sql.SQL("UPDATE {}.{} SET {} = " + past).format(
            *map(sql.Identifier, (schema_name, table, column))
        )
        with psycopg.connect(postgres_dsn, autocommit=True) as connection:
            connection.execute(statement)

    if by == "a sweep":
        store.sweep_ttl()
    elif by == "another watch":
        DataStore(store, "bob", None).watch().close()
    else:
        data.set("b", 1)

    left = rows_of(postgres_dsn, schema_name, "ada")
    assert (left["watch"], left["change"]) == (0, 0)


def test_the_names_that_the_database_function_uses_cannot_be_taken(
    postgres_dsn: str, schema_name: str
) -> None:
    """By a schema that stands before ours in somebody's search_path."""
    with AgentStore(postgres_dsn, schema=schema_name):
        pass
    [(settings,)] = execute(
        postgres_dsn,
        "SELECT proconfig FROM pg_proc WHERE proname = 'tell_change'"
        " AND pronamespace = %(schema)s::regnamespace",
        schema=schema_name,
    )
    assert settings == ["search_path=pg_catalog, pg_temp"]
