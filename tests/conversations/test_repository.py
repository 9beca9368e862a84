"""Repositories hold what a plain dictionary would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore.config.store_options import dsn_source
from langgraph_agentstore.conversations import BaseStoreRepository, PostgresStoreRepository
from langgraph_agentstore.conversations.repository import dsn_of
from langgraph_agentstore.errors import ConfigurationError, InvalidNamespaceError
from langgraph_agentstore.store.user_scope import decode_label, encode_label
from tests.conversations.repository_model import STEPS, PlainRepository, follow

Label = st.text(alphabet="a.%2E:@", min_size=1, max_size=4)


class Over(BaseStoreRepository):
    """A repository of somebody's own."""

    def __init__(self, store: BaseStore) -> None:
        self._store = store

    @property
    def store(self) -> BaseStore:
        return self._store


NEWEST = [("put", ("docs",), "a"), ("put", ("docs",), "b"), ("search", ("docs",), None, 1)]


@given(st.lists(STEPS, max_size=20))
@example(NEWEST)
@settings(deadline=None)
def test_a_repository_over_any_store_does_what_a_dictionary_does(steps: list[Any]) -> None:
    assert follow(Over(InMemoryStore()), steps) == follow(PlainRepository(), steps)


@given(st.lists(STEPS, max_size=20))
@example(NEWEST)
@settings(deadline=None)
def test_its_awaitable_methods_do_too(steps: list[Any]) -> None:
    awaited = asyncio.run(follow(Over(InMemoryStore()), steps, awaited=True))
    assert awaited == follow(PlainRepository(), steps)


@given(st.text())
def test_a_label_survives_its_encoding(label: str) -> None:
    assert decode_label(encode_label(label)) == label
    assert "." not in encode_label(label)


@given(Label, Label)
def test_two_labels_never_become_one(one: str, other: str) -> None:
    assert (encode_label(one) == encode_label(other)) == (one == other)


@pytest.mark.parametrize("namespace", [("users", 7, "x"), (None,)])
def test_a_label_that_is_no_string_is_refused(namespace: Any) -> None:
    with pytest.raises((InvalidNamespaceError, TypeError)):
        Over(InMemoryStore()).put(namespace, "k", {})


def test_a_password_may_hold_anything() -> None:
    dsn = dsn_of("db.example", 6543, "a/b", "ann@x", "@:/% ?#[]&=+é")
    assert dsn.startswith("postgresql://ann%40x:")
    assert dsn_source(dsn).shown == "postgresql://ann%40x@db.example:6543/a%2Fb"


@pytest.mark.parametrize(
    ("host", "dsn"),
    [
        ("::1", "postgresql://u@[::1]:5432/d"),
        ("/var/run/pg 1", "postgresql://u@/d?host=/var/run/pg%201&port=5432"),
        ("10.0.0.1", "postgresql://u@10.0.0.1:5432/d"),
    ],
)
def test_a_host_may_be_an_address_or_a_folder(host: str, dsn: str) -> None:
    assert dsn_of(host, database="d", user="u") == dsn


@pytest.mark.parametrize(
    "make",
    [
        PostgresStoreRepository,
        lambda: PostgresStoreRepository("host", dsn="postgresql://x/y"),
        lambda: PostgresStoreRepository("host", 0),
        lambda: PostgresStoreRepository("host", "5432"),  # type: ignore[arg-type]
        lambda: PostgresStoreRepository("postgresql://x/y", 5432, "db"),
    ],
)
def test_a_repository_that_knows_no_server_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ConfigurationError):
        make()
