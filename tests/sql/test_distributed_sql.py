"""Every statement of the golden files, as it is written for Citus, keeps to what Citus can do.

There is no Citus here, so the statements are parsed. The list of statements is that of the golden
files: a new statement is held to the rules without being named here.
"""

from __future__ import annotations

import runpy
from datetime import datetime, timezone
from pathlib import Path

import pytest

from langgraph_agentstore.errors import DistributedError
from langgraph_agentstore.model.users import DEFAULT_TEMPLATE, template_scope
from langgraph_agentstore.sql.items.import_records import Imported, plan_import
from langgraph_agentstore.sql.items.put import LARGEST_BATCH_OF_VALUES, put_statement
from langgraph_agentstore.sql.region_condition import check_one_user
from langgraph_agentstore.sql.server_forms import form_of
from langgraph_agentstore.sql.statement import Put, SqlContext
from langgraph_agentstore.sql.tables import Tables
from tests.support.parsed_sql import parts, refused, tables_without_user, walks_over_nodes


def _statements(path: str) -> dict[str, str]:
    file = Path(__file__).parents[1] / path
    found: dict[str, str] = runpy.run_path(str(file), {"DISTRIBUTED": True})["STATEMENTS"]
    return found


_OF_SEALED_VALUES = _statements("security/test_sealed_sql.py")
_OF_CONTROLS = _statements("security/test_control_sql.py")
STATEMENTS = {
    **_statements("sql/test_golden_sql.py"),
    **{f"sealed {name}": sql for name, sql in _OF_SEALED_VALUES.items()},
    # The other controls need one server.
    "retention": _OF_CONTROLS["retention"].replace('"it\'s"', '"agentstore"'),
}

ACROSS_USERS = {
    *("agent_counts", "user_counts", "overview", "recently_accessed", "stored_search"),
    *("list_everything", "list_to_depth_1", "list_to_depth_3"),
    *("list_by_suffix", "list_by_suffix_to_depth_2", "listing", "next_page"),
    *("search_across_users", "delete_across_users", "delete_within_every_user"),
    *("explorer_number_of_users", "explorer_users"),
    *("retention", "sweep", "load", "load_indexed", "reindex_page"),
}
"""Those that look at all users, and so at all nodes."""

_ROTATION = ("page_of_items", "seal_again", "forget_words", "forget_vectors", "delete_unused_keys")
OF_ONE_SERVER = {
    *("begin_watch", "renew_watch", "end_watch", "changes_since"),
    *(f"sealed {name}" for name in _ROTATION),
}
"""Watches, which compare records there, and the rotation of keys, which raises."""

DEFINITIONS = {"sealed set_up", "vector_table", "vector_index", "vector_index_of_bits_elsewhere"}
SEVERAL = {"load", "load_indexed", "sealed set_up", "vector_table"}
"""Shown together in one golden file, sent one by one."""

PIECES = {"search_by_vector_elsewhere"}
"""No statements."""

WHOLE = sorted(STATEMENTS.keys() - PIECES - OF_ONE_SERVER)


@pytest.mark.parametrize("name", WHOLE)
def test_citus_can_run_it_on_the_nodes_of_its_users(name: str) -> None:
    trees = parts(STATEMENTS[name])
    assert len(trees) == 1 or name in SEVERAL
    assert [each for tree in trees for each in refused(tree)] == []
    if name in ACROSS_USERS:
        assert walks_over_nodes(trees) == []
    elif name not in DEFINITIONS:
        assert [table for tree in trees for table in tables_without_user(tree)] == []


