"""The documentation site builds, has all there is, and asks nothing of anybody else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import fasteners
import pytest

from tests.support.matrices import few
from tests.support.servers import folder_of_this_run

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MODULES = (
    "conformance",
    "conversations",
    "data_store",
    "embedded",
    "files",
    "memory_agent",
    "memory_tools",
    "transfer",
)


@pytest.fixture(scope="module")
def site() -> Path:
    """Where it was built, once for all workers, with warnings as errors."""
    for package in ("mkdocs", "material", "mkdocstrings", "mermaidx"):
        pytest.importorskip(package, reason="the extra docs is not installed")
    folder = folder_of_this_run() / "site"
    with fasteners.InterProcessLock(folder.with_suffix(".lock")):
        if not folder.exists():
            unfinished = folder.with_suffix(".new")
            _build(unfinished)
            unfinished.rename(folder)
    return folder


def _build(folder: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "true"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert built.returncode == 0, built.stderr


def test_the_nav_has_every_page_once() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    listed = re.findall(r"(\S+\.md)$", nav, re.MULTILINE)
    pages = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")]
    elsewhere = [
        "changelog.md",
        "code_of_conduct.md",
        "contributing.md",
        "examples.md",
        "security.md",
    ]
    assert sorted(listed) == sorted([*pages, *elsewhere]), "nav in mkdocs.yml"


def test_the_site_has_a_page_for_each_page_and_the_notebooks(site: Path) -> None:
    for page in DOCS.rglob("*.md"):
        assert (site / page.relative_to(DOCS).with_suffix(".html")).is_file()
    for notebook in ROOT.glob("notebooks/*.ipynb"):
        assert (site / "notebooks" / notebook.name).read_bytes() == notebook.read_bytes()


def test_a_page_ends_with_the_way_to_the_next_one(site: Path) -> None:
    landing = (site / "index.html").read_text(encoding="utf-8")
    assert re.search(
        r'<a href="?which_memory.html"? class="md-footer__link md-footer__link--next"', landing
    )


def test_every_public_name_has_a_signature(site: Path) -> None:
    inventory = (site / "objects.inv").read_bytes()
    lines = zlib.decompress(inventory.split(b"\n", 4)[4]).decode()
    shown = {line.split()[0] for line in lines.splitlines()}
    modules = ["langgraph_agentstore", *(f"langgraph_agentstore.{name}" for name in MODULES)]
    public = {f"{module}.{name}" for module in modules for name in import_module(module).__all__}
    assert public <= shown


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loads = re.compile(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["']?(?:https?:)?//[^>]*""")
    loaded = {
        found
        for page in site.rglob("*.html")
        for found in loads.findall(page.read_text(encoding="utf-8"))
    }
    styles = [page.read_text(encoding="utf-8") for page in site.rglob("*.css")]
    assert loaded == set()
    assert not any(re.search(r"url\(['\"]?https?:", style) for style in styles)


@pytest.fixture(scope="module")
def search(site: Path) -> Callable[[str], list[str]]:
    """The pages that a query finds on the site, best first, as the theme's script asks lunr."""
    lunr = pytest.importorskip("lunr")
    built = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    fields = [
        {"field_name": name, "boost": field["boost"]}
        for name, field in built["config"]["fields"].items()
        if name != "tags"
    ]
    documents = [
        ({"location": one["location"], "title": one["title"], "text": one["text"]}, one)
        for one in built["docs"]
    ]
    index = lunr.lunr(
        ref="location",
        fields=fields,
        documents=[(found, {"boost": one.get("boost", 1)}) for found, one in documents],
    )

    def found(query: str) -> list[str]:
        words = " ".join(f"+{word}" for word in query.split())
        return [match["ref"] for match in index.search(words)]

    return found


@few(4)
@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("dataframe", "howto/jupyter.html#a-pandas-dataframe"),
        ("list users", "data_store/administration.html#list-users-count-records"),
        ("delete everything user", "howto/per_user_graphs.html#delete-everything-of-a-user"),
        ("migrating code", "howto/migrate_code.html"),
        ("install checkout", "index.html#install"),
        ("memory need", "which_memory.html"),
        ("checkpointer", "which_memory.html#checkpointer"),
        ("docker compose", "howto/docker.html"),
        ("fastapi", "howto/fastapi.html"),
        ("ollama", "howto/ollama.html#install"),
        ("tenancy", "howto/tenants.html"),
        ("compatibility", "compatibility.html"),
    ],
)
def test_a_search_of_the_site_finds_the_page(
    search: Callable[[str], list[str]], query: str, page: str
) -> None:
    assert page in search(query)[:3]


@pytest.mark.parametrize("query", ["namespace", "vector", "conversation", "filter", "lock"])
def test_decisions_come_after_pages_that_say_how(
    search: Callable[[str], list[str]], query: str
) -> None:
    found = [page.startswith(("decisions/", "architecture")) for page in search(query)]
    assert any(found)
    assert not any(found[:20])


def test_every_fence_is_code(site: Path) -> None:
    assert [page for page in site.rglob("*.html") if "```" in page.read_text("utf-8")] == []


def test_diagrams_are_pictures(site: Path) -> None:
    # The theme's script would fetch what draws `class="mermaid"` from elsewhere.
    pages = [page.read_text(encoding="utf-8") for page in site.rglob("*.html")]
    assert not any('class="mermaid"' in page for page in pages)
    assert sum(page.count('class="diagram"') for page in pages) == sum(
        page.read_text(encoding="utf-8").count("```mermaid") for page in DOCS.rglob("*.md")
    )
