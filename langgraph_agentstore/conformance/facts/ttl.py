"""Facts about items that expire.

Each fact waits at most a fifth of a second, unless the machine stalls.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from langgraph.store.base import GetOp, ListNamespacesOp, Op, PutOp, SearchOp

from ..drivers import Driver
from ..fact import fact_of_expiry
from .items import BAD_TYPE_OR_VALUE, existing, refused

SPACE = ("facts", "ttl")
BRIEF = 0.001
"""Minutes: 60 milliseconds."""

LONG = 60.0
UNTIL_BRIEF_IS_OVER_S = 0.08
ATTEMPTS = 20


@fact_of_expiry()
async def an_item_is_there_until_it_expires(store: Driver) -> None:
    """A time to live below one minute is not rounded to zero; other fractions work too."""
    for key, ttl in (("half", 0.5), ("tenth", 0.1), ("more", 1.5)):
        await store.put(SPACE, key, {}, ttl=ttl)
    for key in ("half", "tenth", "more"):
        await existing(store, SPACE, key)
        await existing(store, SPACE, key)
    assert len(await store.search(SPACE)) == 3


@fact_of_expiry()
async def an_expired_item_is_gone(store: Driver) -> None:
    """No get, search, listing or batch returns an expired item, even before a sweep."""
    await store.put(SPACE, "k", {}, ttl=BRIEF)
    await store.put((*SPACE, "kept"), "k", {}, ttl=LONG)
    await store.sleep(UNTIL_BRIEF_IS_OVER_S)
    assert await store.get(SPACE, "k") is None
    assert [item.namespace for item in await store.search(SPACE)] == [(*SPACE, "kept")]
    assert await store.list_namespaces() == [(*SPACE, "kept")]
    operations: list[Op] = [
        GetOp(SPACE, "k"),
        SearchOp(SPACE, filter={}),
        ListNamespacesOp(max_depth=2),
    ]
    got, found, listed = await store.batch(operations)
    assert got is None
    assert isinstance(found, list)
    assert len(found) == 1
    assert listed == [SPACE]


@fact_of_expiry()
async def expired_items_take_no_place_on_a_page(store: Driver) -> None:
    """Limit and offset do not count expired items."""
    for number in range(4):
        await store.put(SPACE, f"kept {number}", {})
    await store.batch([PutOp(SPACE, f"brief {n}", {}, ttl=BRIEF) for n in range(20)])
    await store.sleep(UNTIL_BRIEF_IS_OVER_S)
    pages = [await store.search(SPACE, limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [[item.key for item in page] for page in pages] == [
        ["kept 3", "kept 2"],
        ["kept 1", "kept 0"],
        [],
    ]


@fact_of_expiry()
async def reading_does_not_revive_an_expired_item(store: Driver) -> None:
    """A read with `refresh_ttl` does not bring back an expired item."""
    await store.put(SPACE, "k", {}, ttl=BRIEF)
    await store.sleep(UNTIL_BRIEF_IS_OVER_S)
    for _ in range(2):
        assert await store.get(SPACE, "k", refresh_ttl=True) is None
        assert await store.search(SPACE, refresh_ttl=True) == []


@fact_of_expiry()
async def an_expired_item_counts_as_absent(store: Driver) -> None:
    """A put over an expired item makes a new item with a new `created_at`."""
    await store.put(SPACE, "k", {}, ttl=LONG)
    first = await existing(store, SPACE, "k")
    await store.put(SPACE, "k", {}, ttl=BRIEF)
    await store.sleep(UNTIL_BRIEF_IS_OVER_S)
    await store.put(SPACE, "k", {})
    second = await existing(store, SPACE, "k")
    assert second.created_at == second.updated_at
    assert second.created_at > first.created_at


@fact_of_expiry()
async def a_put_sets_the_expiry_anew(store: Driver) -> None:
    """The last put sets the expiry: longer, shorter or never."""
    for key, first, second in (
        ("longer", BRIEF, LONG),
        ("shorter", LONG, BRIEF),
        ("never", BRIEF, None),
        ("from never", None, BRIEF),
    ):
        await store.put(SPACE, key, {}, ttl=first)
        await store.put(SPACE, key, {}, ttl=second)
    await store.put(SPACE, "left out", {}, ttl=BRIEF)
    await store.put(SPACE, "left out", {})
    await store.sleep(UNTIL_BRIEF_IS_OVER_S)
    found = {item.key for item in await store.search(SPACE)}
    assert found == {"longer", "never", "left out"}


@fact_of_expiry()
async def items_of_a_batch_expire_each_in_its_time(store: Driver) -> None:
    """Each put of a batch has its own time to live."""
    await store.batch(
        [
            PutOp(SPACE, "brief", {}, ttl=BRIEF),
            PutOp(SPACE, "long", {}, ttl=LONG),
            PutOp(SPACE, "never", {}),
        ]
    )
    await store.sleep(UNTIL_BRIEF_IS_OVER_S)
    assert {item.key for item in await store.search(SPACE)} == {"long", "never"}


@fact_of_expiry(ttl={"default_ttl": BRIEF})
async def the_default_ttl_is_for_puts_that_name_none(store: Driver) -> None:
    """The default TTL applies to puts without `ttl`; a number or None (never) overrides it."""
    await store.put(SPACE, "default", {})
    await store.put(SPACE, "long", {}, ttl=LONG)
    await store.put(SPACE, "never", {}, ttl=None)
    await store.sleep(UNTIL_BRIEF_IS_OVER_S)
    assert {item.key for item in await store.search(SPACE)} == {"long", "never"}


@fact_of_expiry()
async def a_ttl_that_is_no_time_is_refused(store: Driver) -> None:
    """An invalid TTL raises `ValueError` or `TypeError`, and nothing is written."""
    bad: list[Any] = [0, -1, float("inf"), float("nan"), "soon"]
    for ttl in bad:
        await refused(store.put(SPACE, "k", {}, ttl=ttl), kinds=BAD_TYPE_OR_VALUE)
        await refused(store.batch([PutOp(SPACE, "k", {}, ttl=ttl)]), kinds=BAD_TYPE_OR_VALUE)
    assert await store.get(SPACE, "k") is None


@fact_of_expiry()
async def a_get_moves_the_expiry_on(store: Driver) -> None:
    """A get restarts the time to live of its item."""
    await _check_refresh(store, by_search=False)


@fact_of_expiry()
async def a_search_moves_the_expiry_on(store: Driver) -> None:
    """A search restarts the time to live of the items that it returns."""
    await _check_refresh(store, by_search=True)


@fact_of_expiry()
async def a_read_without_refresh_leaves_the_expiry(store: Driver) -> None:
    """A read with `refresh_ttl=False` does not change the expiry."""
    await _check_no_refresh(store, refresh_ttl=False)


@fact_of_expiry(ttl={"refresh_on_read": False})
async def reads_leave_the_expiry_where_the_store_says_so(store: Driver) -> None:
    """With `refresh_on_read=False`, reads without `refresh_ttl` do not change the expiry."""
    await _check_no_refresh(store)


@fact_of_expiry(ttl={"refresh_on_read": False})
async def a_read_may_ask_for_what_the_store_leaves_out(store: Driver) -> None:
    """A read with `refresh_ttl=True` overrides `refresh_on_read=False`."""
    await _check_refresh(store, by_search=False, refresh_ttl=True)


@fact_of_expiry()
async def moving_the_expiry_is_no_update(store: Driver) -> None:
    """A refresh of the expiry changes neither `updated_at` nor the order of a search."""
    await store.put(SPACE, "a", {}, ttl=LONG)
    await store.put(SPACE, "b", {}, ttl=LONG)
    first = await existing(store, SPACE, "a")
    await store.get(SPACE, "a", refresh_ttl=True)
    found = await store.search(SPACE, refresh_ttl=True)
    assert [item.key for item in found] == ["b", "a"]
    assert (await existing(store, SPACE, "a")).updated_at == first.updated_at


async def _check_no_refresh(store: Driver, **options: Any) -> None:
    brief = 0.002
    await store.put(SPACE, "k", {}, ttl=brief)
    await store.sleep(0.05)
    await store.get(SPACE, "k", **options)
    await store.search(SPACE, **options)
    await store.sleep(brief * 60 - 0.03)
    assert await store.get(SPACE, "k", **options) is None


async def _check_refresh(store: Driver, *, by_search: bool, **options: Any) -> None:
    for _ in range(ATTEMPTS):
        alive = await _alive_after_refresh(store, by_search, options)
        if alive is not None:
            assert alive, "the item expired as if it had not been read"
            return
    pytest.skip(f"the machine stalled in each of {ATTEMPTS} attempts")


async def _alive_after_refresh(
    store: Driver, by_search: bool, options: dict[str, Any]
) -> bool | None:
    """Return whether a read kept an item alive beyond its first expiry; None if it was too late.

    The item lives for 0.18 s, is read 0.09 s after the put, and looked for at 0.22 s.
    """
    ttl_s = 0.18
    await store.put(SPACE, "k", {}, ttl=ttl_s / 60)
    written = time.monotonic()
    await store.sleep(0.09)
    read = time.monotonic()
    if by_search:
        await store.search(SPACE, **options)
    else:
        await store.get(SPACE, "k", **options)
    read_took_s = time.monotonic() - read
    await store.sleep(max(0.0, written + ttl_s + 0.04 - time.monotonic()))
    item = await store.get(SPACE, "k", refresh_ttl=False)
    in_time = read + ttl_s > time.monotonic() and read_took_s < 0.04
    return item is not None if item is not None or in_time else None
