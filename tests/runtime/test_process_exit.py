"""Processes that end without closing their store, and stores of modules."""

from __future__ import annotations

import pytest

from tests.support.faults import backends, run_script, versions

_AWAITED_WITHOUT_CLOSE = """
import asyncio, sys
from langgraph_agentstore import AgentStore
store = AgentStore(sys.argv[1])
async def main():
    await asyncio.gather(*[store.aput(("exit",), f"k{n}", {"n": n}) for n in range(100)])
asyncio.run(main())
"""

_PENDING_AT_EXIT = """
import sys, threading
from langgraph_agentstore import AgentStore
store = AgentStore(sys.argv[1])
store.setup()
put = lambda n: store.put(("exit",), f"k{n}", {"n": n})
threads = [threading.Thread(target=put, args=(n,), daemon=True) for n in range(100)]
for thread in threads:
    thread.start()
while store.stats().operations < 101:
    pass
"""

_MODULE_LEVEL = """
import asyncio, sys
from langgraph_agentstore import AgentStore
store = AgentStore(sys.argv[1])          # no loop runs
view = store.for_user("ann")
store.put(("exit",), "blocking", {"n": 1})
async def main():
    view.put(("exit",), "on a running loop", {"n": 1})
    await view.aput(("exit",), "awaited", {"n": 1})
asyncio.run(main())
sys.exit(3 - len(store.search(())))
"""

_CYCLE_AT_EXIT = """
import sys
from langgraph_agentstore import AgentStore
class Agent: pass
agent = Agent()
agent.itself, agent.store = agent, AgentStore(sys.argv[1])
agent.store.put(("exit",), "k", {"n": 1})
"""

_UNREACHABLE_AT_EXIT = """
import sys
from langgraph_agentstore import AgentStore
store = AgentStore("postgresql://nobody@127.0.0.1:1/nowhere?sslmode=disable")
try:
    store.setup()
except ConnectionError:
    pass
"""


def test_what_was_awaited_is_there_after_a_process_that_never_closed(fresh_database: str) -> None:
    run_script(_AWAITED_WITHOUT_CLOSE, fresh_database)
    assert len(versions(fresh_database, "agentstore")) == 100
    assert not backends(fresh_database)


def test_what_other_threads_wrote_last_is_there_after_the_process(fresh_database: str) -> None:
    run_script(_PENDING_AT_EXIT, fresh_database)
    assert len(versions(fresh_database, "agentstore")) == 100


def test_a_store_made_at_module_level_serves_whoever_comes(fresh_database: str) -> None:
    run_script(_MODULE_LEVEL, fresh_database)


@pytest.mark.parametrize("script", [_CYCLE_AT_EXIT, _UNREACHABLE_AT_EXIT])
def test_a_process_ends_quietly_whatever_became_of_its_store(
    fresh_database: str, script: str
) -> None:
    run_script(script, fresh_database)
