"""Whoever may create in a schema of the search_path gets nothing of theirs called by the store."""

from __future__ import annotations

from itertools import product
from typing import Any

import psycopg
import pytest

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.config.store_options import PoolConfig, session_settings
from langgraph_agentstore.errors import AgentStoreError, ConfigurationError
from tests.runtime.poolers import needs_pgbouncer, pgbouncer
from tests.support.embedders import CountingEmbedder
from tests.support.faults import execute

NS = ("users", "ann", "notes")
INDEX: dict[str, Any] = {"dims": 4, "embed": CountingEmbedder(4), "fields": ["text"]}

_TYPES = ("text", "varchar", "name", "int2", "int4", "int8", "float4", "float8", "numeric")
_ANY_TYPES = (*_TYPES, "bool", "jsonb", "timestamptz", "interval", "text[]", "int4[]", "tsvector")
_OPERATORS = ("=", "<>", "<", ">", "<=", ">=", "||", "+", "-", "*", "/", "->", "->>", "&&", "@@")
_ONE = ("ln", "abs", "sqrt", "power", "round", "cardinality", "jsonb_typeof", "to_tsvector")
_TWO = ("strpos", "starts_with", "left", "round", "replace", "power", "to_tsvector", "concat")


def _planted() -> list[str]:
    """Traps that match better than what Postgres has, for arguments of any two types."""
    body = "LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a planted name was called'; END $$"
    one = [(name, (kind,)) for name, kind in product(_ONE, _ANY_TYPES)]
    two = [(name, pair) for name in _TWO for pair in product(_TYPES, repeat=2)]
    functions = [
        f"CREATE FUNCTION public.{name}({', '.join(kinds)}) RETURNS float8 {body}"
        for name, kinds in one + two
    ]
    pairs = [(a, b) for a, b in product(_ANY_TYPES, repeat=2)]
    operands = [f"CREATE FUNCTION public.trap({a}, {b}) RETURNS bool {body}" for a, b in pairs]
    operators = [
        f"CREATE OPERATOR public.{sign} (FUNCTION = public.trap, LEFTARG = {a}, RIGHTARG = {b})"
        for sign in _OPERATORS
        for a, b in pairs
    ]
    tables = [
        f"CREATE TABLE public.{name} (LIKE pg_catalog.pg_class)"
        for name in ("item", "migration", "vector_set", "watch", "change", "item_lock")
    ]
    types = [
        "CREATE DOMAIN public.vector AS text",
        "CREATE DOMAIN public.jsonb AS text",
        "CREATE DOMAIN public.timestamptz AS text",
        "CREATE TEXT SEARCH CONFIGURATION public.english (COPY = pg_catalog.simple)",
    ]
    return [*functions, *operands, *operators, *tables, *types]


@pytest.fixture
def planted(fresh_database: str) -> str:
    """A database whose schema public, on everybody's search_path, is full of traps."""
    execute(fresh_database, "CREATE SCHEMA extensions")
    execute(fresh_database, "CREATE EXTENSION vector SCHEMA extensions")
    with psycopg.connect(fresh_database) as connection:
        connection.execute("; ".join(_planted()))
    return fresh_database


