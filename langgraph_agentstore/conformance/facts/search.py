"""Facts about search without a query: its scope, order and pages."""

from __future__ import annotations

from typing import Any

from langgraph.store.base import PutOp, SearchItem, SearchOp

from ..drivers import Driver
from ..fact import fact, fact_of_each
from .items import refused

SPACE = ("facts", "search")


async def fill(store: Driver, count: int) -> None:
    """Put `count` items into three namespaces in one batch, so that most have equal times."""
    await store.batch(
        [
            PutOp((*SPACE, f"space {number % 3}"), f"{number:04}", {"n": number})
            for number in range(count)
        ]
    )


def keys_of(found: list[SearchItem]) -> list[str]:
    """Return the keys in the order of the result."""
    return [item.key for item in found]


def search_order(item: SearchItem) -> tuple[float, tuple[str, ...], str]:
    """Return the sort key of the order that search promises."""
    return (-item.updated_at.timestamp(), item.namespace, item.key)


@fact
async def search_returns_whole_items(store: Driver) -> None:
    """Search returns items with the namespace, key, value and times of a get, and no score."""
    await store.put(SPACE, "k", {"n": 1})
    item = await store.get(SPACE, "k")
    (found,) = await store.search(SPACE)
    assert type(found) is SearchItem
    assert found == item
    assert found.score is None


@fact
async def the_newest_come_first(store: Driver) -> None:
    """Items are sorted by `updated_at`, the newest first; an update moves an item up."""
    for key in ("a", "b", "c"):
        await store.put(SPACE, key, {})
    await store.put(SPACE, "a", {})
    assert keys_of(await store.search(SPACE)) == ["a", "c", "b"]


@fact
async def the_newest_come_first_across_namespaces(store: Driver) -> None:
    """The order of items does not depend on their namespaces."""
    for number in range(6):
        await store.put((*SPACE, f"{number % 2}"), str(number), {})
    assert keys_of(await store.search(SPACE)) == ["5", "4", "3", "2", "1", "0"]


@fact
async def equal_times_are_ordered_by_namespace_and_key(store: Driver) -> None:
    """Items with equal times are sorted by namespace and key."""
    await fill(store, 60)
    found = await store.search(SPACE, limit=60)
    assert len(found) == 60
    assert found == sorted(found, key=search_order)
    assert found == await store.search(SPACE, limit=60)


@fact_of_each({"1": 1, "7": 7, "10": 10, "100": 100})
async def pages_are_disjoint_and_complete(store: Driver, size: int) -> None:
    """Pages by limit and offset return every item once, in the order of the full search."""
    await fill(store, 55)
    whole = [(item.namespace, item.key) for item in await store.search(SPACE, limit=55)]
    paged: list[Any] = []
    for offset in range(0, 60, size):
        page = await store.search(SPACE, limit=size, offset=offset)
        paged += [(item.namespace, item.key) for item in page]
    assert paged == whole
    assert len(set(paged)) == 55


@fact
async def the_limit_is_ten_unless_said(store: Driver) -> None:
    """`search(prefix)` returns at most ten items."""
    await fill(store, 12)
    assert len(await store.search(SPACE)) == 10


@fact
async def a_limit_of_zero_finds_nothing(store: Driver) -> None:
    """A search with `limit=0` returns `[]`."""
    await store.put(SPACE, "k", {})
    assert await store.search(SPACE, limit=0) == []


@fact
async def an_offset_beyond_the_end_finds_nothing(store: Driver) -> None:
    """A search with an offset beyond the last item returns `[]`."""
    await store.put(SPACE, "k", {})
    assert await store.search(SPACE, offset=1) == []
    assert await store.search(SPACE, offset=10**9) == []


@fact
async def a_negative_limit_is_refused(store: Driver) -> None:
    """A negative limit raises `ValueError` in the method and in a batch."""
    await store.put(SPACE, "k", {})
    await refused(store.search(SPACE, limit=-1), "limit")
    await refused(store.batch([SearchOp(SPACE, limit=-1)]), "limit")


@fact
async def a_negative_offset_is_refused(store: Driver) -> None:
    """A negative offset raises `ValueError` in the method and in a batch."""
    await store.put(SPACE, "k", {})
    await refused(store.search(SPACE, offset=-1), "offset")
    await refused(store.batch([SearchOp(SPACE, offset=-1)]), "offset")


@fact
async def a_prefix_covers_itself_and_what_is_below(store: Driver) -> None:
    """A search returns items of the namespace and of all namespaces that begin with its labels."""
    spaces = [SPACE, (*SPACE, "a"), (*SPACE, "a", "b"), ("facts",), ("other", *SPACE)]
    await store.batch([PutOp(space, str(n), {}) for n, space in enumerate(spaces)])
    assert sorted(keys_of(await store.search(SPACE))) == ["0", "1", "2"]
    assert sorted(keys_of(await store.search((*SPACE, "a")))) == ["1", "2"]
    assert sorted(keys_of(await store.search(("facts",)))) == ["0", "1", "2", "3"]
    assert await store.search((*SPACE, "absent")) == []


@fact
async def the_empty_prefix_covers_everything(store: Driver) -> None:
    """`search(())` finds all items."""
    for namespace in (("a",), ("b", "c"), ("users", "x", "y")):
        await store.put(namespace, "k", {})
    found = await store.search(())
    assert {item.namespace for item in found} == {("a",), ("b", "c"), ("users", "x", "y")}


@fact
async def a_prefix_is_labels_not_characters(store: Driver) -> None:
    """The prefix `("a",)` does not cover a namespace whose label only begins with "a"."""
    ends = ["", "1", " 1", "-1", "!", ":1", ";", "%3A", "\x01", "\x02", "\x01a", "/", "🙂"]
    siblings = ["use", "User", *("user" + end for end in ends)]
    await store.batch([PutOp((*SPACE, label), label, {}) for label in siblings])
    for label in siblings:
        assert keys_of(await store.search((*SPACE, label))) == [label]


@fact_of_each({"%": "%", "_": "_", "*": "*", "\\": "\\", "?": "?"})
async def a_prefix_has_no_wildcards(store: Driver, character: str) -> None:
    """Characters that are wildcards elsewhere match only themselves."""
    for label in (f"a{character}b", "axb", "a", f"{character}"):
        await store.put((*SPACE, label), label, {})
    assert keys_of(await store.search((*SPACE, f"a{character}b"))) == [f"a{character}b"]
    assert keys_of(await store.search((*SPACE, character))) == [character]


@fact
async def the_limit_counts_items_that_pass_the_filter(store: Driver) -> None:
    """The filter applies first, then the offset, then the limit."""
    await fill(store, 40)
    wanted = {"n": {"$gte": 10}}
    whole = keys_of(await store.search(SPACE, filter=wanted, limit=100))
    assert len(whole) == 30
    assert keys_of(await store.search(SPACE, filter=wanted, limit=7, offset=20)) == whole[20:27]
    assert keys_of(await store.search(SPACE, filter=wanted, limit=7, offset=28)) == whole[28:]


@fact
async def a_query_without_an_index_leaves_nothing_out(store: Driver) -> None:
    """A store without an index ignores the query."""
    await fill(store, 5)
    found = await store.search(SPACE, query="anything")
    assert sorted(keys_of(found)) == [f"{number:04}" for number in range(5)]
