"""The SQL of every operation, word for word, in `golden/`.

A change of SQL is a change of a golden file, so that a reviewer sees it. To write them anew:
`UPDATE_GOLDEN=1 pytest tests/sql/test_golden_sql.py`, then read the difference.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, PutOp, SearchOp

from langgraph_agentstore.config.index_options import search_index
from langgraph_agentstore.conversations.sql import (
    plan_forget_thread,
    plan_neighbors,
    plan_newest_turns,
    plan_thread_page,
    plan_threads,
    plan_turns_by_key,
)
from langgraph_agentstore.conversations.turn_query import TurnQuery
from langgraph_agentstore.conversations.turn_search_sql import plan_turn_search
from langgraph_agentstore.data_store.sql.administration import (
    Within,
    plan_accessed,
    plan_agent_counts,
    plan_delete_within,
    plan_glance,
    plan_larger_than,
    plan_namespace_counts,
    plan_namespace_sizes,
    plan_page_of_records,
)
from langgraph_agentstore.data_store.sql.atomic_changes import (
    plan_append,
    plan_clear,
    plan_compare_and_set,
    plan_delete,
    plan_increment,
)
from langgraph_agentstore.data_store.sql.changes import (
    Watcher,
    plan_begin_watch,
    plan_changes_since,
    plan_end_watch,
    plan_renew_watch,
)
from langgraph_agentstore.data_store.sql.locks import plan_acquire, plan_release
from langgraph_agentstore.data_store.sql.record_states import changed_records_sql, record_states_sql
from langgraph_agentstore.explorer.growth_sql import plan_growth
from langgraph_agentstore.explorer.users_sql import plan_number_of_users, plan_users
from langgraph_agentstore.model.addresses import locate
from langgraph_agentstore.model.users import DEFAULT_TEMPLATE, Address, template_scope
from langgraph_agentstore.sql.access_counts import count_statement
from langgraph_agentstore.sql.indexed_content import plan_known_vectors
from langgraph_agentstore.sql.items.copy import Load, plan_load
from langgraph_agentstore.sql.items.delete import (
    delete_many_sql,
    plan_delete_regions,
    plan_delete_user,
    plan_delete_version,
)
from langgraph_agentstore.sql.items.expiry import plan_sweep, refresh_sql
from langgraph_agentstore.sql.items.get import get_many_sql
from langgraph_agentstore.sql.items.import_records import Imported, plan_import
from langgraph_agentstore.sql.items.newest import plan_list
from langgraph_agentstore.sql.items.pages import plan_count, plan_page, plan_record
from langgraph_agentstore.sql.items.put import (
    put_expected_statement,
    put_many_sql,
    put_many_whole_sql,
    put_statement,
    repeated_put_statement,
)
from langgraph_agentstore.sql.items.records import (
    plan_all_values,
    plan_keys,
    plan_one_record,
    plan_page_of_stored,
    plan_page_of_values,
    plan_stored_at,
    plan_values,
)
from langgraph_agentstore.sql.items.reindex_page import fill_sql, page_sql, words_again_sql
from langgraph_agentstore.sql.items.user_counts import plan_user_counts
from langgraph_agentstore.sql.planner import Planner
from langgraph_agentstore.sql.search.options import query_options
from langgraph_agentstore.sql.statement import CurrentRules, Put, PutExpected, Query, SqlContext
from langgraph_agentstore.sql.tables import Tables
from langgraph_agentstore.sql.vector_tables import (
    approximate_index,
    create_vectors_sql,
    distance_sql,
)
from langgraph_agentstore.store.notebook_sql import plan_overview
from langgraph_agentstore.tools.listing_sql import (
    ListedPart,
    ListingOrder,
    plan_last_of,
    plan_listing,
)
from langgraph_agentstore.tools.store_size_sql import plan_stored_search, plan_table_sizes
from tests.support.golden import check_golden

GOLDEN = Path(__file__).parent / "golden"
# `test_distributed_sql.py` runs this file once more, with the rules of distributed tables.
DISTRIBUTED: bool = globals().get("DISTRIBUTED", False)
RULES = SqlContext(Tables("agentstore"), distributed=DISTRIBUTED)
LENIENT = replace(RULES, omit_expired=False)
SCOPE = template_scope(DEFAULT_TEMPLATE)
PLANNER = Planner(SCOPE, CurrentRules(RULES))
ALICE = ("users", "alice", "files")
KEY = ("alice", "files", "k")
WATCHER = Watcher(UUID(int=1), "alice")
TURNS = Address("alice", ("conversations",))


def explained(op: Any, planner: Planner = PLANNER) -> str:
    return planner.explain(op).sql


def listing(*conditions: MatchCondition, max_depth: int | None = None) -> str:
    return explained(ListNamespacesOp(conditions, max_depth))


def regions(*labels: str) -> Any:
    return SCOPE.regions(labels)


def searching(mode: str, **options: Any) -> tuple[SqlContext, Planner]:
    """The rules of an open store with an index of two dimensions, and a planner under them."""
    index = search_index(
        {"dims": 2, "embed": lambda texts: [[0.0, 1.0] for _ in texts], "mode": mode, **options}
    )
    context = replace(RULES, index=index, vector_set=1, approximate=True)
    return context, Planner(SCOPE, CurrentRules(context))


def asked(mode: str, query: str, *, explaining: bool = False, **options: Any) -> str:
    context, planner = searching("hybrid")
    assert context.index is not None
    asking = query_options(context.index, mode=mode, **options)  # type: ignore[arg-type]
    op = SearchOp(ALICE, {"status": "open"}, query=query)
    vector = None if mode == "text" else b""
    planned = planner.query(op, asking, explaining=explaining)
    assert isinstance(planned, Query)
    return planned.statement(context, vector).sql


def turns_found(mode: Any, search: TurnQuery) -> str:
    context, _ = searching("hybrid")
    vector = None if mode == "text" else b""
    return plan_turn_search(search, mode, vector, TURNS, context).sql


def indexed_put(planner: Planner) -> Put:
    put = planner.plan(PutOp(ALICE, "k", {"a": "b"}))
    assert isinstance(put, Put)
    put.vectors = [b""]
    return put


def shown_load(load: Load) -> str:
    return ";\n".join([*(staging.create for staging, _ in load.copies), *load.moves])


def approximate_index_sql(context: SqlContext) -> str:
    index = approximate_index(context.tables, 1, context.vector_index)
    assert index is not None
    return index.create


ELSEWHERE = replace(
    searching("vector", ann_index_config={"vector_type": "bit"})[0],
    tables=Tables("agentstore", extension="Extensions"),
)
HYBRID, HYBRID_PLANNER = searching("hybrid")
HALF, _ = searching("vector", ann_index_config={"vector_type": "halfvec", "kind": "ivfflat"})
INDEXED_PUT = indexed_put(HYBRID_PLANNER)

EVERYTHING = PLANNER.filter(None)
OPEN = PLANNER.filter({"status": "open", "age": {"$gt": 7}})
PUT = Put(KEY, "files", b"{}", None)
THEN = datetime(2026, 1, 1, tzinfo=timezone.utc)
IMPORTED = Imported(PUT, 2, THEN, THEN, None, 3, THEN, "reader")
AT = locate(Address("alice", ("files",)), ("files",))
EVERY_USER = Within()
BELOW = Within("alice", ("files",), below=True)

STATEMENTS = {
    "get_one": explained(GetOp(ALICE, "k")),
    "get_one_lenient": explained(GetOp(ALICE, "k"), Planner(SCOPE, CurrentRules(LENIENT))),
    "get_many": get_many_sql(RULES),
    "put_one": explained(PutOp(ALICE, "k", {"a": 1})),
    "put_many": put_many_sql(RULES),
    "put_many_whole": put_many_whole_sql(RULES),
    "put_some": put_statement([PUT, PUT], RULES)[0],
    "put_repeated": repeated_put_statement([PUT], RULES, timedelta(seconds=1))[0],
    "put_expecting_none": put_expected_statement(PutExpected(PUT, 0), RULES).sql,
    "put_expecting_a_version": put_expected_statement(PutExpected(PUT, 3), RULES).sql,
    "delete_one": explained(PutOp(ALICE, "k", None)),
    "delete_many": delete_many_sql(RULES),
    "delete_version": plan_delete_version(KEY, 3, THEN, RULES).sql,
    "delete_namespace": plan_delete_regions(regions(*ALICE), RULES).sql,
    "delete_across_users": plan_delete_regions(regions("users"), RULES).sql,
    "search_a_namespace": explained(SearchOp(ALICE)),
    "list_newest": plan_list("ann", "notes", None, RULES).sql,
    "list_more_of_the_newest": plan_list("ann", "notes", ("notes", "k"), RULES).sql,
    "search_a_user": explained(SearchOp(("users", "alice"))),
    "search_with_a_filter": explained(SearchOp(ALICE, {"status": "open", "age": {"$gt": 7}})),
    "search_across_users": explained(SearchOp(())),
    "list_everything": listing(),
    "list_to_depth_1": listing(max_depth=1),
    "list_to_depth_3": listing(max_depth=3),
    "list_below_a_user": listing(MatchCondition("prefix", ALICE)),
    "list_by_suffix": listing(MatchCondition("suffix", ("*", "v1"))),
    "list_by_suffix_to_depth_2": listing(MatchCondition("suffix", ("v1",)), max_depth=2),
    "count": plan_count(regions(*ALICE), OPEN, RULES).sql,
    "first_page": plan_page(regions(*ALICE), EVERYTHING, None, 10, SCOPE, RULES).sql,
    "next_page": plan_page(regions(), EVERYTHING, KEY, 10, SCOPE, RULES).sql,
    "record": plan_record(KEY, ALICE, RULES).sql,
    "thread_page": plan_thread_page(TURNS, "t", "t_1", 10, RULES).sql,
    "thread_page_newest_first": plan_thread_page(
        TURNS, "t", None, 10, RULES, newest_first=True
    ).sql,
    "forget_thread": plan_forget_thread(TURNS, "t", RULES).sql,
    "newest_turns": plan_newest_turns(TURNS, None, 10, RULES).sql,
    "neighbors": plan_neighbors(TURNS, [("t", "t_1")], RULES).sql,
    "turns_by_key": plan_turns_by_key(TURNS, "", (None, "2024-01-31"), 10, RULES).sql,
    "threads": plan_threads(TURNS, RULES).sql,
    "refresh": refresh_sql(RULES),
    "sweep": plan_sweep(1000, RULES).sql,
    "delete_user": plan_delete_user("alice", RULES).sql,
    "get_values": plan_values(AT, ["a"], RULES).sql,
    "get_all_values": plan_all_values(AT, RULES).sql,
    "keys": plan_keys(AT, "", None, None, RULES).sql,
    "values_with_a_prefix_and_a_filter": plan_page_of_values(
        AT, "a", "ab", 10, RULES, PLANNER.filter({"n": 1})
    ).sql,
    "keys_with_a_prefix": plan_keys(AT, "a", "ab", 10, RULES).sql,
    "one_record": plan_one_record(AT, "k", RULES).sql,
    "delete_record": plan_delete(AT, "k", RULES).sql,
    "clear": plan_clear(AT, RULES).sql,
    "increment": plan_increment(PUT, RULES).sql,
    "append": plan_append(PUT, 100, RULES).sql,
    "compare_and_set": plan_compare_and_set(PUT, 1, RULES).sql,
    "user_counts": plan_user_counts(None, None, RULES).sql,
    "namespace_counts": plan_namespace_counts(BELOW, None, RULES).sql,
    "namespace_sizes": plan_namespace_sizes(BELOW, None, RULES).sql,
    "agent_counts": plan_agent_counts(EVERY_USER, RULES).sql,
    "most_accessed": plan_accessed(BELOW, 10, RULES, recent=False).sql,
    "recently_accessed": plan_accessed(EVERY_USER, 10, RULES, recent=True).sql,
    "larger_than": plan_larger_than(100, BELOW, 10, RULES).sql,
    "page_of_records": plan_page_of_records(BELOW, KEY, 10, RULES).sql,
    "delete_within_a_user": plan_delete_within(BELOW, RULES).sql,
    "delete_within_every_user": plan_delete_within(Within(None, ("files",)), RULES).sql,
    "listing": plan_listing(
        ListedPart(regions("users"), EVERYTHING), RULES, after=None, size=10, characters=9
    ).sql,
    "listing_of_one_namespace": plan_listing(
        ListedPart(regions(*ALICE), OPEN, exactly=True), RULES, after=KEY, size=10, characters=9
    ).sql,
    "listing_newest_first": plan_listing(
        ListedPart(regions(*ALICE), OPEN, True, ListingOrder.NEWEST_FIRST),
        RULES,
        after=(THEN, "k"),
        until=(THEN, "l"),
        size=10,
        characters=9,
    ).sql,
    "last_of_listing": plan_last_of(
        ListedPart(regions(*ALICE), OPEN, order=ListingOrder.BY_KEY_BACKWARD),
        RULES,
        after=KEY,
        rows=100,
    ).sql,
    "explorer_users": plan_users(RULES, prefix="a", after="ab", limit=10).sql,
    "explorer_number_of_users": plan_number_of_users(RULES, 10).sql,
    "explorer_growth": plan_growth(RULES, 1_000_000).sql,
    "table_sizes": plan_table_sizes(RULES).sql,
    "stored_search": plan_stored_search(RULES).sql,
    "glance": plan_glance(AT, 10, 200, RULES).sql,
    "overview": plan_overview(RULES).sql,
    "count_reads": count_statement([], RULES)[0],
    "acquire_lock": plan_acquire(KEY, "o", UUID(int=1), timedelta(seconds=1), RULES).sql,
    "release_lock": plan_release(KEY, UUID(int=1), RULES).sql,
    "begin_watch": plan_begin_watch("alice", WATCHER, RULES).sql,
    "renew_watch": plan_renew_watch("alice", WATCHER, RULES).sql,
    "end_watch": plan_end_watch("alice", WATCHER, RULES).sql,
    "changes_since": plan_changes_since(AT, "", "1:1:", WATCHER, RULES).sql,
    "watched_states": record_states_sql(RULES, False),
    "watched_states_below": record_states_sql(RULES, True),
    "watched_records": changed_records_sql(RULES),
    "load": shown_load(plan_load([PUT], RULES)),
    "load_indexed": shown_load(plan_load([INDEXED_PUT], HYBRID)),
    "import": plan_import([IMPORTED], "skip", RULES).sql,
    "import_indexed": plan_import([IMPORTED], "upsert", HYBRID).sql,
    "stored_page": plan_page_of_stored(regions("users", "alice"), KEY, 10, RULES).sql,
    "stored_at": plan_stored_at([KEY], RULES).sql,
    "put_indexed": put_statement([INDEXED_PUT], HYBRID)[0],
    "put_indexed_expecting_a_version": put_expected_statement(
        PutExpected(INDEXED_PUT, 3), HYBRID
    ).sql,
    "known_vectors": plan_known_vectors(KEY, HYBRID).sql,
    "search_a_small_scope_by_vector": asked("vector", "cat"),
    "search_by_vector": asked("vector", "cat", explaining=True),
    "search_by_words": asked("text", '"black cat" dog -fish'),
    "search_turns_by_words": turns_found("text", TurnQuery("Who purrs?", 10)),
    "search_turns_by_many_words": turns_found("text", TurnQuery("Who purrs? " * 20, 10)),
    "search_turns_by_vectors": turns_found(
        "vector", TurnQuery("Who purrs?", 10, min_similarity=0.5, min_relevance=0.3)
    ),
    "search_turns": turns_found(
        "hybrid", TurnQuery("Who purrs?", 10, thread_id="a", except_thread_id="b")
    ),
    "search_hybrid": asked("hybrid", "cat", recency_half_life_days=7, min_score=0.1),
    "search_with_unindexed": asked("vector", "cat", include_unindexed=True),
    "reindex_page": page_sql(HYBRID),
    "reindex_fill": fill_sql(HALF),
    "reindex_words": words_again_sql(HYBRID),
    "vector_table": ";\n".join(
        create_vectors_sql(HALF.tables, 1, HALF.vector_index, distributed=DISTRIBUTED)
    ),
    "vector_index": approximate_index_sql(HALF),
    "vector_index_of_bits_elsewhere": approximate_index_sql(ELSEWHERE),
    "search_by_vector_elsewhere": distance_sql(ELSEWHERE).exact
    + "\n"
    + distance_sql(ELSEWHERE).indexed,
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_sql_is_the_golden_one(name: str) -> None:
    check_golden(GOLDEN / f"{name}.sql", STATEMENTS[name])


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.sql")} - set(STATEMENTS) == set()


def test_the_text_does_not_depend_on_values() -> None:
    def text(namespace: tuple[str, ...], value: int, limit: int) -> str:
        return explained(SearchOp(namespace, {"a": {"$gte": value}}, limit))

    assert text(ALICE, 1, 10) == text(("users", "bob", "x"), 2, 99)
