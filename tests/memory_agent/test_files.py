"""Files of memories: exact, private, and refused when they are not what was written."""

from __future__ import annotations

import csv
import os
import pickle
import stat
import sys
from datetime import timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.store.base import ListNamespacesOp, MatchCondition, PutOp

from langgraph_agentstore.errors import (
    ConfigurationError,
    DamagedFileError,
    InvalidKeyError,
    InvalidNamespaceError,
)
from langgraph_agentstore.memory_agent import FileStore, MemoryAgent
from langgraph_agentstore.memory_agent.encryption import Cipher
from langgraph_agentstore.memory_agent.file_formats import (
    FILE_FORMATS,
    MemoryEntry,
    entries_of,
    file_format,
)
from langgraph_agentstore.model.json_values import decode_value, encode_value
from tests.support.memory_agents import KEY, open_agent

_texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)
_times = st.datetimes(timezones=st.just(timezone.utc))
_entries = st.builds(
    MemoryEntry,
    st.lists(_texts, min_size=1, max_size=3).map(tuple),
    _texts,
    _json.map(encode_value),
    _times,
    _times,
)


@pytest.mark.parametrize("name", FILE_FORMATS)
@settings(max_examples=60, deadline=None)
@given(entries=st.lists(_entries, max_size=3))
def test_a_format_gives_back_what_it_was_given(name: str, entries: list[MemoryEntry]) -> None:
    format = file_format(name, KEY)
    back = entries_of(format, format.dump(entries), "a file")
    assert back == entries
    assert [repr(decode_value(entry.text)) for entry in back] == [
        repr(decode_value(entry.text)) for entry in entries
    ]


@pytest.mark.parametrize("name", FILE_FORMATS)
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[: len(data) // 2], id="cut"),
        pytest.param(lambda data: b"PK\x03\x04" + data, id="something else"),
        pytest.param(lambda _data: b"[1, 2]\r\n", id="another JSON"),
        pytest.param(lambda data: data.replace(b"created_at", b"created_by"), id="altered"),
        pytest.param(lambda data: data[:-9] + b"\xff\xfe" + data[-7:], id="no UTF-8"),
    ],
)
def test_a_damaged_file_is_refused_and_left_as_it_is(
    name: str, damage: Any, tmp_path: Path
) -> None:
    with open_agent(name, tmp_path) as agent:
        agent.batch_store((f"key {n}", {"text": "x" * 50, "n": [n]}) for n in range(9))
    path = tmp_path / f"memories.{name}"
    path.write_bytes(damaged := damage(path.read_bytes()))
    with open_agent(name, tmp_path) as agent:
        with pytest.raises(DamagedFileError, match=path.name):
            agent.retrieve_memory("key 1")
        with pytest.raises(DamagedFileError):
            agent.store_memory("key 1", 2)
    assert path.read_bytes() == damaged


def test_a_yaml_file_that_stands_for_gigabytes_is_refused(tmp_path: Path) -> None:
    """By references to its own parts, each of ten of the one before."""
    pytest.importorskip("yaml")
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    path = tmp_path / "memories.yaml"
    path.write_text("\n".join(bomb), "utf-8")

    with (
        open_agent("yaml", tmp_path) as agent,
        pytest.raises(DamagedFileError, match="references"),
    ):
        agent.retrieve_memory("a")


def test_a_pickle_file_needs_a_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="encryption_key"):
        MemoryAgent("pickle", tmp_path / "m.pickle")


def test_a_pickle_file_of_another_key_is_refused(tmp_path: Path) -> None:
    with open_agent("pickle", tmp_path) as agent:
        agent.store_memory("a", 1)
    with (
        open_agent("pickle", tmp_path, encryption_key=MemoryAgent.generate_key()) as other,
        pytest.raises(DamagedFileError, match="signature"),
    ):
        other.retrieve_memory("a")


class Evil:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("evil",)


