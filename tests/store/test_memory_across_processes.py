"""Memory across real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from langgraph_agentstore import AgentStore

TALK = """
import json, os, sys
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore
from typing_extensions import TypedDict
from langgraph_agentstore import AgentStore

task = json.load(sys.stdin)

class Talk(TypedDict, total=False):
    says: str
    knows: list[str]

def talk(state: Talk, *, store: BaseStore) -> Talk:
    knows = [item.key for item in store.search(("notes",), limit=100)]
    store.put(("notes",), state["says"], {"pid": os.getpid()})
    return {"knows": knows}

with AgentStore(task["dsn"], schema=task["schema"]) as store:
    builder = StateGraph(Talk).add_node("talk", talk).add_edge(START, "talk")
    graph = builder.compile(store=store.per_user(), checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": task["thread"], "user_id": task["user"]}}
    knows = graph.invoke({"says": task["says"]}, config)["knows"]
print(json.dumps({"pid": os.getpid(), "knows": knows}))
"""


class Processes:
    """Starts one for each turn of a conversation."""

    def __init__(self, dsn: str, schema: str) -> None:
        self.store = {"dsn": dsn, "schema": schema}

    def talk(self, *, user: str, thread: str, says: str) -> dict[str, Any]:
        task = json.dumps({**self.store, "user": user, "thread": thread, "says": says})
        command = [sys.executable, "-c", TALK]
        done = subprocess.run(
            command, input=task, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


@pytest.fixture
def processes(postgres_dsn: str, schema_name: str) -> Processes:
    return Processes(postgres_dsn, schema_name)


def test_another_process_in_another_thread_knows_what_one_was_told(processes: Processes) -> None:
    told = processes.talk(user="alice", thread="1", says="cats purr")
    asked = processes.talk(user="alice", thread="2", says="what is known?")
    bob = processes.talk(user="bob", thread="3", says="what is known?")

    assert told["pid"] != asked["pid"]
    assert (told["knows"], asked["knows"], bob["knows"]) == ([], ["cats purr"], [])


@pytest.mark.slow
def test_processes_that_start_at_once_on_an_empty_database_all_write(
    processes: Processes, postgres_dsn: str, schema_name: str
) -> None:
    with ThreadPoolExecutor(3) as pool:
        pids = pool.map(
            lambda n: processes.talk(user="alice", thread=str(n), says=str(n))["pid"], range(3)
        )

    with AgentStore(postgres_dsn, schema=schema_name) as store:
        written_by = {item.value["pid"] for item in store.for_user("alice").search(())}
    assert written_by == set(pids)
