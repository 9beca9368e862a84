"""DSNs, environment, passwords and TLS: what leads to the server, and what is said if not."""

from __future__ import annotations

import logging
import shutil
import ssl
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import (
    AccessDeniedError,
    AgentStoreError,
    ConfigurationError,
    StoreUnavailableError,
)
from tests.runtime.tls import TlsFront, self_signed
from tests.support.faults import dsn_of, execute, free_port, hung_host
from tests.support.proxy import Proxy
from tests.support.servers import TestServer, temporary_folder

NAMESPACE = ("users", "ann", "notes")
PASSWORDS = ["p@ss/w:rd", "100% sure", "a b", "%40", "#?&=+", "ünï", "'\"\\", "[x]"]


@pytest.fixture(scope="module")
def guarded_server() -> Iterator[TestServer]:
    """A server that asks one role, `guarded`, for its password."""
    with temporary_folder() as folder:
        server = TestServer(folder)
        hba = server.data / "pg_hba.conf"
        hba.write_text("local all guarded scram-sha-256\n" + hba.read_text())
        execute(server.dsn, "CREATE ROLE guarded LOGIN SUPERUSER")
        execute(server.dsn, "SELECT pg_reload_conf()")
        yield server
        server.stop()


def set_password(server: TestServer, password: str) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(
            psycopg.sql.SQL("ALTER ROLE guarded PASSWORD {}").format(psycopg.sql.Literal(password))
        )


def works(store: AgentStore) -> bool:
    with store:
        store.put(NAMESPACE, "k", {"n": 1})
        return store.get(NAMESPACE, "k") is not None


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_may_hold_any_character_when_quoted(
    guarded_server: TestServer, password: str
) -> None:
    set_password(guarded_server, password)
    assert works(AgentStore(dsn_of(guarded_server.dsn, user="guarded", password=password)))


def test_a_password_may_stand_among_the_options(guarded_server: TestServer) -> None:
    set_password(guarded_server, "p@ss word")
    dsn = f"{dsn_of(guarded_server.dsn, user='guarded')}&password={quote('p@ss word')}"
    store = AgentStore(dsn)
    assert "word" not in repr(store)
    assert works(store)


