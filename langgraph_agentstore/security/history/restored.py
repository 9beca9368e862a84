"""What a restore changed, or would change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

RestoreAction: TypeAlias = Literal["put", "delete", "same"]

MOST_LISTED = 1000
"""How many changes a report lists; it counts all of them."""


@dataclass(frozen=True, slots=True)
class RestoredItem:
    """One item that a restore changed or would change. `action`: "put" or "delete"."""

    namespace: tuple[str, ...]
    key: str
    action: RestoreAction


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """The result of `restore`, or of its dry run.

    `put` items became again what they were at `as_of`. `deleted` items were not there then.
    `unchanged` items changed since and are again, or still, what they were. `changes` lists the
    first thousand. `undo_as_of`: a restore as of this moment undoes the restore.
    """

    as_of: datetime
    dry_run: bool
    undo_as_of: datetime
    put: int
    deleted: int
    unchanged: int
    changes: tuple[RestoredItem, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        what = "would change" if self.dry_run else "changed"
        lines = [
            f"as of {self.as_of:%Y-%m-%d %H:%M:%S %Z}: {self.put + self.deleted} items {what}",
            f"  {self.put} put back, {self.deleted} deleted, {self.unchanged} as they were",
        ]
        lines += [f"  {c.action}: {c.key!r} in {c.namespace!r}" for c in self.changes]
        return "\n".join(lines)
