"""The list of columns, and the statements that derive from it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from langgraph_agentstore.config.index_options import search_index
from langgraph_agentstore.sql.item_columns import ITEM, given, inserted_once
from langgraph_agentstore.sql.items.import_records import Imported, plan_import
from langgraph_agentstore.sql.items.put import put_statement
from langgraph_agentstore.sql.items.records import item_id_of, plan_page_of_stored, plan_stored_at
from langgraph_agentstore.sql.statement import Content, Put, SqlContext
from langgraph_agentstore.sql.tables import Tables

RULES = SqlContext(Tables("agentstore"))
INDEX = search_index({"dims": 2, "embed": lambda texts: [[0.0, 1.0] for _ in texts]})
INDEXED = SqlContext(Tables("agentstore"), index=INDEX, vector_set=1)
THEN = datetime(2026, 1, 1, tzinfo=timezone.utc)


def put(key: str, context: SqlContext) -> Put:
    content = None if context.index is None else Content(context.index)
    return Put(("ann", "files", key), "files", b"1", None, content, created_by="writer")


def imported(key: str, context: SqlContext) -> Imported:
    return Imported(put(key, context), 2, THEN, THEN, None, 3, THEN, "reader")


def putting(keys: str) -> Callable[[SqlContext], tuple[str, tuple[Any, ...]]]:
    return lambda context: put_statement([put(key, context) for key in keys], context)


def importing(context: SqlContext) -> tuple[str, tuple[Any, ...]]:
    statement = plan_import([imported(key, context) for key in "ba"], "upsert", context)
    return statement.sql, statement.arguments


@pytest.mark.parametrize("context", [RULES, INDEXED], ids=["plain", "indexed"])
@pytest.mark.parametrize(
    "statement_of", [putting("a"), putting("ba"), importing], ids=["put", "puts", "import"]
)
def test_a_statement_has_as_many_arguments_as_it_names(
    statement_of: Callable[[SqlContext], tuple[str, tuple[Any, ...]]], context: SqlContext
) -> None:
    sql, arguments = statement_of(context)
    assert {int(n) for n in re.findall(r"\$(\d+)", sql)} == {*range(1, len(arguments) + 1)}


def test_an_import_is_in_the_order_of_the_primary_key() -> None:
    _, arguments = importing(RULES)
    assert arguments[2] == ["a", "b"]
    assert ["writer", "writer"] in arguments
    assert ["reader", "reader"] in arguments


def test_an_import_returns_the_ids_that_it_wrote() -> None:
    decode = plan_import([imported("a", RULES)], "skip", RULES).decode
    assert decode([("ann", "files", "a", None)]).result == {("ann", "files", "a")}


def test_what_is_given_for_a_column_is_an_attribute_of_a_put() -> None:
    assert all(hasattr(put("a", RULES), column.given) for column in given(ITEM)[3:])


def test_a_single_row_takes_its_arguments_in_the_order_of_the_columns() -> None:
    columns = [column for column in ITEM if column.name in ("user_id", "updated_at", "ttl")]
    assert inserted_once(columns) == "$1, now(), $2"


def test_stored_records_come_with_their_ids_and_in_the_order_asked_for() -> None:
    row: Any = ("ann", "files:a", "k", None, {}, 2, "w", THEN, THEN, None, None, 3, THEN, "r")
    (record,) = plan_page_of_stored((), None, 1, RULES).decode([row]).result
    assert item_id_of(record) == ("ann", "files:a", "k")
    ids = [("ann", "files", "gone"), ("ann", "files:a", "k")]
    assert plan_stored_at(ids, RULES).decode([(*row, 2)]).result == [None, record]
