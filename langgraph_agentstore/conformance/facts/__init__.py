"""The facts, by theme. Importing this declares all of them."""

from . import (
    batches,
    concurrency,
    filters,
    items,
    keys,
    labels,
    listing,
    numbers,
    search,
    ttl,
    values,
)

__all__ = [
    "batches",
    "concurrency",
    "filters",
    "items",
    "keys",
    "labels",
    "listing",
    "numbers",
    "search",
    "ttl",
    "values",
]
