"""Parameters of connection strings and libpq's variables, on real connections."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.config.dsn import read_dsn
from langgraph_agentstore.errors import (
    AccessDeniedError,
    ConfigurationError,
    StoreTimeoutError,
    StoreUnavailableError,
)
from langgraph_agentstore.runtime.connections.connector import connect
from langgraph_agentstore.runtime.connections.target import TargetReader
from tests.runtime.tls import TlsFront, self_signed
from tests.support.faults import dsn_of, execute, hung_host
from tests.support.proxy import Proxy
from tests.support.servers import TestServer, temporary_folder

NAMESPACE = ("users", "ann", "notes")


def works(store: AgentStore) -> bool:
    with store:
        store.put(NAMESPACE, "k", {"n": 1})
        return store.get(NAMESPACE, "k") is not None


async def setting(dsn: str, name: str, **environment: str) -> str:
    """What a session that was connected so is told by the server."""
    target = await TargetReader(read_dsn(dsn), environment, {}).read()
    connection = await connect(target, timeout=5, server_settings=dict(target.settings))
    try:
        return str(await connection.fetchval("SELECT current_setting($1)", name))
    finally:
        await connection.close()


@pytest.fixture
def front(postgres_dsn: str, tmp_path: Path) -> Iterator[tuple[TlsFront, Path]]:
    """A server that insists on TLS, and the certificate that it signed itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, so there is no certificate")
    certificate, key = self_signed(tmp_path)
    with Proxy(postgres_dsn) as proxy, TlsFront(certificate, key, proxy.port) as front:
        yield front, certificate


def tls_dsn(postgres_dsn: str, front: TlsFront, options: str, host: str = "localhost") -> str:
    return f"postgresql://postgres@{host}:{front.port}{urlsplit(postgres_dsn).path}?{options}"


# TLS


@pytest.mark.parametrize("mode", ["allow", "prefer", "require"])
def test_a_mode_that_believes_any_certificate_connects_with_tls(
    front: tuple[TlsFront, Path], postgres_dsn: str, schema_name: str, mode: str
) -> None:
    dsn = tls_dsn(postgres_dsn, front[0], f"sslmode={mode}")
    assert works(AgentStore(dsn, schema=schema_name))
    assert front[0].handshakes > 0


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_a_mode_that_does_not_insist_connects_without_tls(
    postgres_dsn: str, schema_name: str, mode: str
) -> None:
    with Proxy(postgres_dsn) as proxy:
        dsn = proxy.dsn.replace("sslmode=disable", f"sslmode={mode}")
        assert works(AgentStore(dsn, schema=schema_name))


def test_a_server_that_insists_on_tls_refuses_a_client_that_has_it_disabled(
    front: tuple[TlsFront, Path], postgres_dsn: str
) -> None:
    store = AgentStore(tls_dsn(postgres_dsn, front[0], "sslmode=disable"))
    with pytest.raises(StoreUnavailableError):
        store.setup()


def test_verify_ca_believes_a_certificate_of_another_name(
    front: tuple[TlsFront, Path], postgres_dsn: str, schema_name: str
) -> None:
    options = f"sslmode=verify-ca&sslrootcert={front[1]}&hostaddr=127.0.0.1"
    dsn = tls_dsn(postgres_dsn, front[0], options, "other.example")
    assert works(AgentStore(dsn, schema=schema_name))


@pytest.mark.parametrize(
    "binding", ["sslmode=verify-full", "sslmode=verify-full&channel_binding=require"]
)
def test_verify_full_refuses_a_certificate_of_another_name(
    front: tuple[TlsFront, Path], postgres_dsn: str, binding: str
) -> None:
    options = f"{binding}&sslrootcert={front[1]}&hostaddr=127.0.0.1"
    store = AgentStore(tls_dsn(postgres_dsn, front[0], options, "other.example"))
    with pytest.raises(StoreUnavailableError, match=r"(?i)certificate.*other\.example"):
        store.setup()


def test_a_root_certificate_makes_require_verify(
    front: tuple[TlsFront, Path], postgres_dsn: str, tmp_path: Path
) -> None:
    stranger, _ = self_signed(tmp_path, "stranger")
    options = f"sslmode=require&sslrootcert={stranger}"
    with pytest.raises(StoreUnavailableError, match=r"(?i)certificate"):
        AgentStore(tls_dsn(postgres_dsn, front[0], options)).setup()


def test_a_root_certificate_that_is_not_there_is_named(
    front: tuple[TlsFront, Path], postgres_dsn: str
) -> None:
    options = "sslmode=verify-full&sslrootcert=/no/such.crt"
    with pytest.raises(ConfigurationError, match=r"sslrootcert: '/no/such.crt' cannot be used: No"):
        AgentStore(tls_dsn(postgres_dsn, front[0], options)).setup()


