"""Several processes on one database, and one process that becomes two."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.support.faults import backends, execute, let_go, run_script, start_script, versions
from tests.support.matrices import few

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

_FIRST_USE = """
import sys
from langgraph_agentstore import AgentStore
store = AgentStore(sys.argv[1], ttl={"default_ttl": 60})
print("ready", flush=True)
sys.stdin.readline()
store.put(("start",), sys.argv[2], {"n": 1})
store.close()
"""

_COUNTS_UP = """
import asyncio, sys
from langgraph_agentstore import AgentStore
store = AgentStore(sys.argv[1])
async def main():
    for n in range(50):
        await asyncio.gather(
            store.aupdate(("both",), "counter", lambda old: {"n": (old or {"n": 0})["n"] + 1}),
            *[store.aput(("both",), f"k{m}", {"by": sys.argv[2]}) for m in range(20)],
        )
print("ready", flush=True)
sys.stdin.readline()
asyncio.run(main())
store.close()
"""

_FORK = """
import asyncio, os, sys, warnings
warnings.simplefilter("ignore")           # forking beside a thread is what this is about
from langgraph_agentstore import AgentStore
if "uvloop" in sys.argv:
    import uvloop
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
store = AgentStore(sys.argv[1])
view = store.for_user("ann")

async def both(name):
    for n in range(20):
        await asyncio.gather(*[store.aput(("fork",), f"{name}-{n}-{m}", {}) for m in range(5)])
        view.put(("fork",), f"{name}-{n}", {})
        assert store.get(("fork",), f"{name}-{n}-0") is not None

asyncio.run(both("before"))
child = os.fork()
asyncio.run(both("parent" if child else "child"))
if "close" in sys.argv or not child:
    store.close()
if child:
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    asyncio.run(both("after")) if "close" not in sys.argv else None
"""

_FORK_UNDER_LOAD = """
import os, sys, threading, warnings
warnings.simplefilter("ignore")
from langgraph_agentstore import AgentStore
store = AgentStore(sys.argv[1], pool={"max_size": 3})
over = threading.Event()

def write(name):
    n = 0
    while not over.is_set():
        store.put(("load",), f"{name}-{n}", {})
        n += 1

threads = [threading.Thread(target=write, args=(f"t{n}",)) for n in range(4)]
for thread in threads:
    thread.start()
children = []
for n in range(5):
    child = os.fork()
    if not child:
        for m in range(10):
            store.put(("forked",), f"child-{n}-{m}", {})
        store.close()
        os._exit(0)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
over.set()
for thread in threads:
    thread.join()
store.close()
"""

_FORKED_CHILD_THAT_NEVER_USES_IT = """
import os, sys, warnings
warnings.simplefilter("ignore")
from langgraph_agentstore import AgentStore
store = AgentStore(sys.argv[1])
store.put(("fork",), "before", {})
child = os.fork()
if not child:
    sys.exit(0)                            # runs what is registered for the exit of a process
assert os.waitpid(child, 0)[1] == 0
store.put(("fork",), "after", {})
"""


def finish(*processes: subprocess.Popen[str]) -> None:
    """Starts them all at the same moment, and sees that each ends well."""
    let_go(processes)
    for process in processes:
        _, complaints = process.communicate(timeout=60)
        assert (process.returncode, complaints) == (0, "")


@pytest.mark.slow
def test_twelve_processes_that_start_at_once_on_an_empty_database_all_succeed(
    fresh_database: str,
) -> None:
    finish(*[start_script(_FIRST_USE, fresh_database, f"k{n}") for n in range(12)])
    assert len(versions(fresh_database, "agentstore")) == 12
    applied = execute(fresh_database, "SELECT number FROM agentstore.migration ORDER BY number")
    assert [number for (number,) in applied] == list(range(1, len(applied) + 1))


def test_two_processes_write_the_same_items_at_once(fresh_database: str) -> None:
    finish(*[start_script(_COUNTS_UP, fresh_database, name) for name in ("one", "other")])
    ((counter,),) = execute(
        fresh_database, "SELECT (value->>'n')::int FROM agentstore.item WHERE key = 'counter'"
    )
    assert counter == 100
    found = versions(fresh_database, "agentstore")
    assert found["counter"] == 100
    assert {found[f"k{n}"] for n in range(20)} == {100}


@few(1)
@needs_fork
@pytest.mark.parametrize("policy", ["asyncio", "uvloop"])
@pytest.mark.parametrize("end", ["close", "leave"])
def test_after_a_fork_both_processes_go_on(fresh_database: str, policy: str, end: str) -> None:
    run_script(_FORK, fresh_database, policy, end)
    names = {key.partition("-")[0] for key in versions(fresh_database, "agentstore")}
    assert names == {"before", "parent", "child"} | ({"after"} if end == "leave" else set())
    assert not backends(fresh_database)


@needs_fork
def test_a_fork_under_load_disturbs_neither_process(fresh_database: str) -> None:
    run_script(_FORK_UNDER_LOAD, fresh_database)
    keys = versions(fresh_database, "agentstore")
    assert sum(key.startswith("child") for key in keys) == 50


@needs_fork
def test_a_child_that_ends_without_using_the_store_leaves_the_parents_alone(
    fresh_database: str,
) -> None:
    run_script(_FORKED_CHILD_THAT_NEVER_USES_IT, fresh_database)
    assert set(versions(fresh_database, "agentstore")) == {"before", "after"}
