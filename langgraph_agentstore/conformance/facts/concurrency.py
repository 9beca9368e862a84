"""Facts about many concurrent callers: tasks, threads and event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from ..drivers import Driver, NamespaceTuple
from ..fact import fact, fact_of_each
from .items import existing

SPACE = ("facts", "concurrency")
PATIENCE_S = 30.0

BAD_CALLS: dict[str, tuple[NamespaceTuple, str, Any]] = {
    "NaN": (SPACE, "bad", {"n": float("nan")}),
    "NUL in a value": (SPACE, "bad", {"text": "a\x00"}),
    "lone surrogate in a value": (SPACE, "bad", {"text": "\ud800"}),
    "function": (SPACE, "bad", {"f": len}),
    "NUL in a key": (SPACE, "bad\x00", {}),
    "very long key": (SPACE, "".join(map(chr, range(0x4E00, 0x8000))), {}),
    "bad namespace": (("a.b",), "bad", {}),
}


@fact
async def five_hundred_puts_at_once_are_all_kept(store: Driver) -> None:
    """Concurrent puts do not lose each other's items."""
    await _all_good(
        store, [partial(store.put, SPACE, str(number), {"n": number}) for number in range(500)]
    )
    found = await store.search(SPACE, limit=1000)
    assert {item.key: item.value["n"] for item in found} == {str(n): n for n in range(500)}


@fact
async def five_hundred_gets_at_once_each_get_their_own(store: Driver) -> None:
    """Concurrent gets each return their own item."""
    for number in range(20):
        await store.put((*SPACE, str(number % 4)), str(number), {"n": number})
    gets = [
        partial(store.get, (*SPACE, str(number % 20 % 4)), str(number % 20))
        for number in range(500)
    ]
    items = await _all_good(store, gets)
    assert [item.value["n"] for item in items] == [number % 20 for number in range(500)]


@fact
async def searches_at_once_each_find_their_own(store: Driver) -> None:
    """Two hundred concurrent searches of ten namespaces each return their own page."""
    for number in range(30):
        await store.put((*SPACE, str(number % 10)), f"{number:02}", {"n": number})
    searches = [
        partial(store.search, (*SPACE, str(number % 10)), limit=1 + number % 3, offset=number % 2)
        for number in range(200)
    ]
    found = await _all_good(store, searches)
    for number, items in enumerate(found):
        of_space = [f"{20 + number % 10}", f"{10 + number % 10}", f"{number % 10:02}"]
        start = number % 2
        assert [item.key for item in items] == of_space[start : start + 1 + number % 3]


@fact
async def listings_at_once_each_list_their_own(store: Driver) -> None:
    """Two hundred concurrent listings below ten namespaces each return their own result."""
    for number in range(30):
        await store.put((*SPACE, str(number % 10), f"{number:02}"), "k", {})
    listings = [
        partial(store.list_namespaces, prefix=(*SPACE, str(number % 10)), limit=1 + number % 3)
        for number in range(200)
    ]
    listed = await _all_good(store, listings)
    for number, namespaces in enumerate(listed):
        at = number % 10
        below = [(*SPACE, str(at), f"{n:02}") for n in (at, 10 + at, 20 + at)]
        assert namespaces == below[: 1 + number % 3]


@fact
async def a_read_sees_what_was_written_before_it(store: Driver) -> None:
    """A caller that puts an item and then reads it finds it, whatever other callers do."""

    async def write_and_read(worker: int) -> None:
        space = (*SPACE, str(worker))
        for number in range(5):
            await store.put(space, "k", {"n": number})
            assert (await existing(store, space, "k")).value == {"n": number}
            assert [item.value["n"] for item in await store.search(space)] == [number]
        await store.delete(space, "k")
        assert await store.get(space, "k") is None

    await _all_good(store, [partial(write_and_read, worker) for worker in range(20)])


