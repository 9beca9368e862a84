"""Which reads are equal, and that those who share rows share nothing that can be changed."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.store.base import ListNamespacesOp, SearchOp

from langgraph_agentstore.model.json_values import copied
from langgraph_agentstore.model.users import DEFAULT_TEMPLATE, template_scope
from langgraph_agentstore.sql.batched_reads import decode_lateral_batch
from langgraph_agentstore.sql.copies_of_rows import CopiesOfRows, distinct, read_key
from langgraph_agentstore.sql.planner import Planner
from langgraph_agentstore.sql.statement import CurrentRules, Decoded, Queue, SqlContext, Statement
from langgraph_agentstore.sql.tables import Tables

PLANNER = Planner(template_scope(DEFAULT_TEMPLATE), CurrentRules(SqlContext(Tables("agentstore"))))


def read(*arguments: Any, sql: str = "SELECT") -> Statement[Any]:
    return Statement(sql, arguments, lambda rows: Decoded(list(rows)), queue=Queue.EQUAL_READS)


@pytest.mark.parametrize(
    ("one", "other"),
    [((1,), (True,)), ((1,), (1.0,)), (([1],), ([True],)), ((["a"],), (("a",),)), ((1,), (1, 2))],
)
def test_arguments_of_other_types_are_others(one: Any, other: Any) -> None:
    assert read_key(read(*one)) != read_key(read(*other))


def test_another_text_is_another_read() -> None:
    assert read_key(read(1)) != read_key(read(1, sql="SELECT 1"))


def test_equal_statements_travel_once() -> None:
    one, other, same = read(1, ["a"]), read(2, ["a"]), read(1, ["a"])
    assert distinct([one, other, same]) == ([one, other], [0, 1, 0])


def test_each_who_shares_a_statement_gets_rows_of_its_own() -> None:
    first, second, other = decode_lateral_batch(
        [read(1), read(1), read(2)], [0, 0, 1], [(1, {"n": 1}), (2, {"n": 2})]
    )
    assert [first.result, second.result, other.result] == [
        [({"n": 1},)],
        [({"n": 1},)],
        [({"n": 2},)],
    ]
    assert first.result[0][0] is not second.result[0][0]


def test_rows_without_anything_that_can_be_changed_are_shared() -> None:
    rows = [("a", 1), ("b", 2)]
    assert CopiesOfRows(rows, shared=True).next() is rows
    assert CopiesOfRows([({},)], shared=False).next() == [({},)]


def test_a_copy_of_a_value_shares_nothing_that_can_be_changed() -> None:
    value = {"a": [1, {"b": [2]}], "c": "d"}
    copy = copied(value)
    assert copy == value
    copy["a"][1]["b"].append(3)
    copy["a"].append(4)
    assert value == {"a": [1, {"b": [2]}], "c": "d"}


@pytest.mark.parametrize("op", [SearchOp(("docs",)), SearchOp(()), ListNamespacesOp(None)])
def test_a_read_that_was_planned_before_is_planned_no_more(op: Any) -> None:
    assert PLANNER.plan(op) is PLANNER.plan(op)


def test_a_limit_of_another_type_is_still_refused() -> None:
    PLANNER.plan(SearchOp(("docs",), limit=1))
    with pytest.raises(ValueError, match="limit"):
        PLANNER.plan(SearchOp(("docs",), limit=True))
