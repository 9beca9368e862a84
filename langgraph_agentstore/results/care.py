"""Results of quotas, holds and erasing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID


@dataclass(frozen=True, slots=True)
class LegalHold:
    """A hold: nobody deletes what it covers.

    `user_id` None: of all users, and of the shared space. `namespace`: with all below it, as a
    user's view names it; () for all.
    """

    id: UUID
    user_id: str | None
    namespace: tuple[str, ...]
    reason: str
    held_at: datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage of one user of what a quota limits.

    `namespace`: the limited namespace, with all below it; () for everything of the user. `items`
    and `bytes` include expired items until they are swept, which are not held against the user.
    `writes`: puts since the minute began. A limit is None where there is none.
    """

    namespace: tuple[str, ...]
    items: int
    bytes: int
    writes: int
    items_limit: int | None
    bytes_limit: int | None
    writes_per_minute_limit: int | None


Vacuum: TypeAlias = bool | Literal["full"]
"""Whether what was removed is vacuumed: with "full", the tables are written anew."""


@dataclass(frozen=True, slots=True)
class Remainder:
    """A place where something of an erased user can still be found, and until when."""

    place: str
    until: str


@dataclass(frozen=True, slots=True)
class ErasureReceipt:
    """The proof of `erase_user`.

    `digest`: the SHA-256 of the user id, by which the tombstone knows the user. `removed`: the
    number of rows by table; expired items count. `key_destroyed`: whether the user's data key was
    destroyed; None for a store without encryption, or if the user had none. `vacuumed`: what was
    done; False also if the role may not vacuum. `wal_position`: the end of the write-ahead log
    after the removal; what lies before it may hold values of the user.
    """

    digest: str
    erased_at: datetime
    removed: Mapping[str, int]
    key_destroyed: bool | None = None
    vacuumed: Vacuum = False
    wal_position: str = ""
    remains: tuple[Remainder, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the receipt as JSON types, to be kept."""
        return {**asdict(self), "erased_at": self.erased_at.isoformat()}
