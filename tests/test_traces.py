"""The ways that docs/architecture.md tells are those that calls go."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import langgraph_agentstore
from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.files import StoreBackend

PACKAGE = Path(langgraph_agentstore.__file__).parent
PAGE = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d?) ?\| `([\w/]+\.py)` \| `(\w+)` \|", re.MULTILINE)

Hop = tuple[str, str]

ALICE = ("users", "alice", "notes")
CALLS: dict[str, Callable[[AgentStore], Any]] = {
    "A search by a query": lambda store: store.search(ALICE, query="tea"),
    "A put": lambda store: store.put(ALICE, "b", {"n": 1}, index=False),
    "A `data_store.get`": lambda store: DataStore(store, "alice", "tom").get("goal"),
    "An edit of a file": lambda store: StoreBackend(store).edit("/tea.md", "80", "75"),
    "Saving a turn": lambda store: ConversationMemory(store, "alice").save_turn("q", "a", "t"),
}


def told(heading: str) -> list[Hop]:
    """The file and function of each hop, as the page has them."""
    section = re.split(r"^#+ ", PAGE.split(f"# {heading}\n")[1], flags=re.MULTILINE)[0]
    return [(file, function) for _, file, function in ROW.findall(section)]


@contextmanager
def called() -> Iterator[list[Hop]]:
    """The package's functions as they are called, in this thread and in those started within."""
    calls: list[Hop] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(PACKAGE):
            calls.append((path.relative_to(PACKAGE).as_posix(), frame.f_code.co_name))

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def goes(way: list[Hop], calls: list[Hop]) -> bool:
    """Whether the hops come in this order, with others in between."""
    following = iter(calls)
    return all(hop in following for hop in way)


@pytest.mark.parametrize("heading", CALLS)
def test_a_call_goes_the_way_that_is_told(
    heading: str, postgres_dsn: str, schema_name: str
) -> None:
    index = {"mode": "hybrid", "dims": 2, "embed": lambda texts: [[1.0, 0.0] for _ in texts]}
    with called() as calls, AgentStore(postgres_dsn, schema=schema_name, index=index) as store:
        store.put(("filesystem",), "/other.md", {"content": ["8"]}, index=False)
        StoreBackend(store).write("/tea.md", "80 degrees")
        store.put(ALICE, "a", {"text": "tea"})
        calls.clear()
        CALLS[heading](store)
        seen = list(calls)
    assert goes(told(heading), seen), told(heading)


@pytest.mark.parametrize("heading", CALLS)
def test_the_sql_is_at_most_four_hops_away(heading: str) -> None:
    files = [file for file, _ in told(heading)]
    assert 2 <= len(files) <= 5
    assert files[-1].startswith(("sql/", "store/", "conversations/"))


def test_every_operation_goes_through_the_runtime_as_told(
    postgres_dsn: str, schema_name: str
) -> None:
    with called() as calls, AgentStore(postgres_dsn, schema=schema_name) as store:
        store.setup()
        calls.clear()
        store.put(ALICE, "a", {"n": 1})
        seen = list(calls)
    assert len(told("Through the runtime")) == 4
    assert goes(told("Through the runtime"), seen)
