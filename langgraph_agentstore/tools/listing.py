"""Listings of a place: the namespaces below it, and its items page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..model.users import SHARED, Region
from ..sql.filters import parse_filter
from ..sql.statement import ItemId
from ..store.agent_store import AgentStore
from .listing_sql import Cursor, ListedItem, ListedPart, ListingOrder, plan_last_of, plan_listing
from .namespace_paths import UserNamespace, namespace_of_labels

PAGE_ROWS = 200
"""Items that one statement of a listing reads."""

PREVIEW_CHARACTERS = 400
"""The part of a value that a listing reads."""

WHOLE_VALUE = 2**31 - 1
"""As `characters`, reads whole values."""


def items_of(
    store: AgentStore,
    place: UserNamespace,
    filter: Mapping[str, Any] | None = None,
    *,
    exactly: bool = False,
    after: ItemId | None = None,
    limit: int | None = None,
    characters: int = PREVIEW_CHARACTERS,
) -> Iterator[ListedItem]:
    """Iterate over the items at or below a place by namespace and key; skip none.

    Args:
        store: the store.
        place: where to look.
        filter: only items that pass it.
        exactly: leave out the namespaces below the place.
        after: the `item_id` of the item to continue after.
        limit: the maximum number of items.
        characters: how much of each value's JSON text is read.
    """
    part, left = listed_part(place, filter, exactly=exactly), limit
    while left is None or left > 0:
        size = PAGE_ROWS if left is None else min(PAGE_ROWS, left)
        page = store.executor.run(
            plan_listing(part, store.planner.context, after=after, size=size, characters=characters)
        )
        yield from page
        if len(page) < size:
            return
        after = page[-1].item_id
        left = None if left is None else left - size


def listed_part(
    place: UserNamespace,
    filter: Mapping[str, Any] | None = None,
    *,
    exactly: bool = False,
    order: ListingOrder = ListingOrder.BY_KEY,
) -> ListedPart:
    """Return what a listing of a place covers; an order by time is of exactly the place."""
    exactly = exactly or order.is_by_time
    regions = (Region(place.user_id, place.labels),) if exactly else place.regions
    return ListedPart(regions, parse_filter(filter or {}), exactly, order)


@dataclass(frozen=True, slots=True)
class ListedPage:
    """A page of a listing; `next` is the cursor to continue after, None at the end.

    `is_short`: the filter let through too few of the items that one page looks at.
    """

    items: list[ListedItem]
    next: Cursor | None
    is_short: bool = False


def listed_page(
    store: AgentStore, part: ListedPart, after: Cursor | None, size: int, *, most_looked_at: int
) -> ListedPage:
    """Read one page of a listing in bounded time; no item is skipped from page to page.

    Args:
        store: the store.
        part: what is listed.
        after: the cursor of the page before.
        size: the number of items.
        most_looked_at: how many items a filter is tried on. A page may then be shorter than
            `size`, and the next one continues where it ended.
    """
    run, context = store.executor.run, store.planner.context
    until = None
    if part.filter != parse_filter({}):
        until = run(plan_last_of(part, context, after=after, rows=most_looked_at))
    found = run(
        plan_listing(
            part, context, after=after, size=size + 1, characters=PREVIEW_CHARACTERS, until=until
        )
    )
    if len(found) > size:
        return ListedPage(found[:size], part.order.cursor_of(found[size - 1]))
    return ListedPage(found, until, is_short=until is not None)


def namespaces_below(store: AgentStore, place: UserNamespace, limit: int) -> list[UserNamespace]:
    """Return the namespaces one label below a place that hold an item at or below them."""
    depth = len(place.labels) + 1
    if place.user_id != SHARED:
        view = store.for_user(place.user_id)
        found = view.list_namespaces(prefix=place.labels, max_depth=depth, limit=limit)
        return [UserNamespace(place.user_id, labels) for labels in found if len(labels) == depth]
    found = store.list_namespaces(prefix=place.labels, max_depth=depth, limit=limit)
    return [namespace_of_labels(labels) for labels in found if len(labels) == depth]
