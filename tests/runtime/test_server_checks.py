"""Servers as they are found: too old, with an extension elsewhere, with rows hidden by policies."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import ConfigurationError, MissingExtensionError
from tests.support.embedders import CountingEmbedder
from tests.support.faults import dsn_of, execute, grant_items
from tests.support.servers import temporary_folder

NS = ("users", "ann", "notes")
OLD_BINARIES = Path("/usr/lib/postgresql/15/bin")
DISTANCES = ["cosine", "l2", "inner_product"]


def index_of(**options: Any) -> dict[str, Any]:
    return {"dims": 4, "embed": CountingEmbedder(4), "fields": ["text"], **options}


@pytest.fixture
def old_server() -> Iterator[str]:
    """A server of Postgres 15, as Debian 12 has it."""
    if not OLD_BINARIES.is_dir():
        pytest.skip("Postgres 15 is not installed as Debian installs it")
    user = "postgres" if os.geteuid() == 0 else None
    with temporary_folder() as folder:
        if user is not None:
            shutil.chown(folder, user)
        run = partial(subprocess.run, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        data, ctl = folder / "old", [OLD_BINARIES / "pg_ctl", "-D", folder / "old", "-w"]
        run([OLD_BINARIES / "initdb", "-A", "trust", "-U", "ann", "-D", data])
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        run([*ctl, "-l", folder / "log", "-o", options, "start"])
        yield f"postgresql://ann@/postgres?host={folder}"
        run([*ctl, "-m", "immediate", "stop"])


@pytest.mark.postgres
def test_a_server_that_is_too_old_is_told_by_its_version(old_server: str) -> None:
    store = AgentStore(old_server)
    with pytest.raises(ConfigurationError, match=r"^Postgres 16 or later is needed, this is 15\."):
        store.setup()
    assert execute(
        old_server, "SELECT count(*) FROM pg_namespace WHERE nspname = 'agentstore'"
    ) == [(0,)]


# pgvector


def pretend(dsn: str, version: str) -> None:
    """Has the database say that its pgvector is of that version."""
    execute(dsn, "CREATE EXTENSION IF NOT EXISTS vector")
    execute(dsn, f"UPDATE pg_extension SET extversion = '{version}' WHERE extname = 'vector'")


FAULTS = {
    "0.8.0": ["pgvector 0.8.0", "CVE-2026-3172", "corrupt"],
    "0.8.1": ["pgvector 0.8.1", "CVE-2026-3172", "corrupt"],
    "0.8.3": ["pgvector 0.8.3", "corrupt"],
}


@pytest.mark.parametrize("version", FAULTS)
def test_faults_of_an_old_pgvector_are_told_once_and_the_store_works(
    fresh_database: str, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    pretend(fresh_database, version)
    with AgentStore(fresh_database, index=index_of()) as store:
        store.put(NS, "k", {"text": "hello"})
        store.setup()
        assert [item.key for item in store.search(NS, query="hello")] == ["k"]
    (warning,) = caplog.messages
    assert all(word in warning for word in FAULTS[version])
    assert ("CVE" in warning) == (version < "0.8.2")


@pytest.mark.parametrize("version", ["0.8.4", "0.8.10", "0.9.0", "1.0"])
def test_a_pgvector_without_known_faults_is_passed_over(
    fresh_database: str, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    pretend(fresh_database, version)
    AgentStore(fresh_database, index=index_of()).setup()
    assert caplog.messages == []


def test_an_old_pgvector_does_not_concern_a_store_without_vectors(
    fresh_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    pretend(fresh_database, "0.8.0")
    AgentStore(fresh_database, index={"fields": ["text"]}).setup()
    assert caplog.messages == []


def test_a_pgvector_that_is_too_old_is_refused(fresh_database: str) -> None:
    pretend(fresh_database, "0.7.4")
    with pytest.raises(MissingExtensionError, match=r"0\.8 or later, this database has 0\.7\.4"):
        AgentStore(fresh_database, index=index_of()).setup()


@pytest.fixture
def elsewhere(fresh_database: str) -> str:
    """A database whose pgvector is in a schema that is not on the search_path."""
    execute(fresh_database, 'CREATE SCHEMA "The Extensions"')
    execute(fresh_database, 'CREATE EXTENSION vector SCHEMA "The Extensions"')
    return fresh_database


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("vector_type", ["vector", "halfvec", "bit"])
def test_pgvector_works_in_a_schema_off_the_search_path(
    elsewhere: str, distance: str, vector_type: str
) -> None:
    if vector_type == "bit" and distance != "cosine":
        pytest.skip("bits have one distance")
    ann = {"kind": "hnsw", "vector_type": vector_type}
    index: Any = index_of(distance_type=distance, ann_index_config=ann, mode="hybrid")
    with AgentStore(elsewhere, index=index) as store:
        store.put(NS, "a", {"text": "hello world"})
        store.load([(NS, f"l{n}", {"text": f"text {n}"}) for n in range(50)])
        store.update(NS, "a", lambda value: {**(value or {}), "n": 1})
        assert store.search(NS, query="hello world")[0].key == "a"
        assert store.reindex() == 51
        assert store.search(NS, query="hello world")[0].key == "a"


def test_a_schema_of_pgvector_that_this_role_may_not_use_is_named(
    elsewhere: str, role: str
) -> None:
    AgentStore(elsewhere, index=index_of()).setup()
    grant_items(elsewhere, role)
    store = AgentStore(dsn_of(elsewhere, user=role), index=index_of())
    with pytest.raises(MissingExtensionError, match="'The Extensions', which this role may not"):
        store.setup()
    store.close()


# Row level security


@pytest.fixture
def secured(fresh_database: str, role: str) -> str:
    """A store's database, on whose items a DBA has switched row level security on."""
    with AgentStore(fresh_database) as store:
        store.put(NS, "k", {"n": 1})
    grant_items(fresh_database, role)
    execute(fresh_database, "ALTER TABLE agentstore.item ENABLE ROW LEVEL SECURITY")
    return fresh_database


