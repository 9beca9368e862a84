"""Statements of a store that encrypts, and the opening of their rows; without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import Item, SearchOp

from langgraph_agentstore.config.index_options import search_index
from langgraph_agentstore.conversations.sql import (
    newest_first_after,
    plan_forget_thread,
    plan_neighbors,
    plan_newest_turns,
    plan_thread_page,
    plan_threads,
    plan_turns_by_key,
)
from langgraph_agentstore.conversations.turn_query import TurnQuery
from langgraph_agentstore.conversations.turn_search_sql import plan_turn_search
from langgraph_agentstore.data_store.sql.administration import plan_glance
from langgraph_agentstore.data_store.sql.changes import decode_changes
from langgraph_agentstore.errors import InvalidFilterError
from langgraph_agentstore.files.sql import Reach, Space, plan_values_within
from langgraph_agentstore.langgraph_postgres.merge_sql import plan_presence
from langgraph_agentstore.model.addresses import locate
from langgraph_agentstore.model.users import DEFAULT_TEMPLATE, Address, template_scope
from langgraph_agentstore.security.encryption.sql import (
    SealedAgain,
    add_keys,
    all_keys,
    begin_rotation,
    current_keys,
    delete_unused_keys,
    destroy_key,
    end_rotation,
    forget_words,
    is_set_up_sql,
    keys_by_id,
    keys_script,
    older_keys,
    page_of_items,
    replace_keys,
    retired_keys,
    rewrap,
    seal_again,
    vacuum_keys,
)
from langgraph_agentstore.sql.filters import filter_sql
from langgraph_agentstore.sql.items.get import decode_gets
from langgraph_agentstore.sql.planner import Planner
from langgraph_agentstore.sql.search.options import query_options
from langgraph_agentstore.sql.statement import (
    CurrentRules,
    Get,
    ItemId,
    Put,
    PutExpected,
    SqlContext,
    StoredValue,
)
from langgraph_agentstore.sql.tables import Tables
from tests.support.golden import check_golden

GOLDEN = Path(__file__).parent / "golden" / "encryption"
TURNS = Address("alice", ("conversations",))
AT = locate(Address("alice", ("n",)), ("n",))
THEN = datetime(2026, 1, 1, tzinfo=timezone.utc)


class Told:
    """A sealing that tells what it was asked to open."""

    def is_sealed_field(self, name: str) -> bool:
        return name != "kind"

    def has_equality(self, name: str) -> bool:
        return name == "email"

    def hashed(self, user_id: str, name: str, value: Any) -> str:
        return f"{user_id}'s {name} {value}"

    def searchable(self, value: bytes) -> bytes:
        return b'{"kind": "x"}'

    def opened(self, item_id: ItemId, value: Any) -> Any:
        return {"at": item_id, "was": value}


# `test_distributed_sql.py` runs this file once more, with the rules of distributed tables.
DISTRIBUTED: bool = globals().get("DISTRIBUTED", False)
RULES = SqlContext(Tables("agentstore"), sealing=Told(), distributed=DISTRIBUTED)
PLANNER = Planner(template_scope(DEFAULT_TEMPLATE), CurrentRules(RULES))


def turn_search() -> str:
    index = search_index(
        {"dims": 2, "embed": lambda texts: [[0.0, 1.0] for _ in texts], "mode": "hybrid"}
    )
    context = replace(RULES, index=index, vector_set=1)
    search = TurnQuery("cats", 5, thread_id="one", except_thread_id="two")
    return plan_turn_search(search, "hybrid", b"", TURNS, context).sql


AGAIN = SealedAgain(("alice", "n", "k"), 1, THEN, b"{}")

STATEMENTS = {
    "thread_page": plan_thread_page(TURNS, "one", None, 5, RULES).sql,
    "neighbors": plan_neighbors(TURNS, [("one", "k")], RULES).sql,
    "turns_by_key": plan_turns_by_key(TURNS, "", (None, None), 5, RULES).sql,
    "forget_thread": plan_forget_thread(TURNS, "one", RULES).sql,
    "newest_turns": plan_newest_turns(TURNS, None, 5, RULES).sql,
    "threads": plan_threads(TURNS, RULES).sql,
    "search_turns": turn_search(),
    "glance": plan_glance(AT, 10, 40, RULES).sql,
    "files": plan_values_within(Space("alice", "f"), Reach("/", "/"), RULES).sql,
    "set_up": keys_script(RULES.tables),
    "keys_by_id": keys_by_id(["k"], RULES.tables)[0],
    "current_keys": current_keys(["alice"], RULES.tables)[0],
    "add_keys": add_keys([("k", "alice", b"")], RULES.tables)[0],
    "destroy_key": destroy_key("alice", RULES.tables)[0],
    "is_set_up": is_set_up_sql(RULES.tables)[0],
    "vacuum_keys": vacuum_keys(RULES.tables, full=False),
    "vacuum_keys_full": vacuum_keys(RULES.tables, full=True),
    "presence": plan_presence([], RULES).sql,
    "begin_rotation": begin_rotation(RULES.tables)[0],
    "end_rotation": end_rotation(RULES.tables)[0],
    "older_keys": older_keys(["alice"], THEN, RULES.tables)[0],
    "replace_keys": replace_keys([("k", "alice", b"")], THEN, RULES.tables)[0],
    "page_of_items": page_of_items(("", "", ""), 5, RULES.tables)[0],
    "seal_again": seal_again([AGAIN], RULES.tables)[0],
    "forget_words": forget_words([AGAIN.item_id], RULES)[0],
    "forget_vectors": forget_words([AGAIN.item_id], replace(RULES, vector_set=1))[0],
    "retired_keys": retired_keys(timedelta(1), RULES.tables)[0],
    "delete_unused_keys": delete_unused_keys(["k"], RULES.tables)[0],
    "all_keys": all_keys(RULES.tables)[0],
    "rewrap": rewrap([("k", b"", b"")], RULES.tables)[0],
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_sql_is_the_golden_one(name: str) -> None:
    check_golden(GOLDEN / f"{name}.sql", STATEMENTS[name])


def test_every_golden_file_has_its_statement() -> None:
    assert {path.stem for path in GOLDEN.glob("*.sql")} == set(STATEMENTS)


def test_no_statement_about_turns_or_files_looks_into_a_value() -> None:
    for name in ("thread_page", "neighbors", "forget_thread", "newest_turns", "threads", "files"):
        assert "value->" not in STATEMENTS[name]
        assert "value ?" not in STATEMENTS[name]


def test_values_are_opened_by_the_address_of_their_row() -> None:
    search = PLANNER.search(SearchOp(("users", "alice", "n")))
    rows = [("k", {"s": 1}, THEN, THEN, None, None, False)]
    [item] = search.decode(rows).result  # type: ignore[attr-defined]
    assert item.value == {"at": ("alice", "n", "k"), "was": {"s": 1}}


def test_a_row_without_an_item_is_left_alone() -> None:
    search = PLANNER.search(SearchOp(("users", "alice", "n")))
    assert search.decode([(None,) * 6 + (False,)]).result == []  # type: ignore[attr-defined]


def test_equal_gets_are_opened_once_and_copied() -> None:
    get: Get[Any] = Get(("alice", "n", "k"), None, False)
    row = ({"s": 1}, THEN, THEN, None, None)
    one, other = decode_gets([get, get], [row], Told()).items
    assert isinstance(one, StoredValue)
    assert isinstance(other, StoredValue)
    assert one.value == other.value == {"at": ("alice", "n", "k"), "was": {"s": 1}}
    assert one.value is not other.value


def test_changes_are_opened_except_removals() -> None:
    put, removal = ("n", "k", 1, False, {"s": 1}, THEN), ("n", "k", 2, True, None, THEN)
    look = decode_changes("alice", [("5:5:", True, *put), ("5:5:", True, *removal)], RULES)
    assert [change.value for change in look.changes] == [
        {"at": ("alice", "n", "k"), "was": {"s": 1}},
        None,
    ]


def test_a_glance_shows_the_beginning_of_opened_text() -> None:
    glance = plan_glance(AT, 10, 5, RULES)
    assert glance.decode([(1, "k", {"s": 1}, 5)]).result == (1, [("k", '{"at"')])


def test_a_put_over_a_version_waits_to_be_sealed() -> None:
    put = Put(("alice", "n", "k"), "n", b"{}", timedelta(1))
    assert isinstance(PLANNER.put_expected(put, 0), PutExpected)


def test_words_are_made_of_the_clear_part() -> None:
    index = search_index({"mode": "text"})
    context = SqlContext(Tables("agentstore"), index=index, sealing=Told())
    planner = Planner(template_scope(DEFAULT_TEMPLATE), CurrentRules(context))
    content = planner.content(b'{"kind": "x", "text": "secret"}')
    assert content is not None
    assert content.words == "x"
    assert context.index is not None
    assert query_options(context.index).mode == "text"


@pytest.mark.parametrize(
    ("key", "time"),
    [
        ("a_20260102_030405_000ff001", "2026-01-02T03:04:05.000255+00:00"),
        ("a_20260102_030405_fffff001", "2026-01-02T03:04:05.999999+00:00"),
        ("of another program", ""),
    ],
)
def test_the_next_page_of_the_newest_begins_at_the_time_in_a_key(key: str, time: str) -> None:
    item = Item(value={}, key=key, namespace=(), created_at=THEN, updated_at=THEN)
    assert newest_first_after(item, RULES) == (time, key)
    clear = SqlContext(Tables("agentstore"))
    item.value["timestamp"] = "then"
    assert newest_first_after(item, clear) == ("then", key)


def sealed(filter: dict[str, Any], prefix: tuple[str, ...] = ("users", "alice")) -> Any:
    arguments: list[Any] = []
    return filter_sql(PLANNER.filter(filter, prefix), arguments), arguments


def test_equality_of_a_field_with_a_blind_index_becomes_that_of_its_hash() -> None:
    for filter in ({"email": "a"}, {"email": {"$eq": "a"}}):
        assert sealed(filter) == (
            "(i.value @> $1::jsonb)",
            [b'{"$equal":{"email":"alice\'s email a"}}'],
        )
    _, arguments = sealed({"$or": [{"kind": 1}, {"$not": {"email": {"$in": ["a", 2]}}}]})
    assert any(b"alice's email 2" in each for each in arguments if isinstance(each, bytes))


@pytest.mark.parametrize(
    "filter", [{"email": None}, {"email": {"$gt": "a"}}, {"email": {"$in": [[]]}}, {"other": 1}]
)
def test_what_a_blind_index_does_not_tell_is_refused(filter: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilterError, match="is encrypted, so no such filter"):
        sealed(filter)


@pytest.mark.parametrize("prefix", [(), ("users",)])
def test_a_blind_index_is_asked_within_one_user(prefix: tuple[str, ...]) -> None:
    with pytest.raises(InvalidFilterError, match="search within one user"):
        sealed({"email": "a"}, prefix)
