"""Many writers at once: one creates, and no edit is lost; across processes on AgentStore."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore as LangGraphInMemoryStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.files import StoreBackend
from langgraph_agentstore.files.shared_operations import EDIT_ATTEMPTS
from tests.files.stores import STORES
from tests.support.faults import let_go, start_script

PROCESSES, WRITERS_EACH, FILES, EDITS = 4, 4, 10, 10

# Half of a process's writers are threads, half are tasks of one loop.
WRITE = """
import asyncio, json, sys
from concurrent.futures import ThreadPoolExecutor
from langgraph_agentstore import AgentStore
from langgraph_agentstore.files import DeepAgentsBackend, StoreBackend

dsn, schema, process, dialect, writers, files, edits = sys.argv[1:]
store = AgentStore(dsn, schema=schema)
store.setup()
backend = {
    "spoon_ai": lambda: StoreBackend(store),
    "deepagents": lambda: DeepAgentsBackend(store, namespace=("filesystem",)),
}[dialect]()

def work(name):
    made = 0
    for n in range(int(files)):
        if dialect == "spoon_ai":
            made += backend.write(f"/made/{n}", name).error is None
    for n in range(int(edits)):
        done = backend.edit("/log", "END", f"{name}.{n}\\nEND")
        assert done.error is None, done.error
    return name, made

async def awork(name):
    made = 0
    for n in range(int(files)):
        if dialect == "spoon_ai":
            made += (await backend.awrite(f"/made/{n}", name)).error is None
    for n in range(int(edits)):
        done = await backend.aedit("/log", "END", f"{name}.{n}\\nEND")
        assert done.error is None, done.error
    return name, made

async def main():
    names = [f"{process}-{n}" for n in range(int(writers))]
    half = len(names) // 2
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(half) as threads:
        blocking = [loop.run_in_executor(threads, work, name) for name in names[:half]]
        return await asyncio.gather(*blocking, *map(awork, names[half:]))

print("ready", flush=True)
sys.stdin.readline()
print(json.dumps(asyncio.run(main())))
store.close()
"""


def all_at_once(dsn: str, schema: str, dialect: str) -> dict[str, int]:
    """How many files each writer made."""
    numbers = map(str, (WRITERS_EACH, FILES, EDITS))
    given = [dialect, *numbers]
    processes = [start_script(WRITE, dsn, schema, str(n), *given) for n in range(PROCESSES)]
    let_go(processes)
    made: dict[str, int] = {}
    for process in processes:
        made.update(_answer(process))
    return made


def _answer(process: subprocess.Popen[str]) -> dict[str, int]:
    said, complaints = process.communicate(timeout=120)
    assert (process.returncode, complaints) == (0, "")
    answer: list[tuple[str, int]] = json.loads(said)
    return dict(answer)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["spoon_ai", "deepagents"])
def test_of_sixteen_writers_in_four_processes_one_creates_and_none_loses_an_edit(
    store: AgentStore, postgres_dsn: str, schema_name: str, dialect: str
) -> None:
    backend = StoreBackend(store)
    backend.write("/log", "END")

    made = all_at_once(postgres_dsn, schema_name, dialect)

    assert len(made) == PROCESSES * WRITERS_EACH
    lines = backend.download_files(["/log"])[0].content
    assert lines is not None
    *written, end = lines.decode().split("\n")
    assert end == "END"
    assert sorted(written) == sorted(f"{name}.{n}" for name in made for n in range(EDITS))
    paths = [f"/made/{n}" for n in range(FILES)] if dialect == "spoon_ai" else []
    winners = Counter(bytes(f.content or b"").decode() for f in backend.download_files(paths))
    assert winners == Counter({name: count for name, count in made.items() if count})
    assert sum(made.values()) == len(paths)


@pytest.mark.parametrize("kind", STORES)
def test_within_a_process_no_edit_is_lost_on_any_store(kind: str, postgres_dsn: str) -> None:
    with STORES[kind](postgres_dsn) as store:
        backend = StoreBackend(store)
        backend.write("/log", "END")

        def work(name: str) -> bool:
            for n in range(5):
                assert backend.edit("/log", "END", f"{name}.{n}\nEND").error is None
            return backend.write("/made", name).error is None

        async def awork(name: str) -> bool:
            for n in range(5):
                assert (await backend.aedit("/log", "END", f"{name}.{n}\nEND")).error is None
            return (await backend.awrite("/made", name)).error is None

        async def main() -> list[bool]:
            loop = asyncio.get_running_loop()
            with ThreadPoolExecutor(4) as threads:
                blocking = [loop.run_in_executor(threads, work, f"t{n}") for n in range(4)]
                return await asyncio.gather(*blocking, *[awork(f"a{n}") for n in range(4)])

        assert asyncio.run(main()).count(True) == 1
        written = backend.read("/log").count("\n")
        assert written == 8 * 5


@pytest.mark.parametrize("kind", STORES)
def test_two_backends_over_one_store_lose_no_edit(kind: str, postgres_dsn: str) -> None:
    with STORES[kind](postgres_dsn) as store:
        StoreBackend(store).write("/log", "END")

        def work(name: str) -> None:
            backend = StoreBackend(store)
            for n in range(40):
                assert backend.edit("/log", "END", f"{name}.{n}\nEND").error is None

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(work, "abcd"))
        assert StoreBackend(store).read("/log").count("\n") == 160


class RestlessStore(LangGraphInMemoryStore):
    """Somebody writes the file whenever it was read."""

    def batch(self, ops: Any) -> Any:
        ops = list(ops)
        results = super().batch(ops)
        for result in results:
            value = getattr(result, "value", None)
            if value is not None:
                changed = {**value, "modified_at": value["modified_at"] + "+"}
                super().put(("filesystem",), "/a", changed)
        return results


def test_an_edit_gives_up_after_so_many_lost_races_and_says_so() -> None:
    backend = StoreBackend(RestlessStore())
    backend.write("/a", "one")
    assert backend.edit("/a", "one", "two").error == (
        f"Error: File '/a' was changed by others {EDIT_ATTEMPTS} times during this edit. Read it "
        "again and retry."
    )
    assert backend.read("/a") == "     1\tone"
