"""Results of the store beyond LangGraph's `Item`."""

from .care import ErasureReceipt, LegalHold, Remainder, Usage, Vacuum
from .items import ItemRecord, Rerank, ScoredItem, SearchResults
from .operation import Explanation, Finding, MigrationReport, RefusedItem, StoreHealth, StoreStats

__all__ = [
    "ErasureReceipt",
    "Explanation",
    "Finding",
    "ItemRecord",
    "LegalHold",
    "MigrationReport",
    "RefusedItem",
    "Remainder",
    "Rerank",
    "ScoredItem",
    "SearchResults",
    "StoreHealth",
    "StoreStats",
    "Usage",
    "Vacuum",
]
