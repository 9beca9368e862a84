"""Deep agents whose files are in a store: ours and deepagents' own backend, scripted models."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.tool import tool_call
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore as LangGraphInMemoryStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import ConfigurationError, MissingUserError

pytest.importorskip("deepagents")

from deepagents import create_deep_agent
from deepagents.backends import CompositeBackend, StateBackend, StoreBackend
from deepagents.backends.protocol import BackendProtocol, EditResult, ReadResult, WriteResult

from langgraph_agentstore.files import DeepAgentsBackend
from tests.support.row_security import items_of_all

FORMS = ["blocking", "awaited"]
ADA = {"configurable": {"user_id": "ada"}}
BOB = {"configurable": {"user_id": "bob"}}

Call = tuple[str, dict[str, Any]]


class Scripted(BaseChatModel):
    """Calls these tools one after the other, then ends."""

    calls: list[Call]

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Scripted:
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        done = sum(message.type == "tool" for message in messages)
        reply = AIMessage("done")
        if done < len(self.calls):
            name, args = self.calls[done]
            reply = AIMessage("", tool_calls=[tool_call(name=name, args=args, id=f"call-{done}")])
        return ChatResult(generations=[ChatGeneration(message=reply)])

    @property
    def _llm_type(self) -> str:
        return "scripted"


def said_by_tools(
    backend: BackendProtocol,
    *calls: Call,
    form: str = "blocking",
    config: Any = ADA,
    store: BaseStore | None = None,
) -> list[Any]:
    """What the tools answered in one run of an agent whose `/memories/` the backend holds."""
    files = CompositeBackend(default=StateBackend(), routes={"/memories/": backend})
    agent = create_deep_agent(Scripted(calls=list(calls)), backend=files, store=store)
    task: Any = {"messages": [("user", "go on")]}
    if form == "blocking":
        result = agent.invoke(task, config)
    else:
        result = asyncio.run(agent.ainvoke(task, config))
    return [message for message in result["messages"] if message.type == "tool"]


WORK: list[Call] = [
    ("write_file", {"file_path": "/memories/notes/cat.md", "content": "cat\ncalled Turing\n"}),
    ("read_file", {"file_path": "/memories/notes/cat.md"}),
    (
        "edit_file",
        {
            "file_path": "/memories/notes/cat.md",
            "old_string": "Turing",
            "new_string": "Hopper",
        },
    ),
    ("grep", {"pattern": "Hopper", "output_mode": "content"}),
    ("grep", {"pattern": "Turing", "path": "/memories"}),
    ("glob", {"pattern": "*.md", "path": "/memories"}),
    ("ls", {"path": "/memories"}),
    ("delete", {"file_path": "/memories/notes"}),
    ("read_file", {"file_path": "/memories/notes/cat.md"}),
]
ANSWERS = [
    "Updated file /memories/notes/cat.md",
    "@@ lines 1-2 of 2 @@\ncat\ncalled Turing",
    "Successfully replaced 1 instance(s) of the string in '/memories/notes/cat.md'",
    "/memories/notes/cat.md:\n  2: called Hopper",
    "No matches found",
    "['/memories/notes/cat.md']",
    "['/memories/notes/']",
    "Deleted /memories/notes",
    "Error: File '/notes/cat.md' not found",
]

BACKENDS: dict[str, Callable[[AgentStore], BackendProtocol]] = {
    "ours": DeepAgentsBackend,
    "ours, of a user": lambda store: DeepAgentsBackend(store.for_user("ada")),
    "ours, per user": lambda store: DeepAgentsBackend(store.per_user()),
    "ours, of a place": lambda store: DeepAgentsBackend(store, namespace=("shared", "files")),
    "ours, in memory": lambda _: DeepAgentsBackend(LangGraphInMemoryStore()),
    "theirs": lambda store: StoreBackend(store=store, namespace=lambda _: ("theirs",)),
    "theirs, per user": lambda store: StoreBackend(
        store=store.per_user(), namespace=lambda _: ("theirs",)
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", BACKENDS)
def test_an_agent_works_on_its_files(store: AgentStore, kind: str, form: str) -> None:
    if form == "awaited" and sys.version_info < (3, 11):
        pytest.skip("LangGraph tells awaited graphs nothing before")
    answers = said_by_tools(BACKENDS[kind](store), *WORK, form=form)
    assert [answer.text for answer in answers] == ANSWERS


@pytest.mark.parametrize("form", FORMS)
def test_memories_last_for_their_user_and_for_nobody_else(store: AgentStore, form: str) -> None:
    write: Call = ("write_file", {"file_path": "/memories/cat.md", "content": "called Turing"})
    read: Call = ("read_file", {"file_path": "/memories/cat.md"})
    look: Call = ("grep", {"pattern": "Turing"})
    backend = DeepAgentsBackend(store)

    said_by_tools(backend, write, form=form, config=ADA)

    assert "called Turing" in said_by_tools(backend, read, form=form, config=ADA)[0].text
    answers = said_by_tools(backend, read, look, form=form, config=BOB)
    assert [answer.text for answer in answers] == [
        "Error: File '/cat.md' not found",
        "No matches found",
    ]
    assert store.get(("users", "ada", "filesystem"), "/cat.md") is not None
    assert len(items_of_all(store)) == 1


@pytest.mark.parametrize("form", FORMS)
def test_the_graphs_own_store_is_used_where_none_is_given(store: AgentStore, form: str) -> None:
    write: Call = ("write_file", {"file_path": "/memories/a.md", "content": "x"})
    said_by_tools(DeepAgentsBackend(), write, form=form, store=store)
    assert store.get(("users", "ada", "filesystem"), "/a.md") is not None
    said_by_tools(DeepAgentsBackend(), write, form=form, store=store.per_user(), config=BOB)
    assert store.get(("users", "bob", "filesystem"), "/a.md") is not None


def test_a_namespace_can_be_made_of_the_runtime(store: AgentStore) -> None:
    seen = []

    def namespace(runtime: Any) -> tuple[str, ...]:
        seen.append(runtime)
        return ("assistants", "ann")

    write: Call = ("write_file", {"file_path": "/memories/a.md", "content": "x"})
    said_by_tools(DeepAgentsBackend(store, namespace=namespace), write)
    assert store.get(("assistants", "ann"), "/a.md") is not None
    assert hasattr(seen[0], "context")
    assert DeepAgentsBackend(store, namespace=namespace).read("/a.md").error is None
    assert seen[-1] is None


def test_without_a_user_nothing_is_shared_by_mistake(store: AgentStore) -> None:
    write: Call = ("write_file", {"file_path": "/memories/a.md", "content": "x"})
    with pytest.raises(MissingUserError, match="namespace="):
        said_by_tools(DeepAgentsBackend(store), write, config={})
    with pytest.raises(MissingUserError, match="namespace="):
        DeepAgentsBackend(store).ls("/")
    with pytest.raises(ConfigurationError, match="no graph runs here"):
        DeepAgentsBackend(namespace=("a",)).ls("/")
    assert items_of_all(store) == []


@pytest.mark.parametrize("namespace", [(), ("",), "files", ("a", 1), lambda _: ()])
def test_what_is_no_namespace_is_refused(store: AgentStore, namespace: Any) -> None:
    with pytest.raises(ConfigurationError, match="namespace is a tuple"):
        DeepAgentsBackend(store, namespace=namespace).ls("/")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["ours, of a place", "theirs"])
def test_an_agent_is_shown_binary_files_as_what_they_are(
    store: AgentStore, kind: str, form: str
) -> None:
    backend = BACKENDS[kind](store)
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    assert backend.upload_files([("/a.png", picture), ("/b.bin", b"\xff")])[0].error is None
    look: Call = ("read_file", {"file_path": "/memories/a.png"})
    edit: Call = (
        "edit_file",
        {"file_path": "/memories/b.bin", "old_string": "a", "new_string": "b"},
    )
    shown, refused = said_by_tools(backend, look, edit, form=form)
    (block,) = shown.content_blocks
    assert (block["type"], block["mime_type"]) == ("image", "image/png")
    assert base64.b64decode(block["base64"]) == picture
    assert "Cannot edit binary files" in refused.text
    assert [file.content for file in backend.download_files(["/a.png", "/b.bin"])] == [
        picture,
        b"\xff",
    ]


def test_deepagents_own_backend_works_on_the_store_from_threads(store: AgentStore) -> None:
    backend = StoreBackend(store=store, namespace=lambda _: ("theirs",))

    def work(name: str) -> list[Any]:
        path = f"/{name}/a.md"
        return [
            backend.write(path, "one\ntwo"),
            backend.edit(path, "two", name),
            backend.read(path, 1, 1).file_data,
            backend.grep(name, f"/{name}").matches,
        ]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(work, [f"w{n}" for n in range(8)]))
    for n, (written, edited, data, matches) in enumerate(answers):
        assert written == WriteResult(path=f"/w{n}/a.md")
        assert edited == EditResult(path=f"/w{n}/a.md", occurrences=1)
        assert data["content"] == f"w{n}"
        assert [match["line"] for match in matches] == [2]
    assert len(backend.ls("/").entries or []) == 8


def test_deepagents_own_backend_awaits_the_store(store: AgentStore) -> None:
    backend = StoreBackend(store=store, namespace=lambda _: ("theirs",))

    async def main() -> None:
        await asyncio.gather(*[backend.awrite(f"/{n}.md", f"text {n}") for n in range(20)])
        read = await asyncio.gather(*[backend.aread(f"/{n}.md") for n in range(20)])
        assert [r.file_data and r.file_data["content"] for r in read] == [
            f"text {n}" for n in range(20)
        ]
        assert (await backend.adelete("/3.md")).error is None
        assert len((await backend.als("/")).entries or []) == 19

    asyncio.run(main())


@pytest.mark.parametrize(
    ("writer", "reader"),
    [("theirs", "ours"), ("ours", "theirs")],
)
def test_either_reads_what_the_other_wrote(store: AgentStore, writer: str, reader: str) -> None:
    made: dict[str, BackendProtocol] = {
        "ours": DeepAgentsBackend(store, namespace=("both",)),
        "theirs": StoreBackend(store=store, namespace=lambda _: ("both",)),
    }
    made[writer].write("/a.md", "one\ntwo")
    made[writer].upload_files([("/b.png", b"\xff")])
    assert made[reader].read("/a.md") == made[writer].read("/a.md")
    assert made[reader].read("/b.png") == made[writer].read("/b.png")
    assert made[reader].edit("/a.md", "two", "2") == EditResult(path="/a.md", occurrences=1)
    assert made[writer].read("/a.md", 1) == made[reader].read("/a.md", 1)
    assert isinstance(made[writer].read("/a.md", 1), ReadResult)
    assert made[reader].ls("/") == made[writer].ls("/")


@pytest.mark.parametrize("index", [None, {"mode": "text", "fields": ["content"]}])
def test_a_file_written_over_keeps_when_it_was_created(
    postgres_dsn: str, schema_name: str, index: Any
) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, index=index) as store:
        backend = DeepAgentsBackend(store, namespace=("files",))
        data: list[Any] = []
        for text in ("a cat", "a dog"):
            assert backend.write("/a.md", text) == WriteResult(path="/a.md")
            data.append(backend.read("/a.md").file_data or {})
        assert data[0]["created_at"] == data[1]["created_at"]
        assert data[0]["modified_at"] < data[1]["modified_at"]
        assert [one["content"] for one in data] == ["a cat", "a dog"]
        record = store.get_record(("files",), "/a.md")
        assert record is not None
        assert record.version == 2
        if index is not None:
            assert store.search(("files",), query="dog")[0].key == "/a.md"
            assert store.search(("files",), query="cat") == []


def test_files_of_the_other_dialect_are_read(store: AgentStore) -> None:
    from langgraph_agentstore.files import StoreBackend as SpoonBackend

    SpoonBackend(store, ("both",)).write("/a.md", "one\ntwö")
    backend = DeepAgentsBackend(store, namespace=("both",))
    data = backend.read("/a.md").file_data
    assert data is not None
    assert data["content"] == "one\ntwö"
    assert [entry["size"] for entry in backend.ls("/").entries or []] == [8]
    assert (backend.grep("wö").matches or [])[0]["line"] == 2
    assert backend.edit("/a.md", "twö", "2").error is None
    stored = store.get(("both",), "/a.md")
    assert stored is not None
    assert stored.value["content"] == "one\n2"
