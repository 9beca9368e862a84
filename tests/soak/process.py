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

from langgraph_agentstore import AgentStore
from tests.soak.crew import crew_of
from tests.soak.loops import Loops
from tests.soak.samples import Sampler
from tests.soak.workers import Place
from tests.support.embedders import words_vector

LOOPS = 2
DIMS = 32


class Warnings(logging.Handler):
    """Counts what is logged; what no outage explains is kept in its own words."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.counts[f"{record.name}: {str(record.msg)[:60]}"] += 1
        if record.levelno >= logging.ERROR or record.name == "asyncio":
            self.faults.append(self.format(record))


class Process:
    """The crew of one process, and what it leaves behind."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.task = task
        # The first store's libraries keep some things for the process: libuv, a pipe for signals.
        with AgentStore(task["dsn"]):
            pass
        self.before = left_open()
        self.loops = Loops(LOOPS)
        pool = {"max_size": 6}
        index = {"dims": DIMS, "embed": embedded, "mode": "hybrid", "fields": ["text"]}
        self.store = AgentStore(task["dsn"], pool=pool)
        self.indexed = AgentStore(task["dsn"], schema="indexed", pool=pool, index=index)
        self.store.setup()
        self.indexed.setup()
        self.crew = crew_of(
            Place(
                process=task["process"],
                processes=task["processes"],
                seed=task["seed"],
                dsn=task["dsn"],
                folder=Path(task["folder"]),
                store=self.store,
                indexed=self.indexed,
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
        self.store.close()
        self.indexed.close()
        self.loops.close()
        gc.collect()
        after = left_open()
        return {
            "operations": operations,
            "workers": {worker.user: vars(worker.tally) for worker in self.crew},
            "claims": {worker.user: claims for worker in self.crew if (claims := worker.claims())},
            "left": [*tasks, *(after - self.before).elements()],
            "grown": self._sampler.grown,
        }

    def operations(self) -> int:
        return self.store.stats().operations + self.indexed.stats().operations


def embedded(texts: Any) -> list[list[float]]:
    return [words_vector(text, DIMS) for text in texts]


def left_open() -> Counter[str]:
    """Threads, files and sockets of this process, as they are named."""
    threads = Counter(f"thread {thread.name}" for thread in threading.enumerate())
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
