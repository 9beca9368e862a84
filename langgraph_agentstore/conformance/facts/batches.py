"""Facts about several operations in one call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langgraph.store.base import GetOp, Item, ListNamespacesOp, Op, PutOp, SearchOp

from ..drivers import Driver
from ..fact import fact, fact_of_each
from .items import BAD_TYPE_OR_VALUE, existing, refused

SPACE = ("facts", "batches")
MANY = 20_000


def item_values(results: list[Any]) -> list[Any]:
    """Return the value of each item; results that are not items stay as they are."""
    return [item.value if isinstance(item, Item) else item for item in results]


@fact
async def results_come_in_the_order_of_operations(store: Driver) -> None:
    """The n-th result belongs to the n-th operation, even if the kinds of operations are mixed."""
    await store.put(SPACE, "a", {"n": 1})
    await store.put(SPACE, "b", {"n": 2})
    results: list[Any] = await store.batch(
        [
            GetOp(SPACE, "b"),
            ListNamespacesOp(),
            PutOp(SPACE, "c", {"n": 3}),
            GetOp(SPACE, "absent"),
            SearchOp(SPACE, filter={"n": 1}),
            PutOp(SPACE, "d", None),
            GetOp(SPACE, "a"),
        ]
    )
    assert results[0].value == {"n": 2}
    assert results[1] == [SPACE]
    assert [item.key for item in results[4]] == ["a"]
    assert results[6].value == {"n": 1}
    assert [results[n] for n in (2, 3, 5)] == [None, None, None]


@fact
async def operations_may_come_from_a_generator(store: Driver) -> None:
    """A batch takes any iterable, even one that can be iterated only once."""

    def operations() -> Iterator[Op]:
        for number in range(3):
            yield PutOp(SPACE, str(number), {"n": number})

    assert await store.batch(operations()) == [None, None, None]
    results = await store.batch(GetOp(SPACE, key) for key in "210")
    assert item_values(results) == [{"n": 2}, {"n": 1}, {"n": 0}]


@fact
async def an_empty_batch_has_no_results(store: Driver) -> None:
    """`batch([])` returns `[]`."""
    assert await store.batch([]) == []


@fact
async def reads_of_a_batch_come_before_its_writes(store: Driver) -> None:
    """Every read sees the items as they were before the batch, wherever the read stands in it."""
    await store.put(SPACE, "a", {"n": 1})
    results: list[Any] = await store.batch(
        [
            PutOp(SPACE, "a", {"n": 2}),
            PutOp((*SPACE, "new"), "b", {"n": 3}),
            GetOp(SPACE, "a"),
            GetOp((*SPACE, "new"), "b"),
            SearchOp(SPACE),
            ListNamespacesOp(),
        ]
    )
    assert item_values(results[2:4]) == [{"n": 1}, None]
    assert item_values(results[4]) == [{"n": 1}]
    assert results[5] == [SPACE]
    assert (await existing(store, SPACE, "a")).value == {"n": 2}
    assert (await existing(store, (*SPACE, "new"), "b")).value == {"n": 3}


@fact
async def many_reads_of_a_batch_come_before_its_writes(store: Driver) -> None:
    """The writes of a batch wait for its reads, however long the reads take."""
    await store.put(SPACE, "a", {"n": 1})
    searches: list[Op] = [SearchOp(SPACE, filter={"n": {"$gt": -n}}) for n in range(60)]
    writes = [PutOp(SPACE, key, {"n": 2}) for key in "abc"]
    results = await store.batch([*writes, *searches, *writes])
    for found in results[3:-3]:
        assert isinstance(found, list)
        assert item_values(found) == [{"n": 1}]
    assert len(await store.search(SPACE)) == 3


WRITES: dict[str, tuple[list[Any], Any]] = {
    "put put": ([{"n": 1}, {"n": 2}], {"n": 2}),
    "put delete": ([{"n": 1}, None], None),
    "delete put": ([None, {"n": 2}], {"n": 2}),
    "put delete put": ([{"n": 1}, None, {"n": 3}], {"n": 3}),
    "put put delete": ([{"n": 1}, {"n": 2}, None], None),
}


@fact_of_each(WRITES)
async def the_last_write_of_a_key_wins(store: Driver, case: tuple[list[Any], Any]) -> None:
    """If a batch writes one item several times, the last put or delete counts."""
    values, expected = case
    await store.put(SPACE, "k", {"n": 0})
    await store.batch([PutOp(SPACE, "k", value) for value in values])
    assert item_values([await store.get(SPACE, "k")]) == [expected]


@fact
async def one_item_may_be_read_twice_in_a_batch(store: Driver) -> None:
    """Each get has its own result; two results share no object."""
    await store.put(SPACE, "k", {"list": []})
    first, second = await store.batch([GetOp(SPACE, "k"), GetOp(SPACE, "k")])
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    first.value["list"].append(1)
    assert second.value == {"list": []}


@fact
async def a_batch_spans_namespaces(store: Driver) -> None:
    """One batch may use any number of namespaces."""
    spaces = [(*SPACE, str(number)) for number in range(50)]
    await store.batch([PutOp(space, "k", {"at": space[-1]}) for space in spaces])
    results = await store.batch([GetOp(space, "k") for space in reversed(spaces)])
    assert item_values(results) == [{"at": space[-1]} for space in reversed(spaces)]


@fact
async def a_bad_operation_is_found_before_any_is_done(store: Driver) -> None:
    """A batch with an invalid operation raises an error and writes nothing."""
    good, bad = PutOp(SPACE, "good", {}), PutOp(("a.b",), "bad", {})
    for operations in ([good, bad], [bad, good]):
        await refused(store.batch(operations), r"a\.b")
    assert await store.get(SPACE, "good") is None


@fact
async def what_is_no_operation_is_refused(store: Driver) -> None:
    """A batch raises `ValueError` or `TypeError` for an object that is not an operation."""
    await refused(store.batch([object()]), kinds=BAD_TYPE_OR_VALUE)  # type: ignore[list-item]


@fact
async def twenty_thousand_puts_travel_in_one_batch(store: Driver) -> None:
    """A batch has no size limit that callers need to know."""
    puts = [PutOp(SPACE, str(number), {"n": number}) for number in range(MANY)]
    assert await store.batch(puts) == [None] * MANY
    results = await store.batch([GetOp(SPACE, key) for key in ("0", "16383", str(MANY - 1))])
    assert item_values(results) == [{"n": 0}, {"n": 16383}, {"n": MANY - 1}]
    assert len(await store.search(SPACE, limit=2 * MANY)) == MANY
