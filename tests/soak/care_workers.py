"""What cares for data: history, quotas, holds, and the owner who seals, rotates and sweeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from uuid import UUID

from langgraph.store.base import PutOp

from langgraph_agentstore.errors import BatchError, LegalHoldError, QuotaExceededError
from langgraph_agentstore.security import provenance
from tests.soak.beliefs import AWAY, Believed, Fate, Numbered, fate_of
from tests.soak.opening import COUNTED, INDEXED, MOST_COUNTED, index
from tests.soak.workers import Place, Worker

NOTES = ("notes",)
LONGEST_PAST = 40
COUNTED_KEYS = tuple(f"k{n:02}" for n in range(14))
HELD_KEYS = tuple(f"k{n}" for n in range(5))
KEEPER_PAUSE_S = 4.0


class HistoryWorker(Worker):
    """Each write is told once, in order, with who made it, by this user's history alone."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.view = place.store.for_user(self.user)
        self.generation = 0
        self._begin_anew()

    def turn(self) -> None:
        if self.written.count >= LONGEST_PAST:
            self.look()
            self._begin_anew()
        acts = (self.write, self.look, self.look_back, self.plan_restore)
        self.chance.choices(acts, (30, 3, 3, 1))[0]()

    def check(self) -> None:
        self.look()
        self.look_back()

    def write(self) -> None:
        """A put, or a delete of what is there; its reason says which number it has."""
        is_there = self.cell.is_certain and self.cell.value is not None
        deletes = is_there and self.chance.random() < 0.2

        def act(number: int) -> Any:
            value = None if deletes else {"of": self.user, "n": number}
            with provenance(agent=self.user, reason=str(number)):
                if value is None:
                    return self.cell.write(None, lambda: self.call(self.view, "delete", *self.at))
                return self.cell.write(value, lambda: self.call(self.view, "put", *self.at, value))

        self.written.write(act)

    def look(self) -> None:
        entries = self._entries()
        numbers = [int(entry.provenance.reason or "-1") for entry in entries]
        self.written.check(numbers)
        sure = [n for n in numbers if n not in self.written.doubtful]
        assert sure == sorted(sure), f"out of order: {numbers}"
        for number, entry in zip(numbers, entries, strict=True):
            assert entry.operation == "delete" or entry.value == {"of": self.user, "n": number}
            assert entry.provenance.agent == self.user, f"{self.user} was shown {entry.provenance}"
        for before, after in pairwise(entries):
            was = None if after.replaced is None else after.replaced.value
            assert was == before.value, f"{self.at}: {was} followed {before.value}"

    def look_back(self) -> None:
        """Before an entry was what the entry before says."""
        entries = self._entries()
        if len(entries) < 2:
            return
        n = self.chance.randrange(1, len(entries))
        past = self.call(self.view, "get_as_of", *self.at, entries[n].before)
        assert (None if past is None else past.value) == entries[n - 1].value

    def plan_restore(self) -> None:
        entries = self._entries()
        if entries and self.cell.is_certain:
            report = self.call(self.view, "restore", NOTES, entries[0].before)
            assert report.dry_run
            assert [each.key for each in report.changes if each.key == self.at[1]] in (
                [],
                [self.at[1]],
            )

    def _entries(self) -> list[Any]:
        """Of the one item, oldest first; without those of the owner's rotations."""
        entries = self.call(self.view, "history", *self.at)
        self.owned([entry.value for entry in entries])
        return [entry for entry in entries[::-1] if entry.provenance.tool != "rotate"]

    def _begin_anew(self) -> None:
        self.generation += 1
        self.at = NOTES, f"k{self.generation}"
        self.cell, self.written = Believed(), Numbered()


