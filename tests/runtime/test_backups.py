"""What the page about backups says, done with the server's own programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.embedded.programs import Programs, bundled_major
from langgraph_agentstore.errors import DecryptionError
from langgraph_agentstore.security import Encryption, LocalKeys
from tests.support.faults import execute, wait_until
from tests.support.servers import create_database, temporary_folder

from .pairs import PairedServer

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

NOTES = ("users", "ann", "notes")


def test_a_base_backup_and_archived_log_bring_back_a_moment() -> None:
    with temporary_folder() as folder:
        programs = Programs(bundled_major())
        for name in ("server", "restored", "archive"):
            (folder / name).mkdir(mode=0o700)
            programs.give(folder / name)
            programs.reach(folder / name)
        archive = folder / "archive"
        server, restored = (PairedServer(folder / n, programs) for n in ("server", "restored"))
        server.run("initdb", "-D", ".", "--auth=trust", "--username=postgres", "-E", "UTF8", "-N")
        _configure(
            server.data, archive_mode="on", archive_command=f"cp %p {archive}/%f", fsync="off"
        )
        server.start()
        try:
            moment = _work(server, restored)
        finally:
            server.kill()
        _configure(
            restored.data,
            restore_command=f"cp {archive}/%f %p",
            recovery_target_time=moment,
            recovery_target_action="promote",
        )
        (restored.data / "recovery.signal").touch()
        programs.give(restored.data)
        restored.start()
        try:
            wait_until(lambda: execute(restored.dsn, "SELECT pg_is_in_recovery()") == [(False,)])
            with AgentStore(restored.dsn) as store:
                assert {item.key for item in store.search(NOTES)} == {"before", "after the backup"}
                store.put(NOTES, "goes on", {})
        finally:
            restored.kill()


def _configure(data: Path, **settings: str) -> None:
    lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
    with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.writelines(lines)


def _work(server: PairedServer, restored: PairedServer) -> str:
    """Back up, write on, lose everything; return the moment before the loss."""
    with AgentStore(server.dsn) as store:
        store.put(NOTES, "before", {})
        source = f"host=127.0.0.1 port={server.port} user=postgres"
        restored.run("pg_basebackup", "-D", ".", "-c", "fast", "-N", "-d", source)
        store.put(NOTES, "after the backup", {})
        [(moment,)] = execute(server.dsn, "SELECT clock_timestamp()::text")
        store.delete_user("ann")
        [(last,)] = execute(server.dsn, "SELECT pg_walfile_name(pg_switch_wal())")
        sent = "SELECT last_archived_wal >= %(last)s FROM pg_stat_archiver"
        wait_until(lambda: execute(server.dsn, sent, last=last) == [(True,)])
    return str(moment)


def test_a_dump_without_the_keys_opens_nothing_and_with_them_everything(
    postgres_dsn: str, schema_name: str
) -> None:
    encryption = Encryption(LocalKeys.generate_key())
    with AgentStore(postgres_dsn, schema=schema_name, encryption=encryption) as store:
        store.put(NOTES, "a", {"text": "secret"})
    with temporary_folder() as folder:
        programs = Programs(bundled_major())
        programs.give(folder)
        programs.reach(folder)
        target = create_database(postgres_dsn)

        def run(*words: str) -> None:
            failure = programs.run(folder, *words)
            assert failure is None, failure

        def move(schema: str) -> None:
            run("pg_dump", "-Fc", f"--schema={schema}", f"--file={schema}.dump", postgres_dsn)
            assert b"secret" not in (folder / f"{schema}.dump").read_bytes()
            run("pg_restore", "--exit-on-error", "--dbname", target, f"{schema}.dump")

        move(schema_name)
        with (
            pytest.raises(DecryptionError),
            AgentStore(target, schema=schema_name, encryption=encryption) as store,
        ):
            store.get(NOTES, "a")
        execute(target, "DROP SCHEMA {} CASCADE", f"{schema_name}_keys")
        move(f"{schema_name}_keys")
        with AgentStore(target, schema=schema_name, encryption=encryption) as store:
            item = store.get(NOTES, "a")
            assert item is not None
            assert item.value == {"text": "secret"}
