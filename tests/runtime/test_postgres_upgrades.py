"""From one major version of Postgres to the next, by both ways of the page about backups."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.embedded.programs import Programs
from langgraph_agentstore.security import Encryption, LocalKeys
from tests.support.faults import execute
from tests.support.servers import temporary_folder

from .pairs import PairedServer

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

OLD, NEW = 16, 18
NOTES = ("users", "ann", "notes")
INDEX = {"dims": 2, "embed": lambda texts: [[1.0, float(len(text))] for text in texts]}
ENCRYPTION = Encryption(LocalKeys.generate_key(), fields=["secret"])
ITEMS = 300


@contextmanager
def both_servers(*options_of_new: str) -> Iterator[tuple[PairedServer, PairedServer]]:
    """Yield a running server of the old version, filled, and an empty, stopped one of the new."""
    with temporary_folder() as folder:
        servers = [_made(folder / str(major), Programs(major)) for major in (OLD, NEW)]
        old, new = servers
        for server, options in ((old, ()), (new, options_of_new)):
            words = ("initdb", "-D", ".", "--auth=trust", "--username=postgres", "-E", "UTF8")
            server.run(*words, "--locale=C", "-N", *options)
        old.start()
        try:
            with opened(old) as store:
                store.put(NOTES, "a", {"text": "one", "secret": "x"})
                store.put(NOTES, "a", {"text": "two", "secret": "y"})
                store.load((NOTES, f"key{n}", {"text": "word " * (n % 9)}) for n in range(ITEMS))
            yield old, new
        finally:
            for server in servers:
                if (server.data / "postmaster.pid").exists():
                    server.kill()


def opened(server: PairedServer) -> AgentStore:
    return AgentStore(server.dsn, index=INDEX, history=True, encryption=ENCRYPTION)


def _made(folder: Path, programs: Programs) -> PairedServer:
    folder.mkdir(mode=0o700)
    programs.give(folder)
    programs.reach(folder)
    return PairedServer(folder, programs)


def assert_all_there(server: PairedServer) -> None:
    [(version,)] = execute(server.dsn, "SHOW server_version")
    assert version.startswith(str(NEW))
    with opened(server) as store:
        assert store.count() == ITEMS + 1
        item = store.get(NOTES, "a")
        assert item is not None
        assert item.value == {"text": "two", "secret": "y"}
        found = store.search(NOTES, query="word word ")
        assert found[0].score is not None
        assert len(store.history(NOTES, "a")) == 2
        store.put(NOTES, "a", {"text": "three", "secret": "z"})
        assert [f for f in store.diagnose() if f.level == "problem"] == []


def test_a_dump_of_the_old_version_by_the_programs_of_the_new_one_is_restored() -> None:
    with both_servers() as (old, new):
        new.start()
        execute(new.dsn, "CREATE EXTENSION vector")
        for schema in ("agentstore", "agentstore_keys"):
            file = f"--file={schema}.dump"
            new.run("pg_dump", "--format=custom", f"--schema={schema}", file, old.dsn)
            new.run("pg_restore", "--exit-on-error", "--dbname", new.dsn, f"{schema}.dump")
        execute(new.dsn, "ANALYZE")
        assert_all_there(new)


def test_pg_upgrade_takes_over_the_files_of_the_old_version() -> None:
    with both_servers("--no-data-checksums") as (old, new):
        old.run("pg_ctl", "stop", "-s", "-w", "-D", ".", "-m", "fast")
        clusters = (f"--old-datadir={old.data}", f"--new-datadir={new.data}")
        programs = (f"--old-bindir={Programs(OLD).folder}", f"--new-bindir={Programs(NEW).folder}")
        new.run("pg_upgrade", *clusters, *programs, "--username=postgres", "--link")
        new.start()
        execute(new.dsn, "ALTER EXTENSION vector UPDATE")
        execute(new.dsn, "ANALYZE")
        assert_all_there(new)
