"""A server without pgvector: whatever needs no vector works, the rest says what to install."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import MissingExtensionError
from tests.support.embedders import CountingEmbedder
from tests.support.faults import dsn_of

NS = ("users", "ann", "notes")
HYBRID: dict[str, Any] = {
    "dims": 4,
    "embed": CountingEmbedder(4),
    "fields": ["text"],
    "mode": "hybrid",
}


@pytest.fixture
def without_vector(fresh_database: str) -> str:
    """The DSN of a database in which no extension can be found."""
    name = urlsplit(fresh_database).path[1:]
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        if connection.info.server_version < 180000:
            pytest.skip("this Postgres cannot hide its extensions")
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET extension_control_path = '/nowhere'").format(
                sql.Identifier(name)
            )
        )
    return fresh_database


@pytest.fixture
def store(without_vector: str) -> Iterator[AgentStore]:
    store = AgentStore(without_vector, index=HYBRID)
    yield store
    store.close()


def test_text_search_needs_no_extension(without_vector: str) -> None:
    with AgentStore(without_vector, index={"fields": ["text"]}) as store:
        store.put(NS, "k", {"text": "hello world"})
        assert [item.key for item in store.search(NS, query="hello")] == ["k"]
        assert store.reindex() == 0


ASKING: dict[str, Callable[[AgentStore], object]] = {
    "setup": AgentStore.setup,
    "search": lambda store: store.search(NS, query="hello"),
    "put": lambda store: store.put(NS, "k", {"text": "hello"}),
    "load": lambda store: store.load([(NS, "k", {"text": "hello"})]),
    "update": lambda store: store.update(NS, "k", lambda _: {"text": "hello"}),
    "reindex": AgentStore.reindex,
}


@pytest.mark.parametrize("asking", ASKING)
def test_what_needs_a_vector_says_how_to_install_it(store: AgentStore, asking: str) -> None:
    with pytest.raises(MissingExtensionError, match=r"postgresql-<version>-pgvector"):
        ASKING[asking](store)
    assert store.count(()) == 0


def test_the_rest_of_such_a_store_works(store: AgentStore) -> None:
    store.put(NS, "k", {"text": "hello"}, index=False)
    assert store.update(NS, "empty", lambda _: {"n": 1}) == {"n": 1}
    assert store.search(NS, query="hello", mode="text") == []
    assert [item.key for item in store.search(NS)] == ["empty", "k"]


@pytest.fixture
def modest_role(fresh_database: str) -> Iterator[str]:
    """The DSN of a role that owns the store's schema, and may do nothing else."""
    role = sql.Identifier("vectorless")
    with psycopg.connect(fresh_database, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
        owner.execute(sql.SQL("CREATE SCHEMA agentstore AUTHORIZATION {}").format(role))
        yield dsn_of(fresh_database, user="vectorless")
        owner.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(role))
        owner.execute(sql.SQL("DROP ROLE {}").format(role))


def test_a_role_that_may_not_make_the_extension_is_told_who_may(modest_role: str) -> None:
    store = AgentStore(modest_role, index=HYBRID)
    with pytest.raises(MissingExtensionError, match="superuser"):
        store.setup()
    store.close()
