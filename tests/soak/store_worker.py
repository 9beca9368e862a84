"""LangGraph's methods and those beyond them, on one user's view."""

from __future__ import annotations

import time
from typing import Any

import pytest
from langgraph.store.base import GetOp, PutOp

from langgraph_agentstore.errors import BatchError, VersionConflictError
from langgraph_agentstore.store.user_views import ItemStore
from tests.soak.beliefs import AWAY, Believed, Fate, fate_of
from tests.soak.workers import Place, Worker

NAMESPACES = (("notes",), ("notes", "old"), ("tasks",))
KEYS = tuple(f"k{n:02}" for n in range(12))
FLEETING_S = 1.5


class StoreWorker(Worker):
    """put, get, delete, update, expected versions, batches, filters, walks, TTLs."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.view, self.root = self.place_of_items()
        self.namespaces = tuple((*self.root, *labels) for labels in NAMESPACES)
        self.fleeting_at = (*self.root, "fleeting")
        self.cells = {(ns, key): Believed() for ns in self.namespaces for key in KEYS}
        self.number = 0
        self._fleeting: tuple[float, float] | None = None

    def place_of_items(self) -> tuple[ItemStore, tuple[str, ...]]:
        """The store, and the labels below which this worker alone writes."""
        return self.place.store.for_user(self.user), ()

    def turn(self) -> None:
        acts = (self.put, self.get, self.delete, self.update, self.replace, self.batch)
        looks = (self.find, self.count, self.walk, self.list_namespaces, self.fleet)
        self.chance.choices(acts + looks, (30, 25, 4, 8, 6, 6, 8, 4, 3, 2, 4))[0]()

    def check(self) -> None:
        self.walk()
        for place in self.cells:
            self._get(place)
        self.find()
        self.list_namespaces()

    def put(self) -> None:
        (ns, key), cell = self._any()
        value = self._value()
        cell.write(value, lambda: self.call(self.view, "put", ns, key, value))

    def get(self) -> None:
        self._get(self._any()[0])

    def delete(self) -> None:
        (ns, key), cell = self._any()
        cell.write(None, lambda: self.call(self.view, "delete", ns, key))

    def update(self) -> None:
        """Reads and writes in one; the value written is a function of the one found."""
        (ns, key), cell = self._any()
        seen: list[Any] = []

        def grown(old: dict[str, Any] | None) -> dict[str, Any]:
            seen.append(old)
            return {**self._value(), "after": (old or {}).get("n")}

        try:
            written = self.call(self.view, "update", ns, key, grown)
        except AWAY as error:
            if seen and fate_of(error) is not Fate.UNDONE:
                cell.note({**self._same(), "after": (seen[-1] or {}).get("n")}, fate_of(error))
            raise
        cell.check(self.owned(seen[-1]))
        cell.note(self.owned(written), Fate.DONE)

    def replace(self) -> None:
        """Over the version that is there, and then in vain over the one before."""
        (ns, key), cell = self._any()
        record = self.call(self.view, "get_record", ns, key)
        cell.check(None if record is None else self.owned(record.value))
        if not cell.is_certain:  # what comes late changes the version
            return
        value, version = self._value(), 0 if record is None else record.version
        options = {"expected_version": version}
        cell.write(value, lambda: self.call(self.view, "put", ns, key, value, **options))
        with pytest.raises((VersionConflictError, *AWAY)):
            self.call(self.view, "put", ns, key, {"of": "nobody"}, **options)

    def batch(self) -> None:
        """Reads see what was there before the batch's writes."""
        places = self.chance.sample(list(self.cells), 6)
        values = [self._value() for _ in places[3:]]
        gets = [GetOp(ns, key) for ns, key in places[:3]]
        puts = [PutOp(*place, value) for place, value in zip(places[3:], values, strict=True)]
        try:
            answers = self.call(self.view, "batch", [*gets, *puts])
        except AWAY as error:
            # Which of the operations failed is not said; the others were done.
            fate = Fate.LATE if fate_of(error) is Fate.LATE else Fate.DOUBTFUL
            for place, value in zip(places[3:], values, strict=True):
                self.cells[place].note(value, fate)
            raise
        except BatchError as error:
            for n, (place, value) in enumerate(zip(places[3:], values, strict=True), start=3):
                self.cells[place].note(value, fate_of(error.errors.get(n)))
            if strange := [e for e in error.errors.values() if not isinstance(e, AWAY)]:
                raise strange[0] from error
            return
        for place, item in zip(places[:3], answers[:3], strict=True):
            self._found(place, item)
        for place, value in zip(places[3:], values, strict=True):
            self.cells[place].note(value, Fate.DONE)

    def find(self) -> None:
        """A filter finds what certainly matches, and only what may match."""
        least = self.number - self.chance.randrange(200)
        asked = {"filter": {"n": {"$gte": least}}, "limit": 1000, "refresh_ttl": False}
        if self.place.opening.has("encryption"):  # no filter finds what is encrypted
            everything = self.call(self.view, "search", self.root, **{**asked, "filter": None})
            found = [item for item in everything if item.value["n"] >= least]
        else:
            found = self.call(self.view, "search", self.root, **asked)
        shown = {(item.namespace, item.key): item.value for item in self.owned(found)}
        certain = {place: cell.value for place, cell in self.cells.items() if cell.is_certain}
        wanted = {place: v for place, v in certain.items() if v is not None and v["n"] >= least}
        assert {place: v for place, v in shown.items() if place in certain} == wanted
        for item in found:
            self._found((item.namespace, item.key), item)

    def count(self) -> None:
        notes = self.namespaces[0]
        counted = self.call(self.view, "count", notes)
        cells = [cell for (ns, _), cell in self.cells.items() if ns[: len(notes)] == notes]
        certain = sum(cell.value is not None for cell in cells if cell.is_certain)
        doubtful = sum(not cell.is_certain for cell in cells)
        assert certain <= counted <= certain + doubtful

    def walk(self) -> None:
        pages = {"page_size": self.chance.choice((7, 1000))}
        items = self.call(self.view, "iter_items", self.root, **pages)
        mine = [(item.namespace, item.key) for item in items if item.namespace != self.fleeting_at]
        assert len(mine) == len(set(mine))
        found = {(item.namespace, item.key): item for item in items}
        for place in self.cells:
            self._found(place, found.get(place))

    def list_namespaces(self) -> None:
        listed = self.call(self.view, "list_namespaces", prefix=self.root)
        certain = {ns for (ns, _), cell in self.cells.items()
                   if cell.is_certain and cell.value is not None}  # fmt: skip
        assert certain <= set(listed) <= {*self.namespaces, self.fleeting_at}

    def fleet(self) -> None:
        """An item with a TTL is there before its end, and gone after it."""
        if self._fleeting is not None:
            earliest, latest = self._fleeting
            asked = time.monotonic()
            item = self.call(self.view, "get", self.fleeting_at, "f", refresh_ttl=False)
            answered = time.monotonic()
            self.owned(None if item is None else item.value)
            assert item is not None or answered > earliest, "gone too early"
            assert item is None or asked < latest, "there too long"
            if asked < latest:
                return
        self._fleeting = None
        begun = time.monotonic()
        self.call(self.view, "put", self.fleeting_at, "f", self._value(), ttl=FLEETING_S / 60)
        self._fleeting = begun + FLEETING_S, time.monotonic() + FLEETING_S

    def _any(self) -> tuple[tuple[tuple[str, ...], str], Believed]:
        return self.chance.choice(list(self.cells.items()))

    def _get(self, place: tuple[tuple[str, ...], str]) -> None:
        self._found(place, self.call(self.view, "get", *place))

    def _found(self, place: tuple[tuple[str, ...], str], item: Any) -> None:
        if place in self.cells:
            self.cells[place].check(self.owned(None if item is None else item.value))

    def _value(self) -> dict[str, Any]:
        self.number += 1
        return self._same()

    def _same(self) -> dict[str, Any]:
        return {"of": self.user, "n": self.number, "tags": [self.user, "x" * (self.number % 200)]}
