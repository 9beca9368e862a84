"""spoon_ai: every behaviour and every message, on every kind of store, blocking and awaited."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from langgraph.store.memory import InMemoryStore as LangGraphInMemoryStore
from psycopg.types.json import Jsonb
from typing_extensions import LiteralString

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import ConfigurationError
from langgraph_agentstore.files import (
    EditResult,
    FileDownloadResponse,
    FileUploadResponse,
    FromLangGraph,
    InMemoryStore,
    SQLiteStore,
    StoreBackend,
    WriteResult,
    create_store_backend,
)
from tests.files.stores import STORES, Form
from tests.support.faults import execute
from tests.support.matrices import few


@pytest.fixture(params=STORES)
def any_store(request: pytest.FixtureRequest, postgres_dsn: str) -> Iterator[Any]:
    with STORES[request.param](postgres_dsn) as store:
        yield store


@pytest.fixture(params=["blocking", "awaited"])
def backend(request: pytest.FixtureRequest, any_store: Any, loop: asyncio.AbstractEventLoop) -> Any:
    return Form(StoreBackend(any_store), None if request.param == "blocking" else loop)


def names(entries: Any) -> list[str]:
    return [entry["path"] for entry in entries]


# Writing


def test_a_write_creates_a_file(backend: Any) -> None:
    assert backend.write("/a.txt", "text") == WriteResult(None, "/a.txt", None)
    assert backend.download_files(["/a.txt"]) == [FileDownloadResponse("/a.txt", b"text")]


def test_a_write_does_not_replace_a_file(backend: Any) -> None:
    backend.write("/a.txt", "first")
    assert backend.write("/a.txt", "second") == WriteResult(
        "Cannot write to /a.txt because it already exists. Read and then make an edit, or write "
        "to a new path."
    )
    assert backend.read("/a.txt") == "     1\tfirst"


def test_a_path_is_taken_as_it_is(backend: Any) -> None:
    for path in ("rel.txt", "/rel.txt", "//rel.txt", "/./rel.txt", "/a/../rel.txt"):
        assert backend.write(path, path).path == path
    for path in ("rel.txt", "/rel.txt", "//rel.txt", "/./rel.txt", "/a/../rel.txt"):
        assert backend.read(path) == f"     1\t{path}"


def test_a_file_is_stored_as_lines_with_times(any_store: Any) -> None:
    StoreBackend(any_store).write("/a.txt", "one\ntwo\r\n")
    item = any_store.get(("filesystem",), "/a.txt")
    value = item if isinstance(item, dict) else item.value
    assert value.keys() == {"content", "created_at", "modified_at"}
    assert value["content"] == ["one", "two\r", ""]
    assert datetime.fromisoformat(value["created_at"]).utcoffset() is not None
    assert value["created_at"] == value["modified_at"]


# Reading


def test_a_read_numbers_the_lines(backend: Any) -> None:
    backend.write("/a.txt", "one\ntwo\n\nfour\n")
    assert backend.read("/a.txt") == "     1\tone\n     2\ttwo\n     3\t\n     4\tfour"
    assert backend.read("/a.txt", 1, 2) == "     2\ttwo\n     3\t"
    assert backend.read("/a.txt", offset=3) == "     4\tfour"


def test_a_read_shows_2000_lines_if_not_told_otherwise(backend: Any) -> None:
    backend.write("/a.txt", "line\n" * 2_500)
    shown = backend.read("/a.txt").split("\n")
    assert len(shown) == 2_000
    assert shown[-1] == "  2000\tline"


@few(3)
def test_a_number_of_more_than_six_digits_widens_the_column(backend: Any) -> None:
    backend.write("/a.txt", "\n" * 999_999 + "x")
    assert backend.read("/a.txt", 999_998) == "999999\t\n1000000\tx"


def test_a_long_line_goes_on_in_rows_of_its_own(backend: Any) -> None:
    backend.write("/a.txt", "a" * 10_000 + "\n" + "b" * 10_000 + "c" * 10_000 + "d\nend")
    assert backend.read("/a.txt") == "\n".join(
        [
            "     1\t" + "a" * 10_000,
            "     2\t" + "b" * 10_000,
            "   2.1\t" + "c" * 10_000,
            "   2.2\td",
            "     3\tend",
        ]
    )


def test_lines_end_where_splitlines_says(backend: Any) -> None:
    backend.write("/a.txt", "1\r\n2\r3\f4\v5\x1c6\x857\u20288\u20299")
    assert [row[-1] for row in backend.read("/a.txt").split("\n")] == list("123456789")


def test_a_read_of_no_file_says_so(backend: Any) -> None:
    assert backend.read("/no") == "Error: File '/no' not found"


@pytest.mark.parametrize("blank", ["", " ", "\n\n", "\t\r\n \f\u2028"])
def test_a_read_of_a_blank_file_says_so(backend: Any, blank: str) -> None:
    backend.write("/a.txt", blank)
    said = "System reminder: File exists but has empty contents"
    assert backend.read("/a.txt") == said
    assert backend.read("/a.txt", 100) == said


def test_a_read_beyond_the_end_says_how_long_the_file_is(backend: Any) -> None:
    backend.write("/a.txt", "one\ntwo\n")
    assert backend.read("/a.txt", 2) == "Error: Line offset 2 exceeds file length (2 lines)"
    assert backend.read("/a.txt", 9, 1) == "Error: Line offset 9 exceeds file length (2 lines)"


def test_a_negative_offset_or_limit_counts_as_0(backend: Any) -> None:
    backend.write("/a.txt", "one\ntwo")
    assert backend.read("/a.txt", -3, 1) == "     1\tone"
    assert backend.read("/a.txt", 0, -1) == backend.read("/a.txt", 0, 0) == ""


# Editing


def test_an_edit_replaces_a_text_that_is_there_once(backend: Any) -> None:
    backend.write("/a.txt", "one\ntwo\nthree")
    assert backend.edit("/a.txt", "two\nth", "2\n3") == EditResult(None, "/a.txt", None, 1)
    assert backend.read("/a.txt") == "     1\tone\n     2\t2\n     3\t3ree"


def test_an_edit_can_replace_a_text_wherever_it_is(backend: Any) -> None:
    backend.write("/a.txt", "a a a")
    assert backend.edit("/a.txt", "a", "bb", True) == EditResult(None, "/a.txt", None, 3)
    assert backend.edit("/a.txt", "bb", "", replace_all=True).occurrences == 3


def test_an_edit_of_no_file_says_so(backend: Any) -> None:
    assert backend.edit("/no", "a", "b") == EditResult("Error: File '/no' not found")


def test_an_edit_of_a_text_that_is_not_there_says_so(backend: Any) -> None:
    backend.write("/a.txt", "one")
    assert backend.edit("/a.txt", "two's", "b") == EditResult(
        "Error: String not found in file: 'two's'"
    )


def test_an_edit_of_a_text_that_is_there_twice_says_so(backend: Any) -> None:
    backend.write("/a.txt", "one one")
    assert backend.edit("/a.txt", "one", "b") == EditResult(
        "Error: String 'one' appears 2 times in file. Use replace_all=True to replace all "
        "instances, or provide a more specific string."
    )
    assert backend.read("/a.txt") == "     1\tone one"


def test_an_edit_moves_the_time_of_change_but_not_that_of_creation(any_store: Any) -> None:
    backend = StoreBackend(any_store)
    backend.write("/a.txt", "one")
    values = []
    for _ in range(2):
        item = any_store.get(("filesystem",), "/a.txt")
        values.append(item if isinstance(item, dict) else item.value)
        backend.edit("/a.txt", "one", "two")
    assert values[0]["created_at"] == values[1]["created_at"]
    assert values[0]["modified_at"] < values[1]["modified_at"]


# Listing


def test_a_listing_shows_what_is_directly_in_a_folder(backend: Any) -> None:
    backend.write("/b.txt", "é😀\n")
    backend.write("/a/x.txt", "1")
    backend.write("/a/deep/y.txt", "2")
    backend.write("/a-b/z.txt", "3")
    folder = {"is_dir": True, "size": 0, "modified_at": ""}
    listed = backend.ls_info("/")
    time = listed[-1]["modified_at"]
    assert datetime.fromisoformat(time).utcoffset() is not None
    assert listed == [
        {"path": "/a-b/", **folder},
        {"path": "/a/", **folder},
        {"path": "/b.txt", "is_dir": False, "size": 3, "modified_at": time},
    ]
    assert names(backend.ls_info("/a")) == names(backend.ls_info("/a/"))
    assert names(backend.ls_info("/a")) == ["/a/deep/", "/a/x.txt"]


def test_a_listing_of_no_folder_is_empty(backend: Any) -> None:
    backend.write("/a/x.txt", "1")
    for path in ("/no", "/a/x.txt", "/a/x", "a", "/A", "/%", "/_/"):
        assert backend.ls_info(path) == []


def test_a_slash_too_many_is_a_folder_without_a_name(backend: Any) -> None:
    backend.write("/a//x.txt", "1")
    assert names(backend.ls_info("/a")) == ["/a//"]
    assert names(backend.ls_info("/a//")) == ["/a//x.txt"]


# Finding


def test_a_grep_finds_lines_by_a_regular_expression(backend: Any) -> None:
    backend.write("/b.py", "import os\n\ndef f(a):\n    return os.path\n")
    backend.write("/a.py", "def g():\r\n    pass")
    assert backend.grep_raw(r"^def \w") == [
        {"path": "/a.py", "line": 1, "text": "def g():"},
        {"path": "/b.py", "line": 3, "text": "def f(a):"},
    ]
    assert backend.grep_raw(r"os\.path")[0]["line"] == 4
    assert backend.grep_raw("nothing") == []


def test_a_grep_of_no_expression_says_so(backend: Any) -> None:
    with pytest.raises(re.error) as caught:
        re.compile("(")
    assert backend.grep_raw("(") == f"Invalid regex pattern: {caught.value}"


def test_a_grep_looks_into_a_folder_and_at_base_names(backend: Any) -> None:
    for path in ("/src/a.py", "/src/a.md", "/src/deep/b.py", "/srcs/c.py", "src/d.py"):
        backend.write(path, "x")
    assert names(backend.grep_raw("x", "/src", "*.py")) == ["/src/a.py", "/src/deep/b.py"]
    assert names(backend.grep_raw("x", "src/", "a.{md,rst}")) == ["/src/a.md"]
    assert names(backend.grep_raw("x", glob="[bc].py")) == ["/src/deep/b.py", "/srcs/c.py"]
    assert backend.grep_raw("x", "/src/a.py") == []


def test_a_glob_is_relative_to_a_folder(backend: Any) -> None:
    for path in ("/a.py", "/src/b.py", "/src/deep/c.py", "/src/deep/d.md", "/src/.h/e.py"):
        backend.write(path, "x")
    assert names(backend.glob_info("*.py")) == ["/a.py"]
    assert names(backend.glob_info("**/*.py")) == ["/src/deep/c.py", "/src/b.py", "/a.py"]
    assert names(backend.glob_info("*.py", "/src")) == ["/src/b.py"]
    assert names(backend.glob_info("**/*.{py,md}", "src/")) == [
        "/src/deep/d.md",
        "/src/deep/c.py",
        "/src/b.py",
    ]
    assert backend.glob_info("*.py", "/no") == []


def test_a_glob_gives_the_newest_first(backend: Any) -> None:
    for path in ("/1", "/2", "/3"):
        backend.write(path, "x")
    backend.edit("/1", "x", "yy")
    found = backend.glob_info("*")
    assert names(found) == ["/1", "/3", "/2"]
    assert [(one["is_dir"], one["size"]) for one in found] == [(False, 2), (False, 1), (False, 1)]


def test_a_glob_of_too_many_alternatives_is_refused(backend: Any) -> None:
    with pytest.raises(ValueError, match="is not a glob pattern"):
        backend.glob_info("{1..10000}")


# Bytes


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"a\r\nb\rc", b"no end", b"end\n", "😀é\u2028\ufeff".encode(), b"x" * 100_000],
)
def test_bytes_come_back_as_they_were(backend: Any, data: bytes) -> None:
    assert backend.upload_files([("/f", data)]) == [FileUploadResponse("/f")]
    assert backend.download_files(["/f"]) == [FileDownloadResponse("/f", data)]


def test_an_upload_replaces_what_is_there(backend: Any) -> None:
    backend.write("/f", "old")
    backend.upload_files([("/f", b"new"), ("/g", b"1"), ("/g", b"2")])
    assert [file.content for file in backend.download_files(["/f", "/g"])] == [b"new", b"2"]


def test_each_upload_and_download_has_its_own_answer(backend: Any) -> None:
    uploaded = backend.upload_files([("/a", b"1"), ("/bad", b"\xff\xfe"), ("/c", b"3")])
    assert uploaded == [
        FileUploadResponse("/a"),
        FileUploadResponse("/bad", "invalid_path"),
        FileUploadResponse("/c"),
    ]
    assert backend.download_files(["/c", "/bad", "/a"]) == [
        FileDownloadResponse("/c", b"3"),
        FileDownloadResponse("/bad", None, "file_not_found"),
        FileDownloadResponse("/a", b"1"),
    ]
    assert backend.upload_files([]) == backend.download_files([]) == []


def test_binary_files_are_kept_when_asked_to(any_store: Any) -> None:
    backend = StoreBackend(any_store, binary_files=True)
    data = bytes(range(256))
    assert backend.upload_files([("/f.bin", data), ("/nul", b"a\x00b")])[1].error is None
    assert [f.content for f in backend.download_files(["/f.bin", "/nul"])] == [data, b"a\x00b"]
    assert "binary" in backend.read("/f.bin")
    assert backend.edit("/f.bin", "A", "B").error == (
        "Error: Cannot edit binary files with text replacements."
    )
    assert backend.grep_raw(".") == []
    assert names(backend.glob_info("*.bin")) == ["/f.bin"]


# Where the files are


def test_the_namespace_is_the_assistants_then_ones_own(any_store: Any) -> None:
    assert StoreBackend(any_store).namespace == ("filesystem",)
    assert StoreBackend(any_store, None, "ann").namespace == ("ann", "filesystem")
    assert StoreBackend(any_store, ("a", "b"), "ann").namespace == ("ann", "a", "b")


def test_assistants_do_not_see_each_others_files(any_store: Any) -> None:
    ann, ben = (create_store_backend(any_store, assistant_id=name) for name in ("ann", "ben"))
    ann.write("/a.txt", "hers")
    assert (
        names(ben.ls_info("/")) == names(ben.grep_raw("hers")) == names(ben.glob_info("**")) == []
    )
    assert ben.read("/a.txt") == "Error: File '/a.txt' not found"
    assert ben.write("/a.txt", "his").error is None


def test_a_store_given_wins(tmp_path: Path) -> None:
    store = LangGraphInMemoryStore()
    backend = create_store_backend(store, db_path=str(tmp_path / "not.db"))
    backend.write("/a", "x")
    assert store.get(("filesystem",), "/a") is not None
    assert list(tmp_path.iterdir()) == []


def test_without_a_store_files_are_in_sqlite_and_stay(tmp_path: Path) -> None:
    path = str(tmp_path / "agent.db")
    first = create_store_backend(db_path=path)
    first.write("/a", "x")
    assert isinstance(first.store, SQLiteStore)
    first.store.close()
    second = create_store_backend(db_path=path)
    assert second.read("/a") == "     1\tx"
    assert isinstance(second.store, SQLiteStore)
    second.store.close()


def test_a_backend_that_cannot_be_made_leaves_no_file_open(tmp_path: Path) -> None:
    path = tmp_path.resolve() / "agent.db"
    with pytest.raises(ConfigurationError, match="namespace is a tuple") as refused:
        create_store_backend(db_path=str(path), namespace=("a", ""))
    # The error's traceback keeps all that was there, so nothing is closed by being collected.
    assert refused.tb is not None
    assert str(path) not in {file.path for file in psutil.Process().open_files()}


def test_without_sqlite_files_are_in_memory() -> None:
    assert isinstance(create_store_backend(use_sqlite=False).store, InMemoryStore)


def test_what_is_no_store_or_no_namespace_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="store is a LangGraph store"):
        StoreBackend(object())  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="namespace is a tuple"):
        StoreBackend(InMemoryStore(), ("a", ""))


# What the other dialect wrote, and what nobody could


def test_files_in_the_other_dialects_form_are_read(any_store: Any) -> None:
    value = {"content": "one\ntwo", "encoding": "utf-8", "modified_at": "2026-01-01T00:00:00+00:00"}
    any_store.put(("filesystem",), "/a.md", value)
    backend = StoreBackend(any_store)
    assert backend.read("/a.md") == "     1\tone\n     2\ttwo"
    assert backend.ls_info("/")[0]["size"] == 7
    assert names(backend.grep_raw("^two")) == ["/a.md"]
    assert backend.edit("/a.md", "two", "2").occurrences == 1
    item = any_store.get(("filesystem",), "/a.md")
    stored = item if isinstance(item, dict) else item.value
    assert stored["content"] == ["one", "2"]


@few(12)
@pytest.mark.parametrize("value", [{}, {"content": 7}, {"content": ["a", 1]}, {"other": "x"}])
def test_an_item_that_is_no_file_is_not_shown(backend: Any, any_store: Any, value: Any) -> None:
    any_store.put(("filesystem",), "/odd", value)
    backend.write("/a", "x")
    assert names(backend.ls_info("/")) == names(backend.glob_info("**")) == ["/a"]
    assert names(backend.grep_raw("")) == ["/a"]
    assert backend.read("/odd") == "Error: File '/odd' not found"
    assert backend.download_files(["/odd"])[0].error == "file_not_found"


@pytest.mark.parametrize("value", [7, "text", [1, 2], None, True, [], ["content"]])
def test_a_value_that_is_no_object_breaks_nothing(
    store: AgentStore, postgres_dsn: str, schema_name: str, value: Any
) -> None:
    for path in ("/a", "/odd"):
        store.put(("filesystem",), path, {"content": ["x"]})
    statement: LiteralString = "UPDATE {}.item SET value = %(value)s WHERE key = '/odd'"
    execute(postgres_dsn, statement, schema_name, value=Jsonb(value))
    backend = StoreBackend(store)
    assert names(backend.ls_info("/")) == names(backend.glob_info("**")) == ["/a"]
    assert names(backend.grep_raw("x")) == names(backend.grep_raw("")) == ["/a"]


def test_what_postgres_cannot_hold_is_said_in_the_result(store: AgentStore) -> None:
    backend = StoreBackend(store)
    assert "NUL" in str(backend.write("/a", "x\x00").error)
    assert "2600" in str(backend.write("/" + "a" * 3_000, "x").error)
    assert backend.upload_files([("/b\x00", b"x"), ("/c", b"y")]) == [
        FileUploadResponse("/b\x00", "invalid_path"),
        FileUploadResponse("/c"),
    ]
    backend.write("/a", "x")
    assert "NUL" in str(backend.edit("/a", "x", "\x00").error)
    assert backend.read("/b\x00") == "Error: File '/b\x00' not found"
    assert backend.ls_info("/\x00") == backend.glob_info("*", "/\x00") == []
    assert backend.grep_raw("\x00") == []
    assert backend.download_files(["/\ud800", "/a"])[1].content == b"x"


def test_an_adapter_leads_to_the_store_it_was_made_of() -> None:
    store = LangGraphInMemoryStore()
    StoreBackend(FromLangGraph(store)).write("/a", "x")
    assert StoreBackend(store).read("/a") == "     1\tx"
