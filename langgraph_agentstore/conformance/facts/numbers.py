"""Facts about numbers: they are read back with the same value and type."""

from __future__ import annotations

import math

from langgraph.store.base import Item

from ..drivers import Driver
from ..fact import fact, fact_of_each
from .items import existing

SPACE = ("facts", "numbers")

INTEGERS = {
    str(number): number
    for number in (
        0,
        -1,
        2**31,
        2**53,
        2**53 + 1,
        -(2**53) - 1,
        10**18,
        2**63 - 1,
        -(2**63),
        2**63,
        2**64 - 1,
    )
}

FLOATS = {
    repr(number): number
    for number in (
        0.0,
        1.0,
        -1.0,
        0.1,
        1 / 3,
        1e-7,
        5e-324,
        2.2250738585072014e-308,
        100000.0,
        123456789.123,
        1e15,
        2.0**53 - 1,
        2.0**53,
        1e16,
        -1e16,
        2.0**63,
        -(2.0**63),
        2.0**64,
        -(2.0**64),
        1e22,
        1e23,
        1e300,
        -1e300,
        1.7976931348623157e308,
    )
}


@fact_of_each(INTEGERS)
async def an_integer_is_kept_exactly(store: Driver, number: int) -> None:
    """Every signed or unsigned 64-bit integer is read back unchanged."""
    await store.put(SPACE, "k", {"n": number, "list": [number], "deep": {"n": number}})
    _check_item(await existing(store, SPACE, "k"), number)
    (found,) = await store.search(SPACE)
    _check_item(found, number)


@fact_of_each(FLOATS)
async def a_float_is_kept_exactly(store: Driver, number: float) -> None:
    """Every finite float is read back unchanged and as a float."""
    await store.put(SPACE, "k", {"n": number, "list": [number], "deep": {"n": number}})
    _check_item(await existing(store, SPACE, "k"), number)
    (found,) = await store.search(SPACE)
    _check_item(found, number)


@fact
async def minus_zero_is_zero_at_least(store: Driver) -> None:
    """-0.0 is read back as a float that equals zero."""
    await store.put(SPACE, "k", {"n": -0.0})
    _check_number((await existing(store, SPACE, "k")).value["n"], 0.0)


@fact
async def booleans_are_no_numbers(store: Driver) -> None:
    """True is read back as True and 1 as 1."""
    value = {"list": [True, 1, False, 0, 1.0, None]}
    await store.put(SPACE, "k", value)
    read = (await existing(store, SPACE, "k")).value["list"]
    assert [type(each) for each in read] == [type(each) for each in value["list"]]
    assert read == value["list"]


@fact
async def a_very_large_integer_is_kept_exactly_or_refused(store: Driver) -> None:
    """An integer beyond 64 bits raises `ValueError` or `TypeError`, or is read back exactly."""
    number = 2**64 + 1
    try:
        await store.put(SPACE, "k", {"n": number})
    except (ValueError, TypeError):
        assert await store.get(SPACE, "k") is None
        return
    _check_item(await existing(store, SPACE, "k"), number, deep=False)


def _check_item(item: Item, number: float, *, deep: bool = True) -> None:
    read = [item.value["n"]]
    if deep:
        read += [item.value["list"][0], item.value["deep"]["n"]]
    for each in read:
        _check_number(each, number)


def _check_number(read: object, number: float) -> None:
    assert type(read) is type(number)
    assert isinstance(read, (int, float))
    assert math.isfinite(read)
    assert read == number
