"""`PostgresStoreRepository` on a real server: as a dictionary, and by whatever password."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, PostgresStoreRepository
from langgraph_agentstore.errors import AccessDeniedError, ConfigurationError, StoreClosedError
from tests.conversations.repository_model import STEPS, PlainRepository, follow
from tests.support.servers import TestServer

PASSWORD = "p@:/% w?#[]é'\"\\"
TURNS = ("users", "ann@example.org", "conversations")


@pytest.fixture
def repository(postgres_dsn: str, schema_name: str) -> Iterator[PostgresStoreRepository]:
    with PostgresStoreRepository(dsn=postgres_dsn, schema=schema_name) as repository:
        yield repository


@given(st.lists(STEPS, max_size=12))
@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.parametrize("awaited", [False, True])
def test_it_does_what_a_dictionary_does(
    repository: PostgresStoreRepository, awaited: bool, steps: list[Any]
) -> None:
    store = repository.store
    for user in {item.namespace[1] for item in store.iter_items(("users",))}:
        store.delete_user(user)
    if store.count(("docs",)):
        store.delete_namespace(("docs",))
    found = follow(repository, steps, awaited=awaited)
    assert (asyncio.run(found) if awaited else found) == follow(PlainRepository(), steps)


def test_a_user_with_periods_is_that_user_in_the_table(repository: PostgresStoreRepository) -> None:
    repository.put(TURNS, "k", {"n": 1})
    item = repository.store.for_user("ann@example.org").get(("conversations",), "k")
    assert item is not None
    assert item.value == {"n": 1}
    assert repository.search(TURNS) == [{"n": 1}]


def test_memory_and_repository_see_the_same_turns(repository: PostgresStoreRepository) -> None:
    key = ConversationMemory(repository, "ann@example.org").save_turn("q", "r", "t_1")
    value = repository.get(TURNS, str(key))
    assert value is not None
    assert (value["query"], value["response"], value["thread_id"]) == ("q", "r", "t_1")
    assert value["timestamp"].endswith("+00:00")


def test_words_are_searched_where_the_store_has_an_index(
    postgres_dsn: str, schema_name: str
) -> None:
    index = {"mode": "text"}
    with PostgresStoreRepository(dsn=postgres_dsn, schema=schema_name, index=index) as repository:
        repository.put(TURNS, "a", {"text": "a purring cat"})
        repository.put(TURNS, "b", {"text": "a barking dog"})
        assert repository.search(TURNS, "cat", limit=1) == [{"text": "a purring cat"}]
        assert asyncio.run(repository.asearch(TURNS, "dog")) == [{"text": "a barking dog"}]


@pytest.fixture
def guarded(disposable_server: TestServer) -> tuple[str, int]:
    """Host and port of a server that asks the role `app @:/%` for its password."""
    parts = psycopg.conninfo.conninfo_to_dict(disposable_server.dsn)
    role = "app @:/%"
    with psycopg.connect(disposable_server.dsn, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(PASSWORD)
            )
        )
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier("a/b @")))
        context = disposable_server.data / "pg_hba.conf"
        context.write_text(f'local all "{role}" scram-sha-256\n' + context.read_text())
        connection.execute("SELECT pg_reload_conf()")
    return str(parts["host"]), int(parts.get("port") or 5432)


def test_a_password_needs_no_quoting(guarded: tuple[str, int]) -> None:
    host, port = guarded
    with PostgresStoreRepository(host, port, "a/b @", "app @:/%", PASSWORD) as repository:
        repository.put(TURNS, "k", {"n": 1})
        assert repository.get(TURNS, "k") == {"n": 1}
        assert PASSWORD not in repr(repository.store)
    with pytest.raises(AccessDeniedError):
        PostgresStoreRepository(host, port, "a/b @", "app @:/%", "another")


def test_a_whole_dsn_may_stand_in_the_place_of_the_host(
    postgres_dsn: str, schema_name: str
) -> None:
    with PostgresStoreRepository(postgres_dsn, schema=schema_name) as repository:
        assert repr(repository.store).startswith("AgentStore('postgresql://postgres@")


def test_a_repository_closes_the_store_that_it_made_and_no_other(postgres_dsn: str) -> None:
    schema = f"t_{uuid4().hex[:12]}"
    with PostgresStoreRepository(dsn=postgres_dsn, schema=schema) as made:
        store = made.store
    with pytest.raises(StoreClosedError):
        store.get(("a",), "k")
    with AgentStore(postgres_dsn, schema=schema) as own:
        with PostgresStoreRepository(store=own):
            pass
        assert own.get(("a",), "k") is None
        with pytest.raises(ConfigurationError, match="schema"):
            PostgresStoreRepository(store=own, schema="other")
