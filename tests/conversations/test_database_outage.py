"""Turns are saved after the reply: what the database does meanwhile delays none and loses none."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, remember_conversation
from langgraph_agentstore.conversations import background_saver as saver_module
from tests.conversations.talking import config_of, graph_over, said, tell
from tests.support.faults import execute, run_script, start_script, wait_until
from tests.support.matrices import few
from tests.support.servers import TestServer

QUICK_S = 5.0
"""Far below any time limit of the store, far above what a reply takes."""


def queries(store: AgentStore, user: str, thread: str | None = None) -> list[str]:
    return [turn.query for turn in ConversationMemory(store, user).turns(thread)]


def remembering(graph: Any) -> Any:
    """The node's own object."""
    return graph.builder.nodes["remember"].runnable.func


def test_an_outage_during_the_talk_delays_no_reply_and_loses_no_turn(
    disposable_server: TestServer,
) -> None:
    # An outage is told at once, so that the saver tries again by itself.
    with AgentStore(disposable_server.dsn, pool={"failover_wait_s": 0}) as store:
        graph = graph_over(store)
        talk = [f"turn {n}" for n in range(30)]
        for text in talk[:10]:
            graph.invoke({"messages": [said(text)]}, config_of("ann", "one"))
        disposable_server.kill()
        begun = time.monotonic()
        for text in talk[10:]:
            graph.invoke({"messages": [said(text)]}, config_of("ann", "one"))
        graph.invoke({"messages": [said("anew")]}, config_of("ann", "two"))
        assert time.monotonic() - begun < QUICK_S

        saver = remembering(graph)
        wait_until(lambda: saver.stats().retries > 0)
        assert saver.stats().waiting > 0
        disposable_server.restart()
        assert saver.flush(60)
        assert queries(store, "ann") == [*talk, "anew"]
        assert (saver.stats().accepted, saver.stats().saved) == (31, 31)
        assert (saver.stats().lost, saver.stats().refused) == (0, 0)


async def test_a_server_that_hangs_delays_no_awaited_reply(disposable_server: TestServer) -> None:
    async with AgentStore(disposable_server.dsn) as store:
        graph = graph_over(store, timeout_s=0.5)
        await graph.ainvoke({"messages": [said("turn 0")]}, config_of("ann", "one"))
        disposable_server.freeze()
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        begun = time.monotonic()
        await graph.ainvoke({"messages": [said("turn 1")]}, config_of("ann", "one"))
        await graph.ainvoke({"messages": [said("turn 2")]}, config_of("ann", "two"))
        took_s = time.monotonic() - begun
        ticking.cancel()
        disposable_server.thaw()

        assert took_s < QUICK_S
        assert ticks > took_s / 0.1
        assert await asyncio.to_thread(remembering(graph).flush, 60)
        assert await asyncio.to_thread(queries, store, "ann") == ["turn 0", "turn 1", "turn 2"]


def test_a_full_buffer_refuses_loudly_and_counts(
    disposable_server: TestServer, caplog: pytest.LogCaptureFixture
) -> None:
    with AgentStore(disposable_server.dsn) as store:
        node = remember_conversation(store, capacity=3)
        disposable_server.kill()
        for number in range(4):
            assert not caplog.records
            tell(node, "one", f"q{number}")
        assert re.search(r"3 turns wait .* thread 'one' is not saved", caplog.text)
        assert (node.stats().accepted, node.stats().refused) == (3, 1)

        disposable_server.restart()
        assert node.flush(60)
        tell(node, "one", "q4")
        assert queries(store, "ann") == ["q0", "q1", "q2", "q4"]


def test_a_reply_is_given_though_its_turn_is_refused(
    disposable_server: TestServer, caplog: pytest.LogCaptureFixture
) -> None:
    with AgentStore(disposable_server.dsn) as store:
        graph = graph_over(store, capacity=1)
        full = remembering(graph)
        disposable_server.kill()
        with caplog.at_level(logging.ERROR):
            for number in range(3):
                shown = graph.invoke({"messages": [said(f"{number}")]}, config_of("ann", "one"))
        assert shown["messages"][-1].text.startswith("I was shown")
        assert full.stats().refused == 2
        assert "a turn of thread 'one' is not saved" in caplog.text
        disposable_server.restart()


TALK = """
import json, sys
from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import background_saver as saver_module
from langgraph_agentstore.conversations.background_saver import BackgroundSaver
from tests.conversations.talking import config_of, graph_over, said, tell

dsn, turns, ending = sys.argv[1], int(sys.argv[2]), sys.argv[3]
store = AgentStore(dsn)
graph = graph_over(store)

def talk(beginning):
    for number in range(beginning, beginning + turns):
        graph.invoke({"messages": [said(f"turn {number}")]}, config_of("ann", "one"))

if ending == "with":
    with store:
        talk(0)
elif ending == "exit":
    talk(0)
    sys.exit()
elif ending == "waits":
    store.setup()
    print("ready", flush=True)
    sys.stdin.readline()
    talk(0)
    print("talked", flush=True)
elif ending == "killed":
    talk(0)
    graph.builder.nodes["remember"].runnable.func.flush()
    print("flushed", flush=True)
    sys.stdin.readline()
    talk(turns)
    print("talked", flush=True)
    sys.stdin.readline()
"""


