"""Items, by the plain store's tuples, by views, gathered, erased, and in stores that close."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from functools import partial
from itertools import count
from typing import Any

from langgraph.store.base import GetOp

from langgraph_agentstore.errors import BatchError, StoreClosedError
from langgraph_agentstore.store.user_views import ItemStore
from tests.soak.beliefs import AWAY, Believed, Fate, fate_of
from tests.soak.store_worker import StoreWorker
from tests.soak.workers import Place, Worker

LARGE_TEXT_BYTES = 300_000
"""More than are read beside others, also when the server has compressed the text."""


class ViewWorker(StoreWorker):
    """One user's view, below a label."""

    def place_of_items(self) -> tuple[ItemStore, tuple[str, ...]]:
        return self.place.store.for_user(self.user), ("viewed",)


class TuplesWorker(StoreWorker):
    """The plain store, where a tuple names the user."""

    def place_of_items(self) -> tuple[ItemStore, tuple[str, ...]]:
        return self.place.store, ("users", self.user, "tuples")


class Cells:
    """One user's items of one namespace, and what may be in them."""

    def __init__(self, worker: Worker, user: str, keys: int) -> None:
        self.user = user
        self.namespace = ("cells", worker.name)
        self.all = {f"k{n}": Believed() for n in range(keys)}

    @property
    def most(self) -> int:
        """How many there may be."""
        return len(self.all) - sum(c.is_certain and c.value is None for c in self.all.values())

    @property
    def least(self) -> int:
        return sum(c.is_certain and c.value is not None for c in self.all.values())

    def note(self, values: dict[str, Any], fate: Fate) -> None:
        for key, value in values.items():
            self.all[key].note(value, fate)

    def gone(self, fate: Fate) -> None:
        self.note(dict.fromkeys(self.all), fate)


class GatheringWorker(Worker):
    """Many reads at once, of several users, many of them equal: they travel together."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        if not self.call.is_awaited:
            self.call = place.caller(number + 1)
        users = (self.user, *(f"{self.user}{end}" for end in (":g", "%3Ag", "g")))
        self.cells = [Cells(self, user, 8) for user in users]
        self.views = [place.store.for_user(user) for user in users]
        self.numbers = count()

    def turn(self) -> None:
        acts = (self.write, self.read)
        self.chance.choices(acts, (2, 3))[0]()

    def check(self) -> None:
        for whose in range(len(self.views)):
            self._search(whose, self.call(self.views[whose], "search", self.cells[whose].namespace))

    def write(self) -> None:
        """Each user writes some keys, all at once."""
        writes: list[tuple[int, str, Any]] = []
        for whose, cells in enumerate(self.cells):
            for key in self.chance.sample(list(cells.all), 3):
                writes.append((whose, key, self._value(cells.user)))
        try:
            self.call.on_loop(gathered, [self._put(*write) for write in writes])
        except GatheredError as error:
            self._note(writes, error.outcomes)
            raise error.first from error
        except AWAY as error:
            self._note(writes, [error] * len(writes))
            raise
        self._note(writes, [None] * len(writes))

    def read(self) -> None:
        """A few different reads, each several times."""
        reads = [self._any_read() for _ in range(self.chance.randrange(1, 8))]
        asked = self.chance.choices(reads, k=self.chance.randrange(4, 40))
        try:
            answers = self.call.on_loop(gathered, [ask for ask, _ in asked])
        except GatheredError as error:
            raise error.first from error
        for (_, check), answer in zip(asked, answers, strict=True):
            check(answer)
            self.tally.checked += 1

    def _note(self, writes: list[tuple[int, str, Any]], outcomes: list[Any]) -> None:
        for (whose, key, value), error in zip(writes, outcomes, strict=True):
            fate = fate_of(error if isinstance(error, Exception) else None)
            self.cells[whose].note({key: value}, fate)

    def _put(self, whose: int, key: str, value: Any) -> Any:
        return lambda: self.views[whose].aput(self.cells[whose].namespace, key, value)

    def _any_read(self) -> tuple[Any, Any]:
        """What is asked, and what checks the answer."""
        whose = self.chance.randrange(len(self.views))
        view, cells = self.views[whose], self.cells[whose]
        at, (key, *_others) = cells.namespace, self.chance.sample(list(cells.all), 3)
        some: Any = {"filter": {"n": {"$gte": 0}}, "limit": 100}
        keys = self.chance.choices(list(cells.all), k=self.chance.randrange(2, 12))
        gets = [GetOp(at, each) for each in keys]
        return self.chance.choice((
            (lambda: view.aget(at, key), lambda item: self._get(whose, key, item)),
            (lambda: view.asearch(at), lambda items: self._search(whose, items)),
            (lambda: view.asearch(at, **some), lambda items: self._search(whose, items)),
            (lambda: view.acount(at), lambda n: self._count(whose, n)),
            (lambda: view.alist_namespaces(prefix=at), lambda found: self._list(whose, found)),
            (lambda: view.abatch(gets), lambda items: self._batch(whose, keys, items)),
        ))  # fmt: skip

    def _get(self, whose: int, key: str, item: Any) -> None:
        cell, user = self.cells[whose].all[key], self.cells[whose].user
        if item is not None:
            owner = item.value.get("of")
            assert owner == user, f"{user} was shown what is {owner}'s"
            assert (item.namespace, item.key) == (self.cells[whose].namespace, key)
        cell.check(None if item is None else dict(item.value))
        if item is not None:
            item.value.clear()  # everybody's answer is one's own

    def _search(self, whose: int, items: list[Any]) -> None:
        found = {item.key: item for item in items}
        assert len(found) == len(items)
        assert set(found) <= set(self.cells[whose].all)
        for key in self.cells[whose].all:
            self._get(whose, key, found.get(key))

    def _batch(self, whose: int, keys: list[str], items: list[Any]) -> None:
        for key, item in zip(keys, items, strict=True):
            self._get(whose, key, item)

    def _count(self, whose: int, found: int) -> None:
        assert self.cells[whose].least <= found <= self.cells[whose].most

    def _list(self, whose: int, found: list[Any]) -> None:
        assert len(found) in {0, 1} if self.cells[whose].least == 0 else len(found) == 1
        assert set(found) <= {self.cells[whose].namespace}

    def _value(self, user: str) -> dict[str, Any]:
        n = next(self.numbers)
        bytes_of_text = LARGE_TEXT_BYTES if self.chance.random() < 0.03 else 3
        return {"of": user, "n": n, "text": self.chance.randbytes(bytes_of_text).hex()}


class GatheredError(Exception):
    """Some of what was gathered failed."""

    def __init__(self, outcomes: list[Any], first: Exception) -> None:
        super().__init__(str(first))
        self.outcomes = outcomes
        self.first = first


async def gathered(asked: list[Any]) -> list[Any]:
    """Asks all at once; raises when all have ended."""
    calls: list[Awaitable[Any]] = [ask() for ask in asked]
    outcomes: list[Any] = await asyncio.gather(*calls, return_exceptions=True)
    errors = [error for each in outcomes for error in errors_in(each)]
    if errors:
        strange = [error for error in errors if not isinstance(error, AWAY)]
        raise GatheredError(outcomes, (strange or errors)[0])
    return outcomes


def errors_in(outcome: Any) -> list[Exception]:
    """One, or those of the operations of a batch, or none."""
    if isinstance(outcome, BatchError):
        return list(outcome.errors.values())
    return [outcome] if isinstance(outcome, Exception) else []


class ErasingWorker(Worker):
    """Erases a namespace or a user; those whose names read alike keep what they have."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.cells = [Cells(self, f"{self.user}{end}", 3) for end in ("/e", "/e:cells", "/e%", "/")]
        self.numbers = count()

    def turn(self) -> None:
        cells = self.chance.choice(self.cells)
        acts = (self.fill, self.look, self.erase_namespace, self.erase_user)
        self.chance.choices(acts, (5, 5, 2, 2))[0](cells)

    def check(self) -> None:
        for cells in self.cells:
            self.look(cells)

    def fill(self, cells: Cells) -> None:
        for key, cell in cells.all.items():
            value = {"of": cells.user, "n": next(self.numbers)}
            put = (self.place.store.for_user(cells.user), "put", cells.namespace, key, value)
            cell.write(value, partial(self.call, *put))

    def look(self, cells: Cells) -> None:
        items = self.call(self.place.store.for_user(cells.user), "search", ())
        found = {item.key: item.value for item in items}
        for key, cell in cells.all.items():
            value = found.get(key)
            assert value is None or value["of"] == cells.user, f"{cells.user} was shown {value}"
            cell.check(value)
        assert set(found) <= set(cells.all)
        self.tally.checked += 1

    def erase_namespace(self, cells: Cells) -> None:
        view = self.place.store.for_user(cells.user)
        labels = self.chance.choice((cells.namespace, cells.namespace[:1]))
        self._erase(cells, view, "delete_namespace", labels)

    def erase_user(self, cells: Cells) -> None:
        self._erase(cells, self.place.store, "delete_user", cells.user)

    def _erase(self, cells: Cells, store: Any, method: str, what: Any) -> None:
        least, most = cells.least, cells.most
        try:
            erased = self.call(store, method, what)
        except AWAY as error:
            cells.gone(fate_of(error))
            raise
        assert least <= erased <= most, f"{cells.user}: erased {erased} of {least} to {most}"
        cells.gone(Fate.DONE)


