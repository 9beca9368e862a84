"""The pages have every recipe, and every agent on them is tried."""

from __future__ import annotations

import re
from pathlib import Path

from .host import PAGES, sources

RECIPES = {
    "patterns.md": {
        "Cache-aside",
        "Write-through",
        "Cache with a TTL",
        "Running counter",
        "Append to a list",
        "Statistics",
        "Hierarchical keys",
        "Namespaces per repository and branch",
        "Discovery",
        "State machine per job",
        "Batch with a checkpoint",
        "Advisory lock with staleness",
        "Keyword index",
        "Inventory",
        "Search across `summary:*`",
        "Copying a namespace",
        "Clean-up in `finally`",
    },
    "workflows.md": {
        "Producer and consumer",
        "Four-stage pipeline",
        "Fan-out, workers, collector",
        "Repository ingestion and search agent",
        "Status tracking",
        "Hand-off",
        "Error records",
        "Versioned formats",
    },
}


def test_every_recipe_has_a_section() -> None:
    missing = {
        page: recipes - set(re.findall(r"^###? (.+)$", (PAGES / page).read_text("utf-8"), re.M))
        for page, recipes in RECIPES.items()
    }
    assert missing == {"patterns.md": set(), "workflows.md": set()}


def test_every_agent_of_the_pages_is_tried() -> None:
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert sources()
    assert [name for name in sources() if f'"{name}"' not in tests] == []
