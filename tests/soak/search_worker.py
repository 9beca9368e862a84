"""Search by meaning, by words and by both, on a store with an index."""

from __future__ import annotations

import random
from typing import Any

from tests.soak.beliefs import Believed
from tests.soak.workers import Place, Worker

NAMESPACE = ("notes",)
KEYS = tuple(f"k{n:02}" for n in range(15))
WORDS = ("tea", "milk", "rain", "moon", "cat", "train", "bread", "stone", "lamp", "river")
TEXTS = 300


class SearchWorker(Worker):
    """Each text has a word of its own: who asks for the text finds it first."""

    modes: tuple[str, ...] = ("vector", "text", "hybrid")
    searched: tuple[str, ...] = ()

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.view = place.indexed.for_user(self.user)
        self.cells = {key: Believed() for key in KEYS}
        self.number = 0

    def turn(self) -> None:
        acts = (self.put, self.delete, self.search)
        self.chance.choices(acts, (10, 2, 12))[0]()

    def check(self) -> None:
        items = self.call(self.view, "search", NAMESPACE, limit=100)
        found = {item.key: self.owned(item.value) for item in items}
        for key, cell in self.cells.items():
            cell.check(found.get(key))
        for _ in range(20):
            self.search()

    def put(self) -> None:
        key, cell = self.chance.choice(list(self.cells.items()))
        value = self._value()
        cell.write(value, lambda: self.call(self.view, "put", NAMESPACE, key, value))

    def delete(self) -> None:
        key, cell = self.chance.choice(list(self.cells.items()))
        cell.write(None, lambda: self.call(self.view, "delete", NAMESPACE, key))

    def search(self) -> None:
        certain = {key: cell.value for key, cell in self.cells.items() if cell.is_certain}
        there = {key: value for key, value in certain.items() if value is not None}
        if not there:
            return
        key = self.chance.choice(list(there))
        mode = self.chance.choice(self.modes)
        limit = self.chance.choice((3, 100))
        asked: dict[str, Any] = {"query": there[key]["text"], "mode": mode, "limit": limit}
        found = self.call(self.view, "search", self.searched, **asked)
        self.owned([item.value for item in found])
        assert found[0].value["text"] == asked["query"], f"{mode}: {found[0].key} before {key}"
        if mode == "vector" and len(certain) == len(KEYS):
            assert len(found) == min(limit, len(there))
        for item in found:
            self.cells[item.key].check(item.value)

    def _value(self) -> dict[str, Any]:
        """One of `TEXTS`: as many as the embedder comes to remember soon."""
        self.number = (self.number + 1) % TEXTS
        words = random.Random(self.number).sample(WORDS, 4)
        return {"of": self.user, "text": " ".join((*words, f"word{self.number}"))}
