"""Listings on a real server: every item once, page by page, and only the beginning of values."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore
from langgraph_agentstore.tools import listing
from langgraph_agentstore.tools.listing import (
    WHOLE_VALUE,
    items_of,
    listed_page,
    listed_part,
    namespaces_below,
)
from langgraph_agentstore.tools.listing_sql import ListedItem, ListedPart, ListingOrder
from langgraph_agentstore.tools.namespace_paths import UserNamespace, namespace_named
from tests.support.faults import execute

LABELS = ("a", "a1", "a:b", "b/c", "%", "ü", "🙂")


@pytest.fixture
def full(store: AgentStore, monkeypatch: pytest.MonkeyPatch) -> AgentStore:
    """A store with items of many users in many namespaces; three of them make a page."""
    monkeypatch.setattr(listing, "PAGE_ROWS", 3)
    for n, label in enumerate(LABELS):
        view = store.for_user(f"user {label}.x")
        for key in ("k", "k/1", "l"):
            view.put((label,), key, {"n": n})
            view.put((label, "below"), key, {"n": n})
            store.put(("shared", label), key, {"n": n})
    return store


def ids(items: Any) -> list[tuple[str, ...]]:
    return [item.item_id for item in items]


def test_every_item_is_listed_once_in_the_order_of_the_key(full: AgentStore) -> None:
    everything = ids(items_of(full, namespace_named("")))
    assert len(everything) == 9 * len(LABELS)
    assert everything == sorted(set(everything))


def test_a_listing_continues_after_any_item(full: AgentStore) -> None:
    everything = ids(items_of(full, namespace_named("")))
    for n in (0, 1, 2, 3, 7, len(everything) - 1):
        rest = items_of(full, namespace_named(""), after=everything[n], limit=5)  # type: ignore[arg-type]
        assert ids(rest) == everything[n + 1 : n + 6]


def test_a_place_covers_what_is_below_or_exactly_itself(full: AgentStore) -> None:
    place = UserNamespace("user a.x", ("a",))
    assert len(ids(items_of(full, place))) == 6
    assert len(ids(items_of(full, place, exactly=True))) == 3
    assert len(ids(items_of(full, place, {"n": 1}))) == 0
    assert len(ids(items_of(full, namespace_named("users")))) == 6 * len(LABELS)
    assert len(ids(items_of(full, namespace_named("shared")))) == 3 * len(LABELS)
    assert ids(items_of(full, place, limit=0)) == []


def test_namespaces_below_are_one_label_deeper(full: AgentStore) -> None:
    paths = [place.path for place in namespaces_below(full, namespace_named(""), 100)]
    assert paths == ["shared", "users"]
    users = namespaces_below(full, namespace_named("users"), 100)
    assert {place.user_id for place in users} == {f"user {label}.x" for label in LABELS}
    below = namespaces_below(full, UserNamespace("user a.x", ("a",)), 100)
    assert below == [UserNamespace("user a.x", ("a", "below"))]


def test_a_large_value_is_read_only_in_part(store: AgentStore) -> None:
    store.put(("docs",), "big", {"text": "é" * 1_000_000})
    [item] = items_of(store, namespace_named("docs"), characters=10)
    assert (len(item.text), item.is_cut, item.json_bytes > 2_000_000) == (10, True, True)
    whole: ListedItem
    [whole] = items_of(store, namespace_named("docs"), characters=WHOLE_VALUE)
    assert not whole.is_cut


@pytest.mark.parametrize("order", ListingOrder)
def test_pages_in_any_order_hold_every_item_once(
    store: AgentStore, postgres_dsn: str, schema_name: str, order: ListingOrder
) -> None:
    view = store.for_user("ada")
    view.batch([PutOp(("a",), f"k{n}", {"n": n}) for n in range(9)])  # all at one time
    view.put(("a",), "k9", {"n": 9})
    found = _all_pages(store, listed_part(UserNamespace("ada", ("a",)), order=order), 2)
    assert sorted(found) == [f"k{n}" for n in range(10)]
    execute(postgres_dsn, "UPDATE {}.item SET newest_at = updated_at WHERE key > 'k4'", schema_name)
    assert _all_pages(store, listed_part(UserNamespace("ada", ("a",)), order=order), 2) == found
    if order.is_by_time:
        assert (found[0] if order is ListingOrder.NEWEST_FIRST else found[-1]) == "k9"


def test_a_filter_that_few_pass_is_tried_on_so_many_items_a_page(store: AgentStore) -> None:
    view = store.for_user("ada")
    view.batch([PutOp(("a",), f"k{n}", {"n": n}) for n in range(10)])
    part = listed_part(UserNamespace("ada", ()), {"n": {"$in": [0, 7, 9]}})
    first = listed_page(store, part, None, 5, most_looked_at=4)
    assert ([i.key for i in first.items], first.is_short) == (["k0"], True)
    assert _all_pages(store, part, 4) == ["k0", "k7", "k9"]


def _all_pages(store: AgentStore, part: ListedPart, most_looked_at: int) -> list[str]:
    found, after = [], None
    while True:
        page = listed_page(store, part, after, 3, most_looked_at=most_looked_at)
        found += [item.key for item in page.items]
        if page.next is None:
            return found
        after = page.next
