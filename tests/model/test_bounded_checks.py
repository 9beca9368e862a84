"""Checking hostile input takes time in proportion to it, and names it in a short message."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from langgraph.store.base import SearchOp

from langgraph_agentstore.config.store_options import checked_schema
from langgraph_agentstore.errors import (
    ConfigurationError,
    InvalidFilterError,
    InvalidNamespaceError,
    InvalidOperationError,
    InvalidValueError,
    ValueTypeError,
)
from langgraph_agentstore.model.json_values import encode_value
from langgraph_agentstore.model.namespaces import MOST_LABELS, check_labels, labels_named
from langgraph_agentstore.model.users import TemplateScope, check_user_id
from langgraph_agentstore.sql.filters import parse_filter
from langgraph_agentstore.sql.filters.parse import MAX_BYTES
from langgraph_agentstore.sql.planner import Planner
from langgraph_agentstore.sql.search.text import parse_words
from langgraph_agentstore.sql.statement import CurrentRules, SqlContext
from langgraph_agentstore.sql.tables import Tables

SHORT = 2_000
LONG = "k" * 1_000_000


def test_labels_are_counted_before_they_are_looked_at() -> None:
    with pytest.raises(InvalidNamespaceError, match=f"at most {MOST_LABELS} labels, got 4000"):
        check_labels(("n",) * 4_000)


@pytest.mark.parametrize(
    "labels",
    [
        (LONG, "a.b"),
        (LONG + "\x00",),
        (LONG + ".",),
        (LONG, ""),
        ("n",) * 1_000 + ("a.b",),
        [[LONG]],
        LONG,
    ],
    ids=["period", "NUL", "long", "empty", "many", "no text", "no tuple"],
)
def test_a_refused_namespace_is_named_in_a_short_message(labels: Any) -> None:
    with pytest.raises(InvalidNamespaceError) as refused:
        check_labels(labels)
    assert len(str(refused.value)) < SHORT


def test_a_refused_name_is_named_in_a_short_message() -> None:
    with pytest.raises(InvalidNamespaceError) as refused:
        labels_named(LONG + "\x00")
    assert len(str(refused.value)) < SHORT


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({LONG: {"a": object()}}, ValueTypeError),
        ({LONG: ["\x00"]}, InvalidValueError),
        ({LONG + "\ud800": 1}, InvalidValueError),
        ({LONG: {LONG.encode(): 1}}, ValueTypeError),
        ({LONG: 2**80}, InvalidValueError),
        ({LONG: float("nan")}, InvalidValueError),
    ],
    ids=["type", "NUL", "surrogate", "bytes", "large", "NaN"],
)
def test_a_refused_value_is_named_in_a_short_message(value: object, error: type[Exception]) -> None:
    with pytest.raises(error) as refused:
        encode_value(value)
    assert len(str(refused.value)) < SHORT


@pytest.mark.parametrize(
    "filter",
    [
        {LONG: object()},
        {"a": {f"${LONG}": 1}},
        {f"${LONG}": 1},
        {LONG: {"$in": LONG[:10]}},
        {LONG: {"$and": 1}},
        {"a": {LONG: 1, "$eq": 2}},
        {LONG + "\x00": 1},
        {LONG: [[{"$gt": None}]]},
        {"a": LONG * 2},
        {LONG: 1, LONG + "b": 2},
        LONG,
        {b"x" * 1_000_000: 1},
    ],
)
def test_a_refused_filter_is_named_in_a_short_message(filter: Any) -> None:
    with pytest.raises(InvalidFilterError) as refused:
        parse_filter(filter)
    assert len(str(refused.value)) < SHORT


def test_names_and_operands_of_a_filter_have_one_limit() -> None:
    half = "x" * (MAX_BYTES // 2)
    parse_filter({"a": half[:-10], half[:-10]: 1})
    with pytest.raises(
        InvalidFilterError, match=r"more than 1,048,576 bytes of names and operands"
    ):
        parse_filter({"a": half, half: 1})


@pytest.mark.parametrize("query", ["x" * (2**20 + 1), " " * (2**20 + 1)])
def test_a_query_beyond_its_limit_is_refused(query: str) -> None:
    planner = Planner(TemplateScope(("users",)), CurrentRules(SqlContext(Tables("s"))))
    with pytest.raises(InvalidOperationError, match="1,048,577 characters, the limit is 1,048,576"):
        planner.plan(SearchOp(("a",), query=query))
    planner.plan(SearchOp(("a",), query=query[1:]))


def test_a_refused_user_or_schema_is_named_in_a_short_message() -> None:
    with pytest.raises(ValueTypeError) as user:
        check_user_id(LONG.encode())
    with pytest.raises(ConfigurationError) as schema:
        checked_schema(LONG)
    assert max(len(str(user.value)), len(str(schema.value))) < SHORT


def test_a_limit_that_is_none_is_named_in_a_short_message() -> None:
    planner = Planner(TemplateScope(("users",)), CurrentRules(SqlContext(Tables("s"))))
    with pytest.raises(InvalidOperationError) as refused:
        planner.plan(SearchOp(("a",), limit=LONG))  # type: ignore[arg-type]
    assert len(str(refused.value)) < SHORT


def test_the_words_of_a_query_that_are_looked_for_are_counted() -> None:
    query = parse_words(" ".join(f'w{n} w{n} -n{n} "p {n}"' for n in range(500)))
    assert [word.text for word in query.words][:4] == ["w0", "w0", "p", "0"]
    assert (len(query.words), len(query.excluded), len(query.required)) == (256, 256, 256)


# Each took about a minute when the path to every part was written out.
HEAVY = {
    "a long key over many parts": "encode_value({'k' * 1_000_000: [1] * 1_000_000 + [2.0**60]})",
    "a long key over many texts": r"encode_value({'k' * 1_000_000: ['\\u0000'] * 1_000_000})",
    "many labels": "check_labels(('n' * 20_000,) * 1300)",
}


@pytest.mark.parametrize("attack", HEAVY.values(), ids=HEAVY)
def test_checking_a_hostile_value_takes_seconds_and_little_memory(attack: str) -> None:
    program = (
        "from langgraph_agentstore.model.json_values import encode_value\n"
        "from langgraph_agentstore.model.namespaces import check_labels\n"
        f"{attack}\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=20)
