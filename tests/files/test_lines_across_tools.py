"""What one tool shows of a file, the others take; the file keeps its line ends and its bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from langgraph_agentstore.files import StoreBackend
from tests.files.stores import STORES, Form

LINE_ENDS = ["\n", "\r\n", "\r", "\f", "\v", "\x1c", "\x85", "\u2028", "\u2029"]


@pytest.fixture(params=STORES)
def any_store(request: pytest.FixtureRequest, postgres_dsn: str) -> Iterator[Any]:
    with STORES[request.param](postgres_dsn) as store:
        yield store


@pytest.fixture
def spoon_ai(any_store: Any, loop: asyncio.AbstractEventLoop) -> Any:
    return Form(StoreBackend(any_store), loop)


@pytest.fixture(params=["AgentStore", "LangGraph's InMemoryStore"])
def deep_agents(request: pytest.FixtureRequest, postgres_dsn: str) -> Iterator[Any]:
    pytest.importorskip("deepagents")
    from langgraph_agentstore.files import DeepAgentsBackend

    with STORES[request.param](postgres_dsn) as store:
        yield DeepAgentsBackend(store, namespace=(uuid4().hex,))


def bytes_of(backend: Any, path: str) -> bytes:
    content: bytes = backend.download_files([path])[0].content
    return content


def shown_lines(read: str) -> list[str]:
    return [row.partition("\t")[2] for row in read.split("\n")]


@pytest.mark.parametrize("end", LINE_ENDS)
def test_what_was_read_can_be_replaced(spoon_ai: Any, end: str) -> None:
    spoon_ai.upload_files([("/a", end.join(["one", "two", "three", ""]).encode())])
    seen = "\n".join(shown_lines(spoon_ai.read("/a", 0, 2)))
    assert spoon_ai.edit("/a", seen, "1\n2").occurrences == 1
    assert bytes_of(spoon_ai, "/a") == end.join(["1", "2", "three", ""]).encode()


@pytest.mark.parametrize("end", LINE_ENDS)
def test_a_line_that_was_found_is_the_line_that_is_read(spoon_ai: Any, end: str) -> None:
    spoon_ai.upload_files([("/a", end.join(["one", "two", "needle"]).encode())])
    [match] = spoon_ai.grep_raw("needle")
    assert match == {"path": "/a", "line": 3, "text": "needle"}
    assert shown_lines(spoon_ai.read("/a", match["line"] - 1, 1)) == ["needle"]


def test_lines_that_look_alike_are_counted_alike(spoon_ai: Any) -> None:
    spoon_ai.upload_files([("/a", b"a\r\nb\na\nb\n")])
    assert "appears 2 times" in spoon_ai.edit("/a", "a\nb", "x").error
    assert spoon_ai.edit("/a", "a\nb", "x\ny", True).occurrences == 2
    assert bytes_of(spoon_ai, "/a") == b"x\r\ny\nx\ny\n"


def test_line_ends_can_be_changed_by_name(spoon_ai: Any) -> None:
    spoon_ai.upload_files([("/a", b"a\r\nb\r\n")])
    assert spoon_ai.edit("/a", "\r\n", "\n", True).occurrences == 2
    assert bytes_of(spoon_ai, "/a") == b"a\nb\n"


def test_a_byte_order_mark_is_kept_and_not_shown(spoon_ai: Any) -> None:
    spoon_ai.upload_files([("/a", "\ufeffone\r\ntwo".encode())])
    assert spoon_ai.read("/a") == "     1\tone\n     2\ttwo"
    assert [match["line"] for match in spoon_ai.grep_raw("^one$")] == [1]
    assert spoon_ai.edit("/a", "one\ntwo", "1\n2").error is None
    assert bytes_of(spoon_ai, "/a") == "\ufeff1\r\n2".encode()


@pytest.mark.parametrize("content", ["abc", ""])
def test_an_empty_text_is_not_replaced(spoon_ai: Any, content: str) -> None:
    spoon_ai.write("/a", content)
    for everywhere in (False, True):
        done = spoon_ai.edit("/a", "", "X", everywhere)
        assert done.error.startswith("Error: old_string is empty")
        assert done.occurrences is None
    assert bytes_of(spoon_ai, "/a") == content.encode()


def test_a_text_replaced_by_itself_changes_nothing(spoon_ai: Any) -> None:
    spoon_ai.upload_files([("/a", b"a\r\nb")])
    assert spoon_ai.edit("/a", "a\nb", "a\nb").occurrences == 1
    assert bytes_of(spoon_ai, "/a") == b"a\r\nb"


def test_a_file_needs_a_path(spoon_ai: Any) -> None:
    assert spoon_ai.write("", "x").error.startswith("Error: ")
    assert spoon_ai.upload_files([("", b"x"), ("/a", b"y")])[0].error == "invalid_path"
    assert spoon_ai.read("") == "Error: File '' not found"
    assert spoon_ai.edit("", "a", "b").error == "Error: File '' not found"
    assert [file["path"] for file in spoon_ai.glob_info("**")] == ["/a"]


# deepagents


@pytest.mark.parametrize("end", LINE_ENDS)
def test_a_deep_agent_can_replace_what_it_read(deep_agents: Any, end: str) -> None:
    deep_agents.upload_files([("/a", end.join(["one", "two", "three", ""]).encode())])
    seen = deep_agents.read("/a", 0, 2).file_data["content"]
    assert deep_agents.edit("/a", seen, seen.replace("one", "1")).occurrences == 1
    assert bytes_of(deep_agents, "/a") == end.join(["1", "two", "three", ""]).encode()


@pytest.mark.parametrize("end", LINE_ENDS)
def test_a_deep_agent_reads_the_line_that_it_found(deep_agents: Any, end: str) -> None:
    deep_agents.upload_files([("/a", end.join(["one", "two", "needle"]).encode())])
    [match] = deep_agents.grep("needle").matches
    assert match == {"path": "/a", "line": 3, "text": "needle"}
    assert deep_agents.read("/a", match["line"] - 1, 1).file_data["content"] == "needle"


def test_lines_that_a_deep_agent_adds_end_as_those_beside_them(deep_agents: Any) -> None:
    deep_agents.upload_files([("/a", b"one\r\ntwo\r\n")])
    assert deep_agents.edit("/a", "one\n", "one\nand a half\n").error is None
    assert bytes_of(deep_agents, "/a") == b"one\r\nand a half\r\ntwo\r\n"


def test_a_deep_agent_is_told_of_a_line_end_that_is_not_there(deep_agents: Any) -> None:
    deep_agents.upload_files([("/a", b"one\r\ntwo")])
    assert "does not end with a newline" in deep_agents.edit("/a", "two\n", "2\n").error
    assert bytes_of(deep_agents, "/a") == b"one\r\ntwo"


def test_a_deep_agent_replaces_no_empty_text(deep_agents: Any) -> None:
    deep_agents.write("/a", "abc")
    assert deep_agents.edit("/a", "", "X", True).error
    assert bytes_of(deep_agents, "/a") == b"abc"


def test_a_file_of_a_deep_agent_needs_a_path(deep_agents: Any) -> None:
    assert deep_agents.write("", "x").error.startswith("Error: ")
    assert deep_agents.upload_files([("", b"x")])[0].error == "invalid_path"
    assert deep_agents.read("").error == "File '' not found"


def test_a_deep_agents_byte_order_mark_is_kept(deep_agents: Any) -> None:
    deep_agents.upload_files([("/a", "\ufeffone\r\ntwo".encode())])
    assert deep_agents.edit("/a", "one\ntwo", "1\n2").error is None
    assert bytes_of(deep_agents, "/a") == "\ufeff1\r\n2".encode()


# What no file can have


@pytest.mark.parametrize("path", ["/a\x00b", "/a\ud800b"])
def test_a_path_is_text(spoon_ai: Any, path: str) -> None:
    assert spoon_ai.write(path, "x").error.startswith("Error: ")
    assert spoon_ai.upload_files([(path, b"x"), ("/b", b"y")])[0].error == "invalid_path"
    assert spoon_ai.read(path) == f"Error: File '{path}' not found"
    assert spoon_ai.edit(path, "a", "b").error == f"Error: File '{path}' not found"
    assert spoon_ai.download_files([path, "/b"])[1].content == b"y"


def test_half_a_character_is_refused(spoon_ai: Any) -> None:
    assert spoon_ai.write("/a", "\ud83d").error.startswith("Error: ")
    spoon_ai.write("/b", "x")
    assert spoon_ai.edit("/b", "x", "\ud83d").error.startswith("Error: ")
    assert bytes_of(spoon_ai, "/b") == b"x"


def test_half_a_character_of_a_deep_agent_is_refused(deep_agents: Any) -> None:
    assert deep_agents.write("/a", "\ud83d").error.startswith("Error: ")
    assert deep_agents.read("/a").error == "File '/a' not found"
