"""Under blockbuster, as servers run it: whatever blocks an event loop raises."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from blockbuster import BlockBuster, BlockingError, blockbuster_ctx

from langgraph_agentstore import AgentStore
from tests.runtime.tls import TlsFront, self_signed
from tests.support.proxy import Proxy
from tests.support.servers import temporary_folder

NAMESPACE = ("users", "ann", "notes")


@pytest.fixture
def forbidden() -> Iterator[BlockBuster]:
    """Blocking calls raise on every event loop: the caller's, and the store's own."""
    with blockbuster_ctx() as active:
        yield active


async def works(store: AgentStore) -> bool:
    async with store:
        await store.aput(NAMESPACE, "k", {"n": 1})
        found = await store.aget(NAMESPACE, "k")
        return found is not None and len(await store.asearch(NAMESPACE)) == 1


def without_a_password(dsn: str, _folder: Path) -> str:
    return dsn


def with_a_file_of_passwords(dsn: str, folder: Path) -> str:
    file = folder / "passwords"
    file.write_text("*:*:*:*:x\n")
    file.chmod(0o600)
    return f"{dsn}&passfile={file}"


def with_a_service(dsn: str, folder: Path) -> str:
    parts = urlsplit(dsn)
    options = {name: value[0] for name, value in parse_qs(parts.query).items()}
    lines = [f"{name}={value}" for name, value in options.items()]
    file = folder / "services.conf"
    file.write_text("\n".join(["[agents]", "user=postgres", f"dbname={parts.path[1:]}", *lines]))
    return f"service=agents servicefile={file}"


FORMS = [without_a_password, with_a_file_of_passwords, with_a_service]


async def test_blocking_calls_are_forbidden_in_these_tests(forbidden: BlockBuster) -> None:
    with pytest.raises(BlockingError):
        os.stat("/")  # noqa: PTH116


@pytest.mark.parametrize("form", FORMS)
async def test_connecting_blocks_no_event_loop(
    postgres_dsn: str,
    schema_name: str,
    tmp_path: Path,
    form: Callable[[str, Path], str],
    request: pytest.FixtureRequest,
) -> None:
    dsn = form(postgres_dsn, tmp_path)
    request.getfixturevalue("forbidden")
    assert await works(AgentStore(dsn, schema=schema_name))


@pytest.mark.parametrize("mode", ["allow", "prefer", "require", "verify-full"])
async def test_reading_certificates_blocks_no_event_loop(
    embedded_server_over_tls: tuple[str, Path],
    schema_name: str,
    mode: str,
    request: pytest.FixtureRequest,
) -> None:
    dsn, certificate = embedded_server_over_tls
    root = f"&sslrootcert={certificate}" if mode == "verify-full" else ""
    request.getfixturevalue("forbidden")
    assert await works(AgentStore(f"{dsn}?sslmode={mode}{root}", schema=schema_name))


@pytest.fixture
def embedded_server_over_tls(postgres_dsn: str, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A DSN whose server has TLS, and its certificate."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, so there is no certificate")
    path = urlsplit(postgres_dsn).path
    certificate, key = self_signed(tmp_path)
    with Proxy(postgres_dsn) as proxy, TlsFront(certificate, key, proxy.port) as front:
        yield f"postgresql://postgres@localhost:{front.port}{path}", certificate


@pytest.fixture
def bundled() -> Iterator[AgentStore]:
    """A store on a server of its own, made where blocking is allowed; not started yet."""
    with temporary_folder() as folder:
        yield AgentStore.embedded(folder)


@pytest.mark.postgres
async def test_starting_and_stopping_the_bundled_server_blocks_no_event_loop(
    bundled: AgentStore, forbidden: BlockBuster, caplog: pytest.LogCaptureFixture
) -> None:
    assert await works(bundled)
    assert caplog.text == ""
