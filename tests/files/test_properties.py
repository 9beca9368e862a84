"""`StoreBackend` does what a dict of files does, on every kind of store, whatever is in it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.store.memory import InMemoryStore as LangGraphInMemoryStore
from langgraph.store.sqlite import SqliteStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.files import InMemoryStore, StoreBackend
from tests.files.model import FileModel, filled, folders, globs, paths, patterns, plain, texts
from tests.support.matrices import few

Step = tuple[str, tuple[Any, ...]]

windows = st.integers(-2, 6)
steps = st.one_of(
    st.tuples(st.just("write"), st.tuples(paths, texts)),
    st.tuples(st.just("write"), st.tuples(paths, texts)),
    st.tuples(
        st.just("upload_files"),
        st.tuples(
            st.lists(
                st.tuples(paths, st.one_of(texts.map(str.encode), st.just(b"\xff"))), max_size=4
            )
        ),
    ),
    st.tuples(st.just("edit"), st.tuples(paths, texts, texts, st.booleans())),
    st.tuples(st.just("edit"), st.tuples(paths, st.sampled_from("ab\n"), texts, st.booleans())),
    st.tuples(st.just("read"), st.tuples(paths, windows, windows)),
    st.tuples(st.just("ls_info"), st.tuples(folders)),
    st.tuples(
        st.just("grep_raw"),
        st.tuples(patterns, st.none() | folders, st.none() | globs),
    ),
    st.tuples(st.just("glob_info"), st.tuples(globs, folders)),
    st.tuples(st.just("download_files"), st.tuples(st.lists(paths, max_size=3))),
)


@pytest.fixture(scope="module")
def agent_store(postgres_dsn: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema="files_properties") as store:
        yield store


@pytest.fixture(params=["agent", "agent view", "memory", "sqlite", "own"])
def new_store(request: pytest.FixtureRequest, agent_store: AgentStore) -> Callable[[], Any]:
    """Makes an empty store, or a view in which nothing is yet."""

    def sqlite() -> SqliteStore:
        connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        store = SqliteStore(connection)
        store.setup()
        return store

    kinds: dict[str, Callable[[], Any]] = {
        "agent": lambda: agent_store,
        "agent view": lambda: agent_store.for_user(uuid4().hex),
        "memory": LangGraphInMemoryStore,
        "sqlite": sqlite,
        "own": InMemoryStore,
    }
    return kinds[request.param]


@few(1)
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(files=filled, script=st.lists(st.tuples(steps, st.booleans()), min_size=10, max_size=30))
def test_a_backend_answers_as_a_dict_of_files_would(
    files: dict[str, str],
    script: list[tuple[Step, bool]],
    new_store: Callable[[], Any],
    loop: asyncio.AbstractEventLoop,
) -> None:
    backend, model = StoreBackend(new_store(), namespace=(uuid4().hex,)), FileModel()
    for path, text in files.items():
        assert plain(backend.write(path, text)) == model.write(path, text)
    for (name, arguments), awaited in script:
        if awaited:
            answer = loop.run_until_complete(getattr(backend, f"a{name}")(*arguments))
        else:
            answer = getattr(backend, name)(*arguments)
        expected = getattr(model, name)(*arguments)
        if name == "glob_info":
            assert [one["modified_at"] for one in answer] == sorted(
                (one["modified_at"] for one in answer), reverse=True
            )
            assert sorted(plain(answer)) == expected, (name, arguments)
        else:
            assert plain(answer) == expected, (name, arguments)
    everything = backend.download_files(list(model.files))
    assert [file.content for file in everything] == [t.encode() for t in model.files.values()]
