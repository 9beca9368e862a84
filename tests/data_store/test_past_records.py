"""What records were, in both forms of a data store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.data_store import AsyncDataStore, DataStore
from langgraph_agentstore.errors import HistoryNotKeptError, InvalidKeyError, NotPermittedError
from langgraph_agentstore.security import Provenance, provenance
from tests.data_store.forms import Called, Open


@pytest.fixture
def store(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=schema_name, history=True) as store:
        yield store


@pytest.fixture(params=[DataStore, AsyncDataStore], ids=["blocking", "awaited"])
def open_(store: AgentStore, request: pytest.FixtureRequest) -> Iterator[Open]:
    loop = asyncio.new_event_loop()

    def opened(user: str = "ann", namespace: str = "notes", **options: Any) -> Called:
        return Called(request.param(store, user, "scribe", namespace, **options), loop)

    yield opened
    loop.close()


@pytest.fixture
def records(open_: Open) -> Called:
    return open_()


def test_each_write_and_delete_is_an_entry_with_its_agent(records: Called) -> None:
    records.set("k", 1)
    records.increment("k", 2)
    records.delete("k")

    entries = records.history("k")

    told = [(entry.operation, entry.value, entry.provenance.agent) for entry in entries]
    assert told == [("delete", None, "scribe"), ("put", 3, "scribe"), ("put", 1, "scribe")]
    assert {(entry.namespace, entry.key) for entry in entries} == {(("notes",), "k")}


def test_pages_of_history_follow_each_other(records: Called) -> None:
    for n in range(5):
        records.set("k", n)

    first = records.history("k", limit=2)
    second = records.history("k", limit=2, before=first[-1].changed_at)

    assert [entry.value for entry in [*first, *second]] == [4, 3, 2, 1]


@pytest.mark.parametrize("value", [0, "", False, [], None, "text"], ids=repr)
def test_a_value_as_of_a_moment_is_what_was_stored(records: Called, value: Any) -> None:
    records.set("k", value)
    records.set("k", {"poisoned": True})
    moment = records.history("k")[0].before

    found = records.get_as_of("k", moment, "default")

    assert (type(found), found) == (type(value), value)


def test_where_there_was_no_record_the_default_is_returned(records: Called) -> None:
    records.set("k", 1)
    moment = records.history("k")[0].before

    assert records.get_as_of("k", moment) is None
    assert records.get_as_of("k", moment, "none") == "none"


def test_reading_the_past_counts_no_read(records: Called) -> None:
    records.set("k", 1)

    records.get_as_of("k", datetime.now(timezone.utc))
    records.history("k")

    assert records.record("k").access_count == 0


def test_two_moments_of_a_record_are_compared(records: Called) -> None:
    records.set("k", {"account": 1, "name": "Ann"})
    records.set("k", {"account": 2, "name": "Ann"})
    moment = records.history("k")[0].before

    (change,) = records.diff("k", moment).changes

    assert (change.path, change.before, change.after) == (("account",), 1, 2)


def test_the_writes_of_a_run_are_found_in_the_namespace_and_below(open_: Open) -> None:
    records = open_()
    with provenance(run_id="run-7"):
        records.set("mine", 1)
        records.use_namespace("notes:deep").set("below", 2)
        records.use_namespace("other").set("beside", 3)
    records.set("later", 4)

    found = records.find_changes(said=Provenance(run_id="run-7"))

    assert [(entry.namespace, entry.key) for entry in found] == [
        (("notes", "deep"), "below"),
        (("notes",), "mine"),
    ]


def test_a_restore_is_tried_before_it_is_done(records: Called) -> None:
    records.set("kept", "good", {"source": "ann"})
    records.set("kept", "poisoned")
    moment = records.history("kept")[0].before
    records.set("planted", "poisoned")

    tried = records.restore(moment)
    assert (tried.dry_run, tried.put, tried.deleted) == (True, 1, 1)
    assert records.get_all() == {"kept": "poisoned", "planted": "poisoned"}

    done = records.restore(moment, dry_run=False)
    assert (done.put, done.deleted) == (1, 1)
    assert records.get_all() == {"kept": "good"}
    assert records.history("kept")[0].provenance.agent == "scribe"

    records.restore(done.undo_as_of, dry_run=False)
    assert records.get_all() == {"kept": "poisoned", "planted": "poisoned"}


def test_a_restore_changes_no_other_users_records(open_: Open) -> None:
    ann, bob = open_("ann"), open_("bob")
    moment = datetime.now(timezone.utc)
    ann.set("k", 1)
    bob.set("k", 1)

    ann.restore(moment, dry_run=False)

    assert (ann.get("k"), bob.get("k")) == (None, 1)


def test_access_limits_what_may_be_asked_of_the_past(open_: Open) -> None:
    now = datetime.now(timezone.utc)
    blind, tied = open_(access="write"), open_(access="read")
    asked = (
        lambda: blind.history("k"),
        lambda: blind.get_as_of("k", now),
        lambda: blind.diff("k", now),
        blind.find_changes,
        lambda: blind.restore(now),
        lambda: tied.restore(now, dry_run=False),
    )
    for ask in asked:
        with pytest.raises(NotPermittedError):
            ask()
    assert tied.restore(now).put == 0


def test_each_question_is_an_entry_of_the_operations_log(open_: Open) -> None:
    log: list[dict[str, Any]] = []
    records = open_(ops_log=log)
    records.set("k", 1)
    now = datetime.now(timezone.utc)
    log.clear()

    records.history("k")
    records.get_as_of("k", now)
    records.diff("k", now)
    records.find_changes()
    records.restore(now)

    assert [entry["op"] for entry in log] == [
        "history",
        "get_as_of",
        "diff",
        "find_changes",
        "restore",
    ]
    assert log[1]["found"] is True
    assert (log[-1]["dryRun"], log[-1]["put"], log[-1]["deleted"]) == (True, 0, 0)


def test_an_empty_key_is_refused(records: Called) -> None:
    with pytest.raises(InvalidKeyError):
        records.history("")


def test_a_store_without_history_says_how_to_keep_it(postgres_dsn: str, schema_name: str) -> None:
    with (
        AgentStore(postgres_dsn, schema=f"{schema_name}_plain") as plain,
        pytest.raises(HistoryNotKeptError, match="history=True"),
    ):
        DataStore(plain, "ann", None).get_as_of("k", datetime.now(timezone.utc))
