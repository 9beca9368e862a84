"""Files as people have them: blank, in their home, linked, mounted, and not to be written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore._support.sqlite import open_sqlite
from langgraph_agentstore.conversations import ConversationMemory, export_items
from langgraph_agentstore.errors import AgentStoreError, FileNotWritableError
from langgraph_agentstore.files import create_store_backend
from langgraph_agentstore.memory_agent import FileStore, MemoryAgent
from langgraph_agentstore.transfer import export, import_, verify
from tests.support.memory_agents import FILES, open_agent

needs_mounts = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0, reason="only root of Linux mounts"
)
Mount = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def mounted() -> Mount:
    """Mounts a file or a folder on another, as containers do."""

    @contextmanager
    def mount(source: Path, target: Path, *, read_only: bool = False) -> Iterator[None]:
        done = subprocess.run(["mount", "--bind", source, target], check=False, capture_output=True)
        if done.returncode:
            pytest.skip(f"no mounts here: {done.stderr.decode()}")
        try:
            if read_only:
                subprocess.run(["mount", "-o", "remount,bind,ro", target], check=True)
            yield
        finally:
            subprocess.run(["umount", target], check=True)

    return mount


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, and another folder that is the current one."""
    folder, current = tmp_path / "home", tmp_path / "here"
    folder.mkdir()
    current.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    monkeypatch.chdir(current)
    return folder


# Blank files


@pytest.mark.parametrize(
    "content", [b"", b"\n", b" \r\n\t\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"]
)
@pytest.mark.parametrize("kind", FILES)
def test_a_blank_file_is_as_one_that_is_not_there(
    kind: str, content: bytes, tmp_path: Path
) -> None:
    (tmp_path / f"memories.{kind}").write_bytes(content)
    with open_agent(kind, tmp_path) as agent:
        assert agent.list_memories() == []
        assert agent.retrieve_memory("a") is None
    assert (tmp_path / f"memories.{kind}").read_bytes() == content
    with open_agent(kind, tmp_path) as agent:
        agent.store_memory("a", 1)
    with open_agent(kind, tmp_path) as agent:
        assert agent.retrieve_memory("a") == 1


# Home


@pytest.mark.parametrize("kind", [*FILES, "sqlite"])
def test_a_tilde_is_the_home_of_memories(kind: str, home: Path) -> None:
    with open_agent(kind, Path("~/deep/er")) as agent:
        agent.store_memory("a", 1)
        assert agent.backup_data("~/backup.jsonl") == 1
        assert agent.restore_data("~/backup.jsonl") == 1
        assert agent.export("~/export.csv") == 1
        assert agent.import_("~/export.csv") == 1
        with agent.schedule_backups("~/backups", 60, 1) as schedule:
            assert schedule.wait_for(1, 60)
            assert [path.parent for path in schedule.backups()] == [home / "backups"]
    assert (home / "deep/er" / f"memories.{kind}").is_file()
    assert list(Path.cwd().iterdir()) == []


def test_a_tilde_is_home_wherever_a_path_is_taken(home: Path) -> None:
    store = InMemoryStore()
    store.put(("a",), "k", {"n": 1})
    ConversationMemory(store, "ada").save_turn("a", "b", "t")
    export(store, "~/all.jsonl.gz")
    assert verify("~/all.jsonl.gz").records == 2
    assert import_(InMemoryStore(), "~/all.jsonl.gz", resume=True) == 2
    assert ConversationMemory(store, "ada").export("~/turns.csv") == 1
    assert export_items(store, "~/items.jsonl") == 2
    open_sqlite("~/a.db").conn.close()
    with create_store_backend(db_path="~/files.db") as backend:
        backend.write("/a", "x")
    FileStore("~/m.json", "json").put(("a",), "k", {})
    with MemoryAgent("memory", audit="~/audit.jsonl") as agent:
        agent.store_memory("a", 1)
    made = {path.name for path in home.iterdir()}
    assert made >= {"all.jsonl.gz", "turns.csv", "items.jsonl", "a.db", "files.db", "m.json"}
    assert "audit.jsonl" in made
    assert list(Path.cwd().iterdir()) == []


def test_a_tilde_of_nobody_is_a_name(home: Path) -> None:
    with MemoryAgent("json", "~nobody-of-that-name.json") as agent:
        agent.store_memory("a", 1)
    assert Path("~nobody-of-that-name.json").is_file()
    assert not list(home.iterdir())


