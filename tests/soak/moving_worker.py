"""Transfer: a user is exported and imported elsewhere, while everybody writes."""

from __future__ import annotations

from typing import Any

from langgraph_agentstore import transfer
from tests.soak.opening import MOVED
from tests.soak.workers import Place, Worker

NAMESPACE = ("kept",)
KEPT = 40


class MovingWorker(Worker):
    """What was exported arrives in a store of its own, opened and closed each time."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.view = place.store.for_user(self.user)
        self.path = place.folder / f"{self.name}-{place.process}.jsonl.gz"
        self.number = 0

    def begin(self) -> None:
        for n in range(KEPT):
            self.view.put(NAMESPACE, f"k{n:02}", {"of": self.user, "n": n})

    def turn(self) -> None:
        # A store is rarely opened for a moment; its thread leaves some rows with the driver.
        if self.chance.random() < 0.995:
            self._put()
        elif self.chance.random() < 0.8:
            self._move()
        else:
            self._export_everybody()

    def check(self) -> None:
        self._move()

    def close(self) -> None:
        self.path.unlink(missing_ok=True)

    def _put(self) -> None:
        """Beside what is kept, so that an export meets writes."""
        self.number += 1
        self.call(self.view, "put", ("busy",), f"k{self.number % 20}", {"of": self.user})

    def _move(self) -> None:
        self.call(transfer, "export", self.place.store, self.path, user_id=self.user)
        transfer.verify(self.path)
        with self.place.opening.owners(MOVED, pool={"max_size": 2}) as target:
            self.call(transfer, "import_", target, self.path)
            items = target.for_user(self.user).search(NAMESPACE, limit=1000)
        found = {item.key: self.owned(item.value)["n"] for item in items}
        assert found == {f"k{n:02}": n for n in range(KEPT)}

    def _export_everybody(self) -> None:
        manifest: Any = self.call(transfer, "export", self.place.owner, self.path)
        assert transfer.verify(self.path) == manifest
        assert manifest.records >= KEPT
