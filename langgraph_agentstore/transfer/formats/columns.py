"""Rows of typed cells, for formats that have columns; and documents as such rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

import orjson

from .base import Document

ColumnType: TypeAlias = Literal["text", "json", "integer", "number", "time", "labels"]
"""What a cell holds: a text, JSON as text, a number, a time or its ISO text, a list of texts."""

Columns: TypeAlias = Mapping[str, ColumnType]
"""The names of a table's columns, in their order, and what each holds."""

Row: TypeAlias = Mapping[str, Any]
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
"""In the order in which a document has them."""

REQUIRED = ("_id", "userId", "namespace", "key")
"""Texts that are there always: an empty one is no null."""

OPTIONAL = ("labels", "ttlMinutes")
"""Fields that a document leaves out in place of null."""


def row_of(document: Document) -> Row:
    """A document's cells; values and metadata are JSON text, null too."""
    cells = {name: document.get(name) for name in COLUMNS}
    json = {name: json_text(cells[name]) for name, type_ in COLUMNS.items() if type_ == "json"}
    return {**cells, **json}


def json_text(value: Any) -> str:
    """A cell of JSON."""
    return orjson.dumps(value, default=dict).decode()


def document_of_row(cells: Row) -> Document:
    """The inverse of `row_of`."""
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