class QuotaWorker(Worker):
    """A put is refused exactly where the user has as many items as are allowed."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.view = place.store.for_user(self.user)
        self.cells = {key: Believed() for key in COUNTED_KEYS}
        self.number = 0

    def turn(self) -> None:
        acts = (self.put, self.delete, self.put_many, self.look, self.count)
        self.chance.choices(acts, (20, 9, 3, 3, 2))[0]()

    def check(self) -> None:
        self.look()
        self.count()

    def put(self) -> None:
        key = self.chance.choice(COUNTED_KEYS)
        value = self._value()
        least, most = self._bounds(without=key)
        cell = self.cells[key]
        is_there = cell.value is not None if cell.is_certain else None
        try:
            cell.write(value, lambda: self.call(self.view, "put", COUNTED, key, value))
        except QuotaExceededError:
            assert most >= MOST_COUNTED, f"refused with {most} items at most"
            assert not is_there, "a replacement was refused"
            return
        assert least < MOST_COUNTED or is_there is not False, "one more than is allowed"

    def put_many(self) -> None:
        """One batch, in which each write is refused by itself."""
        values = {key: self._value() for key in self.chance.sample(COUNTED_KEYS, 3)}
        operations = [PutOp(COUNTED, key, value) for key, value in values.items()]
        try:
            self.call(self.view, "batch", operations)
            errors: dict[int, Exception] = {}
        except AWAY as error:
            fate = Fate.LATE if fate_of(error) is Fate.LATE else Fate.DOUBTFUL
            for key, value in values.items():
                self.cells[key].note(value, fate)
            raise
        except BatchError as error:
            errors = dict(error.errors)
        except QuotaExceededError:  # one of them; of which others it is known by a look
            for key, value in values.items():
                self.cells[key].note(value, Fate.DOUBTFUL)
            return
        for n, (key, value) in enumerate(values.items()):
            failed = errors.get(n)
            refused = isinstance(failed, QuotaExceededError)
            assert failed is None or refused or isinstance(failed, AWAY), failed
            self.cells[key].note(value, Fate.UNDONE if refused else fate_of(failed))

    def delete(self) -> None:
        key = self.chance.choice(COUNTED_KEYS)
        self.cells[key].write(None, lambda: self.call(self.view, "delete", COUNTED, key))

    def look(self) -> None:
        items = self.call(self.view, "search", COUNTED, limit=100)
        found = {item.key: self.owned(item.value) for item in items}
        assert len(found) <= MOST_COUNTED, f"{len(found)} items"
        for key, cell in self.cells.items():
            cell.check(found.get(key))

    def count(self) -> None:
        """The database counts what is there."""
        [usage] = [
            each
            for each in self.call(self.place.store, "usage", self.user)
            if each.namespace == COUNTED
        ]
        least, most = self._bounds()
        assert least <= usage.items <= most, f"{usage.items} counted, {least} to {most} there"

    def _bounds(self, without: str = "") -> tuple[int, int]:
        cells = [cell for key, cell in self.cells.items() if key != without]
        certain = sum(cell.is_certain and cell.value is not None for cell in cells)
        return certain, certain + sum(not cell.is_certain for cell in cells)

    def _value(self) -> dict[str, Any]:
        self.number += 1
        return {"of": self.user, "n": self.number}


class HoldWorker(Worker):
    """What is held is not deleted, what is not held any more is."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.view = place.store.for_user(self.user)
        self.cells = {key: Believed() for key in HELD_KEYS}
        self.number = 0
        self.is_held: bool | None = None
        self.hold_id: UUID | None = None

    def begin(self) -> None:
        self._hold()

    def turn(self) -> None:
        acts = (self.put, self.get, self.delete, self.turn_over)
        self.chance.choices(acts, (20, 10, 10, 0.3))[0]()

    def check(self) -> None:
        for key in HELD_KEYS:
            self._get(key)
        self.delete()

    def put(self) -> None:
        key, cell = self._any()
        self.number += 1
        value = {"of": self.user, "n": self.number}
        cell.write(value, lambda: self.call(self.view, "put", NOTES, key, value))

    def get(self) -> None:
        self._get(self._any()[0])

    def delete(self) -> None:
        key, cell = self._any()
        is_there = cell.is_certain and cell.value is not None
        try:
            cell.write(None, lambda: self.call(self.view, "delete", NOTES, key))
        except LegalHoldError:
            assert self.is_held is not False, "nothing is held"
            return
        assert not (self.is_held and is_there), "what is held was deleted"

    def turn_over(self) -> None:
        """A hold ends, or begins; if it fails nobody knows which, until the next one."""
        if self.is_held:
            self.is_held = None
            assert self.hold_id is not None
            self.place.owner.release_hold(self.hold_id)
            self.is_held = False
        else:
            self._hold()

    def _hold(self) -> None:
        self.is_held = None
        held = [each for each in self.place.owner.holds() if each.user_id == self.user]
        made = held[0] if held else self.place.owner.hold(self.user, reason="case 7")
        self.hold_id, self.is_held = made.id, True

    def _get(self, key: str) -> None:
        item = self.call(self.view, "get", NOTES, key)
        self.cells[key].check(self.owned(None if item is None else item.value))

    def _any(self) -> tuple[str, Believed]:
        return self.chance.choice(list(self.cells.items()))


class KeeperWorker(Worker):
    """The owner: seals and verifies history, rotates and rewraps keys, sweeps."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.heads: list[str] = []
        self.done: dict[str, int] = {}
        self._next_s = 0.0
        self._newest_key = 0

    def turn(self) -> None:
        if time.monotonic() < self._next_s:
            time.sleep(0.2)
            return
        acts: list[Callable[[], object]] = [self.sweep]
        if self.place.opening.has("encryption"):
            acts += [self.rotate, self.rotate_indexed, self.rewrap]
        if self.place.opening.has("history"):
            acts += [self.seal, self.seal, self.verify]
        act = self.chance.choice(acts)
        try:
            self._do(act)
        finally:
            self._next_s = time.monotonic() + KEEPER_PAUSE_S

    def check(self) -> None:
        """A rotation ends once nothing interrupts it; all else is checked meanwhile."""
        if self.place.opening.has("encryption"):
            self._do(self.rotate)
        if self.place.opening.has("history"):
            self.seal()
            assert self.verify() > 0

    def claims(self) -> dict[str, Any]:
        return {"kept": self.done, "heads": self.heads}

    def _do(self, act: Callable[[], object]) -> None:
        """Count what was done, and what an outage interrupted: the next one goes on there."""
        name = act.__name__
        try:
            act()
        except AWAY:
            name += " interrupted"
            raise
        finally:
            self.done[name] = self.done.get(name, 0) + 1

    def sweep(self) -> None:
        self.place.owner.sweep_ttl()

    def rotate(self) -> None:
        assert self.place.owner.rotate() >= 1

    def rotate_indexed(self) -> None:
        with self.place.opening.owners(INDEXED, index=index(), pool={"max_size": 2}) as store:
            store.rotate()

    def rewrap(self) -> None:
        """The other key of the ring wraps; every process still has both."""
        self._newest_key = 1 - self._newest_key
        opened = self.place.opening.owners(newest_key=self._newest_key, pool={"max_size": 2})
        with opened as store:
            assert store.rewrap_keys() >= 1

    def seal(self) -> None:
        self.place.owner.audit_seal()

    def verify(self) -> int:
        """How many entries are intact."""
        head = self.heads[-1] if self.heads else None
        report = self.place.owner.audit_verify(head=head)
        assert report.is_intact, report.faults
        if report.head is not None:
            self.heads.append(report.head)
        return report.entries
