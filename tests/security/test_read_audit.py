"""The audit of reads: who read which user's items."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.security import History, Provenance, ReadEntry, provenance
from tests.support.faults import wait_until

NOTES = ("users", "ann", "notes")


@pytest.fixture
def audited(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    history = History(audit_reads=True)
    index = {"mode": "text"}
    with AgentStore(postgres_dsn, schema=schema_name, history=history, index=index) as store:
        store.put(NOTES, "a", {"text": "tea"})
        store.put(("users", "ben", "notes"), "a", {"text": "tea"})
        yield store


def told(entries: list[ReadEntry]) -> set[tuple[str, str, str | None, int, str | None]]:
    return {(e.user_id, e.operation, e.key, e.reads, e.provenance.agent) for e in entries}


def entries_of(dsn: str, schema: str, user: str) -> list[ReadEntry]:
    """What is written when the store that read has closed."""
    with AgentStore(dsn, schema=schema) as store:
        return store.find_reads(("users", user))


def test_reads_tell_who_read_whom(audited: AgentStore, postgres_dsn: str, schema_name: str) -> None:
    with provenance(agent="planner"):
        for _ in range(3):
            audited.get(NOTES, "a")
        audited.get(("users", "ben", "notes"), "a")
        audited.search(NOTES, query="tea")
        audited.search(NOTES)
        audited.for_user("ann").count()
    DataStore(audited, "ann", "clerk", "notes").get("a")
    audited.close()
    assert told(entries_of(postgres_dsn, schema_name, "ann")) == {
        ("ann", "get", "a", 3, "planner"),
        ("ann", "get", "a", 1, "clerk"),
        ("ann", "search", None, 1, "planner"),
        ("ann", "read", None, 2, "planner"),
    }
    [ben] = entries_of(postgres_dsn, schema_name, "ben")
    assert (ben.namespace, ben.provenance) == (
        ("users", "ben", "notes"),
        Provenance(agent="planner"),
    )


def test_reads_are_sealed_with_the_history(audited: AgentStore) -> None:
    audited.get(NOTES, "a")
    wait_until(lambda: bool(audited.find_reads()))
    assert audited.audit_seal() == 3
    report = audited.audit_verify()
    assert (report.entries, report.is_intact) == (3, True)


def test_reads_are_not_noted_unless_asked_for(postgres_dsn: str, schema_name: str) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, history=True) as store:
        store.get(NOTES, "a")
    assert entries_of(postgres_dsn, schema_name, "ann") == []


def test_the_awaited_form_and_limits(audited: AgentStore) -> None:
    audited.get(NOTES, "a")
    wait_until(lambda: bool(audited.find_reads()))
    [entry] = asyncio.run(audited.afind_reads(("users", "ann"), limit=1))
    assert audited.find_reads(("users", "ann"), since=entry.read_at, until=entry.read_at) == [entry]
    assert audited.find_reads(("users", "ann"), limit=0) == []
