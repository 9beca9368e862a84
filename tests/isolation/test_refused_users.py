"""A user id that Postgres cannot hold, or that is none, is refused before anything is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import orjson
import pytest
from langgraph.store.base import GetOp, Item, ListNamespacesOp, MatchCondition, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore import AgentStore, AsyncDataStore, DataStore
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.data_store import DataStoreAdministration, DataStoreService
from langgraph_agentstore.errors import (
    InvalidNamespaceError,
    InvalidValueError,
    MissingUserError,
    ValueTypeError,
)
from langgraph_agentstore.transfer import import_
from tests.transfer.moved_stores import DOCUMENT

IDS = {"empty": "", "NUL": "ann\x00", "surrogate": "ann\ud800", "number": 7, "bytes": b"ann"}

NO_INDEX = {"mode": "text"}


NOW = datetime.now(timezone.utc)


def item_of(tuple_: Any) -> Item:
    return Item(value={}, key="k", namespace=tuple_, created_at=NOW, updated_at=NOW)


TUPLES: dict[str, Callable[[AgentStore, Any], object]] = {
    "get": lambda store, of: store.get(of, "k"),
    "aget": lambda store, of: asyncio.run(store.aget(of, "k")),
    "get_record": lambda store, of: store.get_record(of, "k"),
    "put": lambda store, of: store.put(of, "k", {}),
    "put of a version": lambda store, of: store.put(of, "k", {}, expected_version=0),
    "update": lambda store, of: store.update(of, "k", lambda _: {}),
    "delete": lambda store, of: store.delete(of, "k"),
    "delete_namespace": lambda store, of: store.delete_namespace(of),
    "search": lambda store, of: store.search(of),
    "search by a query": lambda store, of: store.search(of, query="tea"),
    "explain_search": lambda store, of: store.explain_search(of, query="tea"),
    "count": lambda store, of: store.count(of),
    "iter_items": lambda store, of: store.iter_items(of),
    "list_namespaces": lambda store, of: store.list_namespaces(prefix=of),
    "list_namespaces by suffix": lambda store, of: store.list_namespaces(suffix=of),
    "load of tuples": lambda store, of: store.load([(of, "k", {})]),
    "load of items": lambda store, of: store.load([item_of(of)]),
    "load of puts": lambda store, of: store.load([PutOp(of, "k", {})]),
    "batch of gets": lambda store, of: store.batch([GetOp(of, "k")]),
    "batch of puts": lambda store, of: store.batch([PutOp(of, "k", {})]),
    "batch of searches": lambda store, of: store.batch([SearchOp(of)]),
    "batch of listings": lambda store, of: store.batch(
        [ListNamespacesOp((MatchCondition("prefix", of),))]
    ),
    "abatch": lambda store, of: asyncio.run(store.abatch([PutOp(of, "k", {})])),
    "explain": lambda store, of: store.explain(GetOp(of, "k")),
}

USERS: dict[str, Callable[[AgentStore, Any], object]] = {
    "for_user": lambda store, user: store.for_user(user),
    "delete_user": lambda store, user: store.delete_user(user),
    "adelete_user": lambda store, user: asyncio.run(store.adelete_user(user)),
    "DataStore": lambda store, user: DataStore(store, user, None),
    "AsyncDataStore": lambda store, user: AsyncDataStore(store, user, None),
    "DataStoreService": lambda store, user: DataStoreService(store).get(user, "files", "k"),
    "administration": lambda store, user: DataStoreAdministration(store).delete_namespace(
        user, "files"
    ),
    "ConversationMemory": ConversationMemory,
    "ConversationMemory of any store": lambda _, user: ConversationMemory(InMemoryStore(), user),
}


@pytest.fixture
def unreachable() -> AgentStore:
    """A store whose first statement would raise StoreUnavailableError."""
    return AgentStore("postgresql://nobody@127.0.0.1:1/none", index=NO_INDEX)


@pytest.mark.parametrize("user_id", IDS.values(), ids=IDS)
@pytest.mark.parametrize("call", TUPLES.values(), ids=TUPLES)
def test_a_tuple_of_such_a_user_is_refused(
    unreachable: AgentStore, call: Callable[[AgentStore, Any], object], user_id: Any
) -> None:
    with pytest.raises(InvalidNamespaceError, match="label") as refused:
        call(unreachable, ("users", user_id, "notes"))
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("user_id", [None, *IDS.values()], ids=["none", *IDS])
@pytest.mark.parametrize("call", USERS.values(), ids=USERS)
def test_a_facade_of_such_a_user_is_refused(
    unreachable: AgentStore, call: Callable[[AgentStore, Any], object], user_id: Any
) -> None:
    with pytest.raises((MissingUserError, ValueTypeError, InvalidValueError)) as refused:
        call(unreachable, user_id)
    missing = user_id is None or user_id == ""
    expected = MissingUserError if missing else InvalidValueError
    assert refused.type is (expected if missing or isinstance(user_id, str) else ValueTypeError)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("name", "error"),
    [("empty", MissingUserError), ("NUL", InvalidValueError), ("number", InvalidValueError)],
)
def test_a_file_with_such_a_user_is_refused(
    unreachable: AgentStore, name: str, error: type[Exception], tmp_path: Path
) -> None:
    file = tmp_path / "records.jsonl"
    document = {name: value for name, value in DOCUMENT.items() if name != "_id"}
    file.write_bytes(orjson.dumps({**document, "userId": IDS[name]}))
    with pytest.raises(error, match="nothing was written"):
        import_(unreachable, file, foreign=True)