def test_rows_that_no_policy_shows_are_an_error_and_not_an_empty_store(
    secured: str, role: str
) -> None:
    store = AgentStore(dsn_of(secured, user=role))
    with pytest.raises(ConfigurationError, match=r'row level security.*"agentstore"\.item'):
        store.get(NS, "k")
    store.close()


def test_a_hidden_table_of_migrations_does_not_have_them_run_again(secured: str, role: str) -> None:
    execute(secured, "ALTER TABLE agentstore.item DISABLE ROW LEVEL SECURITY")
    execute(secured, "ALTER TABLE agentstore.migration ENABLE ROW LEVEL SECURITY")
    store = AgentStore(dsn_of(secured, user=role))
    with pytest.raises(ConfigurationError, match=r'row level security.*"agentstore"\.migration'):
        store.setup()
    store.close()


@pytest.mark.parametrize("whose", ["public", "{}"])
def test_a_policy_for_the_role_is_told_and_the_store_works(
    secured: str, role: str, caplog: pytest.LogCaptureFixture, whose: str
) -> None:
    create = f"CREATE POLICY all_rows ON agentstore.item FOR ALL TO {whose} USING (true)"
    execute(secured, create, *([role] if whose == "{}" else []))
    with AgentStore(dsn_of(secured, user=role)) as store:
        assert store.get(NS, "k") is not None
    (warning,) = caplog.messages
    assert 'row level security is on for "agentstore".item' in warning


def test_a_policy_for_another_role_does_not_count(secured: str, role: str) -> None:
    execute(secured, "CREATE POLICY other ON agentstore.item TO pg_monitor USING (true)")
    store = AgentStore(dsn_of(secured, user=role))
    with pytest.raises(ConfigurationError, match="row level security"):
        store.setup()
    store.close()


def test_the_owner_sees_all_rows_unless_security_is_forced(
    secured: str, caplog: pytest.LogCaptureFixture
) -> None:
    with AgentStore(secured) as store:
        assert store.get(NS, "k") is not None
    assert caplog.messages == []
