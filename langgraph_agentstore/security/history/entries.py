"""What history tells: an entry for each write and delete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from ...model.provenance import Provenance
from ...model.value_changes import ValueChange, value_changes
from ...results import ItemRecord

ChangeKind: TypeAlias = Literal["put", "delete", "expire"]


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One write or delete of an item.

    `changed_at`: when, by the server's clock; entries of an item are in the order of its writes.
    `operation`: "put", "delete", or "expire" for an item that the sweeper deleted. `version` and
    `value`: what the item then had; None if it was deleted. `replaced`: the item as it was before;
    None if there was none. `provenance`: who made it, and why, as the writer said. `role`: the
    database role that wrote, as the server saw it. `number`: grows with time within a store.
    """

    namespace: tuple[str, ...]
    key: str
    changed_at: datetime
    number: int
    operation: ChangeKind
    version: int | None
    value: Any
    provenance: Provenance
    role: str
    replaced: ItemRecord | None

    @property
    def before(self) -> datetime:
        """The last moment before the change, for `as_of`."""
        return self.changed_at - timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class ItemDiff:
    """How an item differs at two moments. `before`, `after`: None where there was no item.

    `changes`: the parts of the value that differ; an item that came or went is one change, of the
    whole value.
    """

    before: ItemRecord | None
    after: ItemRecord | None
    changes: tuple[ValueChange, ...]


def item_diff(before: ItemRecord | None, after: ItemRecord | None) -> ItemDiff:
    """Return how an item differs."""
    changes: tuple[ValueChange, ...] = ()
    if before is not None and after is not None:
        changes = tuple(value_changes(before.value, after.value))
    elif before is not None:
        changes = (ValueChange((), "removed", before=before.value),)
    elif after is not None:
        changes = (ValueChange((), "added", after=after.value),)
    return ItemDiff(before, after, changes)
