"""What each method of each facade costs: statements, and rows that the server sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import HumanMessage
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import (
    ConversationMemory,
    PostgresStoreRepository,
    StoreChatMessageHistory,
)
from langgraph_agentstore.conversations.turns import new_turn
from langgraph_agentstore.files import StoreBackend
from langgraph_agentstore.memory_agent import MemoryAgent
from tests.support.traffic import counting

Call = Callable[[Any], object]

MEMORIES = 2_000
TURNS = 3_000
FILES = 500
START = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def store(postgres_dsn: str) -> Iterator[AgentStore]:
    """Many memories, turns and files of one user, and others beside them."""
    index = {"mode": "text", "fields": ["none"]}
    with AgentStore(postgres_dsn, schema=f"costs_{uuid4().hex[:8]}", index=index) as store:
        with MemoryAgent(store=store, user_id="ada") as agent:
            agent.batch_store((f"many/{n:05}", {"n": n}) for n in range(MEMORIES))
            agent.batch_store((f"few/{n:02}", {"n": n}) for n in range(11))
            for n in range(20):
                agent.link(f"many/{n:05}", f"many/{n + 1:05}", "before")
        conversations = ConversationMemory(store, "ada")
        for thread, count in (("long", TURNS), ("short", 3), ("long_2", 3)):
            conversations.save_turns(
                new_turn(thread, f"question {n}", "answer", at=START + timedelta(minutes=10 * n))
                for n in range(count)
            )
        ada = store.for_user("ada")
        folders = (f"/docs/{n % 5}/{n}.md" for n in range(FILES))
        ada.load(
            PutOp(
                ("filesystem",), path, {"content": f"about {path}" + "\nneedle" * (path[-4] == "7")}
            )
            for path in folders
        )
        yield store


@pytest.fixture
def costs(store: AgentStore, request: pytest.FixtureRequest) -> Callable[[Call, Any], Any]:
    def measure(call: Call, facade: Any) -> Any:
        with counting(store) as told:
            call(facade)
        return told[0]

    return measure


def day(number: int) -> datetime:
    return START + timedelta(days=number)


MEMORY_METHODS: dict[str, tuple[Call, int, int]] = {
    # method: call, statements, rows at most
    "retrieve_memory": (lambda agent: agent.retrieve_memory("few/01"), 1, 1),
    "store_memory": (lambda agent: agent.store_memory("few/01", {"n": 1}), 1, 1),
    "update_memory": (lambda agent: agent.update_memory("few/01", {"m": 1}), 2, 2),
    "list_memories of 11": (lambda agent: agent.list_memories("few/"), 1, 11),
    "list_memories of all": (lambda agent: agent.list_memories(), 1, MEMORIES + 11),
    "search_memory of a key": (lambda agent: agent.search_memory("few/01", {"n": 1}), 1, 1),
    "search_memory of 11": (lambda agent: agent.search_memory("few/"), 1, 11),
    "search_memory with a filter": (lambda agent: agent.search_memory("many/", {"n": 7}), 1, 1),
    "unreadable_memories of 11": (lambda agent: agent.unreadable_memories("few/"), 1, 11),
    "link": (lambda agent: agent.link("few/01", "few/02", "before"), 2, 3),
    "related": (lambda agent: agent.related("many/00001"), 1, 1),
    "delete_memory": (lambda agent: agent.delete_memory("many/00010"), 3, 6),
}


@pytest.mark.parametrize("name", MEMORY_METHODS)
def test_a_memory_agent_reads_what_it_needs(
    store: AgentStore, costs: Callable[..., Any], name: str
) -> None:
    call, statements, rows = MEMORY_METHODS[name]
    with MemoryAgent(store=store, user_id="ada") as agent:
        cost = costs(call, agent)
    assert cost.statements == statements
    assert cost.rows <= rows


CONVERSATION_METHODS: dict[str, tuple[Call, int, int]] = {
    "save_turn": (lambda memory: memory.save_turn("q", "a", "new"), 2, 2),
    "save_messages": (lambda memory: memory.save_messages([HumanMessage("q")], "new2"), 2, 2),
    "turns of a thread": (lambda memory: list(memory.turns("short")), 1, 3),
    "the first turn": (lambda memory: next(memory.turns("long")), 1, 1_000),
    "turns of a day": (lambda memory: list(memory.turns("long", day(5), day(6))), 1, 4 * 144),
    "messages of a thread": (lambda memory: memory.messages("short"), 1, 3),
    "resume of 4 messages": (lambda memory: memory.resume("long", max_messages=4), 1, 5),
    "resume of all threads": (lambda memory: memory.resume(max_messages=4), 1, 5),
    "resume of 50 tokens": (lambda memory: memory.resume("long", max_tokens=50), 1, 100),
    "threads": (lambda memory: memory.threads(), 1, 6),
    "search": (lambda memory: memory.search("question 77", limit=3), 2, 110),
    "export of a thread": (
        lambda memory: memory.export(Path(memory.folder) / "x.csv", thread_id="short"),
        1,
        3,
    ),
    "forget of no thread": (lambda memory: memory.forget("none"), 1, 1),
    "forget": (lambda memory: memory.forget("long"), 1, 1),
}


@pytest.mark.parametrize("name", CONVERSATION_METHODS)
def test_a_conversation_memory_reads_what_it_needs(
    store: AgentStore, costs: Callable[..., Any], name: str, tmp_path: Path
) -> None:
    call, statements, rows = CONVERSATION_METHODS[name]
    memory: Any = ConversationMemory(store, "ada")
    memory.folder = tmp_path
    cost = costs(call, memory)
    assert cost.statements <= statements
    assert cost.rows <= rows


def test_a_thread_that_is_forgotten_takes_no_other_with_it(store: AgentStore) -> None:
    memory = ConversationMemory(store, "bea")
    for thread in ("a", "a_b", "a_20260101_000000_00000000", "b"):
        memory.save_turns([new_turn(thread, "q", "a"), new_turn(thread, "r", "b")])
    store.for_user("bea").put(("conversations",), "a_x", {"thread_id": "a", "no": "turn"})
    assert memory.forget("a") == 2
    assert {thread.thread_id for thread in memory.threads()} == {
        "a_b",
        "a_20260101_000000_00000000",
        "b",
    }
    assert memory.forget("a") == 0
    assert store.for_user("bea").get(("conversations",), "a_x") is not None


HISTORY_METHODS: dict[str, tuple[Call, int, int]] = {
    "messages": (lambda history: history.messages, 1, 3),
    "add_messages": (lambda history: history.add_messages([HumanMessage("q")]), 1, 1),
    "clear": (lambda history: history.clear(), 1, 1),
}


@pytest.mark.parametrize("name", HISTORY_METHODS)
def test_a_chat_history_reads_what_it_needs(
    store: AgentStore, costs: Callable[..., Any], name: str
) -> None:
    call, statements, rows = HISTORY_METHODS[name]
    history = StoreChatMessageHistory(store, "long_2", "ada", max_messages=2)
    cost = costs(call, history)
    assert cost.statements == statements
    assert cost.rows <= rows


NOTES = ("users", "ada", "memories")
REPOSITORY_METHODS: dict[str, tuple[Call, int, int]] = {
    "put": (lambda repository: repository.put(NOTES, "few/03", {"n": 3}), 1, 1),
    "get": (lambda repository: repository.get(NOTES, "few/03"), 1, 1),
    "search": (lambda repository: repository.search(NOTES, limit=5), 2, 6),
    "search with a query": (lambda repository: repository.search(NOTES, "tea", limit=5), 2, 5),
    "delete": (lambda repository: repository.delete(NOTES, "none"), 1, 1),
}


@pytest.mark.parametrize("name", REPOSITORY_METHODS)
def test_a_repository_reads_what_it_needs(
    store: AgentStore, costs: Callable[..., Any], name: str
) -> None:
    call, statements, rows = REPOSITORY_METHODS[name]
    cost = costs(call, PostgresStoreRepository(store=store))
    assert cost.statements <= statements
    assert cost.rows <= rows


HITS = FILES // 10
SPOON_METHODS: dict[str, tuple[Call, int, int]] = {
    "ls_info": (lambda files: files.ls_info("/docs"), 1, 5),
    "read": (lambda files: files.read("/docs/0/5.md", 0, 1), 1, 1),
    "write": (lambda files: files.write("/new.md", "x"), 1, 1),
    "edit": (lambda files: files.edit("/docs/0/5.md", "about", "of"), 2, 2),
    "grep_raw": (lambda files: files.grep_raw("needle"), 1, HITS),
    "glob_info": (lambda files: files.glob_info("docs/0/1*.md"), 1, 40),
    "upload_files": (lambda files: files.upload_files([("/u1", b"x"), ("/u2", b"x")]), 1, 2),
    "download_files": (lambda files: files.download_files(["/docs/0/0.md", "/docs/1/1.md"]), 1, 2),
}


@pytest.mark.parametrize("name", SPOON_METHODS)
def test_spoon_ais_files_read_what_they_need(
    store: AgentStore, costs: Callable[..., Any], name: str
) -> None:
    call, statements, rows = SPOON_METHODS[name]
    cost = costs(call, StoreBackend(store.for_user("ada")))
    assert cost.statements == statements
    assert cost.rows <= rows


DEEP_METHODS: dict[str, tuple[Call, int, int]] = {
    "ls": (lambda files: files.ls("/docs"), 1, 5),
    "read": (lambda files: files.read("/docs/0/0.md", 0, 1), 1, 1),
    "write": (lambda files: files.write("/docs/0/0.md", "x"), 3, 3),
    "edit": (lambda files: files.edit("/docs/1/1.md", "about", "of"), 2, 2),
    "grep": (lambda files: files.grep("needle"), 1, HITS),
    "glob": (lambda files: files.glob("1*.md", "/docs/0"), 1, 40),
    "upload_files": (lambda files: files.upload_files([("/u1", b"x"), ("/u2", b"x")]), 1, 2),
    "download_files": (lambda files: files.download_files(["/docs/0/0.md", "/docs/1/1.md"]), 1, 2),
    "delete": (lambda files: files.delete("/docs/4"), 1, 1),
}


@pytest.mark.parametrize("name", DEEP_METHODS)
def test_deep_agents_files_read_what_they_need(
    store: AgentStore, costs: Callable[..., Any], name: str
) -> None:
    pytest.importorskip("deepagents")
    from langgraph_agentstore.files import DeepAgentsBackend

    call, statements, rows = DEEP_METHODS[name]
    cost = costs(call, DeepAgentsBackend(store.for_user("ada")))
    assert cost.statements <= statements
    assert cost.rows <= rows
