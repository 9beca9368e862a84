"""Rows of typed cells for formats with columns, and the conversion of documents to rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

import orjson

from .base import Document

ColumnType: TypeAlias = Literal["text", "json", "integer", "number", "time", "labels"]
"""The content of a cell: text, JSON text, a number, a time or its ISO text, a list of texts."""

Columns: TypeAlias = Mapping[str, ColumnType]
"""The names and types of a table's columns, in order."""

Cells: TypeAlias = Mapping[str, Any]
"""A cell for each column; None is null."""

COLUMNS: Columns = {
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
"""The columns of a document, in the order of its fields."""

REQUIRED = ("_id", "userId", "namespace", "key")
"""Texts that are never null: an empty cell is an empty text."""

OPTIONAL = ("labels", "ttlMinutes")
"""Fields that a document omits instead of null."""


def row_of(document: Document) -> Cells:
    """Return a document's cells; value and metadata are JSON text, also for null."""
    cells = {name: document.get(name) for name in COLUMNS}
    json = {name: json_text(cells[name]) for name, type_ in COLUMNS.items() if type_ == "json"}
    return {**cells, **json}


def json_text(value: Any) -> str:
    """Return a value as the JSON text of a cell."""
    return orjson.dumps(value, default=dict).decode()


def document_of_row(cells: Cells) -> Document:
    """Return the document of a row; the inverse of `row_of`."""
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
