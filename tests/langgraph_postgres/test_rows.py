"""What the official store's rows mean here."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.config.index_options import search_index
from langgraph_agentstore.errors import (
    ConfigurationError,
    DatabaseError,
    IndexMismatchError,
    InvalidKeyError,
    InvalidNamespaceError,
    InvalidValueError,
)
from langgraph_agentstore.langgraph_postgres.items_sql import (
    Migrant,
    chosen_paths,
    labels_of_prefix,
    paths_named,
    plan_migrant,
)
from langgraph_agentstore.langgraph_postgres.merge_sql import plan_presence, plan_settle
from langgraph_agentstore.langgraph_postgres.tables_sql import (
    OfficialItem,
    OfficialTables,
    check_index,
    count_sql,
    items_sql,
    named_sql,
    names_sql,
    official_tables,
    vectors_sql,
)
from langgraph_agentstore.model.json_values import encode_value
from langgraph_agentstore.model.turn_text import PIECE_MARK
from langgraph_agentstore.model.users import template_scope
from langgraph_agentstore.sql.statement import Content, SqlContext
from langgraph_agentstore.sql.tables import Tables

THEN = datetime(2026, 1, 1, tzinfo=timezone.utc)
SCOPE = template_scope(("users", "{user_id}"))
PLAIN = SqlContext(Tables("s"))


def context(*, mode: str = "vector", fields: list[str] | None = None) -> SqlContext:
    config = {"dims": 2, "embed": lambda texts: [[0.0, 1.0] for _ in texts], "mode": mode}
    index = search_index({**config, "fields": fields or ["text", "tags[*]"]})
    return SqlContext(Tables("s"), index=index, vector_set=1)


def item(value: Any = None, *, text: bytes | None = None, **changes: Any) -> OfficialItem:
    stored = encode_value({} if value is None else value) if text is None else text
    given = {"prefix": "users.ann.notes", "key": "k", "value": stored, "created_at": THEN}
    given |= {"updated_at": THEN, "expires_at": None, "ttl_minutes": None}
    return OfficialItem(**{**given, **changes})


def migrant(
    of: OfficialItem, fresh: set[str], by: SqlContext, named: set[str] | None = None
) -> Migrant:
    paths = paths_named(fresh if named is None else named)
    return plan_migrant(of, fresh, paths, SCOPE, by)


def content(of: Migrant) -> Content:
    assert of.put.content is not None
    return of.put.content


# Addresses


@given(st.lists(st.text(st.characters(exclude_characters="."), min_size=1), min_size=1))
def test_a_prefix_is_its_labels_joined_with_periods(labels: list[str]) -> None:
    assert labels_of_prefix(".".join(labels)) == tuple(labels)


def test_no_prefix_is_the_root() -> None:
    assert labels_of_prefix("") == ()


@pytest.mark.parametrize(
    ("prefix", "item_id"),
    [
        ("users.ann.notes", ("ann", "notes", "k")),
        ("users.ann", ("ann", "", "k")),
        ("users", ("", "users", "k")),
        ("docs.a:b.50%", ("", "docs:a%3Ab:50%25", "k")),
        ("", ("", "", "k")),
        ("a..b", ("", "a::b", "k")),
    ],
)
def test_an_item_lives_where_its_labels_say(prefix: str, item_id: tuple[str, str, str]) -> None:
    assert migrant(item(prefix=prefix), set(), PLAIN).put.item_id == item_id


def test_a_key_that_this_store_does_not_take_is_refused() -> None:
    with pytest.raises(InvalidKeyError, match="non-empty"):
        migrant(item(key=""), set(), PLAIN)


def test_a_lone_empty_label_below_a_user_is_not_taken_for_the_root() -> None:
    with pytest.raises(InvalidNamespaceError, match="has an empty label and nothing else below"):
        migrant(item(prefix="users.ann."), set(), PLAIN)


# Values


@pytest.mark.parametrize(
    "text",
    [
        b'{"n": 18446744073709551615}',
        b'{"n": -9223372036854775808}',
        b'{"n": 1%s}' % (b"0" * 300),
        b'{"n": 1180591620717411303424}',
        b'{"n": 0.12345678901234567890123}',
        b'{"n": "12345678901234567890123456789"}',
    ],
)
def test_numbers_stay_as_they_are_stored(text: bytes) -> None:
    assert migrant(item(text=text), set(), PLAIN).put.value == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"n": 1180591620717411303425}', "71 bits"),
        (b'{"n": -9223372036854775809}', "64 bits"),
        (b'{"n": 1%s}' % (b"0" * 400), "beyond what readers"),
        (b'{"n": 1%s.5}' % (b"0" * 400), "beyond what readers"),
        (b"[" * 250 + b"]" * 250, "200 levels"),
        (b"[" * 2000 + b"]" * 2000, "beyond what readers"),
    ],
)
def test_what_would_not_be_read_back_as_it_is_is_refused(text: bytes, reason: str) -> None:
    with pytest.raises(InvalidValueError, match=reason):
        migrant(item(text=text), set(), PLAIN)


def test_a_ttl_stays_with_its_expiry() -> None:
    planned = migrant(item(expires_at=THEN, ttl_minutes=90.0), set(), PLAIN)
    assert planned.put.ttl == timedelta(minutes=90)


@pytest.mark.parametrize("changes", [{"ttl_minutes": 5.0}, {"expires_at": THEN, "ttl_minutes": 0}])
def test_a_ttl_that_means_nothing_is_left_out(changes: dict[str, Any]) -> None:
    assert migrant(item(**changes), set(), PLAIN).put.ttl is None


# What is found by what

BOTH = {"text": "a", "tags": ["x", "y"]}
ALL = {"text", "tags[*].0", "tags[*].1"}


def test_every_text_has_the_vector_that_was_made_of_it() -> None:
    planned = migrant(item(BOTH), ALL, context())
    assert planned.names == ("text", "tags[*].0", "tags[*].1")
    assert [(part.path, part.text) for part in content(planned).parts] == [
        ("text", "a"),
        ("tags[*]", "x"),
        ("tags[*]", "y"),
    ]
    assert content(planned).paths is None
    assert not planned.unindexed


def test_a_single_text_at_a_path_has_no_number() -> None:
    planned = migrant(item({"tags": ["x"]}), {"tags[*]"}, context(), ALL)
    assert planned.names == ("tags[*]",)


def test_blank_texts_have_no_vectors_here() -> None:
    planned = migrant(item({"text": " ", "tags": ["", "y"]}), ALL, context())
    assert planned.names == ("tags[*].1",)
    assert not planned.unindexed


def test_an_item_without_texts_is_as_the_index_says() -> None:
    planned = migrant(item({"n": 1}), set(), context(), ALL)
    assert content(planned) == Content(content(planned).index)


def test_an_item_that_has_texts_and_no_vectors_was_put_with_index_false() -> None:
    planned = migrant(item(BOTH), set(), context(mode="hybrid"), ALL)
    assert content(planned).paths == ()
    assert content(planned).words is None
    assert not planned.unindexed


def test_an_item_with_vectors_of_some_paths_was_put_with_these() -> None:
    planned = migrant(item(BOTH), {"text"}, context(mode="hybrid"), ALL)
    assert content(planned).paths == (("text", ("text",)),)
    assert content(planned).words == "a"


def test_an_item_may_have_been_put_with_paths_that_the_index_does_not_know() -> None:
    value = {**BOTH, "more": ["p", "q"], "one": {"two": "r"}}
    planned = migrant(item(value), {"more[*].0", "more[*].1", "one.two"}, context(), ALL)
    assert [path for path, _ in content(planned).paths or ()] == ["more[*]", "one.two"]
    assert planned.names == ("more[*].0", "more[*].1", "one.two")


def test_paths_beyond_those_of_the_index_are_left() -> None:
    planned = migrant(item({**BOTH, "more": "p"}), {*ALL, "more"}, context())
    assert content(planned).paths is None
    assert set(planned.names) == ALL


def test_a_field_that_no_vector_there_is_of_is_still_to_be_embedded() -> None:
    planned = migrant(
        item({"text": "a", "title": "t"}), {"text"}, context(fields=["text", "title"])
    )
    assert (planned.names, planned.unindexed) == (("text",), True)
    assert content(planned).paths is None


def test_without_a_table_of_vectors_all_is_still_to_be_embedded() -> None:
    planned = plan_migrant(item(BOTH), (), None, SCOPE, context())
    assert (planned.names, planned.unindexed) == ((), True)
    assert content(planned).paths is None


def test_words_are_read_whatever_the_vectors_there_are_of() -> None:
    planned = migrant(item(BOTH), {"$"}, context(mode="text"))
    assert (content(planned).words, content(planned).parts) == ("a\nx\ny", ())
    assert not planned.unindexed


def test_a_turn_is_found_by_its_own_text_alone_and_by_its_speakers() -> None:
    turn = {
        "query": "Ann: hi",
        "response": "",
        "thread_id": "t",
        "timestamp": "2024-05-01",
        "context": ["1 May 2024: Ann: hi", "30 April 2024: lo\n1 May 2024: Ann: hi"],
    }
    planned = migrant(item(turn), {"context[*].0", "context[*].1", "text"}, context(mode="hybrid"))
    assert planned.names == ("context[*].0",)
    assert not planned.unindexed
    assert content(planned).paths == (("context[*]", ("context", "[*]")),)
    assert [part.text for part in content(planned).parts] == ["1 May 2024: Ann: hi"]
    words = (content(planned).words or "").replace(PIECE_MARK, "|")
    assert words == "@ann||1 May 2024: Ann: hi||"


def test_whole_values_are_found_by_their_json() -> None:
    planned = migrant(item({"b": "ü", "a": 1}), {"$"}, context(fields=["$"]))
    assert [part.text for part in content(planned).parts] == ['{"a": 1, "b": "ü"}']


def test_a_name_may_be_that_of_a_path_or_of_one_of_its_texts() -> None:
    assert paths_named(["a[*].1", "b", ".0", ""]) == {"a[*].1", "a[*]", "b", ".0"}
    index = context().index
    assert index is not None
    # `tags.0` is a path of its own here: the field "0" of an object.
    value = {"text": "t", "tags": {"0": "x"}}
    assert chosen_paths(value, {"tags.0"}, paths_named(["tags.0", "text"]), index) == (
        ("tags.0", ("tags", "0")),
    )


# The tables there


def columns(table: str, *names: str, readable: bool = True) -> list[tuple[Any, ...]]:
    return [(table, name, "text", "pg_catalog", -1, readable) for name in names]


ITEM_COLUMNS = columns("store", "prefix", "key", "value", "created_at", "updated_at")
TTL_COLUMNS = columns("store", "expires_at", "ttl_minutes")


def embedding(kind: str = "vector") -> list[tuple[Any, ...]]:
    return [("store_vectors", "embedding", kind, "extensions", 384, True)]


def test_tables_of_the_latest_release() -> None:
    found = official_tables([*ITEM_COLUMNS, *TTL_COLUMNS, *embedding("halfvec")], 'a"b', [])
    assert found == OfficialTables('a"b', ttl=True, dims=384, vector_schema="extensions")
    assert found.items == '(SELECT * FROM "a""b".store) s'
    assert 'v.embedding::"extensions".vector' in vectors_sql(found)


def test_tables_of_before_there_were_ttls_and_vectors() -> None:
    found = official_tables(ITEM_COLUMNS, "public", [])
    assert found == OfficialTables("public", ttl=False)
    assert "NULL::timestamptz AS expires_at" in found.items


@pytest.mark.parametrize(
    ("rows", "elsewhere", "said"),
    [
        ([], [], "schema 'public' of that database has no table store: is it"),
        ([], ["lang", "public"], "no table store; one is in schema 'lang': schema='lang'"),
        (ITEM_COLUMNS[1:], ["public"], "lacks the columns prefix: is it"),
        ([*ITEM_COLUMNS, *embedding("bit")], [], "type 'bit'; known: vector, halfvec"),
    ],
)
def test_other_tables_are_refused(rows: list[Any], elsewhere: list[str], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        official_tables(rows, "public", elsewhere)
    assert said in str(caught.value)


def test_tables_that_may_not_be_read_are_named() -> None:
    rows = [*ITEM_COLUMNS, *columns("store_vectors", "embedding", readable=False)]
    with pytest.raises(DatabaseError, match=r'GRANT SELECT ON "public".store_vectors to it'):
        official_tables(rows, "public", [])


TABLES = OfficialTables("public", ttl=True, dims=2, vector_schema="public")


@pytest.mark.parametrize(
    ("tables", "named", "by"),
    [
        (TABLES, {"text"}, context()),
        (TABLES, set(), context()),
        (TABLES, {"other"}, context(mode="text")),
        (TABLES, {"other"}, PLAIN),
        (OfficialTables("public", ttl=True), set(), context()),
    ],
)
def test_an_index_that_can_take_the_vectors(
    tables: OfficialTables, named: set[str], by: SqlContext
) -> None:
    check_index(tables, frozenset(named), by)


@pytest.mark.parametrize(
    ("tables", "named", "said"),
    [
        (OfficialTables("public", True, 3, "public"), {"text"}, "3 dimensions"),
        (TABLES, {"other"}, r"are of \['other'\]"),
    ],
)
def test_an_index_that_cannot(tables: OfficialTables, named: set[str], said: str) -> None:
    with pytest.raises(IndexMismatchError, match=said):
        check_index(tables, frozenset(named), context())


def test_names_are_looked_up_item_by_item() -> None:
    assert "WITH ORDINALITY AS p (prefix, key, updated_at, position)" in names_sql(TABLES)
    assert 'FROM "public".store_vectors' in named_sql(TABLES)


def test_since_is_an_argument() -> None:
    assert "$1" in items_sql(TABLES, since=True)
    assert "$1" in count_sql(TABLES, since=True)
    assert "$1" not in items_sql(TABLES, since=False) + count_sql(TABLES, since=False)


# The statements here


def test_what_an_item_is_found_by_is_compared_where_there_are_vectors() -> None:
    one = migrant(item({"text": "a"}), {"text"}, context())
    with_vectors, without = plan_presence([one], context()), plan_presence([one], PLAIN)
    assert "item_vector_1" in with_vectors.sql
    assert "item_vector_1" not in without.sql
    assert with_vectors.arguments[-2:] == ([False], [1])
    assert with_vectors.decode([("same", 1)]).result == ["same"]


def test_items_are_written_in_the_order_of_the_primary_key() -> None:
    two = [migrant(item({"text": key}, key=key), {"text"}, context()) for key in "ba"]
    for one, vector in zip(two, (b"v b", b"v a"), strict=True):
        one.put.vectors = [vector]
    statement = plan_settle(two, context())
    assert statement.arguments[2] == ["a", "b"]
    assert statement.arguments[-1] == [b"v a", b"v b"]
    assert statement.decode([("u", "n", "a", None)]).result == {("u", "n", "a")}


def test_without_an_index_no_vectors_are_written() -> None:
    statement = plan_settle([migrant(item(), set(), PLAIN)], PLAIN)
    assert len(statement.arguments) == 12
    assert "embedding" not in statement.sql
