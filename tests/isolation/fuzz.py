"""Many users at once, on every surface, for a while: who saw what is another's?"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from langgraph_agentstore import AgentStore
from tests.isolation.crowd import Crowd, people
from tests.isolation.facade_workers import (
    ExportWorker,
    FactsWorker,
    OwnRecordsWorker,
    ServiceWorker,
    SharedMemoryWorker,
    TurnsWorker,
    WordsWorker,
)
from tests.isolation.item_workers import (
    ErasingWorker,
    GatheringWorker,
    ReopeningWorker,
    TuplesWorker,
    ViewWorker,
)
from tests.soak.beliefs import AWAY
from tests.soak.chaos import Backends, Kind
from tests.soak.crew import check_claims
from tests.soak.files_worker import FilesWorker
from tests.soak.graph_worker import GraphWorker
from tests.soak.loops import Loops
from tests.soak.opening import Opening
from tests.soak.talk_worker import TalkWorker
from tests.soak.watch_worker import ChangingWorker, WatchWorker
from tests.soak.workers import Place, Worker

LOOPS = 2
CHECKING = 16
PATIENT_USERS = 3
STRIKES: tuple[tuple[Kind, int], ...] = (
    ("terminate one", 6),
    ("terminate all", 1),
    ("cancel one", 6),
    ("cancel all", 2),
)
"""What befalls the backends, and how often beside the others."""

PAUSE_S = (0.05, 0.5)
"""Between two strikes."""

EVERYBODYS: tuple[tuple[type[Worker], int], ...] = (
    (ViewWorker, 4),
    (GatheringWorker, 3),
    (OwnRecordsWorker, 4),
    (ServiceWorker, 3),
    (FilesWorker, 4),
    (TurnsWorker, 3),
    (FactsWorker, 2),
    (SharedMemoryWorker, 3),
    (GraphWorker, 2),
    (WordsWorker, 2),
    (ErasingWorker, 2),
)
"""What every user does, and how often beside the others."""


@dataclass
class Outcome:
    """What a run came to."""

    seed: int
    turns: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    checked: int = 0
    operations: int = 0
    given_up: int = 0
    ended: int = 0
    cancelled: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        turns = ", ".join(f"{name} {count}" for name, count in sorted(self.turns.items()))
        return (
            f"AGENTSTORE_ISOLATION_SEED={self.seed}: {self.operations} operations, "
            f"{self.checked} answers checked, {self.refused} turns cut short, "
            f"{self.given_up} calls given up, {self.ended} connections ended, "
            f"{self.cancelled} statements cancelled, {len(self.faults)} faults; turns: {turns}"
        )


class Seat(threading.Thread):
    """A thread in which some workers take turns, as chance has it."""

    def __init__(self, seed: str, workers: list[tuple[Worker, int]], over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.workers = [worker for worker, _ in workers]
        self._shares = [share for _, share in workers]
        self._chance = random.Random(seed)
        self._over = over

    def run(self) -> None:
        while not self._over.is_set():
            worker = self._chance.choices(self.workers, self._shares)[0]
            if not worker.goes_well(worker.take_turn):
                self._over.set()

    def check(self) -> None:
        for worker in self.workers:
            worker.run_check()


class Fuzz:
    """A crowd on one database; the seed decides who does what, not which thread is first."""

    def __init__(self, dsn: str, folder: Path, seed: int, users: int = 50) -> None:
        self.dsn = dsn
        self.outcome = Outcome(seed)
        self._backends = Backends(dsn)
        with ExitStack() as stack:
            self._loops = Loops(LOOPS)
            stack.callback(self._loops.close)
            pool = {"max_size": 6}
            store = stack.enter_context(AgentStore(dsn, pool=pool))
            index = {"mode": "text", "fields": ["text"]}
            indexed = stack.enter_context(AgentStore(dsn, schema="indexed", pool=pool, index=index))
            self._stores = (store, indexed)
            self._crowd = Crowd(
                0, 1, seed, Opening(dsn), folder, store, indexed, store, self._loops.all
            )
            self._over = self._crowd.over
            self._seats = list(self._seated(people(users)))
            stack.callback(self._close_workers)
            self._closing = stack.pop_all()

    def run(self, seconds: float, *, striking: bool = True) -> Outcome:
        """Works so long, or until something is wrong; then everything is looked at once more."""
        chance = random.Random(f"{self.outcome.seed} strikes")
        with self._closing:
            for worker in self._workers():
                worker.goes_well(worker.begin)
            end = time.monotonic() + seconds
            for seat in self._seats:
                seat.start()
            while not self._over.wait(min(chance.uniform(*PAUSE_S), end - time.monotonic())):
                if time.monotonic() >= end:
                    break
                if striking:
                    self._strike(chance)
            self._over.set()
            for seat in self._seats:
                seat.join()
            self._conclude()
        return self.outcome

    def _seated(self, users: list[str]) -> Any:
        for number, user in enumerate(users):
            place = replace(self._crowd, user=user)
            kinds = EVERYBODYS
            if "." not in user:  # LangGraph's labels have none
                kinds = (*kinds, (TuplesWorker, 4))
            yield self._seat(place, number, kinds)
        for number, user in enumerate(users[:PATIENT_USERS]):
            place = replace(self._crowd, user=user, patient=True)
            yield self._seat(place, number, ((TalkWorker, 1), (ExportWorker, 2)))
            yield self._seat(place, number, ((ReopeningWorker, 1),))
            yield self._seat(place, number, ((ChangingWorker, 1),))
            yield self._seat(place, number, ((WatchWorker, 1),))

    def _seat(self, place: Place, number: int, kinds: Any) -> Seat:
        workers = [(kind(place, self._number_of(kind, number)), share) for kind, share in kinds]
        seed = f"{self.outcome.seed} {number} {workers[0][0].name}"
        return Seat(seed, workers, self._over)

    def _number_of(self, kind: type[Worker], number: int) -> int:
        """Files have an even number for one dialect, an odd one for the other."""
        no_deep_agents = find_spec("deepagents") is None or sys.version_info < (3, 11)
        return 2 * number if kind is FilesWorker and no_deep_agents else number

    def _workers(self) -> list[Worker]:
        return [worker for seat in self._seats for worker in seat.workers]

    def _strike(self, chance: random.Random) -> None:
        kinds, shares = zip(*STRIKES, strict=True)
        self._backends.strike(chance.choices(kinds, shares)[0])

    def _conclude(self) -> None:
        outcome = self.outcome
        if not any(worker.tally.faults for worker in self._workers()):
            with ThreadPoolExecutor(CHECKING) as pool:
                list(pool.map(Seat.check, self._seats))
            self._check_claims()
        for worker in self._workers():
            outcome.turns[type(worker).__name__] += worker.tally.turns - worker.tally.refused
            outcome.refused += worker.tally.refused
            outcome.checked += worker.tally.checked
            outcome.faults += worker.tally.faults
        outcome.operations = sum(store.stats().operations for store in self._stores)
        outcome.given_up = next(self._crowd.given_up)
        outcome.ended = self._backends.connections_ended
        outcome.cancelled = self._backends.statements_cancelled

    def _check_claims(self) -> None:
        claims: dict[str, dict[str, Any]] = {}
        for worker in self._workers():
            if worker.claims():
                watches = isinstance(worker, (ChangingWorker, WatchWorker))
                claims.setdefault(worker.user if watches else f"{worker.name} ", {}).update(
                    worker.claims()
                )
        try:
            check_claims(claims, Opening(self.dsn))
        except (AssertionError, *AWAY) as error:
            self.outcome.faults.append(f"in sum: {error}")

    def _close_workers(self) -> None:
        for worker in self._workers():
            worker.close()
