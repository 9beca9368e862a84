"""The SQL of a filter against its predicate, on Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import asyncpg
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langgraph_agentstore.model.json_values import encode_value
from langgraph_agentstore.sql.filters import (
    MAX_FILTER_DEPTH,
    OPERATORS,
    filter_sql,
    matches,
    parse_filter,
)
from tests.sql.filters.filter_cases import CASES, Case

Fetch: TypeAlias = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def fetch(postgres_dsn: str) -> Iterator[Fetch]:
    """Runs a statement; blocking, since one connection serves all of hypothesis's examples."""
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(_connect(postgres_dsn))
    yield lambda sql, *arguments: loop.run_until_complete(connection.fetch(sql, *arguments))
    loop.run_until_complete(connection.close())
    loop.close()


async def _connect(dsn: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(dsn)
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda text: b"\x01" + text,
        decoder=lambda data: orjson.loads(data[1:]),
    )
    return connection


def _select(fetch: Fetch, source: dict[str, Any], values: list[Any]) -> list[bool]:
    """What Postgres says of each value: one statement for all of them."""
    arguments: list[Any] = [encode_value(values)]
    condition = filter_sql(parse_filter(source), arguments)
    rows = fetch(
        f"SELECT {condition} IS TRUE AS matching"
        " FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS i(value, place) ORDER BY place",
        *arguments,
    )
    return [row["matching"] for row in rows]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_sql_agrees_with_the_table(fetch: Fetch, case: Case) -> None:
    values = [*case.matching, *case.other]
    expected = [True] * len(case.matching) + [False] * len(case.other)
    assert _select(fetch, case.filter, values) == expected


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_sql_selects_the_same_rows_as_a_where_clause(fetch: Fetch, case: Case) -> None:
    arguments: list[Any] = [encode_value([*case.matching, *case.other])]
    condition = filter_sql(parse_filter(case.filter), arguments)
    rows = fetch(
        "SELECT i.place - 1 AS place"
        " FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS i(value, place)"
        f" WHERE i.place > 0 AND {condition} ORDER BY place",
        *arguments,
    )
    assert [row["place"] for row in rows] == list(range(len(case.matching)))


_names = st.sampled_from(["a", "b", "a.b", "value", "value.a", "0", "b.0", "a.b.a"])
_numbers = st.sampled_from(
    [0, -0.0, 1, 1.0, 1.5, -1, 2**53, 2**53 + 1, 2.0**53, 2**64 - 1, 2.0**64, 1e20, 1e300, 0.1]
)
_strings = st.sampled_from(["", "a", "b", "ab", "B", "é", "\ufffd", "\U0001f600", "0", "1", "%"])
_scalars = st.none() | st.booleans() | _numbers | _strings
_any_scalars = (
    _scalars
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=3)
)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3)


_json = st.recursive(_scalars, _containers, max_leaves=6)
_stored = st.dictionaries(_names, _json, max_size=4) | _json
_ordered = st.booleans() | _numbers | _strings
_operands = {
    "$exists": st.booleans(),
    "$in": st.lists(_json, max_size=3),
    "$nin": st.lists(_json, max_size=3),
    **dict.fromkeys(["$gt", "$gte", "$lt", "$lte"], _ordered),
}


def _operands_of(name: str) -> st.SearchStrategy[Any]:
    """What the operator takes: from `_operands`, where too little of any JSON would be that."""
    return _operands.get(name, _json.filter(OPERATORS[name].accepts))


_operators = st.fixed_dictionaries(
    {}, optional={name: _operands_of(name) for name in OPERATORS}
).filter(bool)


def _conditions(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        _containers(inner)
        | st.fixed_dictionaries({"$not": inner})
        | st.fixed_dictionaries({"$and": st.lists(inner, max_size=2)})
        | st.fixed_dictionaries({"$or": st.lists(inner, max_size=2)})
    )


