"""Files and SQLite between processes: eight writers, and one that is killed."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.matrices import few
from tests.support.memory_agents import FILES, open_agent

ROOT = Path(__file__).parents[2]
WRITERS, EACH = 8, 6


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.memory_agent.processes", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*FILES, "sqlite"])
def test_of_eight_writing_processes_none_loses_a_memory(kind: str, tmp_path: Path) -> None:
    with open_agent(kind, tmp_path) as agent:
        agent.store_memory("together", {})
        writers = [
            start("write_many", kind, str(tmp_path), str(writer), str(EACH))
            for writer in range(WRITERS)
        ]
        for writer in writers:
            writer.communicate(timeout=120)
        assert [writer.returncode for writer in writers] == [0] * WRITERS
        each = [(str(writer), n) for writer in range(WRITERS) for n in range(EACH)]
        assert agent.list_memories() == [*(f"{w}/{n:03}" for w, n in each), "together"]
        assert agent.retrieve_memory("together") == {f"{w} {n}": True for w, n in each}


@few(1)
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("kind", [*FILES, "sqlite"])
def test_a_killed_writer_leaves_the_old_memories_or_the_new(kind: str, tmp_path: Path) -> None:
    chance = random.Random(7)
    with open_agent(kind, tmp_path) as agent:
        agent.batch_store((f"k/{i}", {"round": 0, "text": ""}) for i in range(200))
        for _ in range(5):
            writer = start("write_for_ever", kind, str(tmp_path))
            assert writer.stdout is not None
            for _ in range(chance.randrange(2, 5)):
                begun = int(writer.stdout.readline())
            # Not a pause for something to happen, but a moment picked at random.
            threading.Event().wait(chance.uniform(0, 0.03))
            writer.kill()
            rest = writer.communicate()[0].split()
            last = int(rest[-1]) if rest else begun
            found = agent.search_memory("k/")
            rounds = {memory["round"] for memory in found}
            assert len(found) == 200
            assert len(rounds) == 1
            assert rounds <= {last - 1, last}
            agent.store_memory("after", True)
            assert agent.retrieve_memory("after") is True
