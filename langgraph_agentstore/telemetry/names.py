"""The names that spans have, by the semantic conventions of OpenTelemetry.

Those of generative AI name the operations on memories; those of databases name the rest. Both as of
their release 0.1.0 and 1.41.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson

MEMORY_OPERATIONS = {
    "search": "search_memory",
    "get": "get_memory",
    "put": "upsert_memory",
    "delete": "delete_memory",
}
"""The operation of the conventions by the first word of a kind; "get" is not in them."""

ITEM_KINDS = {
    "get",
    "get_records",
    "get_record",
    "put",
    "put_expected",
    "put_together",
    "put_atomically",
    "put_file",
    "put_load",
    "put_import",
    "delete",
    "delete_items",
}


@lru_cache(maxsize=256)
def memory_operation(kind: str) -> str | None:
    """Return the name of the operation on memories; None if a kind is of something else."""
    first = kind.partition("_")[0]
    return MEMORY_OPERATIONS.get(first) if first == "search" or kind in ITEM_KINDS else None


def records_json(results: Sequence[Any]) -> str:
    """Return what was found, as the conventions write records in an attribute."""
    found = [item for r in results for item in (r if isinstance(r, list) else [r])]
    return orjson.dumps(
        [_as_record(item) for item in found if item is not None], default=str
    ).decode()


def _as_record(item: Any) -> dict[str, Any]:
    record = {"id": getattr(item, "key", None), "content": getattr(item, "value", item)}
    score = getattr(item, "score", None)
    return record if score is None else {**record, "score": score}
