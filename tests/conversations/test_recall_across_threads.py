"""What was said in one thread is known in the next, whatever became of its checkpoints."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.messages.utils import count_tokens_approximately

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory
from tests.conversations.talking import PICTURE, config_of, dumped, graph_over, said

ADA, BOB = "ada.lovelace@example.org", "bob@example.org"
THREADS = ["monday_1", "a:b", "100%_sure", "monday", "thread_20240101_000000_00000000"]


class Processes:
    """Starts one for each talk."""

    def __init__(self, dsn: str, schema: str) -> None:
        self.store = {"dsn": dsn, "schema": schema}

    def talk(self, user: str, thread: str, *says: str, **task: Any) -> dict[str, Any]:
        given = json.dumps({**self.store, "user": user, "thread": thread, "says": says, **task})
        done = subprocess.run(
            [sys.executable, "-m", "tests.conversations.talking"],
            input=given,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            cwd=Path(__file__).parents[2],
        )
        assert (done.returncode, done.stderr) == (0, "")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


@pytest.fixture
def processes(postgres_dsn: str, schema_name: str) -> Processes:
    return Processes(postgres_dsn, schema_name)


def texts(messages: list[dict[str, Any]]) -> list[str]:
    """What people said."""
    return [m["content"][0]["text"] for m in messages if m["type"] == "human"]


def test_a_new_thread_in_a_new_process_resumes_the_talk_oldest_first(
    processes: Processes, postgres_dsn: str, schema_name: str
) -> None:
    talk = [f"turn {n}" for n in range(25)]
    first = processes.talk(ADA, "monday_1", *talk)
    resumed = processes.talk(ADA, "friday:1", "and now?", recalling={"max_messages": None})

    assert first["pid"] != resumed["pid"]
    assert texts(resumed["messages"]) == [*talk, "and now?"]
    # Message for message, with ids, tool calls, artifacts and pictures.
    earlier = resumed["messages"][: len(first["messages"])]
    assert [m["content"] for m in earlier] == [m["content"] for m in first["messages"]]
    assert earlier[0]["content"][1] == PICTURE
    assert earlier[1]["tool_calls"][0]["args"] == {"of": ["messages"]}
    assert earlier[2]["artifact"] == {"n": 1}
    assert earlier == first["messages"]


@pytest.mark.slow
def test_what_is_resumed_fits_a_budget_of_tokens(processes: Processes) -> None:
    processes.talk(ADA, "long", *(f"turn {n} {'word ' * 30}" for n in range(20)))
    recalling = {"max_messages": None, "max_tokens": 600}
    resumed = processes.talk(ADA, "new", "and now?", recalling=recalling)

    known = texts(resumed["messages"])
    assert known[-1] == "and now?"
    assert known[:-1] == [f"turn {n} {'word ' * 30}" for n in range(20)][-len(known) + 1 :]
    assert 2 <= len(known) - 1 < 20


@pytest.mark.slow
def test_users_and_threads_never_mix(processes: Processes) -> None:
    for number, thread in enumerate(THREADS):
        processes.talk(ADA, thread, f"ada {number}")
    processes.talk(BOB, THREADS[0], "bob 0")

    for number, thread in enumerate(THREADS):
        again = processes.talk(ADA, f"new {number}", "?", configurable={"resume_thread_id": thread})
        assert texts(again["messages"]) == [f"ada {number}", "?"]
    assert texts(processes.talk(BOB, "x", "?")["messages"]) == ["bob 0", "?"]


def test_a_thread_of_the_same_process_knows_what_another_just_said(store: AgentStore) -> None:
    graph = graph_over(store)
    for number in range(30):
        graph.invoke({"messages": [said("my cat is Turing")]}, config_of(f"u{number}", "one"))
        shown = graph.invoke({"messages": [said("my cat?")]}, config_of(f"u{number}", "two"))
        assert texts(dumped(shown["messages"])) == ["my cat is Turing", "my cat?"]


def test_a_thread_that_goes_on_is_neither_loaded_nor_saved_twice(store: AgentStore) -> None:
    graph = graph_over(store)
    for number in range(3):
        shown = graph.invoke({"messages": [said(f"turn {number}")]}, config_of("ann", "one"))

    assert texts(dumped(shown["messages"])) == ["turn 0", "turn 1", "turn 2"]
    memory = ConversationMemory(store, "ann")
    assert len(memory.resume("one")) == 12


@pytest.mark.parametrize("thread", THREADS)
def test_the_whole_memory_of_a_thread_is_there_by_hand_too(store: AgentStore, thread: str) -> None:
    memory = ConversationMemory(store, ADA)
    for number in range(30):
        memory.save_turn(f"q{number}", f"r{number}", thread)
        memory.save_turn("other", "other", f"{thread}_{number}")

    assert [turn.query for turn in memory.turns(thread)] == [f"q{n}" for n in range(30)]
    resumed = memory.resume(thread, max_tokens=100)
    assert isinstance(resumed[-1], AIMessage)
    assert resumed[-1].text == "r29"
    assert count_tokens_approximately(resumed) <= 100
    assert memory.forget(thread) == 30
    assert list(memory.turns(thread)) == []
    assert len(list(memory.turns())) == 30
