"""Opt-in indexes have the expressions of the filters, and names of their own."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_agentstore.errors import InvalidOperationError, InvalidValueError
from langgraph_agentstore.sql.filters.indexes import plan_filter_indexes
from langgraph_agentstore.sql.tables import Tables

TABLES = Tables("agentstore")


def test_none_is_made_unless_asked_for() -> None:
    assert plan_filter_indexes(TABLES, values=False, fields={}) == []


def test_each_is_made_concurrently_on_the_expression_of_the_filters() -> None:
    gin, number, text = plan_filter_indexes(
        TABLES, values=True, fields={"score": "number", "it's": "text"}
    )
    assert gin.create == (
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS item_value "
        'ON "agentstore".item USING gin (value jsonb_path_ops)'
    )
    assert gin.drop == 'DROP INDEX CONCURRENTLY IF EXISTS "agentstore".item_value'
    assert number.create.endswith("(user_id, (value -> 'score'::text))")
    assert text.create.endswith(
        "(user_id, (((value -> 'it''s'::text) #>> '{}'::text[]) COLLATE \"C\"))"
    )
    assert len({gin.name, number.name, text.name}) == 3


@pytest.mark.parametrize("field", ["", "a.b", "value"])
def test_a_field_that_filters_reach_in_another_way_is_refused(field: str) -> None:
    with pytest.raises(InvalidOperationError, match="index_fields"):
        plan_filter_indexes(TABLES, values=False, fields={field: "number"})


def test_an_unknown_type_and_a_name_postgres_cannot_hold_are_refused() -> None:
    unknown: Any = {"score": "date"}
    with pytest.raises(InvalidOperationError, match="'date' is not known"):
        plan_filter_indexes(TABLES, values=False, fields=unknown)
    with pytest.raises(InvalidValueError, match="NUL"):
        plan_filter_indexes(TABLES, values=False, fields={"a\x00": "number"})