class ReopeningWorker(Worker):
    """A store of one's own, closed while calls are under way, and opened anew."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        if not self.call.is_awaited:
            self.call = place.caller(number + 1)
        self.cells = Cells(self, self.user, 6)
        self.numbers = count()
        self._open()

    def turn(self) -> None:
        acts = (self.put, self.get, self.reopen)
        self.chance.choices(acts, (20, 20, 1))[0]()

    def check(self) -> None:
        for key in self.cells.all:
            self._get(key, self.call(self.view, "get", self.cells.namespace, key))

    def close(self) -> None:
        self.store.close()

    def put(self) -> None:
        key, cell = self.chance.choice(list(self.cells.all.items()))
        value = {"of": self.user, "n": next(self.numbers)}
        cell.write(value, lambda: self.call(self.view, "put", self.cells.namespace, key, value))

    def get(self) -> None:
        key = self.chance.choice(list(self.cells.all))
        self._get(key, self.call(self.view, "get", self.cells.namespace, key))

    def reopen(self) -> None:
        """Whoever still asks when it closes gets the right answer, or hears that it is closed."""
        keys = self.chance.choices(list(self.cells.all), k=20)
        assert self.call.loop is not None
        asking = asyncio.run_coroutine_threadsafe(self._ask(keys), self.call.loop)
        self.store.close()
        answers = asking.result()
        self._open()
        for key, answer in zip(keys, answers, strict=True):
            if not isinstance(answer, (*AWAY, StoreClosedError)):
                assert not isinstance(answer, BaseException), answer
                self._get(key, answer)

    async def _ask(self, keys: list[str]) -> list[Any]:
        reads = [self.view.aget(self.cells.namespace, key) for key in keys]
        return await asyncio.gather(*reads, return_exceptions=True)

    def _open(self) -> None:
        self.store = self.place.opening.store(pool={"max_size": 2})
        self.view = self.store.for_user(self.user)

    def _get(self, key: str, item: Any) -> None:
        self.cells.all[key].check(self.owned(None if item is None else item.value))
