"""What the site has beyond `docs/`: pages and files from elsewhere, links to them, and diagrams.

The pages are written for the repository, where `../CONTRIBUTING.md` leads somewhere. Here such a
link is made to lead to the same page of the site.
"""

from __future__ import annotations

import base64
import html
import posixpath
import re
from pathlib import Path
from typing import Any

import mermaidx
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = {
    "CODE_OF_CONDUCT.md": "code_of_conduct.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
"""Pages that lie elsewhere, by where they are on the site."""

EXAMPLES = "examples.md"
BACKGROUND = (
    "decisions/",
    "architecture.md",
    "code_of_conduct.md",
    "contributing.md",
    "changelog.md",
)
"""Pages that a search lists last: they tell why, not how."""

_LAST = 1e-6
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)")


def on_config(config: MkDocsConfig) -> None:
    """Diagrams are drawn by the build: the browser needs no script for them."""
    fences = config.mdx_configs.setdefault("pymdownx.superfences", {})
    fences["custom_fences"] = [{"name": "mermaid", "class": "diagram", "format": _diagram}]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages that lie outside `docs/`."""
    notebooks = {f"notebooks/{found.name}": found for found in ROOT.glob("notebooks/*.ipynb")}
    elsewhere = {uri: ROOT / name for name, uri in PAGES.items()} | notebooks
    for uri, path in elsewhere.items():
        files.append(File.generated(config, uri, abs_src_path=str(path)))
    files.append(File.generated(config, EXAMPLES, content=_examples()))


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Links to what lies elsewhere lead to where it is on the site; fences name languages alone."""
    uri = page.file.src_uri
    if uri.startswith(BACKGROUND):
        page.meta["search"] = {"boost": _LAST}
    parts = _FENCE.split(markdown)
    # What `python no-run` adds is for the tests.
    parts[1::2] = [re.sub(r"^(```\w+) .*", r"\1", part) for part in parts[1::2]]
    parts[::2] = [_LINK.sub(lambda link: _on_site(link[1], uri), part) for part in parts[::2]]
    return "".join(parts)


def _on_site(link: str, uri: str) -> str:
    """Return a link of the page at `uri`; a link to nothing stays and fails the build."""
    here = {there: name for name, there in PAGES.items()}.get(uri, f"docs/{uri}")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(here), link))
    places = {**PAGES, "examples": EXAMPLES}
    found = places.get(target, target.removeprefix("docs/"))
    if found == target and not target.startswith("notebooks/"):
        return link
    return posixpath.relpath(found, posixpath.dirname(uri) or ".")


def _examples() -> str:
    """Return the scripts of `examples/`, one after the other."""
    scripts = sorted(ROOT.glob("examples/*.py"))
    shown = [f"## {path.name}\n\n```python\n{path.read_text('utf-8')}```\n" for path in scripts]
    return "\n".join(["# Examples\n\nScripts of the folder `examples/`.\n", *shown])


def _diagram(source: str, _language: str, css_class: str, *_: Any, **__: Any) -> str:
    svg = mermaidx.render(source).svg()
    width = re.search(r'viewBox="\S+ \S+ (\d+)', svg)
    shown = {
        "class": css_class,
        "alt": html.escape(source, quote=True),
        "width": width[1] if width else "100%",
        "src": f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}",
    }
    return "<img " + " ".join(f'{name}="{value}"' for name, value in shown.items()) + ">"
