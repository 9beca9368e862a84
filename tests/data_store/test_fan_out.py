"""Sixteen workers change one record at once and lose no update, also when some are killed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import count
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from langgraph_agentstore import AgentIndexConfig, AgentStore, DataStore
from tests.data_store.fan_out import RECORD, WAYS
from tests.support.matrices import few
from tests.support.servers import TestServer, temporary_folder

pytestmark = pytest.mark.postgres

WORKERS = 16
VICTIMS = 4
ROUNDS = {"increment": 100, "append": 50, "compare_and_set": 15, "lock": 8}
ENDLESS = 10**6

_ROOT = Path(__file__).parents[2]

every_way = pytest.mark.parametrize("way", WAYS)


class Worker:
    """A process of `fan_out.py`."""

    def __init__(self, dsn: str, name: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.data_store.fan_out", dsn, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
        )

    def begin(self, **task: Any) -> None:
        assert self._process.stdin is not None
        print(json.dumps(task), file=self._process.stdin, flush=True)

    def says(self) -> Any:
        """The next line of it."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._end()
        return json.loads(line)

    def finish(self) -> list[Any]:
        """What its changes were answered with."""
        return list(iter(self.says, "finished"))

    def kill_9(self) -> int:
        """Kills it; how many lines it still said whole."""
        self._process.kill()
        said, _ = self._end()
        return said.count("\n")

    def stop(self) -> None:
        _, complaints = self._end()
        assert (self._process.wait(), complaints) == (0, "")

    def _end(self) -> tuple[str, str]:
        """What it still says, on both streams; `communicate` would skip what is buffered."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stdin, process.stdout, process.stderr:
            process.stdin.close()
            said = process.stdout.read(), process.stderr.read()
        process.wait(60)
        return said


class Crew:
    """Worker processes that stay from test to test; those that were killed are replaced."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._names = (f"w{n}" for n in count())
        self._workers: list[Worker] = []

    def muster(self) -> list[Worker]:
        missing = WORKERS - len(self._workers)
        new = [Worker(self._dsn, next(self._names)) for _ in range(missing)]
        for worker in new:
            assert worker.says() == "ready"
        self._workers += new
        return list(self._workers)

    def kill_9(self, worker: Worker) -> int:
        self._workers.remove(worker)
        return worker.kill_9()

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    """A server of these tests alone: sixteen processes need their share of its connections."""
    with temporary_folder() as folder:
        server = TestServer(folder)
        yield server.dsn
        server.stop()


@pytest.fixture(scope="module")
def crew(dsn: str) -> Iterator[Crew]:
    crew = Crew(dsn)
    yield crew
    crew.stop()


@pytest.fixture
def data_store(dsn: str, schema_name: str) -> Iterator[DataStore]:
    """What the workers of one test change."""
    with AgentStore(dsn) as store:
        yield DataStore(store, "ada", "test", schema_name)


def found(data_store: DataStore, worker: str) -> list[int | str]:
    """The numbers of a worker's entries, in the order of the record."""
    return [number for name, number in data_store.get(RECORD) if name == worker]


@pytest.mark.slow
@every_way
def test_sixteen_processes_lose_no_update(crew: Crew, data_store: DataStore, way: str) -> None:
    workers, rounds = crew.muster(), ROUNDS[way]
    for worker in workers:
        worker.begin(namespace=data_store.namespace, way=way, rounds=rounds)
    answers = [answer for worker in workers for answer in worker.finish()]

    assert len(answers) == WORKERS * rounds
    if way == "increment":
        assert data_store.get(RECORD) == WORKERS * rounds
    else:
        for worker in workers:
            assert found(data_store, worker.name) == list(range(rounds))
        assert len(data_store.get(RECORD)) == WORKERS * rounds
    if way in ("increment", "append"):
        assert sorted(answers) == list(range(1, WORKERS * rounds + 1))


@pytest.fixture
def indexed(dsn: str, schema_name: str) -> Iterator[DataStore]:
    """On a store with an index, where a value is read, changed, and written over that version."""
    index: AgentIndexConfig = {"fields": ["$"]}
    with AgentStore(dsn, schema=schema_name, index=index) as store:
        yield DataStore(store, "ada", "test")


@few(2)
@pytest.mark.parametrize("place", ["data_store", "indexed"])
@every_way
def test_sixteen_threads_lose_no_update(
    request: pytest.FixtureRequest, place: str, way: str
) -> None:
    data_store: DataStore = request.getfixturevalue(place)
    gate, rounds = Barrier(WORKERS), ROUNDS[way] if place == "data_store" else 3

    def work(name: int) -> None:
        gate.wait(60)
        for number in range(rounds):
            WAYS[way](data_store, [name, number])

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, range(WORKERS)))

    if way == "increment":
        assert data_store.get(RECORD) == WORKERS * rounds
    else:
        made = Counter(map(tuple, data_store.get(RECORD)))
        assert made == Counter((n, number) for n in range(WORKERS) for number in range(rounds))


@pytest.mark.slow
@pytest.mark.parametrize("way", ["increment", "append", "compare_and_set"])
def test_a_killed_process_leaves_what_was_acknowledged_and_at_most_one_more(
    crew: Crew, data_store: DataStore, way: str
) -> None:
    workers, rounds = crew.muster(), ROUNDS[way]
    victims, survivors = workers[:VICTIMS], workers[VICTIMS:]
    for victim in victims:
        victim.begin(namespace=data_store.namespace, way=way, rounds=ENDLESS)
    for survivor in survivors:
        survivor.begin(namespace=data_store.namespace, way=way, rounds=rounds)
    acknowledged = {}
    for victim in victims:
        heard = [victim.says() for _ in range(3)]
        acknowledged[victim.name] = len(heard) + crew.kill_9(victim)
    for survivor in survivors:
        assert len(survivor.finish()) == rounds

    if way == "increment":
        of_victims = data_store.get(RECORD) - len(survivors) * rounds
        assert 0 <= of_victims - sum(acknowledged.values()) <= VICTIMS
        return
    for name, least in acknowledged.items():
        numbers = found(data_store, name)
        assert numbers == list(range(len(numbers)))
        assert len(numbers) - least in (0, 1)
    for survivor in survivors:
        assert found(data_store, survivor.name) == list(range(rounds))


@pytest.mark.slow
@pytest.mark.parametrize("written", [False, True], ids=["before it wrote", "after it wrote"])
def test_when_the_holder_of_a_lock_is_killed_the_others_get_it_once_its_lease_ends(
    crew: Crew, data_store: DataStore, written: bool
) -> None:
    holder, *others = crew.muster()
    rounds = ROUNDS["lock"]
    holder.begin(namespace=data_store.namespace, hold={"lease_s": 2, "written": written})
    lease_ends = datetime.fromisoformat(holder.says())
    for other in others:
        other.begin(namespace=data_store.namespace, way="lock", rounds=rounds)
    crew.kill_9(holder)

    turns = [datetime.fromisoformat(turn) for other in others for turn in other.finish()]

    assert min(turns) >= lease_ends
    assert found(data_store, holder.name) == (["held"] if written else [])
    for other in others:
        assert found(data_store, other.name) == list(range(rounds))
    assert len(data_store.get(RECORD)) == len(others) * rounds + written
