"""`DeepAgentsBackend` answers as the installed deepagents' own backend does over InMemoryStore."""

from __future__ import annotations

import asyncio
import inspect
import mimetypes
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.store.memory import InMemoryStore as LangGraphInMemoryStore

from langgraph_agentstore import AgentStore
from tests.files.model import LINE_ENDS, folders, globs, paths, texts

pytest.importorskip("deepagents")

from deepagents.backends import StoreBackend
from deepagents.backends.protocol import BackendProtocol, ReadResult
from deepagents.backends.utils import _EXTENSION_TO_FILE_TYPE, _get_backend_read_file_type

from langgraph_agentstore.files import DeepAgentsBackend
from langgraph_agentstore.files.deep_agents.operations import NOT_TEXT
from tests.support.matrices import few

METHODS = ["ls", "read", "write", "edit", "delete", "grep", "glob", "upload_files"]
METHODS.append("download_files")

Step = tuple[str, tuple[Any, ...], dict[str, Any]]


def call(name: str, *arguments: st.SearchStrategy[Any], **named: Any) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(name), st.tuples(*arguments), st.fixed_dictionaries(named))


names = paths | st.just("/a/x.PNG")
# Of other line ends theirs shows lines that it neither finds by number nor replaces.
unix_texts = texts.map(lambda text: LINE_ENDS.sub("\n", text))
windows = st.integers(-2, 6)
needles = st.sampled_from(["a", "b", "", "é", '"', "\\", "def foo", "\n", "x.y", "\t", "%", "_"])
steps = st.one_of(
    call("write", names, unix_texts),
    call("write", names, unix_texts),
    call("edit", names, unix_texts, unix_texts, st.booleans()),
    call("edit", names, st.sampled_from(["a", "b", "\n", "b\n", ""]), unix_texts, st.booleans()),
    call("read", names, windows, windows),
    call("ls", folders),
    call("delete", names | folders),
    call("grep", needles, st.none() | folders, st.none() | globs),
    call("grep", needles, max_count=st.integers(0, 3)),
    call("glob", globs, st.none() | folders),
    call("upload_files", st.lists(st.tuples(names, unix_texts.map(str.encode)), max_size=3)),
    call("upload_files", st.lists(st.tuples(names, st.binary(max_size=4)), max_size=3)),
    call("download_files", st.lists(names, max_size=3)),
)


@pytest.fixture(scope="module")
def agent_store(postgres_dsn: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema="deep_agents_properties") as store:
        yield store


@pytest.fixture(params=["agent", "agent view", "memory"])
def new_store(request: pytest.FixtureRequest, agent_store: AgentStore) -> Callable[[], Any]:
    kinds: dict[str, Callable[[], Any]] = {
        "agent": lambda: agent_store,
        "agent view": lambda: agent_store.for_user(uuid4().hex),
        "memory": LangGraphInMemoryStore,
    }
    return kinds[request.param]


def comparable(answer: Any, *, capped: bool) -> Any:
    """Without times, and without the order that deepagents leaves to its store."""
    if isinstance(answer, list):
        return [comparable(one, capped=capped) for one in answer]
    fields = asdict(answer)
    for data in [fields.get("file_data"), *(fields.get("entries") or fields.get("matches") or [])]:
        for name in ("created_at", "modified_at"):
            if data and name in data:
                data[name] = bool(data[name])
    if fields.get("matches") is not None:
        fields["matches"] = (
            len(fields["matches"]) if capped else sorted(map(str, fields["matches"]))
        )
    return fields


def has_nul(step: Step) -> bool:
    return "\\x00" in repr(step)