_single_operators = st.sampled_from(list(OPERATORS)).flatmap(
    lambda name: st.fixed_dictionaries({name: _operands_of(name)})
)
_condition = st.recursive(_scalars | _single_operators | _operators, _conditions, max_leaves=5)
_fields = st.dictionaries(_names, _condition, max_size=2)
_filters = st.recursive(
    _fields,
    lambda inner: (
        st.fixed_dictionaries({"$not": inner})
        | st.fixed_dictionaries({"$or": st.lists(inner, max_size=2)})
        | st.fixed_dictionaries({"$and": st.lists(inner, max_size=2)})
    ),
    max_leaves=3,
)

_many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_many
@given(source=_filters, values=st.lists(_stored, min_size=10, max_size=40))
def test_sql_and_predicate_agree(fetch: Fetch, source: dict[str, Any], values: list[Any]) -> None:
    parsed = parse_filter(source)
    decoded = orjson.loads(encode_value(values))
    assert _select(fetch, source, values) == [matches(parsed, value) for value in decoded]


@_many
@given(
    name=st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]),
    operand=_any_scalars.filter(lambda scalar: scalar is not None),
    values=st.lists(_any_scalars, min_size=10, max_size=40),
)
def test_sql_and_predicate_order_any_scalars_alike(
    fetch: Fetch, name: str, operand: Any, values: list[Any]
) -> None:
    source = {"a": {name: operand}}
    documents = [{"a": value} for value in [*values, operand]]
    decoded = orjson.loads(encode_value(documents))
    parsed = parse_filter(source)
    assert _select(fetch, source, documents) == [matches(parsed, value) for value in decoded]


def _nested_dotted_names() -> tuple[dict[str, Any], dict[str, Any]]:
    """A filter as deep as they may be, and a value it matches."""
    source: dict[str, Any] = {"a.b": None}
    value: dict[str, Any] = {"a": {}}
    for _ in range(MAX_FILTER_DEPTH // 2 - 1):
        source, value = {"a.b": source}, {"a": {"b": value}}
    return source, value


def test_the_deepest_filter_runs(fetch: Fetch) -> None:
    source, value = _nested_dotted_names()
    assert _select(fetch, source, [value, {"a": 1}]) == [True, False]


def test_the_plan_of_nested_dotted_names_does_not_double_with_each(fetch: Fetch) -> None:
    arguments: list[Any] = []
    condition = filter_sql(parse_filter(_nested_dotted_names()[0]), arguments)
    item = "(SELECT '1'::jsonb AS value OFFSET 0) AS i"
    plan = fetch(f"EXPLAIN (VERBOSE) SELECT FROM {item} WHERE {condition}", *arguments)
    assert sum(len(row[0]) for row in plan) < 100_000


def test_the_largest_filter_runs(fetch: Fetch) -> None:
    source = {"$or": [{"a.b": {"$gt": n}} for n in range(2_000)]}
    assert _select(fetch, source, [{"a": {"b": 1}}, {"a": {"b": 0}}]) == [True, False]


@pytest.mark.parametrize("source", [{"a": 7}, {"a": {"b": "x"}}, {"$or": [{"a": 7}, {"b": 1}]}])
def test_plain_equality_is_served_by_a_gin_index(fetch: Fetch, source: dict[str, Any]) -> None:
    fetch("CREATE TEMP TABLE filtered (value jsonb NOT NULL)")
    try:
        fetch("CREATE INDEX filtered_value ON filtered USING gin (value jsonb_path_ops)")
        fetch("SET enable_seqscan = off")
        arguments: list[Any] = []
        condition = filter_sql(parse_filter(source), arguments)
        plan = fetch(f"EXPLAIN SELECT FROM filtered AS i WHERE {condition}", *arguments)
        assert "Bitmap Index Scan on filtered_value" in "\n".join(row[0] for row in plan)
    finally:
        fetch("RESET enable_seqscan")
        fetch("DROP TABLE filtered")
