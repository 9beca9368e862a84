"""The bundled Postgres for the tests: one server for the run, shared by its workers."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from tempfile import mkdtemp

import pytest
from hypothesis import settings

from langgraph_agentstore import AgentStore
from tests.support import row_security
from tests.support.distributed import reason_for_one_server, written_for_nodes
from tests.support.faults import execute
from tests.support.matrices import mark_all_but_few
from tests.support.servers import (
    FOLDER,
    SharedDatabases,
    TestServer,
    create_database,
    drop_database,
    flush_nothing,
    folder_of_this_run,
    memory,
    server_of_a_copy,
    temporary_folder,
)

# A machine that is busy is no fault of what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_is_controller = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--row-security",
        action="store_true",
        help="open stores with an application's role, under row level security",
    )
    parser.addoption(
        "--distributed",
        action="store_true",
        help="let stores write SQL as for Citus",
    )


def pytest_configure(config: pytest.Config) -> None:
    # Tests start some hundred processes: where none keeps what it compiled, each waits a second.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # What runs in the background ignores Ctrl-C, and so would the processes that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # xdist's workers inherit the environment, so all name the same folder.
    config.stash[_is_controller] = not hasattr(config, "workerinput")
    if config.stash[_is_controller]:
        os.environ[FOLDER] = mkdtemp(prefix="agentstore-test-", dir=memory())


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.stash[_is_controller]:
        shutil.rmtree(os.environ.pop(FOLDER), ignore_errors=True)


_LONG = ("slow", "soak", "isolation", "packaging")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests whose fixtures start a server: `-m "not postgres"` leaves the others.

    Mark as slow what `few` leaves out of a family.

    Let those that are meant to take long do so.
    With `--row-security`, skip the tests that are for the owner, with `--distributed` those that
    are of one server.
    """
    mark_all_but_few(items)
    servers = {"embedded_server", "disposable_server", "guarded_server", "pair"}
    for item in items:
        if servers.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.postgres)
        if any(item.get_closest_marker(name) for name in _LONG):
            item.add_marker(pytest.mark.timeout(0))
        if config.getoption("--row-security"):
            why = row_security.reason_for_the_owner(item.nodeid)
            if why is not None:
                item.add_marker(pytest.mark.skip(reason=f"for the owner: {why}"))
        if config.getoption("--distributed"):
            why = reason_for_one_server(item.nodeid)
            if why is not None:
                item.add_marker(pytest.mark.skip(reason=why))


def pytest_collection_finish() -> None:
    """Leave sixteen thousand tests out of every collection of garbage, which took a second."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Keeps finalisers out of the report's parsing of source.

    One that prints a traceback parses too, which CPython 3.11 takes for a SystemError.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.fixture(autouse=True, scope="session")
def _no_settings_of_the_host() -> Iterator[None]:
    """What `PG*` or a DSN in the environment points to is none of the tests' business."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("PG") or name == "AGENTSTORE_DSN":
                patch.delenv(name)
        yield


@pytest.fixture(autouse=True, scope="session")
def _written_for_nodes(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.config.getoption("--distributed"):
        with written_for_nodes():
            yield
    else:
        yield


@pytest.fixture(scope="session")
def embedded_server(_no_settings_of_the_host: None) -> Iterator[TestServer]:
    """The server of this test run; other tests use it at the same time, so leave it running."""
    server = TestServer(folder_of_this_run() / "server")
    # Thousands of small files are slow to flush.
    flush_nothing(server.dsn)
    yield server
    server.stop()


@pytest.fixture
def disposable_server() -> Iterator[TestServer]:
    """A server of the test's own, to be killed, frozen and restarted."""
    with temporary_folder() as folder:
        server = server_of_a_copy(folder, folder_of_this_run() / "template")
        yield server
        server.stop()


@pytest.fixture(scope="session")
def _shared_databases(embedded_server: TestServer) -> Iterator[SharedDatabases]:
    databases = SharedDatabases(embedded_server.dsn)
    yield databases
    databases.drop()


@pytest.fixture(scope="module")
def postgres_dsn(
    _shared_databases: SharedDatabases, request: pytest.FixtureRequest
) -> Iterator[str]:
    """A database that the tests of some modules share: take a schema of your own, `schema_name`.

    With `--row-security`, the DSN of an application's role.
    """
    dsn = _shared_databases.current()
    if request.config.getoption("--row-security"):
        with row_security.set_up_by(dsn):
            yield row_security.create_role(dsn)
    else:
        yield dsn


@pytest.fixture
def schema_name(_shared_databases: SharedDatabases, request: pytest.FixtureRequest) -> str:
    """A schema no other test uses; it may be set up already, and is empty."""
    name = _shared_databases.schema_name()
    if request.config.getoption("--row-security") and row_security.is_opened_elsewhere(
        request.node.nodeid
    ):
        request.getfixturevalue("postgres_dsn")
        row_security.set_up(name)
    return name


@pytest.fixture
def new_database(embedded_server: TestServer) -> Iterator[Callable[[], str]]:
    """Call it for the DSN of a new, empty database; all are dropped after the test."""
    made: list[str] = []

    def create() -> str:
        made.append(create_database(embedded_server.dsn))
        return made[-1]

    yield create
    for dsn in made:
        drop_database(embedded_server.dsn, dsn)


@pytest.fixture
def fresh_database(new_database: Callable[[], str]) -> str:
    """The DSN of a new, empty database, without even `vector`; dropped after the test."""
    return new_database()


@pytest.fixture
def store(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    """A store as a user would make it, in a schema of its own."""
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        yield store


@pytest.fixture
def role(fresh_database: str, schema_name: str) -> Iterator[str]:
    """A role without any right but to connect."""
    name = f"role_{schema_name}"
    execute(fresh_database, "CREATE ROLE {} LOGIN", name)
    yield name
    execute(fresh_database, "DROP OWNED BY {}", name)
    execute(fresh_database, "DROP ROLE {}", name)
