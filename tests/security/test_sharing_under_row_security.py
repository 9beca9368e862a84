"""Sharing where the database keeps users apart: it shows the other user nothing."""

from __future__ import annotations

from langgraph_agentstore import AgentStore

SEEN = ("users", "alice", "projects")


def test_an_applications_role_reaches_nothing_that_is_shared(
    app: AgentStore, owned: AgentStore
) -> None:
    alice, bob = app.for_user("alice"), app.for_user("bob")
    alice.put(("projects",), "tea", {"n": 1})
    alice.share(("projects",), "bob", "write")
    assert [share.with_user for share in alice.shared_by_me()] == ["bob"]
    assert bob.shared_with_me() == []
    assert bob.get(SEEN, "tea") is None
    assert bob.search(()) == []
    assert bob.count() == 0
    bob.put(SEEN, "tea", {"n": 2})
    found = alice.get(("projects",), "tea")
    assert found is not None
    assert found.value == {"n": 1}
    assert alice.revoke(("projects",), "bob")