@few(1)
@pytest.mark.parametrize("ending", ["with", "exit"])
def test_a_clean_stop_right_after_the_last_reply_loses_nothing(
    fresh_database: str, ending: str
) -> None:
    run_script(TALK, fresh_database, "20", ending)
    with AgentStore(fresh_database) as store:
        assert queries(store, "ann") == [f"turn {n}" for n in range(20)]


def test_a_clean_stop_waits_for_a_database_that_comes_back(disposable_server: TestServer) -> None:
    talker = start_script(TALK, disposable_server.dsn, "20", "waits")
    assert talker.stdin is not None
    assert talker.stdout is not None
    assert talker.stdout.readline() == "ready\n"
    disposable_server.kill()
    talker.stdin.write("go on\n")
    talker.stdin.flush()
    assert talker.stdout.readline() == "talked\n"
    assert talker.poll() is None
    disposable_server.restart()
    talker.communicate(timeout=60)
    assert talker.returncode == 0
    with AgentStore(disposable_server.dsn) as store:
        assert queries(store, "ann") == [f"turn {n}" for n in range(20)]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_kill_loses_at_most_what_was_not_flushed(disposable_server: TestServer) -> None:
    talker = start_script(TALK, disposable_server.dsn, "10", "killed")
    assert talker.stdin is not None
    assert talker.stdout is not None
    assert talker.stdout.readline() == "flushed\n"
    disposable_server.freeze()
    talker.stdin.write("go on\n")
    talker.stdin.flush()
    assert talker.stdout.readline() == "talked\n"
    os.kill(talker.pid, signal.SIGKILL)
    talker.communicate()
    disposable_server.thaw()
    with AgentStore(disposable_server.dsn) as store:
        assert queries(store, "ann")[:10] == [f"turn {n}" for n in range(10)]
        assert len(queries(store, "ann")) <= 20


@pytest.mark.parametrize("ending", ["close", "aclose"])
async def test_a_store_that_closes_waits_for_the_turns_of_its_savers(
    fresh_database: str, ending: str
) -> None:
    store = AgentStore(fresh_database)
    node = remember_conversation(store)
    for number in range(1000):
        tell(node, f"thread {number}", str(number))
    if ending == "close":
        store.close()
    else:
        await store.aclose()
    assert node.stats().waiting == 0
    with AgentStore(fresh_database) as again:
        assert again.count() == 1000


FORKED = """
import os, sys
from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import remember_conversation
from tests.conversations.talking import tell

node = remember_conversation(AgentStore(sys.argv[1]))
for number in range(100):
    tell(node, "parent", str(number))
pid = os.fork()
who = "child" if pid == 0 else "parent"
for number in range(100, 200):
    tell(node, who, str(number))
node.flush()
if pid:
    assert os.waitpid(pid, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_parent_and_child_of_a_fork_each_save_their_own(fresh_database: str) -> None:
    run_script(FORKED, fresh_database)
    with AgentStore(fresh_database) as store:
        assert queries(store, "ann", "parent") == [str(n) for n in range(200)]
        assert queries(store, "ann", "child") == [str(n) for n in range(100, 200)]
        versions = execute(fresh_database, "SELECT max(version) FROM agentstore.item")
        assert versions == [(1,)]


def test_a_turn_that_the_server_refuses_is_lost_alone_and_counted(
    fresh_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    with AgentStore(fresh_database) as store:
        execute(
            fresh_database,
            "ALTER TABLE agentstore.item ADD CHECK (value->>'query' IS DISTINCT FROM 'q2')",
        )
        node = remember_conversation(store)
        for number in range(5):
            tell(node, "one", f"q{number}")
        assert node.flush(60)
        assert queries(store, "ann") == ["q0", "q1", "q3", "q4"]
        assert (node.stats().saved, node.stats().lost) == (4, 1)
        assert "1 accepted turns are lost" in caplog.text


def test_a_turn_that_fails_again_and_again_keeps_no_other_waiting(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def embed(texts: Sequence[str]) -> list[list[float]]:
        if any("poison" in text for text in texts):
            raise RuntimeError("cannot embed this")
        return [[1.0, 0.0] for _ in texts]

    monkeypatch.setattr(saver_module, "TURNS_AT_ONCE", 3)
    monkeypatch.setattr(saver_module, "RETRIED_AT_ONCE", 2)
    with AgentStore(fresh_database, index={"dims": 2, "embed": embed}) as store:
        node = remember_conversation(store, drain_timeout_s=0.1)
        for number in range(5):
            tell(node, f"t{number}", "poison")
        wait_until(lambda: node.stats().retries > 10)
        tell(node, "one", "good")
        # Reading waits for first attempts, and for these alone.
        begun = time.monotonic()
        assert queries(store, "ann", "one") == ["good"]
        assert time.monotonic() - begun < saver_module.READERS_WAIT_S
        assert (node.stats().saved, node.stats().waiting) == (1, 5)
        node.close()
        assert (node.stats().lost, node.stats().waiting) == (5, 0)


def test_what_is_left_when_time_runs_out_is_told(
    disposable_server: TestServer, caplog: pytest.LogCaptureFixture
) -> None:
    store = AgentStore(disposable_server.dsn)
    store.setup()
    node = remember_conversation(store, drain_timeout_s=0.2)
    disposable_server.kill()
    tell(node, "one", "q")
    store.close()
    assert (node.stats().waiting, node.stats().lost) == (0, 1)
    assert "1 accepted turns are lost" in caplog.text
    disposable_server.restart()
