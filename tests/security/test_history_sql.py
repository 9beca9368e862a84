"""Statements of history, word for word, and the decoding of their rows; without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from langchain_core.runnables.config import var_child_runnable_config

from langgraph_agentstore.config.history_options import History, history_option
from langgraph_agentstore.config.index_options import search_index
from langgraph_agentstore.errors import (
    ConfigurationError,
    HistoryNotKeptError,
    InvalidOperationError,
    ValueTypeError,
)
from langgraph_agentstore.model.provenance import (
    Provenance,
    acting_as,
    current_provenance,
    provenance,
    provenance_of,
)
from langgraph_agentstore.model.users import Region, UserScope
from langgraph_agentstore.security.guard import QuarantinedItem
from langgraph_agentstore.security.history.audited import AuditFault, AuditReport
from langgraph_agentstore.security.history.entries import HistoryEntry, item_diff
from langgraph_agentstore.security.history.provenance_sql import authors
from langgraph_agentstore.security.history.reading_sql import (
    moment,
    plan_as_of,
    plan_changes,
    plan_history,
)
from langgraph_agentstore.security.history.reads_sql import NotedRead, plan_note_reads, plan_reads
from langgraph_agentstore.security.history.restored import RestoredItem, RestoreReport
from langgraph_agentstore.security.history.restoring_sql import plan_extent, plan_restore_page
from langgraph_agentstore.security.history.sealing_sql import (
    SealChecked,
    plan_check,
    plan_forget,
    plan_is_kept,
    plan_seal,
    plan_unsealed,
)
from langgraph_agentstore.security.history.searching_sql import plan_search_as_of
from langgraph_agentstore.security.history.setup_sql import history_setup, state_sql
from langgraph_agentstore.security.quarantine_sql import (
    plan_discard,
    plan_quarantine,
    plan_quarantined,
    plan_released,
)
from langgraph_agentstore.sql.filters import parse_filter
from langgraph_agentstore.sql.search.text import word_query
from langgraph_agentstore.sql.statement import Put, SqlContext
from langgraph_agentstore.sql.tables import Tables
from tests.support.golden import check_golden

GOLDEN = Path(__file__).parent / "golden_history"
PLAIN = SqlContext(Tables("s"))
TEXT = replace(PLAIN, index=search_index({"mode": "text"}))
ANN = UserScope("ann")
REGION = (Region("ann", ("notes",)),)
A = ("ann", "notes", "a")
THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
ID = UUID(int=7)
PUT = Put(A, "notes", b"{}", None)
WORDS = word_query("green tea", "plain")
EVERYTHING = parse_filter({})

STATEMENTS = {
    "state": state_sql(PLAIN.tables),
    "setup": ";\n".join(history_setup(PLAIN.tables, None, None, restart=True)),
    "setup_covered": history_setup(PLAIN.tables, ["it's", "b\\"], timedelta(30), restart=False)[-2],
    "as_of": plan_as_of(A, ("notes",), THEN, ANN, PLAIN).sql,
    "history": plan_history(A, 5, None, ANN, PLAIN).sql,
    "history_before": plan_history(A, 5, THEN, ANN, PLAIN).sql,
    "changes": plan_changes(REGION, Provenance(), (None, None), 5, ANN, PLAIN).sql,
    "changes_said": plan_changes(REGION, Provenance("x"), (THEN, THEN), 5, ANN, PLAIN).sql,
    "extent": plan_extent(REGION, THEN, PLAIN).sql,
    "restore_dry": plan_restore_page(REGION, THEN, A, 5, PLAIN, dry_run=True).sql,
    "restore": plan_restore_page(REGION, THEN, A, 5, PLAIN, dry_run=False).sql,
    "restore_indexed": plan_restore_page(REGION, THEN, A, 5, TEXT, dry_run=False).sql,
    "search": plan_search_as_of(REGION, THEN, EVERYTHING, None, (5, 0), ANN, PLAIN).sql,
    "search_words": plan_search_as_of(REGION, THEN, EVERYTHING, WORDS, (5, 0), ANN, TEXT).sql,
    "seal": plan_seal(PLAIN).sql,
    "forget": plan_forget(PLAIN).sql,
    "is_kept": plan_is_kept(PLAIN).sql,
    "unsealed": plan_unsealed(PLAIN).sql,
    "check": plan_check(0, 5, PLAIN).sql,
    "note_reads": plan_note_reads({}, PLAIN).sql,
    "reads": plan_reads(REGION, (None, None), 5, ANN, PLAIN).sql,
    "reads_within": plan_reads(REGION, (THEN, THEN), 5, ANN, PLAIN).sql,
    "quarantine": plan_quarantine(PUT, "odd", None, PLAIN).sql,
    "quarantined": plan_quarantined(REGION, 5, ANN, PLAIN).sql,
    "released": plan_released(REGION, ID, PLAIN).sql,
    "discard": plan_discard(REGION, ID, PLAIN).sql,
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_sql_is_the_golden_one(name: str) -> None:
    check_golden(GOLDEN / f"{name}.sql", STATEMENTS[name])


def test_every_golden_file_has_its_statement() -> None:
    assert {path.stem for path in GOLDEN.glob("*.sql")} == set(STATEMENTS)


def test_authors_that_are_the_same_name_no_item() -> None:
    assert authors(['{"agent":"x"}'], []) == '{"who":[{"agent":"x"}]}'
    assert authors([None, None], [A, A]) == '{"who":[{}]}'
    other = ("a", "nnnotes", "a")
    setting = authors([None, '{"agent":"x"}'], [A, other])
    assert setting == '{"who":[{},{"agent":"x"}],"of":{"3:5:annnotesa":0,"1:7:annnotesa":1}}'


KEPT: tuple[Any, ...] = ({"n": 1}, 1, {}, None, THEN, THEN, None, timedelta(minutes=2))
NOTHING = (None,) * 8


def test_an_item_as_of_a_moment_is_decoded() -> None:
    decode = plan_as_of(A, ("notes",), THEN, ANN, PLAIN).decode
    record = decode([(True, THEN, "ann", *KEPT)]).result
    assert record is not None
    assert (record.value, record.version, record.ttl_minutes) == ({"n": 1}, 1, 2)
    assert decode([(True, THEN, None, *NOTHING)]).result is None
    for rows in ([], [(False, THEN, None, *NOTHING)]):
        with pytest.raises(HistoryNotKeptError):
            decode(rows)


def test_entries_are_decoded() -> None:
    decode = plan_history(A, 5, None, ANN, PLAIN).decode
    head = (*A, THEN, 7, "put", 2, {"agent": "x", "more": 1}, "role", {"n": 2})
    [entry] = decode([(*head, *KEPT)]).result
    assert entry.provenance == Provenance("x")
    assert (entry.value, entry.number) == ({"n": 2}, 7)
    assert entry.before < entry.changed_at
    gone: tuple[Any, ...] = (*A, THEN, 8, "delete", None, {}, "role", None)
    [deleted] = decode([(*gone, *KEPT)]).result
    assert deleted.value is None
    assert item_diff(entry.replaced, None).changes[0].kind == "removed"
    assert item_diff(None, entry.replaced).changes[0].kind == "added"
    assert item_diff(entry.replaced, entry.replaced).changes == item_diff(None, None).changes == ()
    assert isinstance(entry, HistoryEntry)


def test_a_search_as_of_a_moment_is_decoded() -> None:
    decode = plan_search_as_of(REGION, THEN, EVERYTHING, None, (5, 0), ANN, PLAIN).decode
    [found] = decode([(True, THEN, *A, {"n": 1}, THEN, THEN, 0.5)]).result
    assert (found.key, found.score) == ("a", 0.5)
    assert decode([(True, THEN, *(None,) * 7)]).result == []
    for rows in ([], [(False, THEN, *(None,) * 7)]):
        with pytest.raises(HistoryNotKeptError):
            decode(rows)


def test_the_extent_of_a_restore_is_decoded() -> None:
    decode = plan_extent(REGION, THEN, PLAIN).decode
    assert decode([(True, THEN, THEN, 3)]).result == (3, THEN)
    for rows in ([], [(False, THEN, THEN, 0)]):
        with pytest.raises(HistoryNotKeptError):
            decode(rows)


def test_a_page_of_a_restore_is_decoded() -> None:
    decode = plan_restore_page(REGION, THEN, A, 5, PLAIN, dry_run=True).decode
    [item] = decode([(*A, "put", 3, {"n": 1}, None)]).result
    assert (item.item_id, item.action, item.version) == (A, "put", 3)
    report = RestoreReport(THEN, True, THEN, 1, 0, 0, (RestoredItem(("notes",), "a", "put"),))
    assert "1 items would change" in str(report)
    assert "1 items changed" in str(replace(report, dry_run=False))


def test_seals_are_decoded_and_told() -> None:
    rows: list[Any] = [(2, "ff", 3, True, [2, 1], [], [5], 1, 0)]
    assert plan_check(0, 5, PLAIN).decode(rows).result == [
        SealChecked(2, "ff", 3, True, (1, 2), (), (5,), 1, 0)
    ]
    assert plan_unsealed(PLAIN).decode([(1, 2)]).result == (1, 2)
    assert plan_is_kept(PLAIN).decode([(True,)]).result
    assert plan_seal(PLAIN).decode([(4,)]).result == plan_forget(PLAIN).decode([(4,)]).result == 4
    faults = tuple(AuditFault(kind, 2, 5) for kind in ("altered", "seal", "head"))
    told = str(AuditReport(1, 3, 0, 0, 0, "ff", faults))
    assert "3 faults" in told
    assert "entry 5 of seal 2 was altered" in told


def test_reads_are_decoded() -> None:
    assert plan_note_reads({NotedRead("ann", "get", "notes", "a", "{}"): 2}, PLAIN).arguments == (
        ["ann"],
        ["get"],
        ["notes"],
        ["a"],
        [2],
        [b"{}"],
    )
    assert plan_note_reads({}, PLAIN).decode([]).result is None
    decode = plan_reads(REGION, (None, None), 5, ANN, PLAIN).decode
    rows = [
        ("ann", "get", "notes", "a", 2, THEN, {"agent": "x"}, "role"),
        ("ann", "read", None, None, 1, THEN, {}, "role"),
    ]
    assert [entry.namespace for entry in decode(rows).result] == [("notes",), None]


class Rot13:
    """A sealing that is enough to see where values are opened."""

    def opened(self, item_id: Any, stored: Any) -> Any:
        return {"opened": stored}

    def searchable(self, value: bytes) -> bytes:
        return value

    def is_sealed_field(self, name: str) -> bool:
        return False


def test_the_quarantine_is_decoded() -> None:
    sealed: Any = replace(TEXT, sealing=Rot13())  # type: ignore[arg-type]
    shown = ("ann", ID, "notes", "a", {"n": 1}, "odd", {"agent": "x"}, "role", THEN)
    [clear] = plan_quarantined(REGION, 5, ANN, PLAIN).decode([shown]).result
    [opened] = plan_quarantined(REGION, 5, ANN, sealed).decode([shown]).result
    assert isinstance(clear, QuarantinedItem)
    assert (clear.value, opened.value) == ({"n": 1}, {"opened": {"n": 1}})
    row: Any = ("ann", "notes", "a", "notes", {"text": "tea"}, {}, None, None, [])
    for context in (PLAIN, TEXT, sealed):
        put = plan_released(REGION, ID, context).decode([row]).result
        assert put is not None
        assert put.passed
    assert plan_released(REGION, ID, PLAIN).decode([]).result is None
    assert plan_discard(REGION, ID, PLAIN).decode([(ID,)]).result is True
    assert plan_quarantine(PUT, "odd", None, PLAIN).decode([]).result is None


def test_sealed_history_is_opened() -> None:
    sealed: Any = replace(PLAIN, sealing=Rot13())  # type: ignore[arg-type]
    record = plan_as_of(A, ("notes",), THEN, ANN, sealed).decode([(True, THEN, "ann", *KEPT)])
    assert record.result is not None
    assert record.result.value == {"opened": {"n": 1}}


@pytest.mark.parametrize("given", ["notes", [], 0, "yes", History])
def test_a_wrong_option_is_refused(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="history"):
        history_option(given if given == "yes" or given is History else History(namespaces=given))


@pytest.mark.parametrize("days", [0, -1, "7", float("nan"), 10**9, True])
def test_a_wrong_number_of_days_is_refused(days: Any) -> None:
    with pytest.raises(ConfigurationError, match="keep_days"):
        History(keep_days=days)


def test_the_option_may_be_a_bool() -> None:
    assert history_option(True) == History()
    assert history_option(False) is history_option(None) is None
    given = History()
    assert history_option(given) is given
    assert (given.covered, given.retention) == (None, None)
    assert History(keep_days=2).retention == timedelta(2)
    assert History(namespaces=[("b",), ("a", "x")]).covered == ["a:x", "b"]


def test_inner_provenance_goes_over_outer_and_a_graph_over_neither() -> None:
    with acting_as("clerk"):
        assert current_provenance() == Provenance(agent="clerk")
        with provenance(agent="planner", reason="asked"), provenance(tool="web") as said:
            assert said == current_provenance()
            assert said == Provenance("planner", "web", reason="asked")
            assert said.text == '{"agent":"planner","tool":"web","reason":"asked"}'
            token = var_child_runnable_config.set(
                {"metadata": {"lc_agent_name": "x", "run_id": "r"}}
            )
            found = current_provenance()
            var_child_runnable_config.reset(token)
    assert found == replace(said, run_id="r")
    assert current_provenance() == Provenance()


def test_a_moment_has_a_time_zone() -> None:
    assert moment("when", THEN) is THEN
    for given in (THEN.replace(tzinfo=None), "2026-01-02"):
        with pytest.raises(InvalidOperationError, match="time zone"):
            moment("when", given)


def test_a_wrong_provenance_is_refused() -> None:
    with pytest.raises(ValueTypeError, match="agent is a string"), provenance(agent=7):  # type: ignore[arg-type]
        pass


def test_the_provenance_of_a_run_is_what_its_configuration_tells() -> None:
    config = {
        "configurable": {"thread_id": 7, "user_id": "ann", "assistant_id": "helper\x00"},
        "metadata": {"langgraph_node": "model", "run_id": "r-1"},
    }
    assert provenance_of(config) == Provenance("helper", None, "model", "r-1", "7", "ann")
    assert provenance_of({}) == Provenance()
