"""Statements that make settings of their own."""

from __future__ import annotations

import pytest

from langgraph_agentstore.sql.statement_settings import users_setting, with_settings

ALICE = users_setting(["alice"])


def test_without_settings_a_statement_stays_as_it_is() -> None:
    assert with_settings("SELECT 1", ("a",), ()) == ("SELECT 1", ("a",))


def test_a_read_is_wrapped_below_the_condition() -> None:
    sql, arguments = with_settings("\nSELECT i.key FROM item i WHERE i.key = $1", ("k",), [ALICE])
    assert arguments == ("k", '{"alice"}')
    assert (
        sql
        == """
SELECT s.* FROM (SELECT * FROM (
SELECT i.key FROM item i WHERE i.key = $1
) q OFFSET 0) s
 WHERE (SELECT set_config('agentstore.users', $2, true)) IS NOT NULL"""
    )


def test_ctes_stay_at_the_top_where_they_may_write() -> None:
    text = "WITH gone AS (DELETE FROM item RETURNING key) SELECT key FROM gone"
    sql, _ = with_settings(text, (), [ALICE])
    assert "WITH gone AS (DELETE FROM item RETURNING key)\nSELECT s.*" in sql
    assert "(\nSELECT key FROM gone\n) q OFFSET 0" in sql


def test_a_recursive_statement_stays_recursive() -> None:
    text = "WITH RECURSIVE walk AS (SELECT 1 UNION ALL SELECT 2 FROM walk) SELECT * FROM walk"
    sql, _ = with_settings(text, (), [ALICE])
    assert "WITH RECURSIVE walk AS (SELECT 1 UNION" in sql


def test_a_union_in_parentheses_is_wrapped_whole() -> None:
    sql, _ = with_settings("(SELECT 1)\nUNION ALL\n(SELECT 2)", (), [ALICE])
    assert "(\n(SELECT 1)\nUNION ALL\n(SELECT 2)\n) q" in sql


@pytest.mark.parametrize(
    ("write", "ending"),
    [
        (
            "UPDATE item SET n = 1",
            "SELECT 1 WHERE (SELECT set_config('agentstore.users', $1, true)) IS NULL",
        ),
        (
            "DELETE FROM item RETURNING key",
            "WHERE (SELECT set_config('agentstore.users', $1, true)) IS NOT NULL",
        ),
    ],
)
def test_a_write_runs_after_the_settings(write: str, ending: str) -> None:
    sql, _ = with_settings(write, (), [ALICE])
    assert f"written_last AS (\n{write}\n)" in sql
    assert sql.endswith(ending)


def test_words_in_texts_names_and_comments_are_none_of_the_statement() -> None:
    text = """WITH a AS (SELECT ')' AS "SELECT)") -- SELECT (
SELECT * FROM a"""
    sql, _ = with_settings(text, (), [ALICE])
    assert "(\nSELECT * FROM a\n) q" in sql


def test_several_settings_are_made_at_once() -> None:
    sql, arguments = with_settings("SELECT $1", (1,), [ALICE, ("agentstore.provenance", "{}")])
    assert "set_config('agentstore.users', $2, true), set_config('agentstore.prov" in sql
    assert arguments[2] == "{}"


@pytest.mark.parametrize(
    ("users", "literal"),
    [
        ((), "{}"),
        (("",), '{""}'),
        (("a", "b"), '{"a","b"}'),
        (('a"b\\c,{}',), '{"a\\"b\\\\c,{}"}'),
    ],
)
def test_users_are_an_array_literal(users: tuple[str, ...], literal: str) -> None:
    assert users_setting(users) == ("agentstore.users", literal)
