"""`agentstore history`, `audit` and `restore --as-of`, as processes, on a store with history."""

from __future__ import annotations

import time
from typing import Any

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.model.provenance import provenance
from tests.support.commands import agentstore
from tests.support.faults import execute

NOTES = ("users", "ada", "notes")


@pytest.fixture
def remembered(fresh_database: str) -> str:
    """The DSN of a store with history, in which a value was poisoned, added and deleted."""
    with AgentStore(fresh_database, history=True) as store:
        with provenance(agent="chef", reason="a guest"):
            store.put(NOTES, "tea", {"text": "80 degrees"})
        store.put(NOTES, "milk", {"text": "cold"})
    return fresh_database


def test_the_history_of_an_item_tells_who_changed_it(remembered: str) -> None:
    with AgentStore(remembered) as store:
        store.put(NOTES, "tea", {"text": "poison"})
        store.delete(NOTES, "tea")
    rows = agentstore("history", "users/ada/notes", "tea", dsn=remembered).rows
    assert [row["operation"] for row in rows] == ["delete", "put", "put"]
    assert [row["version"] for row in rows] == [None, 2, 1]
    assert {row["role"] for row in rows} == {"postgres"}
    assert rows[0]["replaced"] == {"text": "poison"}
    assert rows[2]["provenance"] == {"agent": "chef", "reason": "a guest"}
    below = agentstore("history", "users/ada", "--since", "1h", dsn=remembered).rows
    assert [row["key"] for row in below] == ["tea", "tea", "milk", "tea"]
    assert below[-1]["namespace"] == "users/ada/notes"
    assert agentstore("history", "users/ada", "--until", "1h", dsn=remembered).out == ""


def test_a_namespace_goes_back_to_a_moment_once_confirmed(remembered: str) -> None:
    with AgentStore(remembered) as store:
        [first] = store.history(NOTES, "milk")
        time.sleep(0.01)
        store.put(NOTES, "tea", {"text": "poison"})
        store.put(NOTES, "new", {})
        store.delete(NOTES, "milk")
    restoring = ("restore", "notes", "--user", "ada", "--as-of", first.changed_at.isoformat())
    dry = agentstore(*restoring, "--dry-run", dsn=remembered)
    assert dry.rows == [{"would_put_back": 2, "would_delete": 1, "unchanged": 0}]
    asked = agentstore(*restoring, dsn=remembered)
    assert (asked.status, asked.out) == (5, "")
    assert "would put back 2 items and delete 1 at or below 'users/ada/notes'" in asked.err
    [done] = agentstore(*restoring, "--yes", dsn=remembered).rows
    assert (done["put_back"], done["deleted"]) == (2, 1)
    rows = agentstore("ls", "users/ada/notes", dsn=remembered).rows
    assert [(row["key"], row["value"]["text"]) for row in rows] == [
        ("milk", "cold"),
        ("tea", "80 degrees"),
    ]
    undo = ("restore", "users/ada", "--as-of", done["undo_as_of"], "--yes")
    assert agentstore(*undo, dsn=remembered).status == 0
    assert agentstore("get", "users/ada/notes", "new", dsn=remembered).status == 0


def seal(dsn: str) -> dict[str, Any]:
    """Seal the whole history, however long other tests' transactions keep it waiting."""
    for _ in range(30):
        [sealed] = agentstore("audit", "seal", dsn=dsn).rows
        if not sealed["unsealed"]:
            return sealed
    raise AssertionError(sealed)


def test_an_audit_tells_the_head_and_verifies_it_later(remembered: str) -> None:
    [unsealed] = agentstore("audit", "verify", dsn=remembered).rows
    assert (unsealed["entries"], unsealed["unsealed"], unsealed["faults"]) == (0, 2, [])
    sealed = seal(remembered)
    assert (sealed["entries"], sealed["unsealed"]) == (2, 0)
    again = agentstore("audit", "verify", "--head", sealed["head"], dsn=remembered)
    assert (again.status, again.err) == (0, "")
    other = agentstore("audit", "verify", "--head", "00" * 32, dsn=remembered)
    assert (other.status, "the head given is the hash of no seal" in other.err) == (1, True)


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("DELETE FROM agentstore.item_history WHERE key = 'tea'", "of seal 1 was removed"),
        ("UPDATE agentstore.item_history SET role = 'nobody'", "of seal 1 was altered"),
    ],
)
def test_an_audit_of_a_history_that_was_changed_ends_with_status_1(
    remembered: str, tampering: str, said: str
) -> None:
    seal(remembered)
    execute(remembered, "ALTER TABLE agentstore.item_history DISABLE TRIGGER USER")
    execute(remembered, tampering)
    done = agentstore("audit", "verify", dsn=remembered)
    assert (done.status, said in done.err) == (1, True)
    assert said in done.rows[0]["faults"][0]


def test_without_history_there_is_nothing_to_go_back_to(filled: str) -> None:
    done = agentstore("restore", "users/ada", "--as-of", "1h", "--yes", dsn=filled)
    assert (done.status, "no history is kept here" in done.err) == (4, True)
    told = agentstore("history", "docs", "readme", dsn=filled)
    assert (told.out, "no changes are kept here" in told.err) == ("", True)
    assert agentstore("restore", "docs", "--as-of", "yesterday", dsn=filled).status == 2
    assert agentstore("restore", dsn=filled).status == 2
    audited = agentstore("audit", "verify", dsn=filled)
    assert (audited.status, "no history is kept here" in audited.err) == (4, True)
