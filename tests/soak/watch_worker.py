"""`watch`: one process writes, the next one hears; nothing is missed, nothing told twice."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from langgraph_agentstore import AsyncDataStore, DataStore
from langgraph_agentstore.data_store import Change
from tests.soak.beliefs import Numbered
from tests.soak.workers import Place, Worker

KEYS = 7
ANSWER_S = 0.3
LAST_S = 60.0


def watched(place: Place, process: int, number: int) -> str:
    """The user whose records the process watches."""
    return replace(place, process=process).user_of(f"watched{number}")


class ChangingWorker(Worker):
    """Writes its numbers to a few keys in turn, for the watch of the next process."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.user = watched(place, (place.process + 1) % place.processes, number)
        self.records = DataStore(place.store, self.user, self.name, "jobs")
        self.written = Numbered()

    def turn(self) -> None:
        value = {"of": self.user}
        self.written.write(lambda n: self.records.set(f"k{n % KEYS}", {**value, "n": n}))

    def check(self) -> None:
        self.records.set("end", {"of": self.user})

    def claims(self) -> dict[str, Any]:
        return {"written": vars(self.written)}


class WatchWorker(Worker):
    """Hears each number of a key after the one before; remembers those it did not hear."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.user = watched(place, place.process, number)
        kind = AsyncDataStore if self.call.is_awaited else DataStore
        self.records = kind(place.store, self.user, self.name, "jobs")
        self.expected = list(range(KEYS))
        self.skipped: list[int] = []
        self.late: list[int] = []
        self.ended = False

    def begin(self) -> None:
        watch: Any = self.records.watch(timeout_s=ANSWER_S)
        self.watch = self.call.on_loop(lambda: watch) if self.call.is_awaited else watch

    def turn(self) -> None:
        for change in self._heard():
            self._take(change)

    def check(self) -> None:
        deadline = time.monotonic() + LAST_S
        while not self.ended:
            assert time.monotonic() < deadline, "the end was not heard"
            self.turn()

    def close(self) -> None:
        if self.call.is_awaited:
            self.call.on_loop(self.watch.close)
        else:
            self.watch.close()

    def claims(self) -> dict[str, Any]:
        return {"heard": {"skipped": self.skipped, "late": self.late, "next": self.expected}}

    def _heard(self) -> list[Change]:
        """What comes until nothing came for a while, or there is enough for a turn."""
        heard: list[Change] = []
        while len(heard) < 100:
            try:
                heard.append(self._next())
            except (StopIteration, StopAsyncIteration):
                break
        return heard

    def _next(self) -> Change:
        if not self.call.is_awaited:
            change: Change = next(self.watch)
            return change
        answer: Change = self.call.on_loop(self.watch.__anext__)
        return answer

    def _take(self, change: Change) -> None:
        value = self.owned(change.value)
        if change.key == "end":
            self.ended = True
            return
        number, key = value["n"], int(change.key[1:])
        if number < self.expected[key]:
            assert number in self.skipped, f"{number} was told twice"
            self.skipped.remove(number)
            self.late.append(number)
            return
        self.skipped += range(self.expected[key], number, KEYS)
        self.expected[key] = number + KEYS


def check_watch(written: Numbered, heard: dict[str, Any]) -> None:
    """What was not heard was not written; what came late may well have."""
    never = [n for first in heard["next"] for n in range(first, written.count, KEYS)]
    silent = {*heard["skipped"], *never}
    assert set(written.undone) <= silent, "a change was told that was not made"
    missed = silent - set(written.undone) - set(written.doubtful)
    assert not missed, f"missed: {sorted(missed)}"
    assert set(heard["late"]) <= set(written.doubtful), f"out of order: {heard['late']}"