@few(1)
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    files=st.dictionaries(paths, unix_texts, min_size=5),
    script=st.lists(st.tuples(steps, st.booleans()), min_size=10, max_size=30),
)
def test_a_backend_answers_as_deepagents_own_does(
    files: dict[str, str],
    script: list[tuple[Step, bool]],
    new_store: Callable[[], Any],
    loop: asyncio.AbstractEventLoop,
) -> None:
    place = (uuid4().hex,)
    ours = DeepAgentsBackend(new_store(), namespace=place)
    theirs = StoreBackend(store=LangGraphInMemoryStore(), namespace=lambda _: place)
    for path, text in files.items():
        assert ours.write(path, text) == theirs.write(path, text)
    for step, awaited in script:
        if has_nul(step):  # theirs takes it for text, which Postgres does not have
            continue
        name, arguments, named = step
        if awaited:
            answer = loop.run_until_complete(getattr(ours, f"a{name}")(*arguments, **named))
        else:
            answer = getattr(ours, name)(*arguments, **named)
        expected = getattr(theirs, name)(*arguments, **named)
        if name == "read" and answer.file_data and answer.file_data["encoding"] == "base64":
            # Theirs takes it for lines, unless the path says that it is none.
            assert answer == ReadResult(file_data=answer.file_data)
            continue
        capped = "max_count" in named
        assert comparable(answer, capped=capped) == comparable(expected, capped=capped), step


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=texts, offset=windows, limit=windows)
def test_whatever_ends_lines_is_read_as_deepagents_own_does(
    text: str, offset: int, limit: int
) -> None:
    place = (uuid4().hex,)
    ours = DeepAgentsBackend(LangGraphInMemoryStore(), namespace=place)
    theirs = StoreBackend(store=LangGraphInMemoryStore(), namespace=lambda _: place)
    answers = []
    for backend in (ours, theirs):
        backend.write("/a", text)
        answers.append(comparable(backend.read("/a", offset, limit), capped=False))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("name", [*METHODS, *(f"a{name}" for name in METHODS)])
def test_each_method_is_our_own_and_takes_what_the_protocol_says(name: str) -> None:
    ours, theirs = getattr(DeepAgentsBackend, name), getattr(BackendProtocol, name)
    assert ours is not theirs
    expected = inspect.signature(theirs).parameters
    given_ = inspect.signature(ours).parameters
    assert {n: (p.kind, p.default) for n, p in given_.items()} == {
        n: (p.kind, p.default) for n, p in expected.items()
    }
    assert inspect.iscoroutinefunction(ours) == name.startswith("a")


def test_the_protocol_has_no_other_methods() -> None:
    public = {
        name
        for name, _ in inspect.getmembers(BackendProtocol, inspect.isfunction)
        if not name.startswith("_")
    }
    assert public == {*METHODS, *(f"a{name}" for name in METHODS)}


def test_files_that_are_no_text_are_those_of_the_installed_deepagents() -> None:
    known = {*_EXTENSION_TO_FILE_TYPE, *mimetypes.types_map, *NOT_TEXT}
    not_text = {one for one in known if _get_backend_read_file_type(f"/a{one}") != "text"}
    assert not_text == NOT_TEXT


def test_a_nul_makes_an_uploaded_file_binary(agent_store: AgentStore) -> None:
    backend = DeepAgentsBackend(agent_store, namespace=(uuid4().hex,))
    assert backend.upload_files([("/a", b"x\x00y")])[0].error is None
    data = backend.read("/a").file_data
    assert data is not None
    assert data["encoding"] == "base64"
    assert backend.download_files(["/a"])[0].content == b"x\x00y"


def test_what_postgres_cannot_hold_is_said_in_the_result(agent_store: AgentStore) -> None:
    backend = DeepAgentsBackend(agent_store, namespace=(uuid4().hex,))
    assert "NUL" in str(backend.write("/a", "x\x00").error)
    assert "2600" in str(backend.write("/" + "a" * 3_000, "x").error)
    assert backend.upload_files([("/\ud800", b"x")])[0].error == "invalid_path"
    assert backend.read("/\x00").error == "File '/\x00' not found"
    assert backend.delete("/\x00").error == "Error: File '/\x00' not found"
    assert backend.grep("\x00").matches == []
    assert backend.glob("*", "/\ud800").matches == []
