"""What the tests of files run in processes of their own."""

from __future__ import annotations

import sys
from pathlib import Path

from langgraph_agentstore import AgentStore
from langgraph_agentstore.memory_agent import MemoryAgent
from tests.support.memory_agents import open_agent


def write_many(kind: str, folder: str, writer: str, count: str) -> None:
    """Each memory is one's own, and a counter in a field of one's own is everybody's memory."""
    with open_agent(kind, Path(folder)) as agent:
        for n in range(int(count)):
            agent.store_memory(f"{writer}/{n:03}", {"n": n})
            agent.update_memory("together", {f"{writer} {n}": True})


def write_for_ever(kind: str, folder: str) -> None:
    """Replaces all memories by those of the next round, and says when it begins."""
    with open_agent(kind, Path(folder)) as agent:
        for n in range(1, 10**6):
            print(n, flush=True)
            agent.batch_store((f"k/{i}", {"round": n, "text": "x" * 400}) for i in range(200))


def rotate(dsn: str, schema: str, *keys: str) -> None:
    """Encrypts anew, and says how far it is."""
    with AgentStore(dsn, schema=schema) as store:
        agent = MemoryAgent(store=store, user_id="ada", encryption_key=keys)
        agent.rotate(progress=lambda done: print(done, flush=True))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
