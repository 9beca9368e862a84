"""One process of the soak: `python -m tests.soak.process`, told by lines of stdin what to do.

The first line is its task, as JSON; then "go", "stop", "check" and "end" are obeyed in turn, each
answered by a line. At its end it prints a report, as JSON.
"""

from __future__ import annotations

import gc
import json
import logging
import re
import sys
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from tests.soak.crew import crew_of
from tests.soak.heard import Heard, Warnings
from tests.soak.loops import Loops
from tests.soak.opening import INDEXED, Opening, index
from tests.soak.planted import AT_START, AT_WORK, plant
from tests.soak.samples import Sampler
from tests.soak.workers import Place

LOOPS = 2


class Process:
    """The crew of one process, and what it leaves behind."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.task = task
        opening = Opening(**task["opening"])
        # The first store's libraries keep some things for the process: libuv, a pipe for signals.
        with opening.store():
            pass
        self.before = left_open()
        self.loops = Loops(LOOPS)
        self.heard = Heard() if opening.has("telemetry") else None
        opening.telemetry = None if self.heard is None else self.heard.telemetry
        pool = {"max_size": 6}
        self.store = opening.store(pool=pool)
        self.indexed = opening.store(INDEXED, pool=pool, index=index())
        self.owner = opening.owners(pool={"max_size": 2}) if opening.controls else self.store
        if not opening.controls:
            self.store.setup()
            self.indexed.setup()
        self.crew = crew_of(
            Place(
                process=task["process"],
                processes=task["processes"],
                seed=task["seed"],
                opening=opening,
                folder=Path(task["folder"]),
                store=self.store,
                indexed=self.indexed,
                owner=self.owner,
                loops=self.loops.all,
            )
        )
        for worker in self.crew:
            worker.begin()
        self._over = threading.Event()
        self._at_work = [
            threading.Thread(target=worker.run, args=[self._over], name=worker.user, daemon=True)
            for worker in self.crew
        ]
        samples = Path(task["folder"]) / f"samples-{task['process']}.csv"
        self._sampler = Sampler(samples, self.operations, task["compared_with_s"])

    def go(self) -> None:
        plant(AT_WORK, self.task["planted"])
        self._sampler.start()
        for thread in self._at_work:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._at_work:
            thread.join()
        self._sampler.stop()

    def check(self) -> None:
        checks = [threading.Thread(target=worker.run_check, daemon=True) for worker in self.crew]
        for thread in checks:
            thread.start()
        for thread in checks:
            thread.join()

    def end(self) -> dict[str, Any]:
        """What is left when everything was closed is a fault."""
        operations = self.operations()
        tasks = self.loops.tasks()
        for worker in self.crew:
            worker.close()
        for store in (self.store, self.indexed, self.owner):
            store.close()
        if self.heard is not None:
            self.heard.close()
        self.loops.close()
        gc.collect()
        after = left_open()
        return {
            "operations": operations,
            "workers": {worker.user: vars(worker.tally) for worker in self.crew},
            "claims": {worker.user: claims for worker in self.crew if (claims := worker.claims())},
            "left": [*tasks, *(after - self.before).elements()],
            "grown": self._sampler.grown,
            "spans": {} if self.heard is None else self.heard.spans,
            "leaks": [] if self.heard is None else self.heard.leaks,
        }

    def operations(self) -> int:
        return self.store.stats().operations + self.indexed.stats().operations


def left_open() -> Counter[str]:
    """Threads, files and sockets of this process, as they are named."""
    threads = Counter(f"thread {thread.name}" for thread in threading.enumerate())
    threads += Counter(f"process {child.name()}" for child in psutil.Process().children())
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():  # macOS
        return threads + Counter({"descriptor": psutil.Process().num_fds()})
    names = (re.sub(r"\[\d+\]", "", target(each)) for each in descriptors.iterdir())
    return threads + Counter(name for name in names if "/proc/" not in name)


def target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:  # that of the listing itself
        return "/proc/"


def main() -> None:
    task = json.loads(sys.stdin.readline())
    if task["traced"]:
        tracemalloc.start(1)
    plant(AT_START, task["planted"])
    warnings = Warnings()
    logging.getLogger().addHandler(warnings)
    process = Process(task)
    orders: dict[str, Callable[[], Any]] = {
        "go": process.go,
        "stop": process.stop,
        "check": process.check,
        "end": process.end,
    }
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        answer = orders[line.strip()]()
        if line.strip() == "end":
            answer |= {"logged": warnings.counts, "logged_faults": warnings.faults}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
