"""Opt-in indexes for filters: they speed up selective filters and slow down every write."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ...errors import InvalidOperationError
from ...model.json_values import check_text
from ..tables import Tables

FieldType: TypeAlias = Literal["number", "text"]


@dataclass(frozen=True, slots=True)
class FilterIndex:
    """An index: its name, its table, and the statements that create it and drop a broken one.

    `options`: as Postgres keeps them, such as `m=16`; an index with others is made anew.
    """

    name: str
    table: str
    create: str
    drop: str
    options: tuple[str, ...] = ()

    @property
    def create_at_once(self) -> str:
        """The CREATE INDEX for a small table: it can run within a transaction, `create` cannot."""
        return self.create.replace(" CONCURRENTLY", "", 1)

    @property
    def drop_at_once(self) -> str:
        """The DROP INDEX that can run within a transaction."""
        return self.drop.replace(" CONCURRENTLY", "", 1)


def plan_filter_indexes(
    tables: Tables, *, values: bool, fields: Mapping[str, FieldType]
) -> list[FilterIndex]:
    """Return the indexes that `setup(index_values=…, index_fields=…)` asks for.

    `values`: one GIN index for equality of any field; `fields`: for each a B-tree within a user,
    for ordering comparisons of numbers or of strings. Their expressions are those of the filters.

    Raises:
        InvalidOperationError: a field cannot have one, or its type is unknown.
    """
    indexes = []
    if values:
        indexes.append(_index(tables, "item_value", "USING gin (value jsonb_path_ops)"))
    for field, type_ in fields.items():
        expression = _expression(field, type_)
        digest = hashlib.sha256(f"{type_}:{field}".encode()).hexdigest()[:12]
        indexes.append(_index(tables, f"item_field_{digest}", f"(user_id, {expression})"))
    return indexes


def _expression(field: str, type_: FieldType) -> str:
    if not field or "." in field or field == "value":
        raise InvalidOperationError(
            f"index_fields: {field!r} cannot have an index; only top-level fields other than "
            "'value' and without a period can"
        )
    check_text(field, "index_fields")
    literal = field.replace("'", "''")
    if type_ == "number":
        return f"(value -> '{literal}'::text)"
    if type_ == "text":
        return f"(((value -> '{literal}'::text) #>> '{{}}'::text[]) COLLATE \"C\")"
    raise InvalidOperationError(f"index_fields: {type_!r} is not known; known: 'number', 'text'")


def _index(tables: Tables, name: str, definition: str) -> FilterIndex:
    # Not within a transaction and without blocking writes, since the table may be large by now.
    return FilterIndex(
        name,
        tables.item,
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {tables.item} {definition}",
        f"DROP INDEX CONCURRENTLY IF EXISTS {tables.quoted}.{name}",
    )