BROKEN = {
    "SELECT FROM agentstore.item": "an empty target list",
    "SELECT 1 FROM agentstore.item WHERE ctid = $1": "the place of a row",
    "SELECT 1 FROM agentstore.item FOR UPDATE": "a lock of rows",
    "SELECT agentstore.f(1)": "a function of the schema",
    "DELETE FROM agentstore.item RETURNING expires_at > now()": "now() in DO UPDATE or RETURNING",
    "DELETE FROM agentstore.item RETURNING (SELECT 1)": "SubLink in DO UPDATE or RETURNING",
    "INSERT INTO agentstore.item AS i VALUES (1) ON CONFLICT (key) DO UPDATE "
    "SET expires_at = excluded.updated_at + i.ttl": "a sum with updated_at",
    "INSERT INTO agentstore.item AS i VALUES (1) ON CONFLICT (key) DO UPDATE SET version = 1 "
    "WHERE i.expires_at < current_timestamp": "SQLValueFunction in DO UPDATE or RETURNING",
    "UPDATE agentstore.item i SET expires_at = now() + i.ttl": "UPDATE: a sum of now()",
    "UPDATE agentstore.item SET value = w.v FROM (SELECT 1) p, LATERAL (SELECT 2 AS v) w": (
        "UPDATE: LATERAL"
    ),
}


@pytest.mark.parametrize("sql", BROKEN)
def test_what_citus_refuses_is_found(sql: str) -> None:
    assert any(each.startswith(BROKEN[sql]) for each in refused(parts(sql)))


@pytest.mark.parametrize(
    "condition",
    [
        "true",
        "i.key = $1",
        "i.user_id = w.user_id",
        "i.user_id = $1 OR i.key = $2",
        "CASE WHEN i.user_id = $1 THEN true END",
        "w.user_id = $1",
    ],
)
def test_a_table_without_its_user_is_found(condition: str) -> None:
    sql = f"WITH w AS (SELECT $1 AS user_id) SELECT 1 FROM agentstore.item i, w WHERE {condition}"
    assert tables_without_user(parts(sql)) == ["item"]


def test_a_table_has_the_user_of_a_table_that_it_is_joined_to() -> None:
    sql = (
        "SELECT 1 FROM agentstore.item i JOIN agentstore.item_access a ON a.user_id = i.user_id "
        "WHERE i.user_id = $1"
    )
    assert tables_without_user(parts(sql)) == []


@pytest.mark.parametrize(
    "sql",
    [
        "WITH RECURSIVE w AS (SELECT 1 UNION ALL SELECT 2 FROM w) SELECT 1 FROM w",
        "SELECT 1 FROM (SELECT 1) u, LATERAL (SELECT 1 FROM agentstore.item) i",
        "SELECT 1 FROM (SELECT 1 AS n) u WHERE (SELECT count(*) FROM agentstore.item) > n",
    ],
)
def test_a_walk_over_nodes_is_found(sql: str) -> None:
    assert len(walks_over_nodes(parts(sql))) == 1


def test_the_form_of_a_statement_is_chosen_when_the_store_opens() -> None:
    unknown = SqlContext(Tables("s"), distributed=None)
    inner = unknown.either("one", "several")
    sql = f"SELECT {unknown.either(f'a {inner}', f'b {inner}')}"
    assert form_of(sql, distributed=False) == "SELECT a one"
    assert form_of(sql, distributed=True) == "SELECT b several"


def test_a_search_by_a_query_over_several_users_is_refused() -> None:
    context = SqlContext(Tables("s"), distributed=True)
    with pytest.raises(DistributedError, match="search one user"):
        check_one_user(template_scope(DEFAULT_TEMPLATE).regions(()), context)


def test_puts_together_are_arrays_beyond_what_one_text_can_take() -> None:
    context = SqlContext(Tables("s"), distributed=True)
    put = Put(("a", "n", "k"), "n", b"{}", None)
    few, _ = put_statement([put] * LARGEST_BATCH_OF_VALUES, context)
    many, arguments = put_statement([put] * (LARGEST_BATCH_OF_VALUES + 1), context)
    assert "VALUES" in few
    assert "unnest" in many
    assert {len(each) for each in arguments} == {LARGEST_BATCH_OF_VALUES + 1}


def test_an_import_is_told_the_time_where_it_must_not_ask_for_it() -> None:
    context = SqlContext(Tables("s"), distributed=True)
    when = datetime(2026, 1, 1, tzinfo=timezone.utc)
    record = Imported(Put(("a", "n", "k"), "n", b"{}", None), 1, when, when, None, 0, None, None)
    assert plan_import([record], "skip", context, when).arguments[-1] is when
    assert plan_import([record], "upsert", context).arguments[-1] != when
