"""Several writers of one user's facts at the same moment: none is lost without being told."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import GetOp
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore import AgentStore
from tests.memory_tools.agents import call, key_in, of, tool_graph
from tests.support.faults import let_go

ROOT = Path(__file__).parents[2]
FACTS = ("users", "alice", "facts")
ALICE = of("alice")


@pytest.fixture(params=["agent store", "in memory"])
def any_store(request: pytest.FixtureRequest) -> Any:
    return InMemoryStore() if request.param == "in memory" else request.getfixturevalue("store")


def in_threads(count: int, work: Any) -> list[str]:
    answers = [""] * count
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait()
        answers[number] = work(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def all_texts(store: Any) -> list[str]:
    """All texts that the facts have and had."""
    items = store.search(FACTS, limit=100)
    return [text["content"] for item in items for text in (*item.value["previous"], item.value)]


def test_equal_texts_saved_at_once_are_one_fact(any_store: Any) -> None:
    graph = tool_graph(any_store)

    answers = in_threads(8, lambda _: call(graph, "save_memory", ALICE, content="Likes tea."))

    assert len(any_store.search(FACTS)) == 1
    assert sum(answer.startswith("Saved under") for answer in answers) == 1


def test_an_update_is_kept_or_its_writer_is_told(any_store: Any) -> None:
    graph = tool_graph(any_store)
    key = key_in(call(graph, "save_memory", ALICE, content="Likes tea."))

    def update(number: int) -> str:
        return call(graph, "update_memory", ALICE, key=key, content=f"Likes {number}.")

    answers = in_threads(8, update)

    kept = all_texts(any_store)
    for number, answer in enumerate(answers):
        if answer.startswith("Updated"):
            assert kept.count(f"Likes {number}.") == 1
        else:
            assert "was changed at the same moment" in answer
            assert f"Likes {number}." not in kept
    assert kept[0] == "Likes tea."


class MeetingStore(InMemoryStore):
    """Both of two writers have read before one of them goes on, as far as they may."""

    def __init__(self) -> None:
        super().__init__()
        self.meeting: threading.Barrier | None = None

    def batch(self, ops: Any) -> Any:
        todo = list(ops)
        results = super().batch(todo)
        if self.meeting is not None and isinstance(todo[0], GetOp):
            with suppress(threading.BrokenBarrierError):
                self.meeting.wait(0.5)
        return results


def test_of_two_who_read_the_same_one_is_told_in_a_store_without_versions() -> None:
    store = MeetingStore()
    graph = tool_graph(store)
    key = key_in(call(graph, "save_memory", ALICE, content="Likes tea."))
    store.meeting = threading.Barrier(2)

    def update(number: int) -> str:
        return call(graph, "update_memory", ALICE, key=key, content=f"Likes {number}.")

    answers = in_threads(2, update)

    assert sorted(answer.split()[0] for answer in answers) == ["Not", "Updated"]
    assert len(all_texts(store)) == 2


PROCESS = """
import json, sys
from langgraph_agentstore import AgentStore
from tests.memory_tools.agents import call, of, tool_graph
dsn, schema, key, name = sys.argv[1:]
with AgentStore(dsn, schema=schema) as store:
    graph = tool_graph(store)
    print("ready", flush=True)
    sys.stdin.readline()
    answers = {}
    for number in range(4):
        text = f"{name} {number}"
        answers[text] = call(graph, "update_memory", of("alice"), key=key, content=text)
    print(json.dumps(answers))
"""


def test_two_processes_lose_no_update_silently(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    key = key_in(call(tool_graph(store), "save_memory", ALICE, content="Likes tea."))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, postgres_dsn, schema_name, key, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for name in ("one", "two")
    ]
    let_go(processes)
    answers = {}
    for process in processes:
        answers.update(json.loads(process.communicate(timeout=60)[0]))

    kept = all_texts(store)
    updated = {text for text, answer in answers.items() if answer.startswith("Updated")}
    assert len(answers) == 8
    assert updated == {*kept} - {"Likes tea."}
    assert all("at the same moment" in answers[text] for text in answers.keys() - updated)
