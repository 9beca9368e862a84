"""The facts, one module per theme. Importing this package declares all of them."""

from . import (  # noqa: F401 - importing them declares the facts
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