def test_verifying_without_a_root_certificate_tells_of_the_system_s(
    front: tuple[TlsFront, Path],
    postgres_dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigurationError, match="sslrootcert=system"):
        AgentStore(tls_dsn(postgres_dsn, front[0], "sslmode=verify-full")).setup()


def test_the_root_certificate_of_the_home_folder_is_believed(
    front: tuple[TlsFront, Path],
    postgres_dsn: str,
    schema_name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".postgresql").mkdir()
    shutil.copy(front[1], tmp_path / ".postgresql" / "root.crt")
    dsn = tls_dsn(postgres_dsn, front[0], "sslmode=verify-full")
    assert works(AgentStore(dsn, schema=schema_name))


# SSL_CERT_FILE is how OpenSSL is told which certificates the system believes.
SYSTEMS = ["sslrootcert=system", "sslmode=require&channel_binding=require"]


@pytest.mark.parametrize("options", SYSTEMS)
def test_a_certificate_that_the_system_believes_is_believed(
    front: tuple[TlsFront, Path],
    postgres_dsn: str,
    schema_name: str,
    monkeypatch: pytest.MonkeyPatch,
    options: str,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(front[1]))
    assert works(AgentStore(tls_dsn(postgres_dsn, front[0], options), schema=schema_name))
    assert front[0].handshakes > 0


@pytest.mark.parametrize("options", SYSTEMS)
def test_a_certificate_that_the_system_does_not_believe_is_refused(
    front: tuple[TlsFront, Path], postgres_dsn: str, options: str
) -> None:
    with pytest.raises(StoreUnavailableError, match=r"(?i)certificate"):
        AgentStore(tls_dsn(postgres_dsn, front[0], options)).setup()


def test_where_binding_is_held_the_certificate_must_name_the_host(
    front: tuple[TlsFront, Path], postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(front[1]))
    options = "sslmode=require&channel_binding=require&hostaddr=127.0.0.1"
    store = AgentStore(tls_dsn(postgres_dsn, front[0], options, "other.example"))
    with pytest.raises(StoreUnavailableError, match=r"(?i)certificate.*other\.example"):
        store.setup()


def test_where_binding_is_held_by_verifying_the_error_says_so(
    front: tuple[TlsFront, Path], postgres_dsn: str
) -> None:
    options = "sslmode=require&channel_binding=require"
    with pytest.raises(
        StoreUnavailableError, match=r"channel_binding=require by verifying.*sslrootcert"
    ):
        AgentStore(tls_dsn(postgres_dsn, front[0], options)).setup()


def test_binding_is_held_where_an_attacker_offers_no_tls(postgres_dsn: str) -> None:
    with Proxy(postgres_dsn) as proxy:
        dsn = proxy.dsn.replace("sslmode=disable", "channel_binding=require")
        with pytest.raises(StoreUnavailableError, match=r"(?i)ssl"):
            AgentStore(dsn).setup()


def test_an_address_is_connected_to_and_the_name_is_verified(
    front: tuple[TlsFront, Path], postgres_dsn: str, schema_name: str
) -> None:
    options = f"sslmode=verify-full&sslrootcert={front[1]}&hostaddr=127.0.0.1"
    assert works(AgentStore(tls_dsn(postgres_dsn, front[0], options), schema=schema_name))


def test_a_version_of_tls_that_is_too_old_is_refused(
    front: tuple[TlsFront, Path], postgres_dsn: str
) -> None:
    front[0].newest = ssl.TLSVersion.TLSv1_2
    store = AgentStore(
        tls_dsn(postgres_dsn, front[0], "sslmode=require&ssl_min_protocol_version=TLSv1.3")
    )
    with pytest.raises(StoreUnavailableError, match=r"(?i)version"):
        store.setup()


# Settings, time limits, sockets


SETTINGS = {
    "options=-c%20search_path%3Dother": ("search_path", "other"),
    "options=-csearch_path%3Dother": ("search_path", "other"),
    "options=--search_path%3Dother": ("search_path", "other"),
    "search_path=other": ("search_path", "other"),
    "options=-c%20app.tenant%3D7": ("app.tenant", "7"),
    "application_name=svc": ("application_name", "svc"),
    "fallback_application_name=svc": ("application_name", "svc"),
    "client_encoding=LATIN1": ("client_encoding", "UTF8"),
}


@pytest.mark.parametrize("option", SETTINGS)
async def test_a_session_is_told_what_the_dsn_says(postgres_dsn: str, option: str) -> None:
    name, value = SETTINGS[option]
    assert await setting(f"{postgres_dsn}&{option}", name) == value


def test_a_setting_that_the_server_does_not_know_is_named(postgres_dsn: str) -> None:
    store = AgentStore(f"{postgres_dsn}&options=-c%20no_such_setting%3D1")
    with pytest.raises(ConfigurationError, match="no_such_setting"):
        store.setup()


