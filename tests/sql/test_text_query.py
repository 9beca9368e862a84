"""Queries of words, taken apart as web search has it, and their SQL."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.config.index_options import search_index
from langgraph_agentstore.sql.search.text import (
    WordQuery,
    is_blank,
    is_question,
    parse_words,
    text_to_embed,
    word_list_sql,
    word_query,
)
from langgraph_agentstore.sql.statement import SqlContext
from langgraph_agentstore.sql.tables import Tables

RULES = SqlContext(Tables("s"), index=search_index({"fields": ["text"], "k1": 1.5, "b": 0.5}))


@pytest.mark.parametrize(
    ("query", "wanted", "required", "excluded"),
    [
        ("one two", "one two", (), ()),
        ('"one two" three', "one two three", ("one two",), ()),
        ("one -two", "one", (), ("two",)),
        ('one -"two three"', "one", (), ("two three",)),
        ('"one two', "one two", ("one two",), ()),
        ("well-known", "well-known", (), ()),
        ("one - two", "one - two", (), ()),
        ('""', "", (), ()),
        ('-""', "", (), ()),
        ('" "', "", (), ()),
        ("", "", (), ()),
        (" \n ", "", (), ()),
        ('"a" -b -"c d" "e f" g', "a e f g", ("a", "e f"), ("b", "c d")),
    ],
)
def test_a_query_is_taken_apart(
    query: str, wanted: str, required: tuple[str, ...], excluded: tuple[str, ...]
) -> None:
    assert parse_words(query) == WordQuery(wanted, required, excluded)


@given(st.text(max_size=100))
def test_any_text_can_be_taken_apart(query: str) -> None:
    parsed = parse_words(query)
    assert all(phrase.strip() for phrase in (*parsed.required, *parsed.excluded))


@given(st.text(st.characters(exclude_characters='"-'), max_size=100))
def test_without_quotes_and_minus_every_word_is_wanted(query: str) -> None:
    assert parse_words(query) == WordQuery(" ".join(query.split()), (), ())


def sql_of(query: str) -> tuple[str, list[Any]]:
    arguments: list[Any] = ["before"]
    return word_list_sql(parse_words(query), "true", "$1", RULES, arguments), arguments


def test_a_query_is_never_part_of_the_sql() -> None:
    sql, arguments = sql_of('needle1 "needle2 x" -needle3 -"needle4 y"')
    assert "needle" not in sql
    assert "needle1 needle2 x" in arguments


def test_every_argument_is_in_the_sql() -> None:
    sql, arguments = sql_of('one "two three" -four')
    assert all(f"${number}" in sql for number in range(1, len(arguments) + 1))


def test_without_phrases_every_hit_is_kept() -> None:
    sql, _ = sql_of("one two")
    assert "true AS kept" in sql


def test_the_parameters_of_bm25_are_those_of_the_index() -> None:
    sql, _ = sql_of("one")
    assert "2.5::float8" in sql  # k1 + 1
    assert "1.5::float8 * (0.5 + 0.5::float8" in sql


def test_the_last_character_of_a_phrase_is_an_argument() -> None:
    sql, arguments = sql_of('"喜欢猫" -"窗台 desk"')
    assert "regexp_replace" in sql
    assert "'(猫)'" in arguments
    assert "'(台)'" in arguments


def test_a_single_character_is_asked_for_as_a_beginning() -> None:
    assert "beginning THEN ':*'" in sql_of("猫 cat")[0]
    assert "beginning THEN ':*'" not in sql_of("喜欢 cat")[0]


@pytest.mark.parametrize("query", [None, "", " ", "\t\n", "\u3000", "?", "…", "。", '-""', "( )"])
def test_a_query_without_letter_digit_or_symbol_is_blank(query: object) -> None:
    assert is_blank(query)


@pytest.mark.parametrize("query", ["a", "7", "猫", "ก", "$", "🦊", "+", "?!x", 5])
def test_any_other_query_asks_for_something(query: object) -> None:
    assert not is_blank(query)


@pytest.mark.parametrize(
    ("query", "is_one"),
    [
        ('who wrote "Emma"', True),
        ("  Where was it", True),
        ('Did she read "Emma"?', True),
        ('did she read "Emma?" ', True),
        ("『雪国』を読んだ？", True),
        ("هل قرأت؟", True),
        ('"night train" -late', False),
        ("whatever", False),
        ("what's new", True),
        ("tea? or coffee", False),
        ("", False),
    ],
)
def test_a_question_is_known_by_its_mark_or_first_word(query: str, is_one: bool) -> None:
    assert is_question(query) is is_one


def test_the_syntax_decides_what_is_required() -> None:
    query = 'where is "the train" -late?'
    assert word_query(query, "auto") == WordQuery(query, (), ())
    assert word_query(query, "web").required == ("the train",)
    assert word_query('"the train"', "auto").required == ("the train",)
    assert word_query('"the train"', "plain").required == ()


def test_a_question_is_embedded_as_it_is() -> None:
    query = 'where is "the train" -late?'
    assert text_to_embed(query, "hybrid", "auto") == query
    assert text_to_embed(query, "hybrid", "web") == "where is the train"
    assert text_to_embed(query, "text", "auto") is None