@fact
async def of_puts_to_one_item_one_wins_whole(store: Driver) -> None:
    """Concurrent puts of one key leave one of the values, not a mixture."""
    values = [{"a": number, "b": [number] * 3} for number in range(50)]
    await _all_good(store, [partial(store.put, SPACE, "k", value) for value in values])
    assert (await existing(store, SPACE, "k")).value in values


@fact_of_each(BAD_CALLS)
async def one_bad_operation_fails_alone(
    store: Driver, bad: tuple[NamespaceTuple, str, Any]
) -> None:
    """Valid calls succeed while a concurrent invalid call fails."""
    calls = [partial(store.put, SPACE, str(number), {"n": number}) for number in range(30)]
    calls.insert(11, partial(store.put, *bad))
    outcomes = await store.together(calls)
    failed = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Exception)]
    assert failed == [11]
    found = await store.search(SPACE, limit=100)
    assert sorted(item.key for item in found) == sorted(str(number) for number in range(30))


@fact
async def a_store_serves_threads(store: Driver) -> None:
    """The blocking methods may be called from several threads at the same time."""
    raw = store.store

    def work(worker: int) -> list[Any]:
        space = (*SPACE, str(worker))
        for number in range(10):
            raw.put(space, str(number), {"n": number})
        return [raw.get(space, str(number)) for number in range(10)]

    for items in await store.in_threads([partial(work, worker) for worker in range(4)]):
        assert [item.value["n"] for item in items] == list(range(10))
    assert len(await store.search(SPACE, limit=100)) == 40


@fact
async def a_store_serves_several_event_loops(store: Driver) -> None:
    """The async methods may be awaited on several event loops, concurrently or in turn."""
    raw = store.store

    async def work(worker: int) -> list[Any]:
        space = (*SPACE, str(worker))
        await asyncio.gather(*[raw.aput(space, str(n), {"n": n}) for n in range(10)])
        return await asyncio.gather(*[raw.aget(space, str(n)) for n in range(10)])

    def on_a_loop_of_its_own(worker: int) -> list[Any]:
        return asyncio.run(asyncio.wait_for(work(worker), PATIENCE_S))

    for workers in (range(3), range(3, 5)):
        runs = [partial(on_a_loop_of_its_own, worker) for worker in workers]
        for items in await store.in_threads(runs):
            assert [item.value["n"] for item in items] == list(range(10))
    assert len(await store.search(SPACE, limit=100)) == 50


@fact
async def a_blocking_call_works_where_a_loop_runs(store: Driver) -> None:
    """A blocking method works in a thread with a running event loop, such as a notebook cell."""
    raw = store.store

    def put_and_get() -> Any:
        raw.put(SPACE, "k", {"n": 1})
        return raw.get(SPACE, "k")

    item = await store.on_a_loop(put_and_get)
    assert item.value == {"n": 1}


@fact
async def an_abandoned_call_disturbs_no_other(store: Driver) -> None:
    """After a call is cancelled while in progress, the store still works for other calls."""
    raw = store.store

    async def abandon() -> list[Any]:
        given_up = [asyncio.ensure_future(raw.aput(SPACE, "k", {"n": n})) for n in range(20)]
        await asyncio.sleep(0)
        for task in given_up:
            task.cancel()
        await asyncio.gather(*given_up, return_exceptions=True)
        await asyncio.gather(*[raw.aput(SPACE, str(n), {"n": n}) for n in range(20)])
        return await asyncio.gather(*[raw.aget(SPACE, str(n)) for n in range(20)])

    def on_a_loop_of_its_own() -> list[Any]:
        return asyncio.run(asyncio.wait_for(abandon(), PATIENCE_S))

    (items,) = await store.in_threads([on_a_loop_of_its_own])
    assert [item.value["n"] for item in items] == list(range(20))


async def _all_good(store: Driver, calls: Sequence[Callable[[], Awaitable[Any]]]) -> list[Any]:
    """Return the results of the calls, or raise the first error."""
    outcomes = await store.together(calls)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return outcomes
