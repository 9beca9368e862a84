"""Patterns that a model writes: they end, they hold up nobody else, and are told in the result."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import InvalidOperationError
from langgraph_agentstore.files import DeepAgentsBackend, StoreBackend, patterns

DEPTH, BRACES, LENGTH = "**/a/" * 40 + "b", "{a,b,c}" * 12, "x" * 5_000


@pytest.fixture(params=["postgres", "memory"])
def backend(request: pytest.FixtureRequest, store: AgentStore) -> StoreBackend:
    backend = StoreBackend(store if request.param == "postgres" else InMemoryStore())
    backend.write("/log.txt", "a" * 28 + "!\nfine\n")
    backend.write("/" + "a/" * 600 + "c", "deep")
    return backend


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(a*)*b", "(x+x+)+y"])
async def test_a_catastrophic_expression_finds_what_there_is(
    backend: StoreBackend, pattern: str
) -> None:
    assert backend.grep_raw(pattern + "|fine") == await backend.agrep_raw(pattern + "|fine")
    found = backend.grep_raw("fine|" + pattern)
    assert isinstance(found, list)
    assert "fine" in [match["text"] for match in found]


@pytest.mark.parametrize("pattern", [r"(?=a)b", r"(a)\1", "(" * 5, "a" * 2_000])
def test_a_pattern_that_cannot_be_run_is_told_as_invalid(
    backend: StoreBackend, pattern: str
) -> None:
    assert str(backend.grep_raw(pattern)).startswith("Invalid regex pattern: ")


def test_a_glob_that_takes_too_long_is_told_in_the_result_of_a_grep(
    backend: StoreBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns, "MATCHING_S", 0.3)
    backend.write("/" + "a/" * 600 + "a/c", "deep")
    answer = backend.grep_raw("e", glob=DEPTH)
    assert answer == [] or str(answer).startswith("Error: matching took longer")


@pytest.mark.parametrize("pattern", [BRACES, LENGTH], ids=["braces", "length"])
def test_a_glob_of_too_much_is_refused(backend: StoreBackend, pattern: str) -> None:
    for ask in (backend.glob_info, lambda glob: backend.grep_raw("e", glob=glob)):
        with pytest.raises(InvalidOperationError, match=r"not a glob pattern|at most"):
            ask(pattern)


@pytest.mark.parametrize("pattern", [DEPTH, BRACES, LENGTH], ids=["depth", "braces", "length"])
def test_a_glob_bomb_is_told_in_the_results_of_deep_agents(
    store: AgentStore, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("deepagents")
    monkeypatch.setattr(patterns, "MATCHING_S", 0.3)
    backend = DeepAgentsBackend(store, namespace=("filesystem",))
    backend.write("/" + "a/" * 600 + "c", "deep")

    for result in (backend.glob(pattern), backend.grep("deep", glob=pattern)):
        assert result.error is not None or result.matches == []


def test_a_catastrophic_grep_leaves_other_threads_running() -> None:
    program = textwrap.dedent(
        """
        import threading, time
        from langgraph.store.memory import InMemoryStore
        from langgraph_agentstore.files import StoreBackend

        backend = StoreBackend(InMemoryStore())
        backend.write("/a", "a" * 40 + "!")
        grep = threading.Thread(target=backend.grep_raw, args=("(a+)+$",), daemon=True)
        grep.start()
        longest, last = 0.0, time.monotonic()
        while grep.is_alive():
            time.sleep(0.001)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        assert longest < 2, longest
        """
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
