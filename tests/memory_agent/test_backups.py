"""Backups: whole, verified before anything is written, made at intervals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore import transfer
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.errors import (
    ConfigurationError,
    DamagedFileError,
    DecryptionError,
    InvalidOperationError,
    TransferError,
    VersionConflictError,
)
from langgraph_agentstore.memory_agent import MemoryAgent
from tests.support.memory_agents import KEY, LOCAL, open_agent


@pytest.fixture(params=LOCAL)
def agent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemoryAgent]:
    with open_agent(request.param, tmp_path, user_id="ada@example.com") as agent:
        agent.batch_store([("a", {"n": 1}), ("b", [1, None]), ("c", "text")])
        agent.link("a", "b", "r")
        yield agent


def everything(agent: MemoryAgent) -> dict[str, Any]:
    keys = agent.list_memories()
    return {key: (agent.retrieve_memory(key), agent.related(key)) for key in keys}


@pytest.mark.parametrize("kind", [kind for kind in LOCAL if kind != "memory"])
def test_no_export_replaces_the_file_that_memories_live_in(kind: str, tmp_path: Path) -> None:
    with open_agent(kind, tmp_path) as agent, MemoryAgent("memory") as other:
        agent.store_memory("a", {"n": 1})
        other.store_memory("b", {"n": 2})
        file = tmp_path / f"memories.{kind}"
        talk = ConversationMemory(InMemoryStore(), "ada")
        for write in (
            lambda: agent.backup_data(file),
            lambda: other.export(file, "jsonl"),
            lambda: transfer.export(InMemoryStore(), file, format="jsonl"),
            lambda: talk.export(file, "jsonl"),
        ):
            with pytest.raises(ConfigurationError, match="memories"):
                write()
        assert agent.retrieve_memory("a") == {"n": 1}


@pytest.mark.parametrize("kind", ["json", "csv", "yaml"])
def test_an_export_that_is_taken_for_memories_is_told(kind: str, tmp_path: Path) -> None:
    with MemoryAgent("memory") as agent:
        agent.export(tmp_path / f"memories.{kind}")
    with (
        open_agent(kind, tmp_path) as agent,
        pytest.raises(DamagedFileError, match=r"if it is an export .* call import_"),
    ):
        agent.list_memories()


@pytest.mark.parametrize("name", ["b.jsonl", "b.jsonl.gz", "b.json", "b.csv", "b.yaml"])
def test_a_restored_backup_is_what_was_backed_up(
    agent: MemoryAgent, name: str, tmp_path: Path
) -> None:
    before = everything(agent)
    assert agent.backup_data(tmp_path / name) == 4
    agent.delete_memory("a")
    agent.store_memory("b", "changed")
    agent.store_memory("d", "later")
    assert agent.restore_data(tmp_path / name) == 4
    assert everything(agent) == {**before, "d": ("later", [])}


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        pytest.param(lambda lines: lines[:-1], DamagedFileError, id="truncated at a line"),
        pytest.param(lambda lines: [*lines[:-1], lines[-1][:-9]], DamagedFileError, id="truncated"),
        pytest.param(lambda lines: lines[1:], DamagedFileError, id="a record is missing"),
        pytest.param(
            lambda lines: [lines[0].replace(b'"key":"', b'"key":"x'), *lines[1:]],
            DamagedFileError,
            id="altered",
        ),
        pytest.param(lambda _lines: [b'{"some": "thing"}\n'], DamagedFileError, id="foreign"),
        pytest.param(lambda _lines: [], DamagedFileError, id="empty"),
        pytest.param(lambda _lines: [b"\x1f\x8b\xff\x00"], DamagedFileError, id="no text"),
    ],
)
def test_a_bad_file_is_refused_and_changes_nothing(
    agent: MemoryAgent, damage: Any, error: type[Exception], tmp_path: Path
) -> None:
    path = tmp_path / "b.jsonl"
    agent.backup_data(path)
    agent.store_memory("a", "changed")
    before = everything(agent)
    path.write_bytes(b"".join(damage(path.read_bytes().splitlines(keepends=True))))
    for restore in (agent.restore_data, agent.import_):
        with pytest.raises(error, match=r"b\.jsonl"):
            restore(path)
    assert everything(agent) == before


def test_a_backup_of_another_namespace_is_refused(agent: MemoryAgent, tmp_path: Path) -> None:
    other = MemoryAgent("memory", namespace="memoriesandmore")
    other.store_memory("x", 1)
    other.backup_data(tmp_path / "other.jsonl")
    before = everything(agent)
    with pytest.raises((TransferError, DecryptionError), match="nothing was written"):
        agent.restore_data(tmp_path / "other.jsonl")
    assert everything(agent) == before


def test_a_backup_of_a_whole_store_is_refused(tmp_path: Path) -> None:
    store = InMemoryStore()
    MemoryAgent(store=store, user_id="ada").store_memory("x", 1)
    nobody = MemoryAgent(store=store)
    from langgraph_agentstore import transfer

    transfer.export(store, tmp_path / "all.jsonl")
    with pytest.raises(TransferError, match="namespace"):
        nobody.restore_data(tmp_path / "all.jsonl")
    assert nobody.list_memories() == []


@pytest.mark.parametrize(("mine", "others"), [(KEY, None), (None, KEY)])
def test_a_backup_of_another_key_is_refused(mine: Any, others: Any, tmp_path: Path) -> None:
    one = MemoryAgent("memory", encryption_key=mine)
    one.store_memory("a", 1)
    one.backup_data(tmp_path / "b.jsonl")
    other = MemoryAgent("memory", encryption_key=others)
    with pytest.raises(DecryptionError, match="nothing was written"):
        other.restore_data(tmp_path / "b.jsonl")
    assert other.list_memories() == []


def test_an_import_may_leave_or_refuse_what_is_there(tmp_path: Path) -> None:
    agent = MemoryAgent("memory")
    agent.batch_store([("a", 1), ("b", 2)])
    assert agent.export(tmp_path / "m.csv") == 2
    other = MemoryAgent("memory")
    other.store_memory("a", "mine")
    assert other.import_(tmp_path / "m.csv", on_conflict="skip") == 1
    assert (other.retrieve_memory("a"), other.retrieve_memory("b")) == ("mine", 2)
    with pytest.raises(VersionConflictError):
        other.import_(tmp_path / "m.csv", on_conflict="fail")
    assert other.retrieve_memory("a") == "mine"


def test_a_format_may_be_named_where_the_file_says_none(tmp_path: Path) -> None:
    agent = MemoryAgent("memory")
    agent.store_memory("a", 1)
    with pytest.raises(ConfigurationError, match="endings"):
        agent.export(tmp_path / "memories.backup")
    assert agent.export(tmp_path / "memories.backup", format="json") == 1
    assert agent.import_(tmp_path / "memories.backup", format="json") == 1


@pytest.mark.parametrize("kind", LOCAL)
def test_memories_move_to_any_storage(
    agent: MemoryAgent, request: pytest.FixtureRequest, kind: str, tmp_path: Path
) -> None:
    (tmp_path / "target").mkdir()
    options = {"encryption_key": KEY} if request.node.callspec.params["agent"] == "pickle" else {}
    target = open_agent(kind, tmp_path / "target", user_id="ada@example.com", **options)
    with target:
        assert agent.migrate_to(target) == 4
        assert everything(target) == everything(agent)


def test_memories_move_to_a_store_as_this_users() -> None:
    agent, store = MemoryAgent("memory", user_id="ada"), InMemoryStore()
    agent.store_memory("a", 1)
    assert agent.migrate_to(store) == 1
    assert MemoryAgent(store=store, user_id="ada").retrieve_memory("a") == 1
    assert store.list_namespaces() == [("users", "ada", "memories")]
    with pytest.raises(ConfigurationError, match="namespace"):
        agent.migrate_to(MemoryAgent("memory", namespace="x"))


# At intervals


def test_the_newest_backups_are_kept(agent: MemoryAgent, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "mine.jsonl.gz").write_bytes(b"not to be touched")
    with agent.schedule_backups(folder, every_minutes=1e-6, keep=2) as schedule:
        assert schedule.wait_for(5, timeout_s=30)
    kept = schedule.backups()
    assert len(kept) == 2
    assert (folder / "mine.jsonl.gz").exists()
    assert len(list(folder.iterdir())) == 3
    assert schedule.last_error is None
    agent.delete_memory("a")
    assert agent.restore_data(kept[-1]) == 4


def test_the_backups_of_an_earlier_run_count_but_not_anothers(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    for user in ("ada", "bob", "ada"):
        with open_agent("sqlite", tmp_path, user_id=user) as agent:
            schedule = agent.schedule_backups(folder, every_minutes=60, keep=1)
            assert schedule.wait_for(1, timeout_s=30)
            schedule.close()
            assert len(schedule.backups()) == 1
    assert len(list(folder.iterdir())) == 2


def test_a_failing_backup_is_told_of_and_the_next_is_tried(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    def audit(entry: Any) -> None:
        calls.append(entry)
        if len(calls) == 1:
            raise OSError("the disk is full")

    agent = MemoryAgent("memory", audit=audit)
    with agent.schedule_backups(tmp_path, every_minutes=1e-6, keep=9) as schedule:
        assert schedule.wait_for(1, timeout_s=30)
        assert schedule.wait_for(2, timeout_s=30)
    assert "the disk is full" in caplog.text
    assert schedule.last_error is None
    assert schedule.backups() != []


def test_closing_the_agent_ends_its_backups(tmp_path: Path) -> None:
    agent = MemoryAgent("memory")
    schedule = agent.schedule_backups(tmp_path, every_minutes=60, keep=1)
    agent.close()
    assert not schedule._thread.is_alive()
    schedule.close()
    assert len(schedule.backups()) == 1
    assert schedule.wait_for(5) is False


@pytest.mark.parametrize("minutes", [0, -1, float("inf"), float("nan"), "5", True, 1e30])
def test_a_wrong_interval_is_refused(minutes: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidOperationError, match="every_minutes"):
        MemoryAgent("memory").schedule_backups(tmp_path / "b", every_minutes=minutes, keep=1)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("keep", [0, -1, 1.5, None, True])
def test_keeping_none_is_refused(keep: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidOperationError, match="keep"):
        MemoryAgent("memory").schedule_backups(tmp_path, every_minutes=1, keep=keep)
