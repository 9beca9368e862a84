"""Repository ingestion and search agent."""

from __future__ import annotations

from typing import Any

from langgraph_agentstore import DataStore

from .conftest import Load, Start, StartAnywhere

COMMITS = {
    "c1": {"src/a.py": "import b\n\nb.go()", "src/b.py": "def go(): pass"},
    "c2": {"src/a.py": "import c\n\nc.go()", "src/c.py": "def go(): pass"},
}
SITE = {"repo": "site", "branch": "main"}
GO = {**SITE, "query": "go()"}


class Repository:
    """The tools of both agents."""

    async def list_files(self, commit: str) -> list[str]:
        return list(COMMITS[commit])

    async def read_file(self, commit: str, path: str) -> str:
        return COMMITS[commit][path]

    async def grep(self, query: str, text: str) -> list[int]:
        return [n for n, line in enumerate(text.splitlines(), start=1) if query in line]


async def test_a_search_finds_what_another_agent_ingested(start: StartAnywhere) -> None:
    ingest, search = await start("ingest"), await start("search")

    assert await search(GO, Repository()) == []
    told = await ingest({**SITE, "commit": "c1"}, Repository())

    assert told == {"files": 2, "instead_of": None}
    assert await search(GO, Repository()) == ["src/a.py:3", "src/b.py:1"]


async def test_a_new_commit_takes_the_place_of_the_old_one(
    start: StartAnywhere, data_store: DataStore
) -> None:
    ingest, search = await start("ingest"), await start("search")
    for commit in ("c1", "c2", "c2"):
        await ingest({**SITE, "commit": commit}, Repository())

    assert await search(GO, Repository()) == ["src/a.py:3", "src/c.py:1"]
    assert data_store.list_namespaces() == ["files:site:main:c2", "heads"]


async def test_branches_and_repositories_are_searched_apart(agent: Load) -> None:
    places: list[dict[str, Any]] = [SITE, {**SITE, "branch": "fix/b"}, {**SITE, "repo": "shop"}]
    for place in places[:2]:
        await agent("ingest")({**place, "commit": "c1"}, Repository())

    found = [await agent("search")({**place, "query": "import"}, Repository()) for place in places]

    assert found == [["src/a.py:1"], ["src/a.py:1"], []]


async def test_the_old_commit_is_found_until_the_new_one_is_whole(process: Start) -> None:
    ingest, search = await process("ingest"), await process("search")
    await ingest({**SITE, "commit": "c1"}, Repository())
    await ingest.begin({**SITE, "commit": "c2"})
    assert await ingest.call_of("list_files") == ["c2"]
    await ingest.answer(["src/a.py", "src/c.py"])
    assert await ingest.call_of("read_file") == ["c2", "src/a.py"]
    await ingest.answer("import c")
    assert await ingest.call_of("read_file") == ["c2", "src/c.py"]

    assert await search(GO, Repository()) == ["src/a.py:3", "src/b.py:1"]
    await ingest.kill()
    assert await search(GO, Repository()) == ["src/a.py:3", "src/b.py:1"]

    again = await process("ingest")
    assert await again({**SITE, "commit": "c2"}, Repository()) == {"files": 2, "instead_of": "c1"}
    assert await search(GO, Repository()) == ["src/a.py:3", "src/c.py:1"]


async def test_a_search_during_which_the_commit_changes_looks_again(process: Start) -> None:
    ingest, search = await process("ingest"), await process("search")
    await ingest({**SITE, "commit": "c1"}, Repository())
    await search.begin(GO)
    await search.call_of("grep")

    await ingest({**SITE, "commit": "c2"}, Repository())
    await search.answer([3])

    assert await search.result(Repository()) == ["src/a.py:3", "src/c.py:1"]
