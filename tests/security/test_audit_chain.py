"""The chain over history: what was altered, removed or slipped in is found."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import HistoryNotKeptError
from langgraph_agentstore.security import AuditFault, History

NOTES = ("users", "ann", "notes")

Run = Callable[[str], None]


@pytest.fixture
def kept(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=schema_name, history=True) as store:
        for n in range(20):
            store.put(NOTES, f"k{n % 3}", {"n": n})
        yield store


@pytest.fixture
def run(postgres_dsn: str, schema_name: str) -> Run:
    """Run SQL on the history as somebody who may do anything."""

    def execute(sql: str) -> None:
        with psycopg.connect(postgres_dsn) as connection:
            connection.execute(SQL("SET search_path = {}").format(Identifier(schema_name)))
            connection.execute(sql)

    return execute


def test_an_intact_history_verifies(kept: AgentStore) -> None:
    assert kept.audit_verify().unsealed == 20
    assert kept.audit_seal() == 20
    kept.delete(NOTES, "k0")
    kept.audit_seal()
    kept.put(NOTES, "k0", {})
    report = kept.audit_verify()
    assert (report.seals, report.entries, report.unsealed) == (2, 21, 1)
    assert report.is_intact
    assert kept.audit_verify(head=report.head).is_intact
    assert "21 entries in 2 seals: intact" in str(report)


def test_without_history_there_is_nothing_to_verify(store: AgentStore) -> None:
    for act in (store.audit_verify, store.audit_seal):
        with pytest.raises(HistoryNotKeptError, match="no history is kept here"):
            act()


def test_a_seal_ends_where_it_is_told_and_all_entries_are_sealed(
    kept: AgentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langgraph_agentstore.security.history.sealing_sql.SEAL_SIZE", 3)
    kept.load([(NOTES, f"together {n}", {}) for n in range(10)])
    assert kept.audit_seal() == 30
    report = kept.audit_verify()
    assert (report.entries, report.unsealed, report.is_intact) == (30, 0, True)
    assert 7 <= report.seals <= 11


ALTERATIONS = {
    "a value": ("UPDATE item_history SET value = '{}' WHERE seq = 5", "altered"),
    "an author": (
        'UPDATE item_history SET provenance = \'{"agent": "x"}\' WHERE seq = 5',
        "altered",
    ),
    "a time": (
        "UPDATE item_history SET changed_at = changed_at - interval '1 us' WHERE seq = 5",
        "altered",
    ),
    "a removal": ("DELETE FROM item_history WHERE seq = 5", "removed"),
    "a removal that tells no trigger": (
        "SET session_replication_role = replica; DELETE FROM item_history WHERE seq = 5",
        "removed",
    ),
    "an addition": (
        """INSERT INTO item_history (seq, user_id, namespace, key, changed_at, xact, operation,
                                     provenance, role, salt)
           OVERRIDING SYSTEM VALUE
           SELECT 9999, user_id, namespace, key, changed_at, xact, 'delete', '{}', role, salt
             FROM item_history WHERE seq = 5""",
        "added",
    ),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_what_was_changed_is_found_and_named(name: str, kept: AgentStore, run: Run) -> None:
    kept.audit_seal()
    sql, kind = ALTERATIONS[name]
    run(sql)
    [fault] = kept.audit_verify().faults
    assert (fault.kind, fault.seal, fault.number) == (kind, 1, 9999 if kind == "added" else 5)
    assert kind in str(fault)


def test_seals_that_were_made_anew_are_found_by_the_head(kept: AgentStore, run: Run) -> None:
    kept.audit_seal()
    kept.put(NOTES, "k0", {})
    kept.audit_seal()
    head = kept.audit_verify().head
    run("DELETE FROM item_history WHERE seq = 5")
    run("TRUNCATE history_seal")
    kept.audit_seal()
    assert kept.audit_verify().is_intact  # nothing else could tell
    assert kept.audit_verify(head=head).faults == (AuditFault("head", 0),)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE history_seal SET hash = sha256('x') WHERE number = 1",
        "UPDATE history_seal SET sealed_at = sealed_at + interval '1 us' WHERE number = 1",
        "DELETE FROM history_seal WHERE number = 1",
    ],
)
def test_a_seal_that_was_changed_is_found(sql: str, kept: AgentStore, run: Run) -> None:
    kept.audit_seal()
    kept.put(NOTES, "k0", {})
    kept.audit_seal()
    run(sql)
    assert "seal" in {fault.kind for fault in kept.audit_verify().faults}


def test_an_entry_that_commits_late_is_sealed_later(
    kept: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    with psycopg.connect(postgres_dsn) as late:
        late.execute(SQL("DELETE FROM {}.item WHERE key = 'k1'").format(Identifier(schema_name)))
        kept.put(NOTES, "k0", {})
        assert kept.audit_seal() == 20
    assert kept.audit_seal() == 2
    assert kept.audit_verify().is_intact


def test_sealing_waits_for_transactions_that_end_soon(postgres_dsn: str, kept: AgentStore) -> None:
    other = psycopg.connect(postgres_dsn)
    other.execute("SELECT pg_current_xact_id()")  # of a transaction that writes nothing here
    kept.put(NOTES, "later", {})
    ending = threading.Timer(0.3, other.close)
    ending.start()
    assert kept.audit_seal() == 21
    ending.join()


def test_old_entries_are_given_up_and_the_chain_still_holds(
    postgres_dsn: str, schema_name: str, run: Run
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, history=History(keep_days=30)) as store:
        for n in range(6):
            store.put(NOTES, "a", {"n": n})
        run("UPDATE item_history SET changed_at = changed_at - interval '31 days' WHERE seq <= 4")
        store.sweep_ttl()
        assert len(store.history(NOTES, "a")) == 2
        report = store.audit_verify()
        assert (report.entries, report.retention, report.is_intact) == (6, 4, True)


def test_the_chain_holds_when_a_user_is_erased(kept: AgentStore) -> None:
    kept.put(("users", "ben", "notes"), "a", {})
    kept.audit_seal()
    kept.erase_user("ann")
    report = kept.audit_verify()
    assert (report.entries, report.erased, report.is_intact) == (21, 20, True)
    kept.audit_seal()
    assert kept.audit_verify().is_intact


def test_another_role_may_write_items_but_not_their_history(
    kept: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    role, name = f"{schema_name}_app", Identifier(f"{schema_name}_app")
    schema = Identifier(schema_name)
    with psycopg.connect(postgres_dsn, autocommit=True) as owner:
        owner.execute(SQL("CREATE ROLE {} LOGIN").format(name))
        owner.execute(SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, name))
        # As documented for an application's role; it has more than it needs.
        owner.execute(
            SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {} TO {}").format(
                schema, name
            )
        )
    try:
        dsn = postgres_dsn.replace("postgres@", f"{role}@")
        with AgentStore(dsn, schema=schema_name, history=True) as store:
            store.put(NOTES, "mine", {"n": 1})
            [entry] = store.history(NOTES, "mine")
            assert entry.role == role
            store.audit_seal()
            assert store.audit_verify().is_intact
        for sql in (
            "UPDATE item_history SET provenance = '{}'",
            "DELETE FROM item_history",
            "INSERT INTO history_gone VALUES (1, 'erased', 'x', now())",
            "DELETE FROM history_seal",
            "UPDATE history_rule SET retention = '1 s'",
            "INSERT INTO item_read VALUES ('ann', now(), 1, '1', 'get', '', '', 1, '{}', '', "
            "gen_random_uuid())",
        ):
            with psycopg.connect(dsn) as connection:
                connection.execute(SQL("SET search_path = {}").format(schema))
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(sql)
    finally:
        with psycopg.connect(postgres_dsn, autocommit=True) as owner:
            owner.execute(SQL("DROP OWNED BY {}").format(name))
            owner.execute(SQL("DROP ROLE {}").format(name))


def test_the_awaited_forms(kept: AgentStore) -> None:
    async def use() -> Any:
        sealed = 0
        # What a transaction of another test may still precede is sealed later.
        while sealed < 20:
            sealed += await kept.aaudit_seal()
        return sealed, await kept.aaudit_verify()

    sealed, report = asyncio.run(use())
    assert (sealed, report.entries) == (20, 20)
