"""Rows become results, in the order asked for, and say which expiries to move."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from langgraph.store.base import Item, ListNamespacesOp, MatchCondition, SearchOp

from langgraph_agentstore import ItemRecord
from langgraph_agentstore.errors import VersionConflictError
from langgraph_agentstore.model.namespaces import sort_key
from langgraph_agentstore.model.users import DEFAULT_TEMPLATE, Region, UserScope, template_scope
from langgraph_agentstore.sql.items.delete import (
    delete_statement,
    plan_delete_regions,
    plan_delete_version,
)
from langgraph_agentstore.sql.items.expiry import plan_sweep, refresh_statement
from langgraph_agentstore.sql.items.get import Gotten, decode_gets, get_statement, plan_get_alone
from langgraph_agentstore.sql.items.newest import LISTED_AT_ONCE, plan_list
from langgraph_agentstore.sql.items.pages import plan_count, plan_page, plan_record
from langgraph_agentstore.sql.items.put import put_expected_statement, put_statement
from langgraph_agentstore.sql.planner import Planner
from langgraph_agentstore.sql.region_condition import region_condition
from langgraph_agentstore.sql.statement import (
    CurrentRules,
    Delete,
    Get,
    Put,
    PutExpected,
    Refresh,
    SqlContext,
    Statement,
)
from langgraph_agentstore.sql.tables import Tables

RULES = SqlContext(Tables('odd"name'))
SCOPE = template_scope(DEFAULT_TEMPLATE)
PLANNER = Planner(SCOPE, CurrentRules(RULES))
THEN = datetime(2026, 1, 1, tzinfo=timezone.utc)
LATER = THEN + timedelta(minutes=5)
ALICES = ("users", "alice", "files")
A: Get[Item | None] = Get(("alice", "files", "a"), ALICES, refresh=True)
C: Get[Item | None] = Get(("", "docs", "c"), ("docs",), refresh=False)
B: Get[Item | None] = Get(("", "docs", "b"), ("docs",), refresh=False)


def test_gets_are_answered_in_the_order_asked_for() -> None:
    rows = [
        (3, [1], THEN, LATER, None, None, False),
        (1, {"n": 1}, THEN, THEN, None, None, False),
    ]
    read = decode_gets([A, C, B], rows)
    assert read.items == [
        Item(value={"n": 1}, key="a", namespace=ALICES, created_at=THEN, updated_at=THEN),
        None,
        Item(value={"value": [1]}, key="b", namespace=("docs",), created_at=THEN, updated_at=LATER),
    ]
    assert read.refreshes == []


def test_a_large_value_is_left_to_a_statement_of_its_own() -> None:
    rows = [(1, None, THEN, THEN, LATER, LATER, True), (2, [1], THEN, THEN, None, None, False)]
    read = decode_gets([A, B, A], rows)
    assert read.apart == [0, 2]
    assert [item is None for item in read.items] == [True, False, True]
    assert read.refreshes == []

    alone = plan_get_alone(A, RULES)
    assert alone.arguments == A.item_id
    decoded = alone.decode([({"n": 1}, THEN, THEN, LATER, LATER)])
    assert isinstance(decoded.result, Item)
    assert decoded.result.value == {"n": 1}
    assert decoded.refreshes == [Refresh(A.item_id, LATER, LATER)]


def test_a_lone_get_is_answered_without_a_position() -> None:
    assert decode_gets([A], [({"n": 1}, THEN, THEN, None, None)]).items[0] is not None
    assert decode_gets([A], []) == Gotten([None], [], [])


def test_an_item_that_many_ask_for_is_read_once_and_given_to_each() -> None:
    again: Get[Any] = Get(A.item_id, None, refresh=False)
    assert get_statement([A, again, A], RULES)[1] == A.item_id
    assert get_statement([A, B, again], RULES)[1] == (["alice", ""], ["files", "docs"], ["a", "b"])
    row = ({"n": [1]}, THEN, THEN, LATER, LATER, False)
    read = decode_gets([A, B, again, A], [(1, *row)])
    assert read.refreshes == [Refresh(A.item_id, LATER, LATER)] * 2
    assert read.items[1] is None
    values = [item.value for item in read.items if item is not None]
    assert values == [{"n": [1]}] * 3
    assert len({id(value["n"]) for value in values}) == 3


def test_a_read_that_asks_for_it_moves_the_expiry() -> None:
    row = (THEN, THEN, THEN, LATER, False)
    read = decode_gets([A, B], [(1, {}, *row), (2, {}, *row)])
    assert read.refreshes == [Refresh(A.item_id, THEN, LATER)]


def test_many_gets_travel_as_three_arrays() -> None:
    sql, arguments = get_statement([A, B], RULES)
    assert '"odd""name".item' in sql
    assert RULES.tables.migration == '"odd""name".migration'
    assert arguments == (["alice", ""], ["files", "docs"], ["a", "b"])


def test_many_writes_travel_in_the_order_of_the_primary_key() -> None:
    minute = timedelta(minutes=1)
    puts = [Put(A.item_id, "files", b"1", minute), Put(B.item_id, "docs", b"2", None)]
    _, arguments = put_statement(puts, RULES)
    assert arguments[:4] == (["", "alice"], ["docs", "files"], ["b", "a"], ["docs", "files"])
    assert arguments[4:] == ([b"2", b"1"], [None, minute], [b"{}", b"{}"], [None, None])
    _, arguments = put_statement([Put(A.item_id, "files", b"1", None), puts[1]], RULES)
    assert arguments[4:] == ([b"2", b"1"],)
    _, arguments = refresh_statement(
        [Refresh(A.item_id, THEN, LATER), Refresh(B.item_id, LATER, LATER)], RULES
    )
    assert arguments[2:] == (["b", "a"], [LATER, THEN], [LATER, LATER])
    _, arguments = delete_statement([Delete(A.item_id), Delete(B.item_id)], RULES)
    assert arguments == (["", "alice"], ["docs", "files"], ["b", "a"])


def found(op: SearchOp, *rows: Any) -> Any:
    planned = PLANNER.plan(op)
    assert isinstance(planned, Statement)
    return planned.decode(rows)


def test_found_items_carry_the_tuples_of_the_scope() -> None:
    rows = [
        ("alice", "files:a%3Ab", "k", {"n": 1}, THEN, LATER, None, None, "place"),
        ("", "docs", "k", "text", THEN, THEN, None, None, "place"),
    ]
    items = found(SearchOp(()), *rows).result
    assert [item.namespace for item in items] == [("users", "alice", "files", "a:b"), ("docs",)]
    assert [item.value for item in items] == [{"n": 1}, {"value": "text"}]
    assert items[0].score is None


def test_a_search_tells_which_namespaces_are_to_be_listed() -> None:
    leaf = PLANNER.search(SearchOp(("users", "ann", "a")))
    assert isinstance(leaf, Statement)
    nothing = (None,) * 6
    assert leaf.decode([(*nothing, False, False)]).grown == []
    assert leaf.decode([(*nothing, False, True)]).grown == [("ann", "a")]
    whole = PLANNER.search(SearchOp(("users", "ann")))
    assert isinstance(whole, Statement)
    row: tuple[Any, ...] = ("ann", "a", "k", {}, THEN, THEN, None, None, "a")
    assert whole.decode([(*row, None)]).grown == []
    assert whole.decode([(*row, ["a", "b"])]).grown == [("ann", "a"), ("ann", "b")]


def test_listing_goes_on_by_key_after_its_first_statement() -> None:
    rows = [("a", f"k{n:04}") for n in range(LISTED_AT_ONCE)]
    first = plan_list("ann", "a", None, RULES)
    assert first.arguments == ("ann", "a")
    assert first.decode(rows[1:]).result is None
    assert first.decode(rows).result == ("a", "")
    later = plan_list("ann", "a", ("a", "k"), RULES)
    assert later.arguments == ("ann", "a", "k")
    assert later.decode(rows[::-1]).result == rows[-1]
    assert later.decode([]).result is None


def test_a_search_moves_the_expiry_of_what_it_found_if_asked_to() -> None:
    row: tuple[Any, ...] = ("alice", "files", "k", {}, THEN, THEN, THEN, LATER, "place")
    assert found(SearchOp(()), row).refreshes == [Refresh(("alice", "files", "k"), THEN, LATER)]
    assert found(SearchOp((), refresh_ttl=False), row).refreshes == []


def listed(op: ListNamespacesOp, *rows: Any, planner: Planner = PLANNER) -> Any:
    planned = planner.plan(op)
    assert isinstance(planned, Statement)
    return planned.decode(rows).result


def test_namespaces_of_all_regions_are_merged_in_the_order_of_tuples() -> None:
    rows = [
        (0, "", sort_key(("a", "b"))),
        (0, "", sort_key(("a1",))),
        (0, "", sort_key(("users",))),
        (0, "", sort_key(("z",))),
        (1, "alice", ""),
        (1, "alice", sort_key(("x:y", "z"))),
    ]
    everything = listed(ListNamespacesOp(), *rows)
    assert everything == sorted(everything)
    assert ("users", "alice", "x:y", "z") in everything
    assert listed(ListNamespacesOp(offset=1, limit=2), *rows) == [("a1",), ("users",)]
    assert listed(ListNamespacesOp(max_depth=1), *rows) == [("a",), ("a1",), ("users",), ("z",)]
    assert listed(ListNamespacesOp(max_depth=0), *rows) == [()]


def test_a_users_namespaces_are_relative() -> None:
    planner = Planner(UserScope("alice"), CurrentRules(RULES))
    assert listed(ListNamespacesOp(), (0, "alice", sort_key(("x",))), planner=planner) == [("x",)]


@pytest.mark.parametrize(
    ("conditions", "regions"),
    [
        ([], 2),
        ([("prefix", ("docs",))], 1),
        ([("prefix", ("users",))], 2),
        ([("prefix", ("users", "alice"))], 2),
        ([("prefix", ("*", "alice"))], 2),
        ([("prefix", ("users", "alice")), ("prefix", ("users", "bob"))], 1),
        ([("prefix", ("users", "alice")), ("prefix", ("users", "alice", "x"))], 2),
        ([("suffix", ("users",))], 2),
    ],
)
def test_regions_that_no_prefix_can_match_are_not_walked(conditions: Any, regions: int) -> None:
    ops = tuple(MatchCondition(kind, path) for kind, path in conditions)
    assert PLANNER.explain(ListNamespacesOp(ops)).sql.count("WITH RECURSIVE") == regions


def test_a_plain_prefix_is_a_range_and_anything_else_a_pattern() -> None:
    def explained(*conditions: MatchCondition) -> str:
        return PLANNER.explain(ListNamespacesOp(conditions)).sql

    assert " ~ " not in explained(MatchCondition("prefix", ("users", "alice", "x")))
    # Every user's namespaces match; of the shared ones only a pattern can tell.
    assert explained(MatchCondition("prefix", ("users", "*"))).count(" ~ ") == 1
    assert " ~ " in explained(MatchCondition("prefix", ("users", "alice", "*", "x")))
    assert " ~ " in explained(MatchCondition("suffix", ("x",)))
    assert " ~ " not in explained(MatchCondition("suffix", ()))


def test_a_put_that_expected_another_version_is_a_conflict() -> None:
    put = Put(A.item_id, "files", b"{}", None)
    for expected, reason in ((0, "exists already"), (3, "changed or is gone")):
        statement = put_expected_statement(PutExpected(put, expected), RULES)
        assert not statement.idempotent
        assert statement.decode([(4,)]).result == 4
        with pytest.raises(VersionConflictError, match=reason) as raised:
            statement.decode([])
        assert raised.value.expected == expected


def test_counts_and_records_come_from_their_row() -> None:
    regions = SCOPE.regions(("docs",))
    anything = PLANNER.filter(None)
    assert plan_count(regions, anything, RULES).decode([(3,)]).result == 3
    assert plan_sweep(10, RULES).decode([(4,)]).result == 4
    assert plan_delete_regions(regions, RULES).decode([(5,)]).result == 5
    assert plan_delete_version(B.item_id, 1, THEN, RULES).decode([(1,)]).result == 1
    record = plan_record(B.item_id, ("docs",), RULES)
    assert record.decode([]).result is None
    row: tuple[Any, ...] = ({"n": 1}, 2, {}, None, THEN, LATER, LATER)
    found = record.decode([(*row, timedelta(seconds=30))]).result
    assert found == ItemRecord(("docs",), "b", *(*row, 0.5))
    forever = record.decode([(*row[:-1], None, None)]).result
    assert forever is not None
    assert (forever.expires_at, forever.ttl_minutes) == (None, None)


def test_a_page_carries_the_triples_to_go_on_from() -> None:
    anything = PLANNER.filter(None)
    statement = plan_page(SCOPE.regions(()), anything, A.item_id, 5, SCOPE, RULES)
    assert statement.arguments == (5, "", *A.item_id)
    row = ("alice", "files", "a", {"n": 1}, THEN, LATER)
    ((item_id, item),) = statement.decode([row]).result
    assert (item_id, item.namespace, item.value) == (A.item_id, A.labels, {"n": 1})


def test_a_region_is_a_range_of_whole_labels() -> None:
    arguments: list[Any] = []
    condition = region_condition([Region("alice", ("a", "b"))], arguments)
    assert arguments == ["alice", "a:b"]
    assert "i.namespace >= $2::text || ':' AND i.namespace < $2::text || ';'" in condition
    assert region_condition([Region(None, ())], []) == "(i.user_id > '')"
