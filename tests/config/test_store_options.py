"""Options of a store and of its pool, checked without a server."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from langgraph_agentstore.config.dsn import read_dsn
from langgraph_agentstore.config.store_options import (
    DSN_VARIABLE,
    PoolConfig,
    Source,
    checked_schema,
    embedded_source,
    find_source,
    session_settings,
    store_config,
)
from langgraph_agentstore.embedded import EmbeddedPostgres
from langgraph_agentstore.errors import ConfigurationError, InvalidOperationError

DSN = "postgresql://ann@db.example/agents"
SOURCE = Source(lambda: read_dsn(DSN), DSN)


@pytest.mark.parametrize(("given", "waits"), [(None, 7.0), (0.0, 0.0), (90.0, 90.0)])
def test_operations_wait_for_a_failover_as_for_a_connection_by_default(
    given: float | None, waits: float
) -> None:
    assert PoolConfig(acquire_timeout_s=7, failover_wait_s=given).failover_wait == waits


def test_the_server_ends_a_statement_when_its_caller_stops_waiting() -> None:
    settings = PoolConfig(command_timeout_s=0.0015).settings
    assert settings["statement_timeout"] == "2ms"
    assert settings["search_path"] == "pg_catalog, pg_temp"


def test_settings_of_ones_own_replace_the_defaults_and_those_of_the_dsn() -> None:
    pool = PoolConfig(session_settings={"jit": "on"})
    assert pool.settings == {"jit": "on"}
    given = {"jit": "off", "application_name": "mine"}
    assert session_settings(pool, given) == {"jit": "on", "application_name": "mine"}


def test_an_unknown_option_of_the_pool_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ConfigurationError, match=r"^pool: size: .*Known options: min_size, "):
        PoolConfig(size=3)  # type: ignore[call-arg]


def test_a_pool_is_given_as_options_or_as_a_config() -> None:
    pool = PoolConfig(max_size=3)
    assert store_config(SOURCE, pool={"max_size": 3}).pool == pool
    assert store_config(SOURCE, pool=pool).pool is pool
    assert store_config(SOURCE).pool == PoolConfig()


def test_a_pool_cannot_keep_more_connections_than_it_may_have() -> None:
    with pytest.raises(ConfigurationError, match="min_size 3 is above max_size 2"):
        store_config(SOURCE, pool={"min_size": 3, "max_size": 2})


def test_expired_items_are_hidden_and_swept_unless_told_otherwise() -> None:
    for ttl in (None, {"default_ttl": 5.0}):
        config = store_config(SOURCE, ttl=ttl)  # type: ignore[arg-type]
        assert config.omit_expired
        assert config.sweep_interval_minutes == 5
    config = store_config(SOURCE, ttl={"omit_expired": False, "sweep_interval_minutes": 2})
    assert not config.omit_expired
    assert config.sweep_interval_minutes == 2


@pytest.mark.parametrize(
    ("ttl", "error", "message"),
    [
        ({"ttl": 5}, ConfigurationError, r"ttl: \['ttl'\] is not known; known: default_ttl, "),
        ({"default_ttl": 0}, InvalidOperationError, "ttl is above 0"),
        ({"sweep_interval_minutes": "5"}, InvalidOperationError, "a number of minutes or None"),
    ],
)
def test_a_wrong_ttl_is_refused_when_the_store_is_made(
    ttl: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        store_config(SOURCE, ttl=ttl)


@pytest.mark.parametrize("most", [0, -1, 1.5, "1", True])
def test_the_largest_value_has_a_whole_number_of_bytes(most: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_value_bytes"):
        store_config(SOURCE, max_value_bytes=most)


@pytest.mark.parametrize("schema", ["agentstore", 'odd"name', "n" * 63])
def test_a_schema_has_any_name_that_postgres_takes(schema: str) -> None:
    assert checked_schema(schema) == schema


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("", "a non-empty name, got ''"),
        (None, "a non-empty name, got None"),
        ("é" * 32, "at most 63 bytes"),
        ("pg_mine", "not starting with 'pg_'"),
    ],
)
def test_other_schemas_are_refused(schema: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        checked_schema(schema)


def test_the_database_is_the_given_one_before_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(DSN_VARIABLE, "postgresql://other.example/other")
    assert find_source(DSN).resolve().values["host"] == "db.example"
    assert find_source(None).resolve().values["host"] == "other.example"


def test_without_a_dsn_the_bundled_postgres_is_used_if_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(DSN_VARIABLE, raising=False)
    monkeypatch.setattr(EmbeddedPostgres, "default_path", staticmethod(lambda: tmp_path))
    monkeypatch.setattr(EmbeddedPostgres, "is_installed", staticmethod(lambda: True))
    found = find_source(None)
    assert found.embedded is not None
    assert found.shown == f"bundled Postgres in {found.embedded.path}"
    monkeypatch.setattr(EmbeddedPostgres, "is_installed", staticmethod(lambda: False))
    with pytest.raises(ConfigurationError, match=r"no database: pass a DSN, set AGENTSTORE_DSN"):
        find_source(None)


def test_the_bundled_postgres_starts_when_its_dsn_is_needed_and_heeds_no_environment() -> None:
    started: list[str] = []

    def start() -> str:
        started.append(DSN)
        return DSN

    server: Any = SimpleNamespace(start=start, path="/folder")
    source = embedded_source(server)
    assert started == []
    assert source.environment == {}
    assert SOURCE.environment is os.environ
    assert source.resolve().values["host"] == "db.example"
    assert started == [DSN]
