"""All controls at once: none of them breaks another, on any API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psycopg
import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.data_store import DataStore
from langgraph_agentstore.errors import (
    LegalHoldError,
    OwnerNeededError,
    QuotaExceededError,
    UserErasedError,
)
from langgraph_agentstore.files import StoreBackend
from langgraph_agentstore.memory_agent import MemoryAgent
from langgraph_agentstore.security import (
    Allow,
    Encryption,
    Limits,
    LocalKeys,
    Quotas,
    Refuse,
    Write,
    provenance,
)
from langgraph_agentstore.transfer import export
from tests.support.faults import dsn_of, execute

KEY = LocalKeys.generate_key()
NOTES = ("notes",)


def refusing(write: Write) -> Allow | Refuse:
    """A guard that refuses what says so."""
    return Refuse("it says so") if "refuse me" in str(write.value) else Allow()


def options() -> dict[str, Any]:
    return {
        "encryption": Encryption(KEY),
        "history": True,
        "guard": refusing,
        "quotas": Quotas(Limits(items=40)),
    }


@pytest.fixture
def owner(fresh_database: str, role: str) -> Iterator[AgentStore]:
    with AgentStore(fresh_database, **options()) as store:
        store.setup(row_security=True, application_role=role)
        yield store


@pytest.fixture
def app(fresh_database: str, role: str, owner: AgentStore) -> Iterator[AgentStore]:
    with AgentStore(dsn_of(fresh_database, user=role), **options()) as store:
        yield store


def test_every_api_works_under_all_controls(app: AgentStore, tmp_path: Path) -> None:
    alice = app.for_user("alice")
    alice.put(NOTES, "tea", {"text": "black tea"})
    assert [item.key for item in alice.search(NOTES)] == ["tea"]
    proxy = DataStore(app, "alice", "agent")
    proxy.set("visits", 1)
    assert proxy.increment("visits") == 2
    assert proxy.append("list", "x") == 1
    memory = ConversationMemory(app, "alice")
    memory.save_turn("hello", "hi", thread_id="monday")
    assert [turn.query for turn in memory.turns("monday")] == ["hello"]
    files = StoreBackend(alice)
    files.write("/a.txt", "one\ntwo")
    assert files.edit("/a.txt", "two", "three").error is None
    with MemoryAgent(store=app, user_id="alice") as agent:
        agent.store_memory("goal", {"done": False})
        assert agent.retrieve_memory("goal") == {"done": False}
    assert export(alice, tmp_path / "alice.jsonl").records >= 5


def test_what_the_database_holds_tells_no_value(
    app: AgentStore, owner: AgentStore, fresh_database: str
) -> None:
    alice = app.for_user("alice")
    alice.put(NOTES, "tea", {"text": "s3cret one"})
    alice.put(NOTES, "tea", {"text": "s3cret two"})
    tables = execute(
        fresh_database,
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'agentstore' "
        "AND table_type = 'BASE TABLE'",
    )
    for (table,) in tables:
        assert execute(
            fresh_database,
            f"SELECT count(*) FROM agentstore.{table} t WHERE t::text LIKE '%s3cret%'",
        ) == [(0,)], table


def test_history_opens_for_the_application_and_undoes(app: AgentStore) -> None:
    alice = app.for_user("alice")
    alice.put(NOTES, "tea", {"text": "80 degrees"})
    before = datetime.now(timezone.utc)
    with provenance(agent="poisoner"):
        alice.put(NOTES, "tea", {"text": "salt"})
    entries = alice.history(NOTES, "tea")
    assert "poisoner" in str(entries)
    was = alice.get_as_of(NOTES, "tea", before)
    assert was is not None
    assert was.value == {"text": "80 degrees"}


def test_quotas_and_the_guard_refuse_alone(app: AgentStore) -> None:
    alice, bob = app.for_user("alice"), app.for_user("bob")
    for number in range(40):
        alice.put(NOTES, f"k{number}", {"n": number})
    with pytest.raises(QuotaExceededError):
        alice.put(NOTES, "one more", {"n": 1})
    bob.put(NOTES, "k", {"n": 1})
    with pytest.raises(Exception, match="it says so"):
        bob.put(NOTES, "other", {"text": "refuse me"})
    assert bob.count() == 1


def test_erasing_beats_everything_but_a_hold(
    app: AgentStore, owner: AgentStore, fresh_database: str
) -> None:
    app.for_user("alice").put(NOTES, "tea", {"text": "black tea"})
    app.for_user("bob").put(NOTES, "tea", {"text": "green tea"})
    held = owner.hold("alice", reason="a lawsuit")
    with pytest.raises(LegalHoldError):
        owner.erase_user("alice")
    owner.release_hold(held.id)
    receipt = owner.erase_user("alice")
    assert receipt.removed["item"] == 1
    with pytest.raises(UserErasedError):
        app.for_user("alice").put(NOTES, "tea", {"text": "again"})
    assert app.for_user("bob").count() == 1
    tables = execute(
        fresh_database,
        "SELECT DISTINCT table_schema, table_name FROM information_schema.columns "
        "WHERE column_name = 'user_id' AND table_schema LIKE 'agentstore%'",
    )
    for schema, table in tables:
        sql = f"SELECT count(*) FROM {schema}.{table} WHERE user_id = 'alice'"
        assert execute(fresh_database, sql) == [(0,)], table


def test_an_application_sees_no_data_keys_of_users_whom_it_does_not_name(
    app: AgentStore, fresh_database: str, role: str
) -> None:
    alice, bob = app.for_user("alice"), app.for_user("bob")
    alice.put(NOTES, "tea", {"text": "black tea"})
    bob.put(NOTES, "tea", {"text": "green tea"})
    theirs = dsn_of(fresh_database, user=role)
    keys = "SELECT user_id FROM agentstore_keys.user_key"
    assert execute(theirs, keys) == []
    naming = "SELECT set_config('agentstore.users', '{{alice}}', true)"
    named = f"SELECT k.user_id FROM ({naming} OFFSET 0) s, LATERAL ({keys} OFFSET 0) k"
    assert execute(theirs, named) == [("alice",)]
    alice.share(NOTES, "bob", "read")
    with AgentStore(theirs, **options()) as another:  # which holds no key in memory yet
        found = another.for_user("bob").get(("users", "alice", "notes"), "tea")
        assert found is not None
        assert found.value == {"text": "black tea"}


def test_an_application_reads_no_holds_and_is_bound_by_them(
    app: AgentStore, owner: AgentStore, fresh_database: str, role: str
) -> None:
    app.for_user("alice").put(NOTES, "tea", {"text": "black tea"})
    owner.hold("alice", reason="a lawsuit")
    with pytest.raises(OwnerNeededError):
        app.holds()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        execute(dsn_of(fresh_database, user=role), "SELECT reason FROM agentstore.legal_hold")
    with pytest.raises(LegalHoldError):
        app.for_user("alice").delete(NOTES, "tea")


def test_row_security_can_be_ended_with_that_of_the_data_keys(
    app: AgentStore, owner: AgentStore, fresh_database: str, role: str
) -> None:
    app.for_user("alice").put(NOTES, "tea", {"text": "black tea"})
    owner.setup(row_security=False)
    keys = "SELECT user_id FROM agentstore_keys.user_key"
    assert execute(dsn_of(fresh_database, user=role), keys) == [("alice",)]


def test_what_needs_all_users_is_the_owners(app: AgentStore, owner: AgentStore) -> None:
    app.for_user("alice").put(NOTES, "tea", {"text": "black tea"})
    with pytest.raises(OwnerNeededError):
        app.search(())
    assert [item.value for item in owner.search(())] == [{"text": "black tea"}]
    assert owner.rotate() == 1
    assert app.for_user("alice").get(NOTES, "tea") is not None
    assert owner.audit_seal() >= 1
    assert owner.audit_verify().faults == ()
