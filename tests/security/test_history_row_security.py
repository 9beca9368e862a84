"""History, audit and quarantine of a role that row level security limits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import OwnerNeededError
from langgraph_agentstore.security import History, Provenance, Quarantine, provenance
from tests.support.faults import execute, wait_until

ANN, BEN = ("users", "ann", "notes"), ("users", "ben", "notes")


@pytest.fixture
def kept(fresh_database: str, owned: AgentStore, app_dsn: str) -> Iterator[AgentStore]:
    history = History(audit_reads=True)
    with AgentStore(fresh_database, history=history):
        pass
    with AgentStore(app_dsn, history=history) as store:
        yield store


def test_each_user_has_a_history_of_their_own(kept: AgentStore, app_dsn: str) -> None:
    with provenance(agent="planner"):
        kept.load([(ANN, "a", {"n": 1}), (BEN, "a", {"n": 2})])
    then = datetime.now(timezone.utc)
    kept.put(ANN, "a", {"n": 3})
    kept.for_user("ann").delete(("notes",), "a")
    view = kept.for_user("ann")
    entries = view.find_changes(said=Provenance(agent="planner"))
    assert [entry.value for entry in entries] == [{"n": 1}]
    assert len(view.history(("notes",), "a")) == 3
    assert [item.value for item in view.search((), as_of=then)] == [{"n": 1}]
    assert view.restore((), then, dry_run=False).put == 1
    record = kept.get_as_of(BEN, "a", then)
    assert record is not None
    assert record.value == {"n": 2}
    with pytest.raises(OwnerNeededError):
        kept.find_changes()
    assert execute(app_dsn, "SELECT count(*) FROM agentstore.item_history") == [(0,)]


def test_the_owner_sees_and_verifies_everything(kept: AgentStore, owned: AgentStore) -> None:
    kept.put(ANN, "a", {})
    kept.get(ANN, "a")
    wait_until(lambda: bool(owned.find_reads()))
    [read] = kept.for_user("ann").find_reads()
    assert (read.operation, read.key) == ("get", "a")
    assert owned.audit_seal() == 2
    assert owned.audit_verify().is_intact


def test_quarantine_is_by_user(app_dsn: str) -> None:
    with AgentStore(app_dsn, guard=lambda _: Quarantine("odd")) as store:
        store.put(ANN, "a", {"n": 1})
        [found] = store.quarantined(("users", "ann"))
        assert store.quarantined(("users", "ben")) == []
        assert store.release(found.id, prefix=("users", "ann"))
        assert store.get(ANN, "a") is not None
