"""Facts about valid and invalid keys."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from langgraph.store.base import GetOp, PutOp

from ..drivers import Driver
from ..fact import fact, fact_of_each
from .hostile import TEXTS
from .items import existing, refused

SPACE = ("facts", "keys")

BAD_KEYS = {"empty": "", "NUL": "a\x00b", "lone surrogate": "a\udfff"}

OTHER_TYPES: dict[str, Any] = {
    "int": 7,
    "UUID": UUID("12345678-1234-5678-1234-567812345678"),
    "float": 1.5,
    "bool": True,
    "None": None,
    "bytes": b"k",
    "tuple": ("a", "b"),
}


@fact_of_each(TEXTS)
async def a_key_is_any_text(store: Driver, key: str) -> None:
    """An item is returned for its key only, whatever text the key is."""
    await store.put(SPACE, key, {"key": key})
    await store.put(SPACE, "another", {})
    item = await existing(store, SPACE, key)
    assert (item.key, item.value) == (key, {"key": key})
    assert sorted(found.key for found in await store.search(SPACE)) == sorted([key, "another"])
    await store.delete(SPACE, key)
    assert [found.key for found in await store.search(SPACE)] == ["another"]


@fact
async def keys_are_compared_exactly(store: Driver) -> None:
    """Keys that differ in case, spaces or Unicode form are different keys."""
    keys = ["a", "A", " a", "a ", "é", "e\u0301", "ß", "ss", "1", "01"]
    await store.batch([PutOp(SPACE, key, {"key": key}) for key in keys])
    for key in keys:
        assert (await existing(store, SPACE, key)).value == {"key": key}


@fact_of_each(BAD_KEYS)
async def methods_refuse_a_bad_key(store: Driver, key: str) -> None:
    """Every method raises `ValueError` for a key that is empty or not valid text."""
    await refused(store.put(SPACE, key, {}))
    await refused(store.get(SPACE, key))
    await refused(store.delete(SPACE, key))
    assert await store.search(SPACE) == []


@fact_of_each(BAD_KEYS)
async def batches_refuse_a_bad_key(store: Driver, key: str) -> None:
    """A batch checks the keys of its operations like the methods check theirs."""
    for operation in (PutOp(SPACE, key, {}), GetOp(SPACE, key), PutOp(SPACE, key, None)):
        await refused(store.batch([operation]))
    assert await store.search(SPACE) == []


@fact_of_each(OTHER_TYPES)
async def a_key_of_another_type_is_its_text_or_refused(store: Driver, key: Any) -> None:
    """A put raises, or a get returns the item for the object and for its text."""
    try:
        await store.put(SPACE, key, {"n": 1})
    except (TypeError, ValueError):
        assert await store.search(SPACE) == []
        return
    item = await existing(store, SPACE, str(key))
    assert item.key == str(key)
    assert await store.get(SPACE, key) == item
    await store.delete(SPACE, key)
    assert await store.get(SPACE, str(key)) is None


@fact_of_each(OTHER_TYPES)
async def batches_take_a_key_of_another_type_as_methods_do(store: Driver, key: Any) -> None:
    """A method reads what an operation wrote under such a key, or both refuse the key."""
    try:
        await store.batch([PutOp(SPACE, key, {"n": 1})])
    except (TypeError, ValueError):
        assert await store.search(SPACE) == []
        return
    item = await existing(store, SPACE, key)
    assert item.key == str(key)
    assert await store.batch([GetOp(SPACE, key), GetOp(SPACE, str(key))]) == [item, item]


@fact_of_each({"a thousand characters": 1000, "ten thousand": 10_000, "a million": 10**6})
async def a_long_key_is_kept_whole_or_refused(store: Driver, length: int) -> None:
    """A key that is too long raises `ValueError`; later calls work as before."""
    key = "".join(chr(97 + number % 26) for number in range(length - 1)) + "!"
    try:
        await store.put(SPACE, key, {"n": 1})
    except ValueError:
        assert await store.search(SPACE) == []
    else:
        assert (await existing(store, SPACE, key)).key == key
    await store.put(SPACE, "short", {})
    await existing(store, SPACE, "short")
