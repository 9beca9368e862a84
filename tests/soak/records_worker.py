"""`data_store`: records of one's own, and those that all workers of all processes change."""

from __future__ import annotations

from typing import Any

from langgraph_agentstore import AsyncDataStore, DataStore
from langgraph_agentstore.errors import LockHeldError
from tests.soak.beliefs import AWAY, Believed, Numbered, fate_of
from tests.soak.workers import Place, Worker

TEAM = "team"
KEYS = tuple(f"r{n:02}" for n in range(12))
LEASE_S = 60.0
"""Longer than any outage: a holder that is kept waiting does not lose the lock."""


class RecordsWorker(Worker):
    """set, get, increment, append, update, compare_and_set and locks; on an index, one in four."""

    longest_list = 60

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        store = place.indexed if number % 4 == 3 else place.store
        kind = AsyncDataStore if self.call.is_awaited else DataStore
        self.records = kind(store, self.user, self.name, "work:records")
        self.team = kind(place.store, TEAM, self.user, "shared")
        self.cells = {key: Believed() for key in KEYS}
        self.added, self.guarded = Numbered(), Numbered()
        self.lists = 0
        self.listed = Numbered()
        self.number = 0

    def turn(self) -> None:
        acts = (self.set, self.get, self.set_many, self.delete, self.swap, self.get_all)
        shared = (self.increment, self.append, self.guard)
        self.chance.choices(acts + shared, (20, 20, 4, 3, 5, 4, 10, 10, 2))[0]()

    def check(self) -> None:
        self.get_all()
        self._check_list()

    def claims(self) -> dict[str, Any]:
        return {"added": vars(self.added), "guarded": vars(self.guarded)}

    def set(self) -> None:
        key, cell = self._any()
        value = self._value()
        cell.write(value, lambda: self.call(self.records, "set", key, value, {"of": self.user}))

    def get(self) -> None:
        key, cell = self._any()
        cell.check(self.owned(self.call(self.records, "get", key)))

    def set_many(self) -> None:
        """All or none: they are in doubt together."""
        keys = self.chance.sample(KEYS, 3)
        values = {key: self._value() for key in keys}
        try:
            self.call(self.records, "set_many", values)
        except AWAY as error:
            for key in keys:
                self.cells[key].note(values[key], fate_of(error))
            raise
        for key in keys:
            self.cells[key].note(values[key], fate_of(None))

    def delete(self) -> None:
        key, cell = self._any()
        before = cell.value if cell.is_certain else None
        was_there = cell.write(None, lambda: self.call(self.records, "delete", key))
        assert was_there or before is None, f"{key} was gone"

    def swap(self) -> None:
        """Compares with what is there, and then with what is not."""
        key, cell = self._any()
        if not cell.is_certain or cell.value is None:
            return
        old, new = cell.value, self._value()
        assert cell.write(new, lambda: self.call(self.records, "compare_and_set", key, old, new))
        assert not self.call(self.records, "compare_and_set", key, old, {"of": "nobody"})

    def get_all(self) -> None:
        found = self.owned(self.call(self.records, "get_all"))
        for key, cell in self.cells.items():
            cell.check(found.get(key))
        assert set(found) <= {*KEYS, "list"}

    def increment(self) -> None:
        self.added.write(lambda _: self.call(self.team, "increment", "added"))

    def append(self) -> None:
        """To a list of one's own, which is begun anew when it is long."""
        if self.listed.count >= self.longest_list:
            self._check_list()
            self.call(self.records, "delete", "list")
            self.listed = Numbered()
        entry = {"of": self.user}
        self.listed.write(lambda n: self.call(self.records, "append", "list", {**entry, "n": n}))

    def guard(self) -> None:
        """Reads and writes in two steps, under a lock that all workers of all processes take."""
        lock = self.team.lock("guarded", LEASE_S, wait_s=0.2)
        try:
            self._on_lock(lock, "acquire")
        except LockHeldError:
            return
        try:
            before = self.call(self.team, "get", "guarded", 0)
            self.guarded.write(lambda _: self.call(self.team, "set", "guarded", before + 1))
        finally:
            self._on_lock(lock, "release")

    def _on_lock(self, lock: Any, method: str) -> None:
        if self.call.is_awaited:
            self.call.on_loop(getattr(lock, method))
        else:
            getattr(lock, method)()

    def _check_list(self) -> None:
        entries = self.owned(self.call(self.records, "get", "list", []))
        numbers = [entry["n"] for entry in entries]
        assert numbers == sorted(numbers)
        self.listed.check(numbers)

    def _any(self) -> tuple[str, Believed]:
        return self.chance.choice(list(self.cells.items()))

    def _value(self) -> dict[str, Any]:
        self.number += 1
        return {"of": self.user, "n": self.number}
