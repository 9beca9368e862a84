"""`agentstore start`, `stop`, `where`, `psql`, `setup` and `bench-here`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import pytest

from langgraph_agentstore.embedded import EmbeddedPostgres
from tests.support.commands import ROOT, agentstore, command, environment, running
from tests.support.faults import execute, wait_until
from tests.support.matrices import few
from tests.support.servers import is_alive, temporary_folder

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")


@pytest.mark.slow
def test_a_started_server_runs_between_commands_until_it_is_stopped() -> None:
    with temporary_folder() as folder:
        path = ("--path", str(folder))
        assert agentstore("where", *path).rows[0]["running"] is False
        started = agentstore("start", *path).rows[0]
        try:
            assert agentstore("where", *path).rows[0]["keeper"] == started["keeper"]
            assert agentstore("start", *path).rows[0]["keeper"] == started["keeper"]
            assert agentstore("put", "docs", "a", '{"n": 1}', *path).status == 0
            assert EmbeddedPostgres(folder).is_running()
            assert execute(started["dsn"], "SELECT key FROM agentstore.item") == [("a",)]
        finally:
            stopped = agentstore("stop", *path)
        assert stopped.rows[0]["state"] == "stopped"
        assert not is_alive(started["keeper"])
        assert not EmbeddedPostgres(folder).is_running()
        again = agentstore("stop", *path)
        assert (again.status, "no `agentstore start` keeps" in again.err) == (1, True)


def test_a_server_that_cannot_start_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("no") / "file"
    file.write_text("")
    done = agentstore("start", "--path", str(file))
    assert (done.status, done.err.count("\n")) == (3, 1)
    assert "did not start" in done.err


@pytest.mark.slow
@posix
def test_ctrl_c_ends_a_server_in_the_foreground() -> None:
    with temporary_folder() as folder:
        with running("start", "--foreground", "--path", str(folder)) as process:
            assert process.stdout is not None
            assert '"ready"' in process.stdout.readline()
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (130, "agentstore: interrupted\n")
        assert not EmbeddedPostgres(folder).is_running()


@few(1)
@posix
@pytest.mark.parametrize(
    "arguments",
    [
        ("ui", "--no-browser"),
        ("watch", "users/ada/notes"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_command_that_is_terminated_ends_the_bundled_server_with_it(
    arguments: tuple[str, ...],
) -> None:
    with temporary_folder() as folder:
        server = EmbeddedPostgres(folder)
        with running(*arguments, "--path", str(folder)) as process:
            wait_until(server.is_running)
            process.terminate()
            _, err = process.communicate(timeout=60)
        assert process.returncode == 143
        assert "Traceback" not in err
        assert not server.is_running()


def test_commands_of_the_bundled_server_refuse_another_one(filled: str) -> None:
    for name in ("start", "stop"):
        done = agentstore(name, dsn=filled)
        assert (done.status, "is for the bundled Postgres" in done.err) == (2, True)


def test_where_shows_no_password() -> None:
    done = agentstore("where", dsn="postgresql://ada:s3cret@db.example.com/d")
    assert "db.example.com" in done.out
    assert "s3cret" not in done.out


def test_psql_reads_the_schema_of_the_bundled_server() -> None:
    with temporary_folder() as folder:
        path = ("--path", str(folder), "--schema", 'odd "name"')
        assert agentstore("put", "docs", "a", "{}", *path).status == 0
        done = agentstore("psql", *path, "--", "-Atc", "SELECT key FROM item")
        assert (done.status, done.out) == (0, "a\n")
        wrong = agentstore("psql", *path, "--", "-c", "SELECT nothing")
        assert wrong.status == 4


def test_setup_prints_the_script_or_runs_it(fresh_database: str) -> None:
    script = agentstore("setup", "--print-sql", dsn=fresh_database).out
    assert 'CREATE SCHEMA "agentstore"' in script
    assert execute(fresh_database, "SELECT to_regclass('agentstore.item')") == [(None,)]
    [row] = agentstore("setup", dsn=fresh_database).rows
    assert row["schema"] == "agentstore"
    assert execute(fresh_database, "SELECT to_regclass('agentstore.item')") != [(None,)]


@pytest.mark.slow
def test_a_benchmark_measures_and_leaves_nothing(filled: str) -> None:
    before = execute(filled, "SELECT count(*) FROM agentstore.item")
    rows = agentstore("bench-here", "--seconds", "1", dsn=filled).rows
    assert {row["operation"] for row in rows} >= {"get", "put", "search by words"}
    assert all(row["per_second"] > 0 for row in rows)
    assert execute(filled, "SELECT count(*) FROM agentstore.item") == before


@pytest.mark.slow
@posix
def test_an_interrupted_benchmark_leaves_nothing(filled: str) -> None:
    with subprocess.Popen(
        command("bench-here", "--seconds", "30"),
        cwd=ROOT,
        env=environment(filled, {}),
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        count = "SELECT count(*) FROM agentstore.item"
        wait_until(lambda: execute(filled, count)[0][0] > 500)
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err.splitlines()[-1]) == (130, "agentstore: interrupted")
    assert execute(filled, count) == [(6,)]


@posix
@pytest.mark.skipif(shutil.which("psql") is None, reason="psql is not installed")
def test_ctrl_c_in_psql_cancels_the_statement(filled: str) -> None:
    with subprocess.Popen(
        command("psql", "--", "-c", "SELECT pg_sleep(60)"),
        cwd=ROOT,
        env=environment(filled, {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
        wait_until(lambda: execute(filled, sleeping) == [(1,)])
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert "canceling statement" in err
    assert process.returncode == 4