@pytest.mark.parametrize("signed", [False, True])
def test_nothing_of_a_foreign_pickle_is_run(
    signed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    body = pickle.dumps({"format": Evil()})
    head = b"langgraph_agentstore memories 1\n" + Cipher(KEY).signature(body) if signed else b""
    (tmp_path / "memories.pickle").write_bytes(head + body)
    with open_agent("pickle", tmp_path) as agent, pytest.raises(DamagedFileError):
        agent.list_memories()
    assert not (tmp_path / "evil").exists()


def test_a_file_of_a_later_release_is_refused(tmp_path: Path) -> None:
    with open_agent("json", tmp_path) as agent:
        agent.store_memory("a", 1)
        path = tmp_path / "memories.json"
        path.write_text(path.read_text().replace('"version":1', '"version":2'))
        with pytest.raises(DamagedFileError, match="upgrade"):
            agent.retrieve_memory("a")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_a_new_file_is_its_owners_alone_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "memories.json"
    with open_agent("json", tmp_path) as agent:
        agent.store_memory("a", 1)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o640)
        agent.store_memory("a", 2)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_change_that_changes_nothing_leaves_the_file(tmp_path: Path) -> None:
    with open_agent("json", tmp_path) as agent:
        agent.store_memory("a", 1)
        before = (tmp_path / "memories.json").stat()
        assert agent.delete_memory("b") is False
        with FileStore(tmp_path / "memories.json", "json") as same:
            same.delete(("memories",), "b")
        after = (tmp_path / "memories.json").stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_two_agents_of_one_process_see_each_others_writes(tmp_path: Path) -> None:
    with open_agent("json", tmp_path) as one, open_agent("json", tmp_path) as other:
        for n in range(20):
            writer, reader = (one, other) if n % 2 else (other, one)
            writer.store_memory("n", n)
            assert reader.retrieve_memory("n") == n


def test_a_file_is_a_langgraph_store(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "m.json", "json")
    store.put(("a", "b"), "k", {"n": 1})
    store.put(("a",), "k", {"n": 2})
    assert [item.value["n"] for item in store.search(("a",), filter={"n": {"$gte": 1}})] == [2, 1]
    assert store.search(("a",), limit=1, offset=1)[0].namespace == ("a", "b")
    assert store.list_namespaces() == [("a",), ("a", "b")]
    assert store.list_namespaces(max_depth=1) == [("a",)]
    conditions = (MatchCondition("prefix", ("*",)), MatchCondition("suffix", ("b",)))
    assert store.batch([ListNamespacesOp(conditions, None, 9, 0)]) == [[("a", "b")]]
    created = store.get(("a",), "k")
    store.put(("a",), "k", {"n": 3})
    changed = store.get(("a",), "k")
    assert created is not None
    assert changed is not None
    assert changed.created_at == created.created_at < changed.updated_at
    store.delete(("a",), "k")
    assert store.get(("a",), "k") is None
    with pytest.raises(InvalidNamespaceError):
        store.batch([PutOp(("a",), "new", {}), PutOp((), "k", {})])
    assert store.get(("a",), "new") is None
    store.close()


def test_writes_together_are_one_or_none(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "m.json", "json")
    store.put(("a",), "k", {"n": 1})
    with pytest.raises(InvalidKeyError), store.together():  # noqa: PT012
        store.put(("a",), "k", {"n": 2})
        assert store.get(("a",), "k").value == {"n": 2}  # type: ignore[union-attr]
        store.put(("a",), "", {"n": 3})
    assert store.get(("a",), "k").value == {"n": 1}  # type: ignore[union-attr]
    store.close()


def test_reading_a_table_does_not_shorten_the_cells_that_another_thread_reads() -> None:
    format = file_format("csv", None)
    before = csv.field_size_limit(1_000_000)
    try:
        assert entries_of(format, format.dump([]), "a file") == []
        assert csv.field_size_limit() > 1_000_000  # of the whole process
    finally:
        csv.field_size_limit(before)
