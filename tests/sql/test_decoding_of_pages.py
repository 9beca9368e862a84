"""What planning makes of pages, of items to index, and of what it refuses."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone

import pytest
from langgraph.store.base import ListNamespacesOp, MatchCondition, PutOp, SearchItem, SearchOp

from langgraph_agentstore.config.index_options import search_index
from langgraph_agentstore.errors import InvalidOperationError, ValueTooLargeError, ValueTypeError
from langgraph_agentstore.files.sql import plan_overwrite
from langgraph_agentstore.model.text_fields import Part
from langgraph_agentstore.model.users import DEFAULT_TEMPLATE, template_scope
from langgraph_agentstore.sql.change_notify import digest_of
from langgraph_agentstore.sql.filters.indexes import plan_filter_indexes
from langgraph_agentstore.sql.items.copy import ITEMS, plan_load
from langgraph_agentstore.sql.items.delete import count_of_removed
from langgraph_agentstore.sql.items.reindex_page import (
    ToIndex,
    fill_arguments,
    undone_sql,
    words_arguments,
)
from langgraph_agentstore.sql.planner import Planner
from langgraph_agentstore.sql.search.options import default_options
from langgraph_agentstore.sql.search.text import MOST_CHARACTERS
from langgraph_agentstore.sql.statement import (
    Content,
    CurrentRules,
    Put,
    PutExpected,
    Refresh,
    SqlContext,
    Statement,
)
from langgraph_agentstore.sql.tables import Tables

SCOPE = template_scope(DEFAULT_TEMPLATE)
RULES = SqlContext(Tables("agentstore"), max_value_bytes=100)
INDEX = search_index({"dims": 2, "embed": lambda texts: [[0.0, 1.0] for _ in texts]})
THEN = datetime(2026, 1, 1, tzinfo=timezone.utc)
NS = ("users", "ann", "a")


def planner() -> Planner:
    return Planner(SCOPE, CurrentRules(SqlContext(Tables("agentstore"), index=INDEX)))


def test_the_newest_of_a_namespace_come_with_the_expiries_to_extend() -> None:
    statement = Planner(SCOPE, CurrentRules(RULES)).search(SearchOp(NS, refresh_ttl=True))
    assert isinstance(statement, Statement)
    row = ("k", {"n": 1}, THEN, THEN, THEN, THEN, False, False)
    nothing = (None, None, None, None, None, None, False, False)
    found = statement.decode([row])
    assert found.result == [SearchItem(NS, "k", {"n": 1}, THEN, THEN)]
    assert found.refreshes == [Refresh(("ann", "a", "k"), THEN, THEN)]
    assert statement.decode([nothing]).result == []
    unread = Planner(SCOPE, CurrentRules(RULES)).search(SearchOp(NS, refresh_ttl=False))
    assert isinstance(unread, Statement)
    assert unread.decode([row]).result == found.result
    assert unread.decode([row]).refreshes == []
    assert statement.decode([(*nothing[:-2], True, False)]).instead is not None


def test_an_item_without_parts_has_one_row_without_an_embedding() -> None:
    assert INDEX is not None
    content = Content(INDEX, (Part("$", "one"), Part("$", "two")), "one two")
    items = [
        ToIndex(("u", "n", "a"), 1, Content(INDEX), []),
        ToIndex(("u", "n", "b"), 2, content, [b"1", b"2"]),
    ]
    *_, versions, counts, positions, parts, _paths, _digests, vectors = fill_arguments(items)
    assert (versions, counts) == ([1, 2], [1, 2])
    assert (positions, parts, vectors) == ([1, 2, 2], [0, 0, 1], [None, b"1", b"2"])
    assert words_arguments(items)[-1] == [None, "one two"]


def test_items_are_counted_that_lack_words_or_vectors() -> None:
    context = SqlContext(Tables("agentstore"), index=search_index({"mode": "text"}))
    assert "words_by" in undone_sql(context)
    assert "item_vector" not in undone_sql(context)
    context = SqlContext(Tables("agentstore"), index=INDEX, vector_set=1)
    assert "words_by" not in undone_sql(context)
    assert "item_vector" in undone_sql(context)


def test_a_load_without_a_set_of_vectors_copies_items_alone() -> None:
    context = SqlContext(Tables("agentstore"), index=search_index({"mode": "text"}))
    load = plan_load([Put(("u", "n", "k"), "n", b"1", None)], context)
    assert [staging for staging, _ in load.copies] == [ITEMS]
    assert len(ITEMS.columns) == len(load.copies[0][1][0])


def test_an_index_of_a_small_table_is_made_within_a_transaction() -> None:
    (index,) = plan_filter_indexes(Tables("agentstore"), values=True, fields={})
    assert "CONCURRENTLY" in index.create
    assert "CONCURRENTLY" not in index.create_at_once + index.drop_at_once


def test_the_payload_of_notifications_names_no_user() -> None:
    assert digest_of("ann") == hashlib.sha256(b"ann").hexdigest()


def test_a_value_beyond_the_limit_is_refused_with_its_key() -> None:
    with pytest.raises(ValueTooLargeError, match=r"key 'k': .*at most 100"):
        Planner(SCOPE, CurrentRules(RULES)).put(PutOp(NS, "k", {"a": "x" * 100}))


def test_a_query_that_is_no_text_or_too_long_is_refused() -> None:
    assert INDEX is not None
    with pytest.raises(ValueTypeError, match="query is a text"):
        planner().query(SearchOp(NS, query=1), default_options(INDEX))  # type: ignore[arg-type]
    with pytest.raises(InvalidOperationError, match="the limit is"):
        planner().search(SearchOp(NS, query="x" * (MOST_CHARACTERS + 1)))


def test_a_hint_of_a_filter_is_given(caplog: pytest.LogCaptureFixture) -> None:
    planner().filter({"age": {"gt": 1}})
    assert "gt" in caplog.text


def test_a_search_by_a_query_is_explained_as_on_an_open_store() -> None:
    explanation = planner().explain(SearchOp(NS, query="cat"))
    assert "item_vector_1" in explanation.sql
    assert explanation.arguments[0] == b""


def test_a_put_over_a_version_is_one_statement_where_nothing_is_embedded() -> None:
    plain = Planner(SCOPE, CurrentRules(RULES))
    put = Put(("ann", "a", "k"), "a", b"1", None)
    assert isinstance(plain.put_expected(put, 1), Statement)
    assert INDEX is not None
    put.content = Content(INDEX, (Part("$", "one"),))
    assert isinstance(plain.put_expected(put, 1), PutExpected)
    assert put.pending


def test_an_address_has_the_labels_that_the_scope_shows() -> None:
    at = planner().address_of(NS)
    assert (at.user_id, at.stored, at.labels) == ("ann", "a", NS)


def test_a_prefix_of_all_users_is_walked_between_its_ends() -> None:
    condition = MatchCondition("prefix", ("users", "*", "a"))
    statement = planner().list_namespaces(ListNamespacesOp((condition,)))
    assert isinstance(statement, Statement)
    assert "i.place >= " in statement.sql
    assert "a\x02" in statement.arguments


def test_the_tables_of_a_schema_are_quoted() -> None:
    assert Tables('a"b').vector_set == '"a""b".vector_set'


def test_several_deletes_are_counted_together() -> None:
    deletes = ["DELETE FROM item i WHERE true", "DELETE FROM item i WHERE false"]
    sql = count_of_removed(deletes, (), RULES).sql
    assert "SELECT * FROM gone_1 UNION ALL SELECT * FROM gone_2" in sql


def test_an_overwritten_file_keeps_when_it_was_created() -> None:
    sql = plan_overwrite(Put(("ann", "files", "/a"), "files", b"{}", None), RULES).sql
    assert "value = CASE" in sql
    assert "jsonb_set(excluded.value, '{created_at}'" in sql
