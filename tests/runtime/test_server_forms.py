"""No path sends a statement in both of its forms, whatever was planned before the store opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import SearchOp

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.data_store import DataStoreAdministration
from langgraph_agentstore.sql.items.import_records import Conflict
from langgraph_agentstore.transfer import export, import_
from tests.runtime.tour import use_everything
from tests.support.distributed import planned_before_opening, written_for_nodes
from tests.support.embedders import CountingEmbedder

NAMESPACE = ("users", "ann", "notes")


CONFLICTS: tuple[Conflict, ...] = ("skip", "upsert")


def use_jobs(store: AgentStore, folder: Path) -> None:
    """Whatever sends statements on connections of its own."""
    store.load([(NAMESPACE, f"k{n}", {"text": f"tea {n}"}) for n in range(20)])
    assert store.reindex(progress=False) == 20
    assert store.search(NAMESPACE, query="tea", mode="hybrid")
    assert store.search(NAMESPACE, query="tea", recency_half_life_days=1.0)
    export(store, folder / "all.jsonl", progress=False)
    store.delete_user("ann")
    for conflict in CONFLICTS:
        import_(store, folder / "all.jsonl", on_conflict=conflict, progress=False)
    assert store.explain(SearchOp(NAMESPACE, query="tea")).sql
    records = DataStore(store, "ann", "tester", "notes")
    assert len(records.get_all()) == 20
    assert DataStoreAdministration(store).explain()
    store.delete_user("ann")


@pytest.mark.parametrize("nodes", [1, 2])
def test_every_path_chooses_a_form(
    nodes: int, postgres_dsn: str, schema_name: str, tmp_path: Path
) -> None:
    options: dict[str, Any] = {
        "schema": schema_name,
        "index": {"dims": 8, "embed": CountingEmbedder(8), "mode": "hybrid"},
    }
    with planned_before_opening():
        if nodes == 1:
            with AgentStore(postgres_dsn, **options) as store:
                use_jobs(store, tmp_path)
                use_everything(store)
        else:
            with written_for_nodes(), AgentStore(postgres_dsn, **options) as store:
                use_jobs(store, tmp_path)
                use_everything(store)
