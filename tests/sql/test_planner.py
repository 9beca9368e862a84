"""Operations are checked and addressed before anything is sent."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, PutOp, SearchOp

from langgraph_agentstore.errors import (
    InvalidFilterError,
    InvalidKeyError,
    InvalidNamespaceError,
    InvalidOperationError,
    ValueTypeError,
)
from langgraph_agentstore.model.addresses import MAX_ADDRESS_BYTES
from langgraph_agentstore.model.users import DEFAULT_TEMPLATE, UserScope, template_scope
from langgraph_agentstore.sql.planner import Planner
from langgraph_agentstore.sql.statement import (
    CurrentRules,
    Delete,
    Get,
    Put,
    SqlContext,
    written_once,
)
from langgraph_agentstore.sql.tables import Tables

RULES = SqlContext(Tables("agentstore"))
PLANNER = Planner(template_scope(DEFAULT_TEMPLATE), CurrentRules(RULES))
ALICE = ("users", "alice", "files")


def test_a_get_is_addressed_by_user_namespace_and_key() -> None:
    planned = PLANNER.plan(GetOp(ALICE, "k", refresh_ttl=False))
    assert planned == Get(("alice", "files", "k"), ALICE, refresh=False)


def test_a_put_carries_json_text_and_an_exact_interval() -> None:
    planned = PLANNER.plan(PutOp(("docs", "a:b"), "k", {"n": 1}, ttl=0.5))
    assert planned == Put(("", "docs:a%3Ab", "k"), "docs\x01a:b", b'{"n":1}', timedelta(seconds=30))


def test_a_put_of_none_is_a_delete() -> None:
    assert PLANNER.plan(PutOp(ALICE, "k", None)) == Delete(("alice", "files", "k"))


def test_a_users_scope_takes_every_tuple_as_that_users() -> None:
    planner = Planner(UserScope("bob"), CurrentRules(RULES))
    planned = planner.plan(PutOp(("users", "alice"), "k", {}))
    assert isinstance(planned, Put)
    assert planned.item_id == ("bob", "users:alice", "k")


@pytest.mark.parametrize(
    ("key", "text"), [(7, "7"), (UUID(int=1), str(UUID(int=1))), (type("S", (str,), {})("s"), "s")]
)
def test_a_key_with_one_obvious_text_is_taken_as_that(key: Any, text: str) -> None:
    planned = PLANNER.plan(GetOp(ALICE, key))
    assert isinstance(planned, Get)
    assert planned.item_id[2] == text
    assert type(planned.item_id[2]) is str


@pytest.mark.parametrize("key", [None, True, 1.5, b"k", ("k",)])
def test_another_key_is_refused_with_its_type(key: Any) -> None:
    with pytest.raises(ValueTypeError, match=f"a key is a string, got {type(key).__name__}"):
        PLANNER.plan(GetOp(ALICE, key))


@pytest.mark.parametrize(
    ("key", "reason"),
    [("", "non-empty"), ("a\x00b", "NUL"), ("\ud800", "lone surrogate"), ("é\x00", "NUL")],
)
def test_a_key_that_postgres_cannot_hold_is_refused(key: str, reason: str) -> None:
    with pytest.raises(InvalidKeyError, match=reason):
        PLANNER.plan(PutOp(ALICE, key, {}))


def test_a_key_too_long_for_an_index_row_is_refused_with_the_limit() -> None:
    room = MAX_ADDRESS_BYTES - len("alice" + "files")
    PLANNER.plan(GetOp(ALICE, "k" * room))
    PLANNER.plan(GetOp(ALICE, "é" * (room // 2)))
    with pytest.raises(InvalidKeyError, match=f"{MAX_ADDRESS_BYTES + 1} bytes together.*2600"):
        PLANNER.plan(GetOp(ALICE, "k" * (room + 1)))
    with pytest.raises(InvalidKeyError, match="2600"):
        PLANNER.plan(GetOp(ALICE, "é" * (room // 2 + 1)))


def test_a_namespace_too_long_for_an_index_row_is_refused_with_the_limit() -> None:
    with pytest.raises(InvalidNamespaceError, match="2600"):
        PLANNER.plan(GetOp(("n" * MAX_ADDRESS_BYTES,), "k"))
    with pytest.raises(InvalidNamespaceError, match="2600"):  # escaped it takes twice the room
        PLANNER.plan(GetOp(("\x01" * (MAX_ADDRESS_BYTES // 2),), "k"))


@pytest.mark.parametrize("namespace", [("a", ""), ("a.b",), ("a\x00",), (1,), "ab", None, {"a"}])
def test_a_bad_namespace_is_refused_in_every_operation(namespace: Any) -> None:
    for op in (
        GetOp(namespace, "k"),
        PutOp(namespace, "k", {}),
        SearchOp(namespace),
        ListNamespacesOp((MatchCondition("prefix", namespace),)),
    ):
        with pytest.raises(InvalidNamespaceError):
            PLANNER.plan(op)


@pytest.mark.parametrize("namespace", [(), ("langgraph",), ("langgraph", "x")])
def test_the_two_reserved_namespaces_cannot_be_written(namespace: tuple[str, ...]) -> None:
    with pytest.raises(InvalidNamespaceError):
        PLANNER.plan(PutOp(namespace, "k", {}))
    PLANNER.plan(GetOp(namespace, "k"))


class Label(str, Enum):
    FILES = "files"


def test_a_label_of_a_string_enum_is_a_plain_string() -> None:
    planner = Planner(template_scope(DEFAULT_TEMPLATE), CurrentRules(RULES))
    planned = planner.plan(GetOp(("users", "alice", Label.FILES), "k"))
    assert isinstance(planned, Get)
    assert planned.labels is not None
    assert [type(label) for label in planned.labels] == [str, str, str]
    assert type(planned.item_id[1]) is str


def test_a_label_that_is_a_list_is_refused_as_any_other() -> None:
    with pytest.raises(InvalidNamespaceError, match="labels are strings"):
        PLANNER.plan(GetOp((["a"],), "k"))  # type: ignore[arg-type]


def test_a_huge_depth_is_as_good_as_none() -> None:
    deepest = PLANNER.explain(ListNamespacesOp(max_depth=2**40)).sql
    assert deepest == PLANNER.explain(ListNamespacesOp(max_depth=2**50)).sql


def test_a_list_of_labels_is_taken_as_a_tuple() -> None:
    planned = PLANNER.plan(GetOp(list(ALICE), "k"))  # type: ignore[arg-type]
    assert isinstance(planned, Get)
    assert planned.labels == ALICE


@pytest.mark.parametrize("count", [-1, 1.5, True, None, 2**62])
def test_a_count_is_a_whole_number_from_0_on(count: Any) -> None:
    with pytest.raises(InvalidOperationError, match="limit is a whole number from 0"):
        PLANNER.plan(SearchOp((), limit=count))
    with pytest.raises(InvalidOperationError, match="offset"):
        PLANNER.plan(SearchOp((), offset=count))
    with pytest.raises(InvalidOperationError, match="limit"):
        PLANNER.plan(ListNamespacesOp(limit=count))
    with pytest.raises(InvalidOperationError, match="offset"):
        PLANNER.plan(ListNamespacesOp(offset=count))
    if count is not None:
        with pytest.raises(InvalidOperationError, match="max_depth"):
            PLANNER.plan(ListNamespacesOp(max_depth=count))


def test_an_unknown_match_type_is_refused_with_the_known_ones() -> None:
    condition = MatchCondition("infix", ("a",))  # type: ignore[arg-type]
    with pytest.raises(InvalidOperationError, match=r"'infix' .* 'prefix', 'suffix'"):
        PLANNER.plan(ListNamespacesOp((condition,)))


def test_an_unknown_operation_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidOperationError, match="str is not an operation; known: GetOp"):
        PLANNER.plan("get")


@pytest.mark.parametrize("value", [7, ["a"], "text", 1.5])
def test_a_value_that_is_no_mapping_is_refused(value: Any) -> None:
    with pytest.raises(ValueTypeError, match="must be a mapping"):
        PLANNER.plan(PutOp(ALICE, "k", value))


def test_a_bad_filter_is_refused() -> None:
    with pytest.raises(InvalidFilterError):
        PLANNER.plan(SearchOp((), ["status"]))  # type: ignore[arg-type]


def test_explaining_needs_no_connection_and_shows_the_arguments() -> None:
    explained = PLANNER.explain(GetOp(ALICE, "k"))
    assert explained.arguments == ("alice", "files", "k")
    assert PLANNER.explain(PutOp(ALICE, "k", None)).sql.split()[4:6] == ["DELETE", "FROM"]
    assert PLANNER.explain(PutOp(ALICE, "k", {})).sql.split()[4:6] == ["INSERT", "INTO"]
    assert PLANNER.explain(SearchOp(ALICE)).arguments == (10, 0, "alice", "files", "files\x02")


def test_a_text_is_written_once_for_the_same_rules_and_arguments() -> None:
    written: list[tuple[str, bool]] = []

    @written_once
    def sql(context: SqlContext, name: str, *, whole: bool) -> str:
        written.append((name, whole))
        return f"{context.tables.item} {name} {whole}"

    one, other = SqlContext(Tables("one")), SqlContext(Tables("other"))
    assert sql(one, "a", whole=True) == sql(one, "a", whole=True) == '"one".item a True'
    assert sql(one, "a", whole=False) == '"one".item a False'
    assert sql(other, "a", whole=True) == '"other".item a True'
    assert written == [("a", True), ("a", False), ("a", True)]
