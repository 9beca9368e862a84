"""What the specification promises, as its readers would type it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_both_names_give_the_same_class() -> None:
    from langgraph_agentstore.memory_agent import MemoryAgent
    from memory_agent import agent

    assert agent.MemoryAgent is MemoryAgent


@pytest.mark.parametrize("storage_type", ["database", "sqlite", "json", "csv", "yaml", "memory"])
def test_the_words_of_the_specification_run(
    storage_type: str, fresh_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTSTORE_DSN", fresh_database)
    monkeypatch.chdir(tmp_path)
    key, data, path, directory = "messages", [{"timestamp": "2024-06-01"}, {}], "b.json", "backups"
    other_key, relation = "profile", "about"

    from memory_agent import agent

    with agent.MemoryAgent(storage_type) as memory, agent.MemoryAgent("memory") as other:
        assert memory.retrieve_memory(key) is None
        memory.store_memory(key, data)
        assert memory.retrieve_memory(key, filter=None) == data
        assert memory.batch_store([(other_key, {"name": "Ada"})]) == 1
        memory.update_memory(other_key, {"language": "en"})
        with pytest.raises(KeyError):
            memory.update_memory("nothing", data)
        found = memory.search_memory("messages", {"timestamp": {"$gte": "2024-01-01"}})
        assert found == [{"timestamp": "2024-06-01"}]
        assert memory.list_memories(prefix=None) == [key, other_key]
        memory.link(key, other_key, relation)
        assert memory.related(key, relation=None) == [(relation, other_key)]
        assert memory.backup_data(path) == 3
        assert memory.delete_memory(key) is True
        assert memory.restore_data(path) == 3
        with memory.schedule_backups(directory, every_minutes=30, keep=2) as schedule:
            assert schedule.wait_for(1, timeout_s=60)
        memory.export(path, format="csv")
        memory.import_(path, format="csv")
        assert memory.migrate_to(other) == 3
        assert other.retrieve_memory(key) == data


def test_a_conversation_is_remembered_by_the_next_process(tmp_path: Path) -> None:
    said = [
        "memory.store_memory('talk', [agent.Message(role='user', content='Hi').model_dump()])",
        "print(memory.search_memory('talk', {'role': 'user'})[0]['content'])",
    ]
    start = "from memory_agent import agent; memory = agent.MemoryAgent('sqlite', 'm.db'); "
    printed = ""
    for line in said:
        printed = subprocess.run(
            [sys.executable, "-c", start + line],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    assert printed == "Hi\n"


def test_a_running_graph_keeps_memories_for_its_user(tmp_path: Path) -> None:
    from langchain_core.messages import HumanMessage
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.runtime import Runtime

    from langgraph_agentstore.memory_agent import FileStore, MemoryAgent

    def remember(state: MessagesState, runtime: Runtime[None]) -> dict[str, object]:
        memory = MemoryAgent(store=runtime.store, user_id="ada")
        memory.batch_store([("said/1", state["messages"][-1].text)])
        return {}

    store = FileStore(tmp_path / "memories.json", "json")
    graph = StateGraph(MessagesState).add_node(remember).add_edge(START, "remember")
    said = HumanMessage("My cat is called Turing.")
    graph.compile(store=store).invoke({"messages": [said]})
    agent = MemoryAgent("json", tmp_path / "memories.json", user_id="ada")
    assert agent.search_memory("said/") == ["My cat is called Turing."]
    agent.close()
    store.close()


@pytest.mark.slow
def test_the_wheel_brings_the_short_name(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", tmp_path, ROOT], check=True
    )
    [wheel] = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"memory_agent/__init__.py", "memory_agent/agent.py", "memory_agent/py.typed"} <= names
    assert "langgraph_agentstore/memory_agent/agent.py" in names
