"""`MemoryAgent` on Postgres, opened anew now and then."""

from __future__ import annotations

from typing import Any

from langgraph_agentstore.memory_agent import MemoryAgent
from tests.soak.beliefs import AWAY, Believed, fate_of
from tests.soak.workers import Place, Worker

KEYS = tuple(f"notes/{n}" for n in range(8))


class MemoryWorker(Worker):
    """store, retrieve, update, search, list, delete."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.cells = {key: Believed() for key in KEYS}
        self.number = 0

    def begin(self) -> None:
        opening = self.place.opening
        if not opening.controls:
            self.agent = MemoryAgent("database", dsn=opening.dsn, user_id=self.user)
            return
        # A store that is opened anew knows of no writes before: a replica may not have them yet.
        self.store_of_agent = opening.store(reads_replica=False, pool={"max_size": 2})
        self.agent = MemoryAgent(store=self.store_of_agent, user_id=self.user)

    def turn(self) -> None:
        acts = (self.store, self.retrieve, self.update, self.search, self.delete, self.reopen)
        self.chance.choices(acts, (20, 20, 8, 6, 3, 0.1))[0]()

    def check(self) -> None:
        for key in KEYS:
            self._retrieve(key)
        self.search()

    def close(self) -> None:
        self.agent.close()
        if self.place.opening.controls:
            self.store_of_agent.close()

    def store(self) -> None:
        key, cell = self._any()
        value = self._value()
        cell.write(value, lambda: self.call(self.agent, "store_memory", key, value))

    def retrieve(self) -> None:
        self._retrieve(self._any()[0])

    def update(self) -> None:
        key, cell = self._any()
        if not cell.is_certain or cell.value is None:
            return
        new = {**cell.value, "more": self.number}
        cell.write(new, lambda: self.call(self.agent, "update_memory", key, {"more": new["more"]}))

    def search(self) -> None:
        found = self.owned(self.call(self.agent, "search_memory", "notes/", {"n": {"$gte": 0}}))
        certain = [c.value for c in self.cells.values() if c.is_certain and c.value is not None]
        assert all(value in found for value in certain)
        assert len(found) <= len(KEYS)

    def delete(self) -> None:
        """Reads first, and then removes: what the first step says, the second may not do."""
        key, cell = self._any()
        try:
            self.call(self.agent, "delete_memory", key)
        except AWAY as error:
            cell.note(None, fate_of(error))
            raise
        cell.note(None, fate_of(None))

    def reopen(self) -> None:
        self.close()
        self.begin()

    def _retrieve(self, key: str) -> None:
        self.cells[key].check(self.owned(self.call(self.agent, "retrieve_memory", key)))

    def _any(self) -> tuple[str, Believed]:
        return self.chance.choice(list(self.cells.items()))

    def _value(self) -> dict[str, Any]:
        self.number += 1
        return {"of": self.user, "n": self.number}