# Links


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    for name in ("memories.json", "x.jsonl", "memories.sqlite"):
        (tmp_path / name).symlink_to(tmp_path / "real" / name)
    for kind in ("json", "sqlite"):
        with open_agent(kind, tmp_path) as agent:
            agent.store_memory("a", 1)
            agent.backup_data(tmp_path / "x.jsonl")
    for name in ("memories.json", "x.jsonl", "memories.sqlite"):
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "real" / name).stat().st_size
    # Whoever opens it by its own name takes the same lock.
    locks = {path.name for path in tmp_path.rglob("*.lock")}
    assert {path.parent.name for path in tmp_path.rglob("*.lock")} == {"real"}
    assert locks == {"memories.json.lock", "memories.sqlite.lock"}


# What cannot be written


@needs_mounts
@pytest.mark.parametrize("kind", FILES)
def test_a_mounted_file_is_read_and_not_replaced(kind: str, tmp_path: Path, mounted: Mount) -> None:
    for folder in ("host", "guest"):
        with open_agent(kind, tmp_path / folder) as agent:
            agent.store_memory("a", folder)
    name = f"memories.{kind}"
    guest = tmp_path / "guest"
    before = (tmp_path / "host" / name).read_bytes()
    with mounted(tmp_path / "host" / name, guest / name), open_agent(kind, guest) as agent:
        assert agent.retrieve_memory("a") == "host"
        with pytest.raises(FileNotWritableError, match="mount its folder instead") as caught:
            agent.store_memory("b", 1)
        assert caught.value.errno == errno.EBUSY
        assert agent.retrieve_memory("b") is None
    assert (tmp_path / "host" / name).read_bytes() == before
    assert {path.name for path in guest.iterdir()} == {name, f"{name}.lock"}


@needs_mounts
def test_a_mounted_file_is_not_replaced_by_an_export(tmp_path: Path, mounted: Mount) -> None:
    for name in ("host.jsonl", "guest.jsonl"):
        (tmp_path / name).write_bytes(b"old")
    with mounted(tmp_path / "host.jsonl", tmp_path / "guest.jsonl"):
        with pytest.raises(FileNotWritableError, match="mount its folder instead"):
            export(InMemoryStore(), tmp_path / "guest.jsonl")
        assert (tmp_path / "guest.jsonl").read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"host.jsonl", "guest.jsonl"}


@needs_mounts
@pytest.mark.parametrize("kind", [*FILES, "sqlite"])
def test_a_read_only_folder_says_so(kind: str, tmp_path: Path, mounted: Mount) -> None:
    folder = tmp_path / "folder"
    with open_agent(kind, folder) as agent:
        agent.store_memory("a", 1)
    with mounted(folder, folder, read_only=True):
        with pytest.raises(FileNotWritableError, match="read-only"):
            export(InMemoryStore(), folder / "x.jsonl")
        if kind != "sqlite":
            with open_agent(kind, folder) as agent:
                assert agent.retrieve_memory("a") == 1
        with (
            pytest.raises(FileNotWritableError, match="read-only") as caught,
            open_agent(kind, folder) as agent,
        ):
            agent.store_memory("b", 1)
        assert caught.value.errno == errno.EROFS


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root and Windows write anywhere"
)
def test_a_folder_of_others_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o500)
    with pytest.raises(FileNotWritableError, match="allow it"):
        FileStore(folder / "m.json", "json").put(("a",), "k", {})
    with pytest.raises(FileNotWritableError, match="allow it"):
        export(InMemoryStore(), folder / "x.jsonl")


@pytest.mark.parametrize("kind", ["json", "sqlite"])
def test_a_file_in_place_of_a_folder_says_so(kind: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(FileNotWritableError, match="not a folder"),
        open_agent(kind, tmp_path / "file") as agent,
    ):
        agent.store_memory("a", 1)


def test_a_folder_in_place_of_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "memories.json").mkdir()
    with open_agent("json", tmp_path) as agent, pytest.raises((OSError, AgentStoreError)):
        agent.store_memory("a", 1)
    (tmp_path / "x.jsonl").mkdir()
    with pytest.raises(FileNotWritableError, match="it is a folder"):
        export(InMemoryStore(), tmp_path / "x.jsonl")
    assert {path.name for path in tmp_path.iterdir()} >= {"memories.json", "x.jsonl"}
    assert not list(tmp_path.glob(".x*"))