def everything(store: AgentStore) -> None:
    """What the store does, and the right results."""
    store.put(NS, "a", {"text": "hello world", "n": 1, "tags": ["x"], "deep": {"k": 2.5}})
    store.put(NS, "b", {"text": "other words", "n": 2}, ttl=5)
    store.load([(NS, f"l{n}", {"text": f"text {n}", "n": 10 + n}) for n in range(20)])
    store.update(NS, "a", lambda value: {**(value or {}), "m": 3})
    assert store.search(NS, query="hello world")[0].key == "a"
    wanted = {"n": {"$gte": 1, "$lt": 3}, "deep": {"k": {"$ne": 7}}, "tags": {"$exists": True}}
    assert [item.key for item in store.search(NS, filter=wanted)] == ["a"]
    assert {item.key for item in store.search(NS, filter={"n": {"$in": [1, 2]}})} == {"a", "b"}
    assert store.list_namespaces(prefix=("users",), max_depth=2) == [("users", "ann")]
    store.reindex()
    assert store.search(NS, query="hello")[0].key == "a"
    assert store.count(("users",)) == 22
    data = DataStore(store, "ann", "things")
    data.set("counter", 1)
    data.increment("counter")
    data.append("list", "x")
    assert (data.get("counter"), data.get("list")) == (2, ["x"])
    assert set(data.get_all()) == {"counter", "list"}
    store.sweep_ttl()
    store.delete(NS, "a")
    assert store.get(NS, "a") is None
    assert store.delete_user("ann") > 0
    assert store.get(NS, "b") is None


@pytest.mark.parametrize("mode", ["vector", "text", "hybrid"])
def test_no_planted_name_is_called(planted: str, mode: str) -> None:
    with AgentStore(planted, index={**INDEX, "mode": mode}) as store:
        everything(store)


def test_the_traps_would_be_called_were_they_on_the_search_path(planted: str) -> None:
    """So the tests above can fail."""
    store = AgentStore(f"{planted}&search_path=public", index={**INDEX, "mode": "hybrid"})
    with pytest.raises(AgentStoreError), store:
        everything(store)
    store.close()


def test_a_search_path_of_the_connection_string_is_kept() -> None:
    """Whoever names one decides; what it holds is theirs."""
    told = session_settings(PoolConfig(), {"search_path": "mine"})
    assert told["search_path"] == "mine"


def test_pgvector_is_made_where_everybody_finds_it(fresh_database: str) -> None:
    with AgentStore(fresh_database, index=INDEX) as store:
        store.put(NS, "a", {"text": "hello"})
    assert execute(fresh_database, "SELECT '[1]'::public.vector::text") == [("[1]",)]


def test_pgvector_is_made_beside_the_tables_where_there_is_no_public(fresh_database: str) -> None:
    execute(fresh_database, "DROP SCHEMA public")
    with AgentStore(fresh_database, index=INDEX) as store:
        store.put(NS, "a", {"text": "hello"})
        assert store.search(NS, query="hello")[0].key == "a"


def test_a_text_search_configuration_elsewhere_is_named_with_its_schema(
    fresh_database: str,
) -> None:
    execute(fresh_database, "CREATE TEXT SEARCH CONFIGURATION public.mine (COPY = german)")
    with (
        pytest.raises(ConfigurationError, match=r"with its schema; known: .*public\.mine"),
        AgentStore(fresh_database, index={"fields": ["text"], "language": "mine"}),
    ):
        pass
    index = {"fields": ["text"], "language": "public.mine"}
    with AgentStore(fresh_database, index=index) as store:
        store.put(NS, "a", {"text": "die Katzen"})
        assert store.search(NS, query="Katze")[0].key == "a"


@needs_pgbouncer
@pytest.mark.parametrize("mode", ["text", "hybrid"])
def test_behind_a_pooler_writes_are_told_and_a_role_may_be(planted: str, mode: str) -> None:
    # In this database alone: other tests are this role's too, at the same time.
    [(database,)] = execute(planted, "SELECT current_database()")
    setting = "ALTER ROLE CURRENT_USER IN DATABASE {} SET search_path = pg_catalog, pg_temp"
    execute(planted, setting, database)
    with (
        pgbouncer(planted) as bouncer,
        AgentStore(bouncer.dsn, index={**INDEX, "mode": mode}) as store,
    ):
        everything(store)


@needs_pgbouncer
def test_what_setup_makes_behind_a_pooler_calls_no_planted_name(planted: str) -> None:
    with pgbouncer(planted) as bouncer, AgentStore(bouncer.dsn) as store:
        store.put(NS, "a", {"n": 1})
