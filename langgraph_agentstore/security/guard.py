"""The guard of a store: it sees each value before it is written, and says what happens to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from ..model.provenance import Provenance


@dataclass(frozen=True, slots=True)
class Write:
    """A value about to be written, or items about to be deleted.

    `user_id` is "" for the shared space, and for a delete in the plain store that is above users.
    `namespace` is within the user, as a view shows it. `value` is None for a delete. `key` is None
    for a delete of a namespace, with all below it; it is the path for one of a file or folder,
    and the id for one of a thread of conversations.
    """

    user_id: str
    namespace: tuple[str, ...]
    key: str | None
    value: Any
    provenance: Provenance
    operation: Literal["put", "delete"] = "put"


@dataclass(frozen=True, slots=True)
class Allow:
    """The value is written as it is; the items are deleted."""


@dataclass(frozen=True, slots=True)
class Redact:
    """Another value is written instead."""

    value: Any


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The value is kept aside, where nobody finds it, until it is released or discarded."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nothing is written or deleted; a `WriteRefusedError` tells the reason."""

    reason: str


Verdict: TypeAlias = Allow | Redact | Quarantine | Refuse

Guard: TypeAlias = Callable[[Write], "Verdict | Awaitable[Verdict]"]
"""A function that may block, which runs in a thread; or a coroutine function."""


@dataclass(frozen=True, slots=True)
class QuarantinedItem:
    """A value that the guard kept aside.

    `id`: for `release` and `discard`. `reason`: the guard's. `role`: the database role that wrote.
    """

    id: str
    namespace: tuple[str, ...]
    key: str
    value: Any
    reason: str
    provenance: Provenance
    role: str
    quarantined_at: datetime