def test_the_time_limit_of_the_dsn_counts() -> None:
    with hung_host() as port:
        store = AgentStore(f"postgresql://u@127.0.0.1:{port}/db?sslmode=disable&connect_timeout=1")
        started = time.monotonic()
        with pytest.raises(StoreTimeoutError):
            store.setup()
    assert time.monotonic() - started < 5


def test_the_time_limit_of_the_pool_is_above_that_of_the_dsn() -> None:
    with hung_host() as port:
        store = AgentStore(
            f"postgresql://u@127.0.0.1:{port}/db?sslmode=disable&connect_timeout=60",
            pool={"connect_timeout_s": 0.5},
        )
        with pytest.raises(StoreTimeoutError):
            store.setup()


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="no such options of TCP here")
async def test_tcp_is_told_when_to_give_up(postgres_dsn: str) -> None:
    options = "keepalives_idle=31&keepalives_interval=7&keepalives_count=3&tcp_user_timeout=4321"
    with Proxy(postgres_dsn) as proxy:
        found = await _tcp_options(f"{proxy.dsn}&{options}")
    assert found == (1, 31, 7, 3, 4321)


async def test_tcp_is_left_alone_on_request(postgres_dsn: str) -> None:
    with Proxy(postgres_dsn) as proxy:
        assert (await _tcp_options(f"{proxy.dsn}&keepalives=0"))[0] == 0


async def _tcp_options(dsn: str) -> tuple[int, ...]:
    connection = await connect(await TargetReader(read_dsn(dsn), {}, {}).read(), timeout=5)
    try:
        transport: asyncio.Transport = getattr(connection, "_transport")  # noqa: B009
        there = transport.get_extra_info("socket")
        names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
        asked = [getattr(socket, name) for name in names if hasattr(socket, name)]
        kept = there.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        return (kept, *(there.getsockopt(socket.IPPROTO_TCP, option) for option in asked))
    finally:
        await connection.close()


# Forms


def test_the_keyword_form_works(postgres_dsn: str, schema_name: str) -> None:
    parts = urlsplit(postgres_dsn)
    options = {name: value[0] for name, value in parse_qs(parts.query).items()}
    pairs = {**options, "user": "postgres", "dbname": parts.path.lstrip("/")}
    dsn = " ".join(f"{name}='{value}'" for name, value in pairs.items())
    assert works(AgentStore(dsn, schema=schema_name))


def test_a_driver_in_the_scheme_is_passed_over(postgres_dsn: str, schema_name: str) -> None:
    dsn = postgres_dsn.replace("postgresql://", "postgresql+asyncpg://")
    assert works(AgentStore(dsn, schema=schema_name))


# Variables and files


@pytest.fixture(scope="module")
def guarded_server() -> Iterator[TestServer]:
    """A server that asks one role, `guarded`, for its password, `p:w\\`."""
    with temporary_folder() as folder:
        server = TestServer(folder)
        hba = server.data / "pg_hba.conf"
        hba.write_text("local all guarded scram-sha-256\n" + hba.read_text())
        execute(server.dsn, "CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'p:w\\'")
        execute(server.dsn, "SELECT pg_reload_conf()")
        yield server
        server.stop()


def password_file(folder: Path, line: str, mode: int = 0o600) -> Path:
    file = folder / "passwords"
    file.write_text(f"# a comment\n\nother:*:*:*:wrong\n{line}\n")
    file.chmod(mode)
    return file


LINES = ["*:*:*:*:p\\:w\\\\", "localhost:*:postgres:guarded:p\\:w\\\\"]


@pytest.mark.parametrize("line", LINES)
def test_the_file_of_passwords_is_read(
    guarded_server: TestServer, tmp_path: Path, line: str
) -> None:
    file = password_file(tmp_path, line)
    dsn = f"{dsn_of(guarded_server.dsn, user='guarded')}&passfile={quote(str(file))}"
    assert works(AgentStore(dsn))


