"""Sharing beside the other controls: an index, encryption and quotas, under row level security."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.errors import QuotaExceededError
from langgraph_agentstore.security import Encryption, Limits, Quotas
from tests.support.encrypted import KEY
from tests.support.faults import execute
from tests.support.row_security import protected_database

PROJECTS, SEEN = ("projects",), ("users", "alice", "projects")
VECTORS: Any = {
    "dims": 2,
    "embed": lambda texts: [[1.0, 0.0] if "tea" in text else [0.0, 1.0] for text in texts],
}


@pytest.fixture(scope="module")
def dsns(embedded_server: Any) -> Iterator[tuple[str, str]]:
    """The owner's DSN and the application's; the tables are made for an index of vectors."""
    with protected_database(embedded_server.dsn, index=VECTORS) as dsns:
        yield dsns


@pytest.fixture(autouse=True)
def _emptied(dsns: tuple[str, str]) -> None:
    execute(dsns[0], "TRUNCATE agentstore.item, agentstore.share CASCADE")


@pytest.mark.parametrize("index", [{"mode": "text"}, VECTORS])
def test_a_query_finds_what_is_shared_and_nothing_else(dsns: tuple[str, str], index: Any) -> None:
    with AgentStore(dsns[1], index=index) as store:
        alice, bob = store.for_user("alice"), store.for_user("bob")
        alice.put(PROJECTS, "assam", {"text": "black tea from the hills"})
        alice.put(("diary",), "secret", {"text": "tea with a friend"})
        assert bob.search((), query="tea") == []
        alice.share(PROJECTS, "bob", "write")
        assert [item.key for item in bob.search((), query="tea")] == ["assam"]
        bob.put(SEEN, "sencha", {"text": "green tea from the coast"})
        for view, labels in ((alice, PROJECTS), (bob, SEEN)):
            assert {item.key for item in view.search(labels, query="tea")} == {"assam", "sencha"}
        alice.revoke(PROJECTS, "bob")
        assert bob.search((), query="tea") == []


@pytest.mark.parametrize("index", [{"mode": "text"}, VECTORS])
def test_conversations_that_are_shared_are_found(dsns: tuple[str, str], index: Any) -> None:
    with AgentStore(dsns[1], index=index) as store:
        alice, bob = store.for_user("alice"), store.for_user("bob")
        ConversationMemory(alice, "alice").save_turn("Which tea?", "Assam.", "monday")
        theirs = ConversationMemory(bob, "bob", shared_by="alice")
        assert theirs.search("tea") == []
        alice.share(("conversations",), "bob", "read")
        assert [turn.query for turn in theirs.search("tea")] == ["Which tea?"]
        recalled = theirs.explain_recall("Which tea was it?", mode="relevant")
        assert "Assam." in (recalled.text or "")
        assert ConversationMemory(bob, "bob").search("tea") == []
        alice.revoke(("conversations",), "bob")
        assert theirs.search("tea") == []


def test_the_other_user_reads_and_writes_sealed_values(dsns: tuple[str, str]) -> None:
    sealing: dict[str, Any] = {"encryption": Encryption(KEY), "pool": {"max_size": 3}}
    role = dsns[1].split("//")[1].split("@")[0]
    with AgentStore(dsns[0], **sealing) as owner:
        owner.setup(row_security=True, application_role=role)
    with AgentStore(dsns[1], **sealing) as store, AgentStore(dsns[1], **sealing) as elsewhere:
        alice, bob = store.for_user("alice"), elsewhere.for_user("bob")
        alice.put(PROJECTS, "tea", {"n": 1})
        alice.share(PROJECTS, "bob", "write")
        found = bob.get(SEEN, "tea")
        assert found is not None
        assert found.value == {"n": 1}
        bob.put(SEEN, "tea", {"n": 2})
        assert [item.value for item in alice.search(PROJECTS)] == [{"n": 2}]
        assert [item.value for item in bob.search(("users",))] == [{"n": 2}]
        assert bob.update(SEEN, "tea", lambda value: {"n": (value or {})["n"] + 1}) == {"n": 3}
    [(stored,)] = execute(dsns[0], "SELECT value::text FROM agentstore.item")
    assert '"n": 3' not in stored


def test_what_is_written_by_a_share_counts_for_the_owner(dsns: tuple[str, str]) -> None:
    with AgentStore(dsns[0], quotas=Quotas(per_user=Limits(items=2))):
        pass
    with AgentStore(dsns[1], quotas=Quotas(per_user=Limits(items=2))) as store:
        alice, bob = store.for_user("alice"), store.for_user("bob")
        alice.put(PROJECTS, "a", {})
        alice.share(PROJECTS, "bob", "write")
        bob.put(SEEN, "b", {})
        with pytest.raises(QuotaExceededError):
            bob.put(SEEN, "c", {})
        bob.put(("notes",), "own", {})
        assert bob.count() == 3
