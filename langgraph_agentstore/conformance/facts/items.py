"""Facts about putting, getting and deleting one item."""

from __future__ import annotations

from collections.abc import Awaitable
from types import MappingProxyType

import pytest
from langgraph.store.base import Item

from ..drivers import Driver
from ..fact import fact

BAD_TYPE_OR_VALUE = (TypeError, ValueError)

SPACE = ("facts", "items")


async def existing(store: Driver, namespace: tuple[str, ...], key: str) -> Item:
    """Return the item; it must exist."""
    item = await store.get(namespace, key)
    assert item is not None, f"there is no {key!r} in {namespace!r}"
    return item


async def refused(
    call: Awaitable[object],
    match: str | None = None,
    kinds: tuple[type[Exception], ...] = (ValueError,),
) -> None:
    """Await a call that must raise one of these errors."""
    with pytest.raises(kinds, match=match):
        await call


@fact
async def what_was_put_is_read_back(store: Driver) -> None:
    """A get returns an `Item` with the namespace, key and value of the put."""
    await store.put(SPACE, "k", {"color": "blue", "size": [1, 2]})
    item = await existing(store, SPACE, "k")
    assert type(item) is Item
    assert (item.namespace, item.key) == (SPACE, "k")
    assert item.value == {"color": "blue", "size": [1, 2]}


@fact
async def what_is_absent_is_none(store: Driver) -> None:
    """A get of an unknown key or in an unknown namespace returns None."""
    await store.put(SPACE, "k", {})
    assert await store.get(SPACE, "other") is None
    assert await store.get((*SPACE, "below"), "k") is None
    assert await store.get(SPACE[:1], "k") is None


@fact
async def a_put_replaces_the_whole_value(store: Driver) -> None:
    """A second put replaces the whole first value."""
    await store.put(SPACE, "k", {"old": 1, "both": {"a": 1}})
    await store.put(SPACE, "k", {"both": {"b": 2}})
    assert (await existing(store, SPACE, "k")).value == {"both": {"b": 2}}


@fact
async def an_empty_value_is_a_value(store: Driver) -> None:
    """An item with the value `{}` exists."""
    await store.put(SPACE, "k", {})
    assert (await existing(store, SPACE, "k")).value == {}


@fact
async def any_mapping_may_be_put(store: Driver) -> None:
    """A value may be any mapping; it is read back as a dict."""
    await store.put(SPACE, "k", MappingProxyType({"a": 1}))
    value = (await existing(store, SPACE, "k")).value
    assert type(value) is dict
    assert value == {"a": 1}


@fact
async def times_are_aware(store: Driver) -> None:
    """`created_at` and `updated_at` have a time zone."""
    await store.put(SPACE, "k", {})
    item = await existing(store, SPACE, "k")
    assert item.created_at.utcoffset() is not None
    assert item.updated_at.utcoffset() is not None


@fact
async def a_new_item_was_updated_when_it_was_created(store: Driver) -> None:
    """After the first put `updated_at` equals `created_at`."""
    await store.put(SPACE, "k", {})
    item = await existing(store, SPACE, "k")
    assert item.created_at == item.updated_at


@fact
async def created_at_survives_an_update(store: Driver) -> None:
    """A put over an item keeps its `created_at`."""
    await store.put(SPACE, "k", {"n": 1})
    first = await existing(store, SPACE, "k")
    await store.put(SPACE, "k", {"n": 2})
    assert (await existing(store, SPACE, "k")).created_at == first.created_at


@fact
async def updated_at_moves_with_each_put(store: Driver) -> None:
    """A put over an item, even of the same value, sets a later `updated_at`."""
    await store.put(SPACE, "k", {"n": 1})
    first = await existing(store, SPACE, "k")
    await store.put(SPACE, "k", {"n": 1})
    assert (await existing(store, SPACE, "k")).updated_at > first.updated_at


@fact
async def reading_changes_no_time(store: Driver) -> None:
    """Gets and searches do not change `created_at` or `updated_at`."""
    await store.put(SPACE, "k", {})
    first = await existing(store, SPACE, "k")
    (found,) = await store.search(SPACE)
    again = await existing(store, SPACE, "k")
    for item in (found, again):
        assert (item.created_at, item.updated_at) == (first.created_at, first.updated_at)


@fact
async def a_deleted_item_is_gone(store: Driver) -> None:
    """After a delete, get and search no longer return the item; other items stay."""
    await store.put(SPACE, "k", {})
    await store.put(SPACE, "other", {})
    await store.delete(SPACE, "k")
    assert await store.get(SPACE, "k") is None
    assert [item.key for item in await store.search(SPACE)] == ["other"]


@fact
async def deleting_what_is_absent_is_no_error(store: Driver) -> None:
    """A delete of an unknown key does nothing."""
    await store.delete(SPACE, "k")
    assert await store.get(SPACE, "k") is None


@fact
async def putting_none_deletes(store: Driver) -> None:
    """A put of None removes the item."""
    await store.put(SPACE, "k", {})
    await store.put(SPACE, "k", None)
    assert await store.get(SPACE, "k") is None


@fact
async def an_item_put_after_a_delete_is_new(store: Driver) -> None:
    """An item that is put again after a delete has a new `created_at`."""
    await store.put(SPACE, "k", {})
    first = await existing(store, SPACE, "k")
    await store.delete(SPACE, "k")
    await store.put(SPACE, "k", {})
    assert (await existing(store, SPACE, "k")).created_at > first.created_at


@fact
async def one_key_in_two_namespaces_is_two_items(store: Driver) -> None:
    """Equal keys in a namespace, one below it and one beside it are different items."""
    spaces = [SPACE, (*SPACE, "below"), ("facts", "beside")]
    for number, space in enumerate(spaces):
        await store.put(space, "k", {"n": number})
    await store.delete(spaces[1], "k")
    found = [await store.get(space, "k") for space in spaces]
    assert [item and item.value for item in found] == [{"n": 0}, None, {"n": 2}]


@fact
async def each_get_returns_fresh_objects(store: Driver) -> None:
    """A change to a value returned by get is not visible to the next reader."""
    await store.put(SPACE, "k", {"deep": {"list": [1]}})
    for _ in range(2):
        item = await existing(store, SPACE, "k")
        assert item.value == {"deep": {"list": [1]}}
        item.value["deep"]["list"].append(2)
        item.value["more"] = True


@fact
async def each_search_returns_fresh_objects(store: Driver) -> None:
    """A change to a value returned by search is not visible to the next search."""
    await store.put(SPACE, "k", {"deep": {"list": [1]}})
    for _ in range(2):
        (item,) = await store.search(SPACE)
        assert item.value == {"deep": {"list": [1]}}
        item.value["deep"]["list"].append(2)


@fact
async def a_later_change_of_the_callers_value_is_not_seen(store: Driver) -> None:
    """The store keeps a copy of the value, not the caller's object."""
    value = {"deep": {"list": [1]}}
    await store.put(SPACE, "k", value)
    value["deep"]["list"].append(2)
    assert (await existing(store, SPACE, "k")).value == {"deep": {"list": [1]}}