def test_a_wrong_password_is_an_error_that_names_the_role_and_not_the_password(
    guarded_server: TestServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    set_password(guarded_server, "right")
    store = AgentStore(dsn_of(guarded_server.dsn, user="guarded", password="s3cret"))
    with pytest.raises(AccessDeniedError, match="guarded") as caught:
        store.setup()
    assert isinstance(caught.value, PermissionError)
    assert "s3cret" not in repr(store)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert "s3cret" not in caplog.text
    store.close()


def test_a_password_that_was_changed_meanwhile_costs_only_new_connections(
    guarded_server: TestServer,
) -> None:
    set_password(guarded_server, "first")
    dsn = dsn_of(guarded_server.dsn, user="guarded", password="first")
    with AgentStore(dsn, pool={"max_size": 1}) as store:
        store.put(NAMESPACE, "k", {"n": 1})
        set_password(guarded_server, "second")
        assert store.get(NAMESPACE, "k") is not None


# Slips of the pen that put a password where something else is looked for.
LEAKY = [
    "postgresql://ann:s3/cret@localhost/db",
    "postgresql://ann:s3#cret@localhost/db",
    "postgresql://ann:s3?cret@localhost/db",
    "postgresql://ann:s3cret@@localhost/db",
    "postgresql://ann:s3[cret@localhost/db",
    "postgresql://ann:s3\u2100cret@localhost/db",
    "postgresql://ann:s3cret@localhost:port/db",
    "postgresql://ann:s3cret@localhost:99999/db",
    "postgresql://ann:s3cret@one:1,two:x/db",
    "postgresql://ann:s3cret@localhost/db?sslmode=s3cret",
    "postgresql://ann:s3cret@localhost/db?port=s3cret",
    "postgresql://:s3cret@localhost:1/db",
    "postgresql://ann:s3cret@/db?host=/nowhere",
]


@pytest.mark.parametrize("dsn", LEAKY)
def test_a_password_in_a_misspelt_dsn_is_not_shown(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = []

    def connect() -> None:
        store = AgentStore(dsn, pool={"connect_timeout_s": 0.5})
        said.append(repr(store))
        store.setup()

    with pytest.raises(AgentStoreError) as caught:
        connect()
    shown = "".join([*said, *traceback.format_exception(caught.value), caplog.text])
    assert not [line for line in shown.splitlines() if "s3" in line or "cret" in line]


MISTAKES = {
    "": "starts with postgresql://",
    "localhost/db": "starts with postgresql://",
    "host=localhost dbname=my db": "written 'in quotes'",
    "mysql://localhost/db": "'mysql'",
    "postgresql+no_driver://localhost/db": r"'postgresql\+no_driver'; leave out",
    "postgresql://one:1,two:x/db": "port",
    "postgresql://one,two/db?port=1,2,3": "port",
    "postgresql://localhost:x/db": "port",
}


@pytest.mark.parametrize("dsn", MISTAKES)
def test_a_mistake_in_a_dsn_is_told_before_anything_connects(dsn: str) -> None:
    with pytest.raises(ConfigurationError, match=MISTAKES[dsn]):
        AgentStore(dsn)


def test_a_mistake_in_the_dsn_of_the_environment_names_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AGENTSTORE_DSN", "localhost/db")
    with pytest.raises(ConfigurationError, match=r"^the DSN of AGENTSTORE_DSN starts with"):
        AgentStore()


def test_a_database_that_does_not_exist_is_named(postgres_dsn: str) -> None:
    dsn = urlsplit(postgres_dsn)._replace(path="/no_such_database").geturl()
    with pytest.raises(ConfigurationError, match=r"no_such_database.*create it"):
        AgentStore(dsn).setup()


def test_a_role_that_does_not_exist_is_named(postgres_dsn: str) -> None:
    with pytest.raises(AccessDeniedError, match="no_such_role"):
        AgentStore(dsn_of(postgres_dsn, user="no_such_role")).setup()


def test_an_option_the_driver_does_not_know_is_an_error() -> None:
    store = AgentStore("postgresql://localhost/db", pool={"connect_options": {"no_such": 1}})
    with pytest.raises(ConfigurationError, match="connect options"):
        store.setup()


def test_a_port_where_nobody_listens_is_told_with_its_address() -> None:
    dsn = f"postgresql://ann@127.0.0.1:{free_port()}/db?sslmode=disable"
    with pytest.raises(StoreUnavailableError, match=r"127\.0\.0\.1:\d+/db"):
        AgentStore(dsn).setup()


def test_what_a_dsn_leaves_out_comes_from_the_environment(
    postgres_dsn: str, schema_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = urlsplit(postgres_dsn)
    options = parse_qs(parts.query)
    monkeypatch.setenv("PGHOST", options["host"][0])
    monkeypatch.setenv("PGPORT", options["port"][0])
    monkeypatch.setenv("PGUSER", "postgres")
    monkeypatch.setenv("PGDATABASE", parts.path.lstrip("/"))
    assert works(AgentStore("postgresql://", schema=schema_name))
    assert execute(postgres_dsn, "SELECT key FROM {}.item", schema_name) == [("k",)]


def test_the_password_of_the_environment_is_used_and_never_shown(
    guarded_server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_password(guarded_server, "from the environment")
    monkeypatch.setenv("PGPASSWORD", "from the environment")
    assert works(AgentStore(dsn_of(guarded_server.dsn, user="guarded")))
    monkeypatch.setenv("PGPASSWORD", "s3cret")
    with pytest.raises(AccessDeniedError) as caught:
        AgentStore(dsn_of(guarded_server.dsn, user="guarded")).setup()
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_a_store_without_a_dsn_takes_that_of_the_environment(
    postgres_dsn: str, schema_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTSTORE_DSN", postgres_dsn)
    assert works(AgentStore(schema=schema_name))
    assert execute(postgres_dsn, "SELECT key FROM {}.item", schema_name) == [("k",)]


def test_a_hung_host_of_the_environment_costs_the_others_no_time(
    postgres_dsn: str, schema_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = urlsplit(postgres_dsn)
    with hung_host() as hung, Proxy(postgres_dsn) as proxy:
        monkeypatch.setenv("PGHOST", "127.0.0.1,127.0.0.1")
        monkeypatch.setenv("PGPORT", f"{hung},{proxy.port}")
        store = AgentStore(
            f"postgresql://postgres@{parts.path}?sslmode=disable",
            schema=schema_name,
            pool={"connect_timeout_s": 2.0},
        )
        assert works(store)


def application_name(store: AgentStore, dsn: str, schema: str) -> str:
    """The name under which the server sees the store's connections."""
    with store:
        store.get(NAMESPACE, "k")
        sql = "SELECT application_name FROM pg_stat_activity WHERE query LIKE '%\"{}\"%'"
        names = execute(dsn, sql.replace('"{}"', f'"{schema}"'))
    (name,) = {row[0] for row in names if row[0] != ""}
    return str(name)


NAMES = {
    "application_name=svc": "svc",
    "fallback_application_name=svc": "svc",
    "application_name=svc&fallback_application_name=other": "svc",
    "options=-c%20application_name%3Dsvc": "svc",
    "connect_timeout=5": "langgraph_agentstore",
}


@pytest.mark.parametrize("options", NAMES)
def test_the_name_of_the_application_is_the_one_of_the_dsn(
    postgres_dsn: str, schema_name: str, options: str
) -> None:
    store = AgentStore(f"{postgres_dsn}&{options}", schema=schema_name)
    assert application_name(store, postgres_dsn, schema_name) == NAMES[options]


@pytest.fixture
def tls(postgres_dsn: str, tmp_path: Path) -> Iterator[tuple[TlsFront, Path]]:
    """A server that insists on TLS, and the certificate that it signed itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, so there is no certificate")
    certificate, key = self_signed(tmp_path)
    with Proxy(postgres_dsn) as proxy, TlsFront(certificate, key, proxy.port) as front:
        yield front, certificate


def tls_dsn(postgres_dsn: str, front: TlsFront, options: str = "") -> str:
    return f"postgresql://postgres@localhost:{front.port}{urlsplit(postgres_dsn).path}{options}"


@pytest.mark.parametrize("mode", ["require", "prefer", "verify-ca", "verify-full"])
def test_tls_is_used_as_the_dsn_asks(
    tls: tuple[TlsFront, Path], postgres_dsn: str, schema_name: str, mode: str
) -> None:
    front, certificate = tls
    options = f"?sslmode={mode}"
    if mode.startswith("verify"):
        options += f"&sslrootcert={certificate}"
    assert works(AgentStore(tls_dsn(postgres_dsn, front, options), schema=schema_name))
    assert front.handshakes > 0


def test_a_certificate_of_unknown_origin_is_refused(
    tls: tuple[TlsFront, Path], postgres_dsn: str, tmp_path: Path
) -> None:
    front, _ = tls
    stranger, _ = self_signed(tmp_path, "stranger")
    dsn = tls_dsn(postgres_dsn, front, f"?sslmode=verify-full&sslrootcert={stranger}")
    with pytest.raises(StoreUnavailableError, match=r"(?i)certificate"):
        AgentStore(dsn).setup()


def test_an_ssl_context_can_be_given_among_the_connect_options(
    tls: tuple[TlsFront, Path], postgres_dsn: str, schema_name: str
) -> None:
    front, certificate = tls
    context = ssl.create_default_context(cafile=str(certificate))
    pool = {"connect_options": {"ssl": context}}
    assert works(AgentStore(tls_dsn(postgres_dsn, front), schema=schema_name, pool=pool))
    assert front.handshakes > 0


def test_a_server_without_tls_is_refused_where_the_dsn_requires_it(postgres_dsn: str) -> None:
    with Proxy(postgres_dsn) as proxy:
        dsn = proxy.dsn.replace("sslmode=disable", "sslmode=require")
        with pytest.raises(StoreUnavailableError, match=r"(?i)ssl"):
            AgentStore(dsn).setup()
