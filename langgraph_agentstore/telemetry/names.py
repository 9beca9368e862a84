"""Names of spans and bounds of histograms, by the semantic conventions of OpenTelemetry.

Those of generative AI name the operations on memories; those of databases name the rest. Both as of
their release 0.1.0 and 1.41.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

DURATION_BUCKETS_S = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
EMBEDDING_BUCKETS_S = tuple(0.01 * 2**n for n in range(14))
"""The bounds that the conventions give: those of the SDK are for milliseconds."""

_MEMORY_KINDS = {
    "get_memory": ("get", "get_record", "get_records"),
    "upsert_memory": (
        "put",
        "put_atomically",
        "put_expected",
        "put_file",
        "put_import",
        "put_load",
        "put_together",
    ),
    "delete_memory": ("delete", "delete_items"),
}
"""The kinds of statements by the operation of the conventions; "get_memory" is not in them."""

_MEMORY_OPERATION_OF = {
    kind: operation for operation, kinds in _MEMORY_KINDS.items() for kind in kinds
}


def memory_operation(kind: str) -> str | None:
    """Return the name of the operation on memories; None if a kind is of something else."""
    return "search_memory" if kind.startswith("search") else _MEMORY_OPERATION_OF.get(kind)


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
