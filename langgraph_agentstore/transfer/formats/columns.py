"""Documents as rows, for formats that have columns."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypeAlias

import orjson

from ..documents import Document

ColumnType: TypeAlias = Literal["text", "json", "integer", "number", "time", "labels"]

COLUMNS: dict[str, ColumnType] = {
    "_id": "text",
    "userId": "text",
    "namespace": "text",
    "key": "text",
    "value": "json",
    "metadata": "json",
    "createdByAgent": "text",
    "lastAccessedByAgent": "text",
    "accessCount": "integer",
    "createdAt": "time",
    "updatedAt": "time",
    "lastAccessedAt": "time",
    "expiresAt": "time",
    "version": "integer",
    "labels": "labels",
    "ttlMinutes": "number",
}
"""In the order in which a document has them."""

REQUIRED = ("_id", "userId", "namespace", "key")
"""Texts that are there always: an empty one is no null."""

OPTIONAL = ("labels", "ttlMinutes")
"""Fields that a document leaves out in place of null."""


def cell_of(document: Document, name: str) -> Any:
    """A field, with values and metadata as JSON text."""
    cell = document.get(name)
    return orjson.dumps(cell).decode() if COLUMNS[name] == "json" else cell


def document_of_cells(cells: dict[str, Any]) -> Document:
    """The inverse of `cell_of`, of all fields."""
    document = {}
    for name, type_ in COLUMNS.items():
        cell = cells[name]
        if cell is None and name in OPTIONAL:
            continue
        if type_ == "json":
            cell = orjson.loads(cell)
        elif isinstance(cell, datetime):
            cell = cell.isoformat()
        document[name] = cell
    return document