def test_the_file_of_passwords_is_found_by_its_variable_and_in_the_home_folder(
    guarded_server: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = password_file(tmp_path, LINES[0])
    dsn = dsn_of(guarded_server.dsn, user="guarded")
    with monkeypatch.context() as patch:
        patch.setenv("PGPASSFILE", str(file))
        assert works(AgentStore(dsn))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(AccessDeniedError):
        AgentStore(dsn).setup()
    file.rename(tmp_path / ".pgpass")
    assert works(AgentStore(dsn))


def test_a_file_of_passwords_that_others_may_read_is_passed_over_with_a_warning(
    guarded_server: TestServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = password_file(tmp_path, LINES[0], 0o644)
    dsn = f"{dsn_of(guarded_server.dsn, user='guarded')}&passfile={quote(str(file))}"
    with pytest.raises(AccessDeniedError):
        AgentStore(dsn).setup()
    assert "chmod 0600" in caplog.text


def test_a_password_that_was_changed_in_the_file_is_used_by_the_next_connection(
    guarded_server: TestServer, tmp_path: Path
) -> None:
    execute(guarded_server.dsn, "CREATE ROLE renewed LOGIN SUPERUSER PASSWORD 'first'")
    hba = guarded_server.data / "pg_hba.conf"
    hba.write_text("local all renewed scram-sha-256\n" + hba.read_text())
    execute(guarded_server.dsn, "SELECT pg_reload_conf()")
    file = password_file(tmp_path, "*:*:*:renewed:first")
    dsn = f"{dsn_of(guarded_server.dsn, user='renewed')}&passfile={quote(str(file))}"
    with AgentStore(dsn, pool={"max_size": 1}) as store:
        store.put(NAMESPACE, "k", {"n": 1})
        execute(guarded_server.dsn, "ALTER ROLE renewed PASSWORD 'second'")
        password_file(tmp_path, "*:*:*:renewed:second")
        kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'renewed'"
        execute(guarded_server.dsn, kill)
        assert store.get(NAMESPACE, "k") is not None


def service_file(folder: Path, dsn: str) -> Path:
    parts = urlsplit(dsn)
    options = {name: value[0] for name, value in parse_qs(parts.query).items()}
    lines = [f"{name}={value}" for name, value in options.items()]
    file = folder / "services.conf"
    file.write_text(
        "\n".join(["[agents]", *lines, "user=postgres", f"dbname={parts.path[1:]}", "[other]", ""])
    )
    return file


def test_a_service_leads_to_its_server(
    postgres_dsn: str, schema_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSERVICEFILE", str(service_file(tmp_path, postgres_dsn)))
    assert works(AgentStore("postgresql://?service=agents", schema=schema_name))
    monkeypatch.setenv("PGSERVICE", "agents")
    assert works(AgentStore("postgresql://", schema=schema_name))


def test_a_service_that_is_not_defined_is_named_with_its_file(
    tmp_path: Path, postgres_dsn: str
) -> None:
    file = service_file(tmp_path, postgres_dsn)
    store = AgentStore(f"service=no_such servicefile={file}")
    with pytest.raises(
        ConfigurationError, match=r"service 'no_such' is not defined in '.*services"
    ):
        store.setup()


def test_a_broken_file_of_services_is_named_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "services.conf"
    file.write_text("password=s3cret\n")
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        AgentStore(f"service=agents servicefile={file}").setup()
    assert "s3cret" not in repr(caught.value)


VARIABLES = {
    "PGAPPNAME": ("svc", "application_name", "svc"),
    "PGOPTIONS": ("-c search_path=other", "search_path", "other"),
}


@pytest.mark.parametrize("variable", VARIABLES)
async def test_a_session_is_told_what_the_environment_says(
    postgres_dsn: str, variable: str
) -> None:
    value, name, expected = VARIABLES[variable]
    assert await setting(postgres_dsn, name, **{variable: value}) == expected


def test_the_encryption_of_the_environment_is_held(
    front: tuple[TlsFront, Path],
    postgres_dsn: str,
    schema_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dsn = f"postgresql://postgres@localhost:{front[0].port}{urlsplit(postgres_dsn).path}"
    monkeypatch.setenv("PGCHANNELBINDING", "require")
    with pytest.raises(StoreUnavailableError, match="channel_binding=require"):
        AgentStore(dsn).setup()
    monkeypatch.setenv("PGSSLROOTCERT", str(front[1]))
    assert works(AgentStore(dsn, schema=schema_name))
    monkeypatch.setenv("PGSSLMODE", "disable")
    with pytest.raises(ConfigurationError, match="channel_binding=require needs TLS"):
        AgentStore(dsn)


@pytest.mark.postgres
def test_variables_for_another_server_do_not_concern_the_bundled_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCHANNELBINDING", "require")
    monkeypatch.setenv("PGOPTIONS", "-c no_such_setting=1")
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    with temporary_folder() as folder:
        assert works(AgentStore.embedded(folder))


def test_what_stands_in_connect_options_is_above_the_dsn(
    guarded_server: TestServer, tmp_path: Path
) -> None:
    file = password_file(tmp_path, LINES[0])
    given: dict[str, Any] = {"passfile": str(file), "user": "guarded"}
    assert works(AgentStore(guarded_server.dsn, pool={"connect_options": given}))

    async def password() -> str:
        await asyncio.sleep(0)
        return "p:w\\"

    given = {"password": password, "user": "guarded"}
    assert works(AgentStore(guarded_server.dsn, pool={"connect_options": given}))
