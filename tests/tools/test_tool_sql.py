"""The rows of the tools' statements, decoded without a server."""

from __future__ import annotations

from datetime import datetime, timezone

from langgraph_agentstore.model.users import Region
from langgraph_agentstore.sql.filters import parse_filter
from langgraph_agentstore.sql.statement import SqlContext
from langgraph_agentstore.sql.tables import Tables
from langgraph_agentstore.tools.listing_sql import (
    ListedItem,
    ListedPart,
    ListingOrder,
    plan_last_of,
    plan_listing,
)
from langgraph_agentstore.tools.store_size_sql import (
    StoredSearch,
    TableSize,
    plan_stored_search,
    plan_table_sizes,
)

CONTEXT = SqlContext(Tables("agentstore"))
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def test_a_listed_item_knows_its_id_and_whether_it_was_cut() -> None:
    part = ListedPart((Region("ada", ()),), parse_filter({}))
    listing = plan_listing(part, CONTEXT, after=None, size=2, characters=4)
    rows = [
        ("ada", "a%3Ab:c", "k", 1, NOW, None, 4, '"é"'),
        ("ada", "", "l", 2, NOW, NOW, 9, '"abc'),
    ]
    whole, cut = listing.decode(rows).result
    assert whole == ListedItem("ada", ("a:b", "c"), "k", 1, NOW, None, 4, '"é"')
    assert whole.item_id == ("ada", "a%3Ab:c", "k")
    assert (whole.is_cut, cut.is_cut) == (False, True)
    assert listing.arguments[:2] == (2, 4)
    assert ListingOrder.BY_KEY.cursor_of(whole) == whole.item_id
    assert ListingOrder.OLDEST_FIRST.cursor_of(whole) == (NOW, "k")
    last = plan_last_of(part, CONTEXT, after=None, rows=2)
    assert last.decode([]).result is None
    assert last.decode([("ada", "", "l")]).result == ("ada", "", "l")


def test_orders_by_time_are_within_one_namespace() -> None:
    part = ListedPart((Region("ada", ("a",)),), parse_filter({}), True, ListingOrder.OLDEST_FIRST)
    listing = plan_last_of(part, CONTEXT, after=(NOW, "k"), rows=2)
    assert "i.place = $3" in listing.sql
    assert "i.updated_at >= $4::timestamptz AND (i.updated_at > $4 OR i.key < $5)" in listing.sql


def test_sizes_and_what_items_are_found_by_are_decoded() -> None:
    row = ("item", 5, 100, 200, None)
    assert plan_table_sizes(CONTEXT).decode([row]).result == [TableSize(*row)]
    search = plan_stored_search(CONTEXT).decode([(True, "m", 3, [], True)]).result
    assert search == StoredSearch(True, "m", 3, (), True)
