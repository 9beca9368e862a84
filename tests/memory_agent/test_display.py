"""HTML of a `MemoryAgent` in notebooks."""

from __future__ import annotations

from pathlib import Path

from langgraph_agentstore.memory_agent import MemoryAgent
from tests.support.html import html_of


def test_a_notebook_shows_the_place_and_the_first_memories_as_text(tmp_path: Path) -> None:
    with MemoryAgent("json", tmp_path / "m.json", user_id="ada") as memory:
        assert "<p>No memories.</p>" in html_of(memory)
        memory.batch_store([(f"n{n:02}", {"text": "<b>tea</b>"}) for n in range(11)])
        html = html_of(memory)
    assert "<tr><th>user</th><td>ada</td></tr>" in html
    assert "<td>n00</td><td>{&quot;text&quot;:&quot;&lt;b&gt;tea" in html
    assert html.count("tea") == 10
    assert "<p>… and more memories.</p>" in html


def test_an_encrypted_memory_is_shown_to_whoever_has_the_key(tmp_path: Path) -> None:
    key = MemoryAgent.generate_key()
    with MemoryAgent("json", tmp_path / "m.json", encryption_key=key) as memory:
        memory.store_memory("a", {"text": "tea"})
        assert "tea" in html_of(memory)
    with MemoryAgent("json", tmp_path / "m.json") as other:
        assert "Memories are not shown: DecryptionError." in html_of(other)


def test_an_audited_agent_shows_no_memory_unlogged(tmp_path: Path) -> None:
    with MemoryAgent("memory", audit=tmp_path / "log") as memory:
        memory.store_memory("a", {"text": "tea"})
        logged = (tmp_path / "log").read_text("utf-8")
        assert "tea" not in html_of(memory)
        assert (tmp_path / "log").read_text("utf-8") == logged
