"""Encryption beside the other controls: history, row security, quotas."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import MissingSchemaError, OwnerNeededError
from langgraph_agentstore.security import Encryption, provenance
from tests.support.encrypted import KEY, Database, Opened
from tests.support.faults import execute

NOTES = ("users", "alice", "notes")


async def test_history_keeps_ciphertext_and_shows_opened_values(
    opened: Opened, database: Database
) -> None:
    store = opened(store={"history": True})
    store.put(NOTES, "a", {"text": "Mozzarella"})
    before = datetime.now(timezone.utc)
    store.put(NOTES, "a", {"text": "bread"})
    store.rotate()
    rows = await database.run("SELECT h::text FROM {schema}.item_history h")
    assert not [row for (row,) in rows if "Mozzarella" in row]
    values: list[Any] = [entry.value for entry in store.history(NOTES, "a")]
    assert {"text": "Mozzarella"} in values
    then = store.get_as_of(NOTES, "a", before)
    assert then is not None
    assert then.value == {"text": "Mozzarella"}
    store.restore(NOTES, before, dry_run=False)
    item = store.get(NOTES, "a")
    assert item is not None
    assert item.value == {"text": "Mozzarella"}


def test_history_says_which_entries_are_of_a_rotation(opened: Opened) -> None:
    store = opened(store={"history": True})
    store.put(NOTES, "a", {"n": 1})
    with provenance(agent="planner", reason="asked to"):
        store.put(NOTES, "a", {"n": 2})
    store.rotate()
    rotated, second, first = store.history(NOTES, "a")
    assert (rotated.provenance.tool, rotated.provenance.agent) == ("rotate", None)
    assert rotated.provenance.reason == "a new data key; the value is the same"
    assert rotated.value == second.value == {"n": 2}
    assert rotated.version == second.version
    assert (second.provenance.agent, second.provenance.reason) == ("planner", "asked to")
    assert first.provenance.said == {}


async def test_a_key_that_history_needs_is_kept(opened: Opened, database: Database) -> None:
    store = opened(store={"history": True})
    store.put(NOTES, "a", {"n": 1})
    store.put(NOTES, "a", {"n": 2})
    for _ in range(2):
        store.rotate()
        await database.run(
            "UPDATE {keys}.user_key SET retired_at = retired_at - interval '3 hours'"
        )
    [made] = await database.run("SELECT count(*) FROM {keys}.user_key")
    assert made[0] >= 2
    assert {"n": 1} in [entry.value for entry in store.history(NOTES, "a")]


def test_an_application_under_row_security_encrypts(
    fresh_database: str, app_dsn: str, role: str
) -> None:
    encryption = Encryption(KEY)
    with pytest.raises(MissingSchemaError, match="agentstore_keys"):
        AgentStore(app_dsn, encryption=encryption).setup()
    with AgentStore(fresh_database, encryption=encryption) as owner:
        execute(fresh_database, "GRANT USAGE ON SCHEMA agentstore_keys TO {}", role)
        tables = "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA agentstore_keys TO {}"
        execute(fresh_database, tables, role)
        with AgentStore(app_dsn, encryption=encryption) as app:
            for user in ("alice", "bob"):
                app.for_user(user).put(("notes",), "a", {"of": user})
            item = app.for_user("bob").get(("notes",), "a")
            assert item is not None
            assert item.value == {"of": "bob"}
            with pytest.raises(OwnerNeededError):
                app.rotate()
        assert owner.rotate() == 2
