"""Files that are made beside others': their owner's alone, and no link is followed to another."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from langgraph_agentstore.files import create_store_backend
from langgraph_agentstore.memory_agent import MemoryAgent
from tests.support.memory_agents import open_agent

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes and links are POSIX's")

KINDS = ["json", "csv", "yaml", "pickle", "sqlite"]


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.lstat().st_mode) for path in folder.iterdir()}


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_of_a_memory_is_its_owners_alone(kind: str, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with open_agent(kind, tmp_path, audit=tmp_path / "audit.jsonl") as agent:
            agent.store_memory("a", "secret")
            agent.backup_data(tmp_path / "backup.jsonl")
            made = modes(tmp_path)
    finally:
        os.umask(before)
    assert len(made) > 3
    assert set(made.values()) == {0o600}, made


def test_every_file_of_a_backend_in_sqlite_is_its_owners_alone(tmp_path: Path) -> None:
    pytest.importorskip("langgraph.store.sqlite")
    before = os.umask(0)
    try:
        with create_store_backend(db_path=str(tmp_path / "files.db")) as backend:
            backend.write("/a", "secret")
            made = modes(tmp_path)
    finally:
        os.umask(before)
    assert set(made.values()) == {0o600}, made


@pytest.mark.parametrize("kind", ["json", "pickle"])
@pytest.mark.parametrize("beside", [".memories.{}.new", "memories.{}.lock"])
def test_a_link_in_the_place_of_a_file_of_ours_is_not_written_through(
    kind: str, beside: str, tmp_path: Path
) -> None:
    """As somebody lays it who may write to the folder."""
    victim = tmp_path / "victim"
    victim.write_text("untouched", "utf-8")
    (tmp_path / beside.format(kind)).symlink_to(victim)

    agent: Any = open_agent(kind, tmp_path)
    try:
        agent.store_memory("a", "secret")
    except OSError as refused:
        told = str(refused)
    else:
        told = "remove it"
    agent.close()

    assert "remove it" in told
    assert victim.read_text("utf-8") == "untouched"


def test_a_lock_through_a_link_to_nowhere_makes_no_file(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    (tmp_path / "memories.json.lock").symlink_to(target)
    with (
        MemoryAgent("json", tmp_path / "memories.json") as agent,
        pytest.raises(OSError, match="link"),
    ):
        agent.store_memory("a", 1)
    assert not target.exists()
