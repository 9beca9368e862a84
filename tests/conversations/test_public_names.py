"""What the package exports, and that the reference leaves none of it out."""

from __future__ import annotations

import dataclasses
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from langgraph_agentstore import conversations
from langgraph_agentstore.conversations import (
    BaseStoreRepository,
    ConversationMemory,
    RecalledPart,
    RecallExplanation,
    SaverStats,
    ThreadSummary,
    recall_conversation,
    remember_conversation,
)

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "reference" / "conversations.md").read_text("utf-8")
METHODS = {
    *("export", "forget", "messages", "resume", "save_messages", "save_turn", "save_turns"),
    *("explain_recall", "explain_search", "search", "threads", "turns"),
}


def public(cls: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(cls, callable) if not name.startswith("_")}


def test_the_names_are_sorted_and_all_there() -> None:
    assert sorted(conversations.__all__) == conversations.__all__
    assert all(hasattr(conversations, name) for name in conversations.__all__)


def test_a_memory_has_these_methods_each_with_an_awaitable_twin() -> None:
    assert public(ConversationMemory) == METHODS | {f"a{name}" for name in METHODS}
    for name in METHODS:
        blocking = inspect.signature(getattr(ConversationMemory, name))
        awaitable = inspect.signature(getattr(ConversationMemory, f"a{name}"))
        assert blocking.parameters == awaitable.parameters


def test_a_repository_has_these_methods() -> None:
    plain = {"put", "get", "search", "delete"}
    assert public(BaseStoreRepository) == plain | {f"a{name}" for name in plain}


@pytest.mark.parametrize(
    "name",
    sorted(
        {
            *conversations.__all__,
            *METHODS,
            *(field.name for field in dataclasses.fields(SaverStats)),
            *(field.name for field in dataclasses.fields(ThreadSummary)),
            *(field.name for field in dataclasses.fields(RecallExplanation)),
            *(field.name for field in dataclasses.fields(RecalledPart)),
            *inspect.signature(recall_conversation).parameters,
            *inspect.signature(remember_conversation).parameters,
        }
    ),
)
def test_the_reference_has_each_name(name: str) -> None:
    code = " ".join(re.findall(r"`[^`\n]+`", REFERENCE))
    assert re.search(rf"(?<!\w){re.escape(name)}(?!\w)", code)


def test_importing_it_loads_neither_langchain_nor_pyarrow() -> None:
    script = "import sys; import langgraph_agentstore.conversations; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert not {"langchain", "pyarrow", "pandas"} & set(loaded)
