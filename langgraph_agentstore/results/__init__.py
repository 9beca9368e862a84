"""Results of the store beyond LangGraph's `Item`."""

from .care import ErasureReceipt, LegalHold, Remainder, Usage, Vacuum
from .items import ItemRecord, Rerank, ScoredItem, SearchResults
from .operation import (
    Explanation,
    Finding,
    KindStats,
    MigrationReport,
    RefusedItem,
    StoreHealth,
    StoreReadiness,
    StoreStats,
)

__all__ = [
    "ErasureReceipt",
    "Explanation",
    "Finding",
    "ItemRecord",
    "KindStats",
    "LegalHold",
    "MigrationReport",
    "RefusedItem",
    "Remainder",
    "Rerank",
    "ScoredItem",
    "SearchResults",
    "StoreHealth",
    "StoreReadiness",
    "StoreStats",
    "Usage",
    "Vacuum",
]
